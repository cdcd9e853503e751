"""mailmirror as a user runs it: a configuration file, a command, its events."""

import collections
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time

from lab import dovecot, process

Result = collections.namedtuple(
    "Result", "code out err seconds")

EX_OK, EX_USAGE, EX_UNAVAILABLE, EX_SOFTWARE = 0, 64, 69, 70
EX_IOERR, EX_TEMPFAIL, EX_PROTOCOL, EX_NOPERM, EX_CONFIG = 74, 75, 76, 77, 78


def binary(release=False):
    """The program under test; a test without it fails."""
    name = "MAILMIRROR_RELEASE" if release else "MAILMIRROR"
    path = os.environ.get(name)
    if not path or not os.access(path, os.X_OK):
        raise AssertionError("%s=%r names no program" % (name, path))
    return path


def value(thing):
    """A Python value in libconfig's syntax."""
    if isinstance(thing, bool):
        return "true" if thing else "false"
    if isinstance(thing, int):
        return str(thing)
    if isinstance(thing, str):
        escaped = thing.replace("\\", "\\\\").replace('"', '\\"')
        return '"%s"' % escaped
    if isinstance(thing, dict):
        return "{ %s }" % " ".join(
            "%s = %s;" % (key, value(item)) for key, item in thing.items())
    return "[ %s ]" % ", ".join(value(item) for item in thing)


def account(server, maildir, name="main", tls="implicit", **more):
    """An account on a private Dovecot; None removes a setting."""
    settings = {
        "name": name, "host": "localhost", "tls": tls,
        "port": server.tls_port if tls == "implicit" else server.port,
        "tls_ca_file": server.authority, "user": dovecot.USER,
        "password": dovecot.PASSWORD, "maildir": maildir,
    }
    if tls == "none":
        del settings["tls_ca_file"]
    settings.update(more)
    return {key: item for key, item in settings.items() if item is not None}


class Mirror:
    """A configuration in a directory, and the program run with it."""

    def __init__(self, directory, accounts, release=False, binary_path=None,
                 **top):
        self.top = directory
        self.file = os.path.join(directory, "mailmirror.conf")
        self.binary = binary_path or binary(release)
        self.environment = {
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": directory,
            "LC_ALL": "C.UTF-8",
            # A daemon that is killed on purpose leaks on purpose.
            "ASAN_OPTIONS": "detect_leaks=%d" % int(
                os.environ.get("LAB_LEAKS", "1")),
            "UBSAN_OPTIONS": "print_stacktrace=1",
        }
        self.configure(accounts, **top)

    def configure(self, accounts, **top):
        self.accounts = accounts
        settings = {"state_dir": os.path.join(self.top, "state")}
        settings.update(top)
        lines = ["%s = %s;" % (key, value(item))
                 for key, item in settings.items()]
        lines += ["accounts = (", ",\n".join(
            value(item) for item in accounts), ");", ""]
        self.write("\n".join(lines))

    def write(self, text):
        with open(self.file, "w", encoding="utf-8") as f:
            f.write(text)
        os.chmod(self.file, 0o600)

    def folder(self, mailbox="INBOX", number=0):
        """The local folder of a mailbox with a plain name (layout nested)."""
        return os.path.join(self.accounts[number]["maildir"], mailbox)

    def command(self, *arguments):
        return [self.binary, *arguments[:1], "-c", self.file, *arguments[1:]]

    def call(self, *arguments, timeout=300, prefix=(), environment=None):
        """Runs one command to its end; Result."""
        return execute([*prefix, *self.command(*arguments)], timeout,
                       {**self.environment, **(environment or {})})

    def sync(self, *arguments, **more):
        """`mailmirror sync`, which must succeed; Result."""
        result = self.call("sync", *arguments, **more)
        if result.code != 0:
            raise AssertionError("sync ended with %d:\n%s" % (
                result.code, result.err))
        return result

    def sync_peak_rss(self):
        """`mailmirror sync`, which must succeed; its peak RSS in KiB."""
        report = os.path.join(self.top, "peak")
        self.sync(prefix=(sys.executable, "-I", "-S", os.path.join(
            os.path.dirname(__file__), "peak.py"), report))
        with open(report, encoding="ascii") as f:
            return int(f.read())

    def start(self, *arguments, command="run", journal=False, **environment):
        """Starts it; journal: as if its stderr were the journal."""
        return Daemon([*self.command(command), *arguments],
                      {**self.environment, **environment}, journal)


def execute(command, timeout, environment):
    """Runs a command; its output, exit code and time."""
    begin = time.monotonic()
    command, environment = process.dying_with_parent(command, environment)
    child = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, env=environment)
    texts = {}

    def read(name, pipe):
        with pipe:
            texts[name] = pipe.read().decode("utf-8", "replace")
    readers = [threading.Thread(target=read, args=pair, daemon=True)
               for pair in (("out", child.stdout), ("err", child.stderr))]
    for reader in readers:
        reader.start()
    guard = threading.Timer(timeout, child.kill)
    guard.start()
    child.wait()
    guard.cancel()
    for reader in readers:
        reader.join()
    return Result(child.returncode, texts["out"], texts["err"],
                  time.monotonic() - begin)


class Daemon:
    """A running mailmirror: its log lines and what it tells systemd."""

    def __init__(self, command, environment, journal=False):
        self.changed = threading.Condition()
        self.lines = []
        self.notes = []
        self.code = None
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        address = "\0mailmirror-test-%d-%d" % (os.getpid(), id(self))
        self.socket.bind(address)
        log, stderr = os.pipe()
        environment = {**environment, "NOTIFY_SOCKET": "@" + address[1:]}
        if journal:
            info = os.fstat(stderr)
            environment["JOURNAL_STREAM"] = "%d:%d" % (
                info.st_dev, info.st_ino)
        command, environment = process.dying_with_parent(command, environment)
        self.child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=stderr, env=environment)
        os.close(stderr)
        self.log = open(log, "rb")
        for target in (self._read_lines, self._read_notes, self._reap):
            threading.Thread(target=target, daemon=True).start()

    @property
    def pid(self):
        return self.child.pid

    def _read_lines(self):
        with self.log as pipe:
            for raw in pipe:
                with self.changed:
                    self.lines.append(raw.decode("utf-8", "replace").rstrip())
                    self.changed.notify_all()

    def _read_notes(self):
        while True:
            try:
                data = self.socket.recv(65536)
            except OSError:
                return
            with self.changed:
                self.notes += data.decode("utf-8", "replace").split("\n")
                self.changed.notify_all()

    def _reap(self):
        code = self.child.wait()
        with self.changed:
            self.code = code
            self.changed.notify_all()

    def peak_rss(self):
        """The most memory that it had so far, in KiB."""
        with open("/proc/%d/status" % self.pid, encoding="ascii") as status:
            for line in status:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1])
        raise AssertionError("no VmHWM")

    def text(self):
        return "\n".join(self.lines)

    def _wait(self, condition, what, timeout):
        with self.changed:
            if not self.changed.wait_for(
                    lambda: condition() or self.code is not None, timeout) \
                    or not condition():
                raise AssertionError("no %s; it ended with %s and said:\n%s" %
                                     (what, self.code, self.text()[-4000:]))

    def wait_note(self, pattern, timeout=process.PATIENCE, since=0):
        """Until systemd would have been told a line that matches."""
        self._wait(lambda: any(re.search(pattern, note)
                               for note in self.notes[since:]),
                   "notification like " + pattern, timeout)

    def wait_line(self, pattern, timeout=process.PATIENCE, since=0):
        """Until a log line (from index SINCE on) matches."""
        self._wait(lambda: any(re.search(pattern, line)
                               for line in self.lines[since:]),
                   "log line like " + pattern, timeout)

    def wait_until(self, condition, what, timeout=process.PATIENCE):
        """Until something outside is so; fails at once if it ends."""
        def alive_and_so():
            if condition():
                return True
            if self.code is not None:
                raise AssertionError("it ended with %s and said:\n%s" % (
                    self.code, self.text()[-4000:]))
            return False
        process.wait_until(alive_and_so, lambda: "%s; it said:\n%s" % (
            what() if callable(what) else what, self.text()[-4000:]), timeout)

    def signal(self, number):
        os.kill(self.child.pid, number)

    def wait_end(self, timeout=process.PATIENCE):
        with self.changed:
            if not self.changed.wait_for(lambda: self.code is not None,
                                         timeout):
                raise AssertionError("it does not end; it said:\n" +
                                     self.text()[-4000:])
        return self.code

    def stop(self):
        """SIGTERM; the exit code."""
        if self.code is None:
            self.signal(signal.SIGTERM)
            try:
                self.wait_end(30)
            finally:
                self.kill()
        self.socket.close()
        return self.code

    def kill(self):
        if self.code is None:
            self.signal(signal.SIGKILL)
            self.wait_end()

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is not None:
            self.kill()
        code = self.stop()
        if kind is None and code != 0:
            raise AssertionError("run ended with %s and said:\n%s" % (
                code, self.text()[-4000:]))
