"""The programs that people come from, and go back to: mbsync, offlineimap."""

import os
import subprocess

from lab import dovecot, process


class Peer:
    """A program with a configuration and a home of its own."""

    def __init__(self, server, home, maildir, port=None):
        self.server = server
        self.home = home
        self.maildir = maildir
        self.port = port or server.tls_port
        os.makedirs(home, exist_ok=True)
        os.makedirs(maildir, mode=0o700, exist_ok=True)

    def path(self, *names):
        return os.path.join(self.home, *names)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as f:
            f.write(text)
        os.chmod(self.path(name), 0o600)
        return self.path(name)

    def environment(self):
        return {"HOME": self.home, "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
                "LC_ALL": "C.UTF-8",
                "SSL_CERT_FILE": self.server.authority}

    def begin(self, *command):
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, env=self.environment(),
            preexec_fn=process.die_with_parent)

    def end(self, child):
        """Waits for it; what it said. It must have succeeded."""
        said = child.communicate(timeout=300)[0].decode("utf-8", "replace")
        if child.returncode != 0:
            raise AssertionError("%s ended with %d:\n%s" % (
                child.args[0], child.returncode, said[-4000:]))
        return said

    def sync(self):
        return self.end(self.begin(*self.command()))


class Mbsync(Peer):
    """One channel that pulls everything."""

    def configure(self, store="SubFolders Verbatim", channel="SyncState *",
                  inbox="INBOX", patterns="*"):
        self.config = self.write("mbsyncrc", (
            "IMAPStore there\nHost localhost\nPort %d\nUser %s\n"
            'Pass "%s"\nSSLType IMAPS\nCertificateFile %s\n\n'
            "MaildirStore here\nPath %s/\nInbox %s\n%s\n\n"
            "Channel all\nFar :there:\nNear :here:\nPatterns %s\n"
            "Sync Pull\nCreate Near\nExpunge Near\n%s\n") % (
                self.port, dovecot.USER, dovecot.PASSWORD,
                self.server.authority, self.maildir,
                os.path.join(self.maildir, inbox).rstrip("/"), store,
                patterns, channel))
        return self

    def use(self, text):
        """Goes on with a configuration that somebody else wrote."""
        self.config = self.write("mbsyncrc", text)
        return self

    def command(self):
        return ("mbsync", "-c", self.config, "-a")


class Offlineimap(Peer):
    """One account, read only there."""

    def configure(self, separator="."):
        self.config = self.write("offlineimaprc", (
            "[general]\naccounts = main\nmetadata = %s\n\n"
            "[Account main]\nlocalrepository = here\n"
            "remoterepository = there\n\n"
            "[Repository here]\ntype = Maildir\nlocalfolders = %s\n"
            "sep = %s\n\n"
            "[Repository there]\ntype = IMAP\nremotehost = localhost\n"
            "remoteport = %d\nremoteuser = %s\nremotepass = %s\nssl = yes\n"
            "sslcacertfile = %s\nreadonly = True\n") % (
                self.path("metadata"), self.maildir, separator, self.port,
                dovecot.USER, dovecot.PASSWORD, self.server.authority))
        return self

    def command(self):
        return ("offlineimap", "-c", self.config, "-o", "-u", "basic")
