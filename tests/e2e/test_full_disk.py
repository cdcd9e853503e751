#!/usr/bin/python3
"""A file system that fills up: exit 74, nothing cut, and a later run is exact.

Needs root: the small file system is mounted in a mount namespace of the test.
"""

import os

from lab import case, compare, disk, messages
from lab import client as imap


def setUpModule():
    disk.unshare_mounts()


class FullDisk(case.Case):
    def setUp(self):
        super().setUp()
        self.server = self.dovecot()
        imap.fill(self.server, "INBOX", [
            (messages.make(n, size=20_000), messages.flags(n),
             messages.date(n)) for n in range(400)])

    def small(self, name):
        small = disk.Disk(self.path(name), 3)
        self.addCleanup(small.close)
        return small

    def test_under_the_maildir(self):
        small = self.small("disk")
        mirror = self.mirror(self.server, maildir=small.path + "/Mail")
        client = self.client(self.server)
        there = compare.server_mailbox(client, "INBOX")
        for _ in range(2):
            self.assert_code(mirror.call("sync"), 74)
            self.assertEqual(compare.differences(
                there, mirror.folder(), "localhost", partial=True), [])
            self.assertLess(len(compare.local_uids(mirror.folder())), 400)
        small.enlarge()
        mirror.sync()
        self.assert_exact(client, "INBOX", mirror.folder())

    def test_under_the_maildir_of_the_daemon(self):
        small = self.small("disk")
        mirror = self.mirror(self.server, maildir=small.path + "/Mail")
        client = self.client(self.server)
        there = compare.server_mailbox(client, "INBOX")
        with mirror.start() as daemon:
            daemon.wait_line("(?i)no space left")
            self.assertEqual(compare.differences(
                there, mirror.folder(), "localhost", partial=True), [])
            small.enlarge()
            daemon.signal(10)  # SIGUSR1: do not wait for the next retry
            self.wait_alike(daemon, client, "INBOX", mirror.folder())
        self.assert_exact(client, "INBOX", mirror.folder())

    def test_under_the_state_directory(self):
        small = self.small("disk")
        small.fill(60_000)
        mirror = self.mirror(self.server,
                             top={"state_dir": small.path + "/state"})
        client = self.client(self.server)
        there = compare.server_mailbox(client, "INBOX")
        self.assert_code(mirror.call("sync"), 74)
        if os.path.isdir(mirror.folder() + "/tmp"):
            self.assertEqual(compare.differences(
                there, mirror.folder(), "localhost", partial=True), [])
        small.free()
        small.enlarge()
        mirror.sync()
        self.assert_exact(client, "INBOX", mirror.folder())

    def test_what_came_before_its_row_could_be_written_goes_as_it_came(self):
        """It is nobody's local file, though no row knows it."""
        small = self.small("disk")
        mirror = self.mirror(self.server,
                             top={"state_dir": small.path + "/state"})
        client = self.client(self.server)
        small.enlarge(10)
        with mirror.start() as daemon:
            self.wait_alike(daemon, client, "INBOX", mirror.folder())
            small.fill(0)
            came = []
            while "cannot write" not in daemon.text():
                came.append(imap.append(client, "INBOX", messages.make(500)))
                daemon.wait_until(
                    lambda: came[-1] in compare.local_uids(mirror.folder()),
                    "the next message")
            imap.ok(client.select("INBOX"))
            imap.expunge(client, came)
            small.free()
            daemon.signal(10)
            self.wait_alike(daemon, client, "INBOX", mirror.folder())
            self.assertEqual(len(compare.local_names(mirror.folder())), 400)
        self.assert_exact(client, "INBOX", mirror.folder())


if __name__ == "__main__":
    case.main()
