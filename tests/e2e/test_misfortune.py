#!/usr/bin/python3
"""What can happen to a machine's files and memory while the mirror runs.

Needs root: file systems are mounted in a mount namespace of the test.
"""

import collections
import os
import shutil
import signal
import sqlite3
import subprocess

from lab import case, compare, disk, messages, mirror

READ_ONLY = "(?i)read-only file system|for reading only|readonly database"


def setUpModule():
    disk.unshare_mounts()


def run(*command):
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL,
                   capture_output=True)


class ReadOnly(case.Fake):
    """A file system that nobody may write to."""

    def setUp(self):
        super().setUp()
        self.serve(5)
        self.disk = disk.Disk(self.path("disk"), 20)
        self.addCleanup(self.disk.close)

    def remount(self, how):
        run("mount", "-o", "remount," + how, self.disk.path)

    def recovers(self, mirrored):
        mirrored.sync()
        self.remount("ro")
        self.server.deliver(messages.make(50))
        before = self.files(mirrored)
        result = mirrored.call("sync")
        self.assert_code(result, 74)
        self.assertRegex(result.err, READ_ONLY)
        self.assertEqual(self.files(mirrored), before)
        self.remount("rw")
        mirrored.sync()
        self.assert_whole(mirrored)

    @staticmethod
    def files(mirrored):
        return sorted(compare.local_names(mirrored.folder()))

    def test_under_the_maildir_at_the_start(self):
        self.recovers(self.mirrored(maildir=self.disk.path + "/Mail"))

    def test_under_the_state_at_the_start(self):
        mirrored = self.mirrored()
        mirrored.configure(mirrored.accounts,
                           state_dir=self.disk.path + "/state")
        self.recovers(mirrored)

    def test_from_the_start(self):
        self.remount("ro")
        mirrored = self.mirrored(maildir=self.disk.path + "/Mail")
        daemon = self.start(mirrored)
        daemon.wait_line(READ_ONLY)
        self.remount("rw")
        daemon.signal(signal.SIGUSR1)
        self.wait_uids(daemon, mirrored, self.uids())
        self.assertEqual(daemon.stop(), 0)
        self.assert_whole(mirrored)


class Free(case.Fake):
    """Without the sandbox, which has no place for directories made later."""

    def mirrored(self, **more):
        mirrored = super().mirrored(**more)
        mirrored.configure(mirrored.accounts, sandbox=False)
        return mirrored


class Broken(Free):
    """A file system that finds itself damaged, and is repaired."""

    def setUp(self):
        super().setUp()
        self.serve(5)
        self.image = self.path("image")
        self.mounted = self.path("disk")
        os.makedirs(self.mounted)
        with open(self.image, "wb") as f:
            f.truncate(8 << 20)
        run("mkfs.ext4", "-q", "-F", self.image)
        self.mount()
        self.addCleanup(run, "umount", "-l", self.mounted)

    def mount(self):
        run("mount", "-o", "loop,errors=remount-ro", self.image, self.mounted)
        number = os.stat(self.mounted).st_dev
        self.device = os.path.basename(os.readlink("/sys/dev/block/%d:%d" % (
            os.major(number), os.minor(number))))

    def repair(self):
        """Another device is mounted in its place."""
        run("umount", "-l", self.mounted)
        run("cp", self.image, self.image + "2")
        self.image += "2"
        # 1: it has mended something
        subprocess.run(("e2fsck", "-fy", self.image), check=False,
                       stdin=subprocess.DEVNULL, capture_output=True)
        self.mount()

    def test_the_daemon_outlives_it(self):
        mirrored, daemon = self.watching(maildir=self.mounted + "/Mail")
        with open("/sys/fs/ext4/%s/trigger_fs_error" % self.device, "w",
                  encoding="ascii") as f:
            f.write("1")
        before = compare.local_uids(mirrored.folder())
        self.server.deliver(messages.make(50))
        daemon.wait_line(READ_ONLY)
        self.assert_uids(mirrored, before)
        self.repair()
        daemon.signal(signal.SIGUSR1)
        self.wait_uids(daemon, mirrored, self.uids())
        self.assertEqual(daemon.stop(), 0)
        self.assert_whole(mirrored)


class Root(Free):
    """The Maildir as a whole, under a running daemon."""

    def setUp(self):
        super().setUp()
        self.serve(5)
        self.local, self.daemon = self.watching()

    def is_ours(self):
        """Nobody else gets it, and push goes on."""
        self.server.deliver(messages.make(50))
        self.wait_uids(self.daemon, self.local, self.uids())
        result = self.local.call("sync")
        self.assert_code(result, 75)
        self.assertRegex(result.err, r"\b%d\b" % self.daemon.pid)
        self.assertEqual(self.daemon.stop(), 0)
        self.assert_whole(self.local)

    def test_removed_it_is_made_anew(self):
        os.rename(self.path("Mail"), self.path("away"))
        shutil.rmtree(self.path("away"))
        self.wait_uids(self.daemon, self.local, self.uids())
        self.is_ours()

    def test_moved_away_it_is_made_anew_at_the_next_occasion(self):
        os.rename(self.path("Mail"), self.path("away"))
        # what stands in the way of a folder has it opened anew
        os.rename(self.path("away", "INBOX"), self.path("away", "other"))
        self.wait_uids(self.daemon, self.local, self.uids())
        self.is_ours()


class State(case.Fake):
    """The state database, under a running daemon and between two."""

    def setUp(self):
        super().setUp()
        self.serve(5)
        self.database = self.path("state", "main.db")

    def harmed(self, harm):
        """What is harmed while it runs costs no body, then and later."""
        mirrored, daemon = self.watching()
        harm()
        for number in (50, 51):
            self.server.deliver(messages.make(number))
            self.wait_uids(daemon, mirrored, self.uids())
        self.flag(1, "\\Seen")
        self.wait_letters(daemon, mirrored, 1, "S")
        self.assertEqual(daemon.stop(), 0)
        self.is_whole_without_a_body(mirrored)

    def is_whole_without_a_body(self, mirrored):
        before = len(self.server.bodies)
        result = mirrored.sync()
        self.assert_whole(mirrored)
        self.assertEqual(self.server.bodies[before:], [])
        return result.err

    def test_removed(self):
        self.harmed(lambda: shutil.rmtree(self.path("state")))

    def test_truncated(self):
        self.harmed(lambda: os.truncate(self.database, 0))

    def test_filled_with_garbage(self):
        def garbage():
            with open(self.database, "r+b") as f:
                f.write(os.urandom(os.path.getsize(self.database)))
        self.harmed(garbage)

    def test_of_a_newer_version_it_is_put_aside_and_that_is_said(self):
        mirrored = self.mirrored()
        mirrored.sync()
        with sqlite3.connect(self.database) as database:
            database.execute("PRAGMA user_version = 1000")
        database.close()
        said = self.is_whole_without_a_body(mirrored)
        self.assertRegex(said, r"main\.db cannot be used \(it was written by "
                         r"a newer version\): moved to .*main\.db\.broken")
        # who goes back to the newer version finds it as it was
        database = sqlite3.connect(self.database + ".broken")
        self.addCleanup(database.close)
        self.assertEqual(database.execute("PRAGMA user_version").fetchone(),
                         (1000,))


class Instances(case.Fake):
    def test_a_second_daemon_ends_and_the_first_goes_on(self):
        self.serve(3)
        mirrored, first = self.watching()
        second = self.start(mirrored)
        self.assertEqual(second.wait_end(), 75)
        self.assertRegex(second.text(), "is in use by process %d" % first.pid)
        self.assertEqual(self.server.accepted, 1)
        self.server.deliver(messages.make(50))
        self.wait_uids(first, mirrored, self.uids())
        self.assertEqual(first.stop(), 0)
        self.assert_whole(mirrored)


class Memory(case.Fake):
    """Memory that runs out ends the process, never the data."""

    STACK = 256 << 10  # of each thread; it counts
    LIMITS = range(1500, 8000, 25)  # KiB

    def test_at_many_limits_until_there_is_enough(self):
        self.serve(500)
        mirrored = self.mirrored(fsync=False)
        mirrored.binary = mirror.binary(release=True)
        ended = collections.Counter()
        for limit in self.LIMITS:
            for name in ("Mail", "state"):
                shutil.rmtree(self.path(name), ignore_errors=True)
            result = mirrored.call("sync", prefix=(
                "prlimit", "--core=0", "--stack=%d" % self.STACK,
                "--data=%d" % (limit << 10)))
            # abort() is ours; a fault would be a bug
            self.assertIn(result.code, (0, 74, -signal.SIGABRT), result.err)
            visible = self.assert_nothing_is_cut(mirrored)
            ended["whole" if result.code == 0 else
                  "midway" if visible else "early"] += 1
            if visible and result.code:
                mirrored.sync()
                self.assert_whole(mirrored)
            if ended["whole"] > 1:
                break
        print("  ended", dict(ended))
        for word in ("early", "midway", "whole"):
            self.assertGreater(ended[word], 0, word)

    def assert_nothing_is_cut(self, mirrored):
        """How many messages are visible; each is whole."""
        folder = mirrored.folder()
        if not os.path.isdir(folder + "/new"):
            return 0
        sent = self.server.mailboxes["INBOX"].messages
        names = compare.local_names(folder)
        for sub, name in names:
            uid = int(name.split(",U=")[1].split(",")[0])
            self.assertEqual(
                os.path.getsize(os.path.join(folder, sub, name)),
                len(sent[uid].body.replace(b"\r\n", b"\n")))
        return len(names)


if __name__ == "__main__":
    case.main()
