"""The programs that are measured, each with a configuration of its own.

A contender is made for one server and one empty directory; run() brings the
directory up to date with the INBOX and tells what that cost; faults() says in
words what is wrong with the result.
"""

import collections
import os
import re
import resource
import shutil
import ssl
import subprocess
import threading
import time

from lab import compare, dovecot, mirror
from lab import client as imap

Cost = collections.namedtuple("Cost", "seconds cpu")


class Failed(Exception):
    """A peer could not do its work: it is named and left out."""

TIMEOUT = 3600
# What peers add to a message, or leave out.
_ADDED = re.compile(rb"(?im)^(?:X-TUID|X-OfflineIMAP|X-getmail-[\w-]+): .*\n")


def timed(command, environment):
    """Runs a command, which must succeed; Cost of it and its children."""
    with open(environment["HOME"] + "/output", "w+b") as output:
        begin = time.monotonic()
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL,
                                 stdout=output, stderr=output,
                                 env=environment)
        guard = threading.Timer(TIMEOUT, child.kill)
        guard.start()
        try:
            status, usage = os.wait4(child.pid, 0)[1:]
        except BaseException:  # we are to end: so is it
            child.kill()
            raise
        finally:
            guard.cancel()
        seconds = time.monotonic() - begin
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode != 0:
            output.seek(0)
            raise Failed("it ended with %d: %s" % (
                child.returncode,
                output.read().decode("utf-8", "replace").strip()[-300:]))
    return Cost(seconds, usage.ru_utime + usage.ru_stime)


class Contender:
    name = "?"
    program = None
    is_slow = False   # runs in the first round only
    has_flags = True
    has_fsync = (True, False)
    pause = 0.0       # before a run that finds a copy here already

    def __init__(self, server, directory, fsync=False, port=None):
        self.server = server
        self.directory = directory
        self.fsync = fsync
        self.port = port or server.tls_port
        os.makedirs(directory)
        self.configure()

    @classmethod
    def is_here(cls):
        return cls.program is None or shutil.which(cls.program) is not None

    def environment(self):
        return {"HOME": self.directory, "PATH": "/usr/sbin:/usr/bin:/bin",
                "LC_ALL": "C.UTF-8", "USER": "root" if os.getuid() == 0
                else os.environ.get("USER", "nobody")}

    def write(self, name, text):
        path = os.path.join(self.directory, name)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text.format(
                top=self.directory, port=self.port, user=dovecot.USER,
                password=dovecot.PASSWORD, authority=self.server.authority))
        os.chmod(path, 0o600)
        return path

    def as_user(self, *command):
        """Some do nothing as root."""
        if os.getuid() != 0:
            return command
        for top, _, names in os.walk(self.directory):
            for path in (top, *(os.path.join(top, name) for name in names)):
                os.chown(path, self.server.uid, self.server.gid)
        return ("setpriv", "--reuid", str(self.server.uid), "--regid",
                str(self.server.gid), "--clear-groups") + command

    def configure(self):
        raise NotImplementedError

    def command(self):
        raise NotImplementedError

    @property
    def folder(self):
        return self.directory + "/Mail/INBOX"

    def expect(self, there):
        """Told before a run what a copy will be compared with."""

    def run(self):
        return timed(self.command(), self.environment())

    def faults(self, there):
        """Peers name and date files their own way: contents and flags count."""
        wanted = collections.Counter(
            (message.lf, self._letters_of(message.flags))
            for message in there.messages.values())
        found = collections.Counter()
        for sub, name in compare.local_names(self.folder):
            with open(os.path.join(self.folder, sub, name), "rb") as f:
                text = f.read().replace(b"\r\n", b"\n")
            head, separator, body = text.partition(b"\n\n")
            head = _ADDED.sub(b"", head + separator)
            letters = name.partition(":2,")[2]
            found[compare.digest(self.original(head + body)),
                  self._comparable(letters)] += 1
        wrong = (wanted - found) + (found - wanted)
        return ["%d messages are not the server's" % wrong.total()] \
            if wrong else []

    def original(self, text):
        return text

    def _letters_of(self, flags):
        return self._comparable("".join(
            letter for flag, letter in (
                ("\\Draft", "D"), ("\\Flagged", "F"), ("\\Answered", "R"),
                ("\\Seen", "S"), ("\\Deleted", "T")) if flag in flags))

    def _comparable(self, letters):
        return "".join(sorted(set(letters) & set("DFRST"))) \
            if self.has_flags else ""


class Mailmirror(Contender):
    name = "mailmirror"

    def configure(self):
        self.mirror = mirror.Mirror(self.directory, [mirror.account(
            self.server, self.directory + "/Mail", fsync=self.fsync,
            port=self.port)], release=True)

    def run(self):
        return timed(self.mirror.command("sync"), self.mirror.environment)

    def faults(self, there):
        return compare.differences(there, self.folder, "localhost")


class Mbsync(Contender):
    name = "mbsync"
    program = "mbsync"
    # It waits until the second of a Maildir's last change is over.
    pause = 1.1

    def configure(self):
        self.config = self.write("mbsyncrc", "FSync %s\n" % (
            "yes" if self.fsync else "no") + (
            "IMAPStore there\nHost localhost\nPort {port}\nUser {user}\n"
            'Pass "{password}"\nAuthMechs LOGIN\n'
            "SSLType IMAPS\nCertificateFile {authority}\n\n"
            "MaildirStore here\nPath {top}/Mail/\nInbox {top}/Mail/INBOX\n\n"
            "Channel all\nFar :there:\nNear :here:\nPatterns INBOX\n"
            "Sync Pull\nCreate Near\nExpunge Near\nCopyArrivalDate yes\n"
            "SyncState *\n"))
        os.makedirs(self.directory + "/Mail")

    def command(self):
        return ("mbsync", "-q", "-c", self.config, "all")

    def faults(self, there):
        # Expunge takes what is flagged \Deleted, too.
        kept = {uid: message for uid, message in there.messages.items()
                if "\\Deleted" not in message.flags}
        return super().faults(there._replace(messages=kept))


class Offlineimap(Contender):
    name = "offlineimap"
    program = "offlineimap"
    is_slow = True

    def configure(self):
        self.config = self.write("offlineimaprc", (
            "[general]\naccounts = main\nmetadata = {top}/state\n"
            "fsync = %s\n\n[Account main]\nlocalrepository = here\n"
            "remoterepository = there\n\n"
            "[Repository here]\ntype = Maildir\nlocalfolders = {top}/Mail\n\n"
            "[Repository there]\ntype = IMAP\nremotehost = localhost\n"
            "remoteport = {port}\nremoteuser = {user}\n"
            "remotepass = {password}\nssl = yes\n"
            "sslcacertfile = {authority}\nreadonly = True\n"
            "folderfilter = lambda name: name == 'INBOX'\n") % self.fsync)

    def command(self):
        return ("offlineimap", "-c", self.config, "-o", "-u", "quiet")


class Getmail(Contender):
    """It may miss the end of the process that it forks for each message, and
    then waits until it gives up: large mailboxes it seldom survives.
    """

    name = "getmail"
    program = "getmail"
    is_slow = True
    has_flags = False
    has_fsync = (True,)  # it cannot do without

    def configure(self):
        for name in ("", "/cur", "/new", "/tmp"):
            os.makedirs(self.folder + name, mode=0o700)
        self.config = self.write("getmailrc", (
            "[retriever]\ntype = SimpleIMAPSSLRetriever\nserver = localhost\n"
            "port = {port}\nusername = {user}\npassword = {password}\n"
            'mailboxes = ("INBOX",)\nca_certs = {authority}\n\n'
            "[destination]\ntype = Maildir\npath = {top}/Mail/INBOX/\n\n"
            "[options]\nread_all = false\ndelete = false\nverbose = 0\n"
            "delivered_to = false\nreceived = false\n"))

    def command(self):
        return self.as_user("getmail", "--getmaildir", self.directory,
                            "--rcfile", self.config)


class Doveadm(Contender):
    name = "doveadm backup"
    program = "doveadm"

    def configure(self):
        self.config = self.write("dovecot.conf", (
            "base_dir = {top}/run\nstate_dir = {top}/state\n"
            "log_path = {top}/doveadm.log\nssl = no\n"
            "mail_location = maildir:{top}/Mail:LAYOUT=fs:INBOX={top}/Mail/"
            "INBOX\nfirst_valid_uid = 0\nfirst_valid_gid = 0\n"
            "mail_fsync = %s\nmail_home = {top}\n"
            "ssl_client_ca_file = {authority}\nimapc_host = 127.0.0.1\n"
            "imapc_port = {port}\nimapc_user = {user}\n"
            "imapc_password = {password}\nimapc_ssl = imaps\n"
            "imapc_features = rfc822.size fetch-headers fetch-bodystructure\n"
            "namespace inbox {{\n  inbox = yes\n  separator = /\n}}\n") % (
                "optimized" if self.fsync else "never"))

    def command(self):
        return self.as_user("doveadm", "-c", self.config, "backup", "-R",
                            "-m", "INBOX", "imapc:")


class Floor(Contender):
    """FETCH to nowhere: the same FETCHes in one flight, thrown away."""

    name = "FETCH to nowhere"
    WINDOW = 256

    def configure(self):
        self.context = ssl.create_default_context(
            cafile=self.server.authority)

    def run(self):
        begin, used = time.monotonic(), _own_cpu()
        with imap.Bare(self.port, self.context) as bare:
            bare.login()
            count = next(int(line.split()[1])
                         for line in bare.command(b"EXAMINE INBOX")
                         if line.endswith(b" EXISTS"))
            fetch_to_nowhere(bare, count, self.WINDOW)
        return Cost(time.monotonic() - begin, _own_cpu() - used)

    def faults(self, there):
        return []


class Files(Contender):
    """The files alone, as large as the server's: nobody speaks to it."""

    name = "files from nowhere"
    has_fsync = (False,)

    def configure(self):
        self.sizes = self.directory + "/sizes"

    def run(self):
        top = self.directory + "/Maildir"
        os.mkdir(top)
        return timed((os.path.join(os.environ["BENCH_PROGRAMS"],
                                   "bench_place"), top, self.sizes),
                     self.environment())

    def expect(self, there):
        """A file for each message that is there."""
        with open(self.sizes, "w", encoding="ascii") as sizes:
            sizes.writelines("%d\n" % message.size
                             for message in there.messages.values())

    def faults(self, there):
        made = len(os.listdir(self.directory + "/Maildir/cur"))
        return [] if made == len(there.messages) else ["%d files" % made]


def fetch_to_nowhere(bare, count, window):
    """Asks for messages 1 to COUNT, newest first, and reads past them."""
    last = max(count, 1)
    commands = []
    while last > 0:
        first = max(1, last - window + 1)
        commands.append(b"W%d FETCH %d:%d (UID FLAGS INTERNALDATE RFC822.SIZE "
                        b"BODY.PEEK[])\r\n" % (len(commands), first, last))
        last = first - 1
    bare.send(b"".join(commands))
    end = b"\r\nW%d OK" % (len(commands) - 1)
    room = bytearray(1 << 18)
    tail = b""
    while end not in tail:
        count = bare.sock.recv_into(room)
        if count == 0:
            raise Failed("the server closed the connection")
        # The end may be split; nothing but a line or two follows it.
        tail = (tail + bytes(room[max(0, count - 300):count]))[-600:]


def _own_cpu():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


PEERS = (Mbsync, Offlineimap, Getmail, Doveadm)
