"""Rows of the tables of hostile servers, and how one is run.

A row is run twice, by the sanitised build and by the release build, each with
a directory and a server of its own: a good server is mirrored (UIDs 1 to 3),
a message more is put there (UID 4), the script is played to a `sync` (or to
the daemon), and then the server is good again (seen by the release build).
"""

import base64
import concurrent.futures
import os
import re
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))), "e2e"))

from lab import compare, dovecot, fake, messages, mirror  # noqa: E402

from known_open import KNOWN_OPEN  # noqa: E402
from server import Server  # noqa: E402

MEMORY = 40 * 1024  # KiB: the most that any server may make it hold
PEAK = os.path.join(os.path.dirname(os.path.abspath(fake.__file__)),
                    "peak.py")
DATE = 1704067200  # of fake.Message
# What may not reach a terminal: control bytes and bidirectional controls.
UNFIT = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f"
                   "\u202a-\u202e\u2066-\u2069]")


class Row:
    """What the server does, and what must happen.

    script, times, first, server: what server.Server takes; server may be a
        function of the Server that is called before the attack
    account, settings: of the account; settings: only under attack
    code, log: of `sync`; log: a pattern that its output has
    has: the UIDs in the Maildir afterwards, exact to the byte and flag
    may: a pattern of differences that are as they should be
    folders: the Maildirs there are, by path
    seconds: how long the whole may take
    run: a function of the Daemon, for `run` in place of `sync`
    console: lines for `mailmirror imap main` in place of `sync`
    heals: what `sync` ends with once the server is good; None: not asked
    after: the UIDs then
    """

    def __init__(self, name, script=None, code=0, log=None, has=None,
                 **more):
        self.name = name
        self.script = script or {}
        self.code = code if isinstance(code, tuple) else (code,)
        self.log = log
        self.has = has if has is not None else (
            [1, 2, 3, 4] if self.code == (0,) else [1, 2, 3])
        self.times = more.pop("times", None)
        self.first = more.pop("first", 0)
        self.server = more.pop("server", None)
        self.make_server = more.pop("make_server", Server)
        self.account = more.pop("account", {})
        self.settings = more.pop("settings", {})
        self.may = more.pop("may", None)
        self.folders = more.pop("folders", ["INBOX"])
        self.seconds = more.pop("seconds", 30)
        self.run_daemon = more.pop("run", None)
        self.console = more.pop("console", None)
        self.is_fresh = more.pop("fresh", False)
        self.heals = more.pop("heals", 0)
        self.after = more.pop("after", [1, 2, 3, 4])
        self.heal_arguments = more.pop("heal_arguments", ())
        self.is_silent = more.pop("is_silent", False)  # no secret was sent
        self.connections = more.pop("connections", None)
        self.prefix = more.pop("prefix", ())
        self.check = more.pop("check", None)
        self.top = more.pop("top", {})
        assert not more, more

    def run(self):
        with tempfile.TemporaryDirectory(prefix="mm-hostile-") as mirrored:
            for is_release in (False, True):
                Attempt(self, is_release, mirrored).run()


class Attempt:
    """One row with one build; MIRRORED: where the first leaves what a good
    server's mirror is like.
    """

    def __init__(self, row, is_release, mirrored):
        self.row = row
        self.is_release = is_release
        self.mirrored_before = mirrored

    def run(self):
        self.top = tempfile.mkdtemp(prefix="mm-hostile-")
        os.chmod(self.top, 0o755)
        self.server = self.row.make_server()
        try:
            self._run()
        except Exception as error:
            raise AssertionError("%s build: %s" % (
                "release" if self.is_release else "sanitised",
                error)) from error
        finally:
            self.server.close()
            shutil.rmtree(self.top, ignore_errors=True)

    def _mirror(self, release, more=None):
        account = {
            "name": "main", "host": "127.0.0.1", "tls": "none",
            "port": self.server.port, "user": dovecot.USER,
            "password": dovecot.PASSWORD,
            "maildir": os.path.join(self.top, "Mail"), "timeout": "5s",
            **self.row.account, **(more or {})}
        return mirror.Mirror(self.top, [account], release=release,
                             **self.row.top)

    def _run(self):
        for number in range(3):
            self.server.deliver(messages.make(number, size=300),
                                ("", "\\Seen", "\\Flagged")[number].split())
        if not self.row.is_fresh:
            self._begin()
        self.server.deliver(messages.make(3, size=3000))
        with self.server.lock:
            self.server.script = self.row.script
            self.server.times = self.row.times
            if self.row.first:
                self.server.first = self.server.accepted + self.row.first
            self.before = self.server.accepted
            self.server.log.clear()
            if self.row.server:
                self.row.server(self.server)
        if self.row.run_daemon:
            self._run_daemon()
        else:
            self._attack()
        self._heal()

    def _begin(self):
        """The good server's mirror: made, or as the first attempt made it."""
        if os.listdir(self.mirrored_before):
            shutil.copytree(self.mirrored_before, self.top, symlinks=True,
                            dirs_exist_ok=True)
            return
        self._mirror(True).sync(timeout=60, prefix=self.row.prefix)
        shutil.copytree(self.top, self.mirrored_before, symlinks=True,
                        dirs_exist_ok=True)

    # ---- the attack ----

    def _attack(self):
        mirrored = self._mirror(self.is_release, self.row.settings)
        report = os.path.join(self.top, "peak")
        # it ends whoever is below it, and the test finds out
        prefix = ["timeout", "-s", "KILL", str(self.row.seconds + 10),
                  *self.row.prefix]
        if self.is_release:
            prefix += [sys.executable, "-I", "-S", PEAK, report]
        command = ("sync",)
        if self.row.console:
            command = ("imap", "main")
            prefix = ["/bin/sh", "-c", 'printf "$0" | exec "$@"',
                      self.row.console, *prefix]
        result = mirrored.call(*command, timeout=self.row.seconds + 60,
                               prefix=prefix)
        text = result.err + result.out
        self.text = text
        if os.environ.get("HOSTILE_SHOW") and not self.is_release:
            print("%s: %d\n%s" % (self.row.name, result.code, text[-1500:]))
        self._verify_text(text)
        if result.code not in self.row.code:
            raise AssertionError("ended with %d, not %s:\n%s" % (
                result.code, self.row.code, text[-3000:]))
        if self.row.log and not re.search(self.row.log, text):
            raise AssertionError("nothing like %r in:\n%s" % (
                self.row.log, text[-3000:]))
        if result.seconds > self.row.seconds:
            raise AssertionError("took %.1f s, not %d:\n%s" % (
                result.seconds, self.row.seconds, text[-1000:]))
        if self.is_release:
            with open(report, encoding="ascii") as f:
                self._verify_memory(int(f.read()))
            os.unlink(report)
        self._verify_dialogue()
        self._verify_files(self.row.has, self.row.may)
        if self.row.check:
            self.row.check(self)

    def sync_again(self, *arguments):
        """`sync` once more, which must succeed, and the files then."""
        self.text = self._mirror(self.is_release, self.row.settings).sync(
            *arguments, timeout=60, prefix=self.row.prefix).err
        self._verify_text(self.text)
        self._verify_files(self.row.has, self.row.may)

    def _run_daemon(self):
        mirrored = self._mirror(self.is_release, self.row.settings)
        begin = time.monotonic()
        with mirrored.start() as daemon:
            self.daemon = daemon
            self.mirrored = mirrored
            self.row.run_daemon(self)
            if self.row.log:
                daemon.wait_line(self.row.log, 30)
            daemon.wait_until(
                lambda: not self._differences(self.row.has, self.row.may),
                lambda: self._differences(self.row.has, self.row.may), 30)
            self._verify_dialogue()
            self.server.behave()
            if self.row.after is not None:
                uid = self.server.deliver(messages.make(5, size=500))
                self._wait_well(daemon, [*self.row.after, uid])
            if self.is_release:
                self._verify_memory(daemon.peak_rss())
            self._verify_text(daemon.text())
        self._verify_text(daemon.text())
        if time.monotonic() - begin > self.row.seconds + 20:
            raise AssertionError("took too long")

    def _wait_well(self, daemon, uids):
        """Until the daemon has all again; it need not wait for its turn."""
        deadline = time.monotonic() + 40
        while self._differences(uids, self.row.may):
            if time.monotonic() > deadline or daemon.code is not None:
                said = [line for line in daemon.text().splitlines(True)
                        if "checking everything now" not in line]
                raise AssertionError(
                    "not well again (%s): %s; it said:\n%s\nand asked:\n%s"
                    % (daemon.code, self._differences(uids, self.row.may),
                       "".join(said)[-3000:], "\n".join(
                           "%d %s" % pair for pair in self.server.log[-20:])))
            daemon.signal(signal.SIGUSR1)
            time.sleep(0.25)

    def _verify_text(self, text):
        unfit = UNFIT.search(text)
        if unfit:
            raise AssertionError("%r in its output: %r" % (
                unfit.group(0), text[max(0, unfit.start() - 80):][:200]))
        for secret in (dovecot.PASSWORD, base64.b64encode(
                dovecot.PASSWORD.encode()).decode()):
            if secret in text:
                raise AssertionError("the secret is in:\n" + text[-3000:])
        if "Sanitizer" in text or "runtime error" in text:
            raise AssertionError("sanitizer:\n" + text[-6000:])

    def _verify_memory(self, peak):
        if peak > MEMORY:
            raise AssertionError("held %d KiB" % peak)

    def _verify_dialogue(self):
        if self.row.is_silent:
            for _, line in self.server.log:
                if re.search(r"\b(LOGIN|AUTHENTICATE)\b", line):
                    raise AssertionError("the client said %r" % line)
        made = self.server.accepted - self.before
        if self.row.connections and made not in self.row.connections:
            raise AssertionError("%d connections" % made)

    # ---- files ----

    def _differences(self, uids, may):
        is_flat = self.row.account.get("layout") == "maildir++"
        folder = os.path.join(self.top, "Mail", "" if is_flat else "INBOX")
        wrong = []
        if uids or os.path.exists(folder):
            wrong = compare.differences(
                expected(self.server, uids), folder,
                self.row.account.get("host", "127.0.0.1"))
        if not uids:
            wrong = [one for one in wrong if "uidvalidity" not in one]
        if may:
            wrong = [one for one in wrong if not re.search(may, one)]
        return wrong

    def _verify_files(self, uids, may):
        wrong = self._differences(uids, may)
        if uids:
            wrong += self._wrong_folders()
        wrong += self._strangers()
        if wrong:
            raise AssertionError("\n".join(wrong[:20]) + "\n" +
                                 getattr(self, "text", "")[-3000:])

    def _wrong_folders(self):
        root = os.path.join(self.top, "Mail")
        found = {os.path.relpath(top, root)
                 for top, names, _ in os.walk(root) if "cur" in names}
        wanted = set(self.row.folders)
        return (["no folder " + name for name in sorted(wanted - found)] +
                ["a folder %r" % name for name in sorted(found - wanted)])

    def _strangers(self):
        """Whatever stands where nothing of ours belongs."""
        wrong = ["a stranger: " + name for name in os.listdir(self.top)
                 if name not in ("Mail", "state", "mailmirror.conf", "peak")]
        for top, names, files in os.walk(os.path.join(self.top, "Mail")):
            for name in names + files:
                path = os.path.join(top, name)
                if os.path.islink(path):
                    wrong.append("a link: " + path)
        state = os.path.join(self.top, "state")
        if os.path.isdir(state):
            wrong += ["a stranger in the state: " + name
                      for name in os.listdir(state)
                      if not name.startswith("main.")]
        return wrong

    # ---- afterwards ----

    def _heal(self):
        self.server.behave()
        if self.row.heals is None or not self.is_release:
            return
        mirrored = self._mirror(True)
        result = mirrored.call("sync", *self.row.heal_arguments, timeout=60,
                               prefix=self.row.prefix)
        self.text = result.err + result.out
        if result.code != self.row.heals:
            raise AssertionError("afterwards: ended with %d:\n%s" % (
                result.code, self.text[-3000:]))
        if self.row.heals == 0 and self.row.after is not None:
            uids = list(self.row.after)
            if self.row.run_daemon:
                uids = sorted(self.server.mailboxes["INBOX"].messages)
            self._verify_files(uids, self.row.may)


def expected(server, uids=None):
    """A compare.Mailbox of INBOX as the server has it."""
    with server.lock:
        return expected_of(server.mailboxes["INBOX"], uids)


def expected_of(mailbox, uids=None):
    """A compare.Mailbox of a mailbox, or of some messages of it."""
    return compare.Mailbox(mailbox.uidvalidity, {
        uid: compare.Message(
            uid=uid, size=len(message.body), date=DATE,
            flags=frozenset(message.flags),
            lf=compare.digest(message.body.replace(b"\r\n", b"\n")),
            crlf=compare.digest(message.body))
        for uid, message in mailbox.messages.items()
        if uids is None or uid in uids})


# ---- a file of rows ----

def _one(row):
    begin = time.monotonic()
    try:
        row.run()
        fault = None
    except Exception as error:
        fault = str(error) if isinstance(error, AssertionError) \
            else traceback.format_exc()
    return row, fault, time.monotonic() - begin


def main(rows, workers=6):
    """Runs the rows whose names hold one of the arguments; names each."""
    chosen = [row for row in rows
              if not sys.argv[1:] or any(a in row.name for a in sys.argv[1:])]
    names = [row.name for row in rows]
    assert len(names) == len(set(names)), \
        [name for name in names if names.count(name) > 1]
    # a server's session takes three descriptors
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
    failed, known = [], []
    # what waits longest begins first
    chosen.sort(key=lambda row: -row.seconds)
    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        for row, fault, seconds in pool.map(_one, chosen):
            if fault is None:
                word = "ok"
                if row.name in KNOWN_OPEN:
                    word = "ok (no longer open: take it out of KNOWN_OPEN)"
            elif row.name in KNOWN_OPEN:
                word = "open: " + KNOWN_OPEN[row.name]
                known.append(row)
            else:
                word = "FAIL"
                failed.append(row)
            print("%s ... %s (%.1f s)" % (row.name, word, seconds),
                  flush=True)
            if fault and (word == "FAIL" or sys.argv[1:]):
                print("    " + fault.replace("\n", "\n    "), flush=True)
    print("%d cases, %d failed, %d known to be open" % (
        len(chosen), len(failed), len(known)))
    sys.stdout.flush()
    os._exit(1 if failed or not chosen else 0)
