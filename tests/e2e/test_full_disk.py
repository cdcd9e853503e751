#!/usr/bin/python3
"""A file system that fills up: exit 74, nothing cut, and a later run is exact.

Needs root: the small file system is mounted in a mount namespace of the test.
"""

import ctypes
import os
import subprocess

from lab import case, compare, messages
from lab import client as imap

_CLONE_NEWNS = 0x00020000


def setUpModule():
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWNS) != 0:
        raise OSError(ctypes.get_errno(), "unshare: run this test as root")
    subprocess.run(("mount", "--make-rprivate", "/"), check=True)


class FullDisk(case.Case):
    def setUp(self):
        super().setUp()
        self.server = self.dovecot()
        imap.fill(self.server, "INBOX", [
            (messages.make(n, size=20_000), messages.flags(n),
             messages.date(n)) for n in range(400)])

    def small(self, name):
        """A directory on a file system of 3 MB."""
        path = self.path(name)
        os.makedirs(path)
        subprocess.run(("mount", "-t", "tmpfs", "-o", "size=3m,mode=700",
                        "tmpfs", path), check=True)
        self.addCleanup(subprocess.run, ("umount", "-l", path), check=True)
        return path

    def enlarge(self, path):
        subprocess.run(("mount", "-o", "remount,size=100m", path), check=True)

    def test_under_the_maildir(self):
        disk = self.small("disk")
        mirror = self.mirror(self.server, maildir=disk + "/Mail")
        client = self.client(self.server)
        there = compare.server_mailbox(client, "INBOX")
        for _ in range(2):
            self.assert_code(mirror.call("sync"), 74)
            self.assertEqual(compare.differences(
                there, mirror.folder(), "localhost", partial=True), [])
            self.assertLess(len(compare.local_uids(mirror.folder())), 400)
        self.enlarge(disk)
        mirror.sync()
        self.assert_exact(client, "INBOX", mirror.folder())

    def test_under_the_maildir_of_the_daemon(self):
        disk = self.small("disk")
        mirror = self.mirror(self.server, maildir=disk + "/Mail")
        client = self.client(self.server)
        there = compare.server_mailbox(client, "INBOX")
        with mirror.start() as daemon:
            daemon.wait_line("(?i)no space left")
            self.assertEqual(compare.differences(
                there, mirror.folder(), "localhost", partial=True), [])
            self.enlarge(disk)
            daemon.signal(10)  # SIGUSR1: do not wait for the next retry
            self.wait_alike(daemon, client, "INBOX", mirror.folder())
        self.assert_exact(client, "INBOX", mirror.folder())

    def test_under_the_state_directory(self):
        disk = self.small("disk")
        with open(disk + "/ballast", "wb") as f:
            f.write(b"x" * (3 * 1024 * 1024 - 60_000))
        mirror = self.mirror(self.server, top={"state_dir": disk + "/state"})
        client = self.client(self.server)
        there = compare.server_mailbox(client, "INBOX")
        self.assert_code(mirror.call("sync"), 74)
        if os.path.isdir(mirror.folder() + "/tmp"):
            self.assertEqual(compare.differences(
                there, mirror.folder(), "localhost", partial=True), [])
        os.unlink(disk + "/ballast")
        self.enlarge(disk)
        mirror.sync()
        self.assert_exact(client, "INBOX", mirror.folder())


if __name__ == "__main__":
    case.main()
