"""Servers that `tests/deps servers` unpacked beside the installed ones."""

import os
import pwd
import signal
import subprocess
import time

from lab import certificates, process

# The same directory as in tests/deps.
ROOT = os.environ.get("MAILMIRROR_SERVERS", "/var/tmp/mailmirror-servers")
LIBRARIES = ":".join(os.path.join(ROOT, "usr/lib", name)
                     for name in ("", "x86_64-linux-gnu", "courier-authlib"))
# Neither server wants to be root, whoever runs the tests.
UID, GID = ((65534, 65534) if os.getuid() == 0
            else (os.getuid(), os.getgid()))
OWNER = pwd.getpwuid(UID).pw_name


def program(path):
    """The path of an unpacked program; a test without it fails."""
    full = os.path.join(ROOT, path)
    if not os.access(full, os.X_OK):
        raise AssertionError("no %s: run `tests/deps servers`" % full)
    return full


class Server:
    """One private server: a process group and one directory.

    Use as a context manager, or start() and stop() it.
    """

    name = None

    def __init__(self, directory,
                 alt_names="DNS:localhost,IP:127.0.0.1,IP:::1"):
        self.top = directory
        self.child = None
        self.port = process.free_port()
        self.tls_port = process.free_port()
        self.host = "127.0.0.1"
        self.uid, self.gid = UID, GID
        os.makedirs(directory, exist_ok=True)
        os.chmod(directory, 0o755)
        certificates.make_authority(self.top)
        certificates.make_certificate(self.top, "server", self.authority,
                                      alt_names)
        os.chown(self.path("server.key"), self.uid, self.gid)

    def path(self, *names):
        return os.path.join(self.top, *names)

    @property
    def authority(self):
        return self.path("ca.pem")

    def directory(self, *names):
        """A directory below .top that the server may write to; its path."""
        path = self.path(*names)
        os.makedirs(path, mode=0o700)
        os.chown(path, self.uid, self.gid)
        return path

    def write(self, name, text):
        """A file below .top; its path."""
        path = self.path(name)
        with open(path, "w", encoding="ascii") as f:
            f.write(text)
        return path

    def environment(self):
        return {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8",
                "HOME": self.top, "LD_LIBRARY_PATH": LIBRARIES}

    def command(self):
        """What to run: [program, argument...]."""
        raise NotImplementedError

    def start(self):
        """Starts and returns when it greets."""
        with open(self.path("stderr"), "ab") as output:
            self.child = subprocess.Popen(
                self.command(), stdin=subprocess.DEVNULL, stdout=output,
                stderr=output, env=self.environment(), cwd=self.top,
                start_new_session=True, preexec_fn=_as_owner)
        process.wait_until(self._is_up, self._why)
        return self

    def _is_up(self):
        if self.child.poll() is not None:
            raise AssertionError(self._why())
        return process.accepts(self.port)

    def _why(self):
        return "%s: %s" % (self.name, self.log()[-2000:])

    def log(self):
        """What it wrote to its standard error."""
        with open(self.path("stderr"), encoding="utf-8",
                  errors="replace") as log:
            return log.read()

    def stop(self, kill=False):
        """Ends it with all its sessions; kill: without a word to anybody."""
        if self.child is None:
            return
        group = self.child.pid
        if not kill:
            self.child.terminate()
            deadline = time.monotonic() + 5
            while self.child.poll() is None and time.monotonic() < deadline:
                time.sleep(0.005)
        try:
            os.killpg(group, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.child.wait()
        self.child = None
        process.wait_until(lambda: not process.group_members(group),
                           "the processes of %s to end" % self.name)

    def kill(self):
        self.stop(kill=True)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()


def _as_owner():
    if os.getuid() == 0:
        os.setgroups([])
        os.setgid(GID)
        os.setuid(UID)
    process.die_with_parent()
