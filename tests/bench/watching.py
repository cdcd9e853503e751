"""Clients that watch an INBOX until they are stopped: ours, and mbsync behind a
watcher. Both tell their folder and what CPU they have used.
"""

import os
import subprocess
import sys

import contenders
from common import cpu_of
from lab import dovecot, mirror

HERE = os.path.dirname(os.path.abspath(__file__))


class At:
    """Where a server is, for contenders: ports and authority."""

    def __init__(self, tls_port, authority, uid=65534, gid=65534):
        self.tls_port = tls_port
        self.authority = authority
        self.uid, self.gid = uid, gid


class Ours:
    name = contenders.Mailmirror.name
    pause = contenders.Mailmirror.pause

    def __init__(self, at, directory, port=None, **settings):
        os.makedirs(directory)
        self.mirror = mirror.Mirror(directory, [{
            "name": "main", "host": "localhost",
            "port": port or at.tls_port, "tls_ca_file": at.authority,
            "user": dovecot.USER, "password": dovecot.PASSWORD,
            "maildir": directory + "/Mail", **settings}], release=True)
        self.folder = self.mirror.folder()
        self.daemon = self.mirror.start()
        self.daemon.wait_until(lambda: os.path.exists(
            self.folder + "/.uidvalidity"), "the first sync", 600)
        self.daemon.wait_note("^READY=1$", 600)

    def cpu(self):
        return cpu_of(self.daemon.pid)

    def stop(self):
        code = self.daemon.stop()
        if code != 0:
            raise contenders.Failed("run ended with %d:\n%s" % (
                code, self.daemon.text()[-2000:]))


class Watcher:
    name = "IDLE watcher + mbsync"
    pause = contenders.Mbsync.pause

    def __init__(self, at, directory, port=None):
        peer = contenders.Mbsync(at, directory, fsync=False, port=port)
        self.folder = peer.folder
        self.child = subprocess.Popen(
            (sys.executable, "-B", HERE + "/watcher.py",
             str(port or at.tls_port), at.authority, *peer.command()),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={**os.environ, **peer.environment()})
        if self.child.stdout.readline() != "watching\n":
            raise contenders.Failed("the watcher does not watch")

    def cpu(self):
        return cpu_of(self.child.pid)

    def stop(self):
        self.child.stdin.close()
        self.child.stdout.close()
        self.child.wait()


class FakeServer:
    """lab.fake in a process of its own: it announces a change at once."""

    def __init__(self, directory, authority):
        self.child = subprocess.Popen(
            (sys.executable, "-B", "-m", "lab.fake", directory), text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.at = At(int(self.child.stdout.readline()), authority)

    def __enter__(self):
        return self.at

    def __exit__(self, *_):
        self.child.stdin.close()
        self.child.stdout.close()
        self.child.wait()
