#!/usr/bin/python3
"""The life of the daemon: what it tells systemd, signals, reload, the end."""

import os
import resource
import signal
import time

from lab import case, fake, messages, mirror
from lab import client as imap


class Service(case.Case):
    def setUp(self):
        super().setUp()
        self.server = self.dovecot()
        imap.fill(self.server, "INBOX", [(messages.make(1), "", None)])
        self.other = self.client(self.server)
        self.mirrored = self.mirror(self.server)

    def running(self, **more):
        daemon = self.mirrored.start(**more)
        self.addCleanup(daemon.kill)
        daemon.wait_note("^READY=1$")
        self.wait_alike(daemon, self.other, "INBOX", self.mirrored.folder())
        return daemon

    def test_it_tells_ready_status_and_stopping(self):
        daemon = self.running()
        daemon.wait_note("^READY=1$")
        daemon.wait_note("^STATUS=.")
        self.assertEqual(daemon.stop(), 0)
        self.assertIn("STOPPING=1", daemon.notes)

    def test_it_pats_the_watchdog(self):
        daemon = self.mirrored.start(WATCHDOG_USEC="300000")
        self.addCleanup(daemon.kill)
        daemon.wait_until(lambda: daemon.notes.count("WATCHDOG=1") >= 3,
                          "three WATCHDOG=1")
        self.assertEqual(daemon.stop(), 0)

    def test_sigterm_ends_it_within_5_seconds(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            daemon = self.running()
            begin = time.monotonic()
            daemon.signal(number)
            self.assertEqual(daemon.wait_end(), 0)
            self.assertLess(time.monotonic() - begin, 5)

    def test_a_second_signal_neither_harms_nor_delays_the_end(self):
        daemon = self.running()
        begin = time.monotonic()
        daemon.signal(signal.SIGTERM)
        daemon.signal(signal.SIGINT)
        self.assertEqual(daemon.wait_end(), 0)
        self.assertLess(time.monotonic() - begin, 5)
        self.assertEqual(daemon.notes.count("STOPPING=1"), 1)
        self.assert_exact(self.other, "INBOX", self.mirrored.folder())

    def test_sigterm_ends_it_though_the_server_hangs(self):
        stuck = fake.Server(hook=lambda *_: fake.NEVER)
        self.addCleanup(stuck.close)
        self.mirrored.configure([dict(
            self.account(self.server), tls="none", port=stuck.port)])
        daemon = self.mirrored.start()
        self.addCleanup(daemon.kill)
        daemon.wait_until(lambda: stuck.log, "a command that is not answered")
        begin = time.monotonic()
        daemon.signal(signal.SIGTERM)
        self.assertEqual(daemon.wait_end(), 0)
        self.assertLess(time.monotonic() - begin, 5)

    def test_sigterm_in_the_middle_of_a_download(self):
        imap.fill(self.server, "INBOX", [
            (messages.make(n, size=20_000), "", None) for n in range(1500)])
        daemon = self.mirrored.start()
        self.addCleanup(daemon.kill)
        folder = self.mirrored.folder()
        daemon.wait_until(lambda: os.path.isdir(folder + "/new")
                          and len(os.listdir(folder + "/new")) > 20,
                          "the first messages")
        begin = time.monotonic()
        daemon.signal(signal.SIGTERM)
        self.assertEqual(daemon.wait_end(), 0)
        self.assertLess(time.monotonic() - begin, 5)
        self.mirrored.sync()
        self.assert_exact(self.other, "INBOX", folder)

    def test_a_reload_adds_an_account(self):
        """One whose Maildir was configured at the start."""
        imap.fill(self.server, "Second", [(messages.make(2), "", None)])
        both = [self.mirrored.accounts[0],
                self.account(self.server, name="second", folders=["Second"],
                             maildir=self.path("Mail2"))]
        self.mirrored.configure(both)
        daemon = self.running()
        self.mirrored.configure(both[:1])
        daemon.signal(signal.SIGHUP)
        daemon.wait_until(lambda: len(self.server.sessions()) == 2,
                          "one session beside the test's own")
        sessions = set(self.server.sessions())
        imap.append(self.other, "Second", messages.make(3))
        self.mirrored.configure(both)
        seen = len(daemon.notes)
        daemon.signal(signal.SIGHUP)
        daemon.wait_note("^RELOADING=1$", since=seen)
        daemon.wait_note("^MONOTONIC_USEC=[0-9]+$", since=seen)
        daemon.wait_note("^READY=1$", since=seen)
        self.wait_alike(daemon, self.other, "Second",
                        self.path("Mail2", "Second"))
        # the account that did not change was left alone
        self.assertLessEqual(sessions, set(self.server.sessions()))
        self.assertEqual(daemon.stop(), 0)

    def test_a_reload_removes_an_account(self):
        self.mirrored.configure([
            self.mirrored.accounts[0],
            self.account(self.server, name="second",
                         maildir=self.path("Mail2"))])
        daemon = self.running()
        self.wait_alike(daemon, self.other, "INBOX",
                        self.path("Mail2", "INBOX"))
        self.mirrored.configure(self.mirrored.accounts[:1])
        daemon.signal(signal.SIGHUP)
        daemon.wait_until(lambda: len(self.server.sessions()) == 2,
                          "one session beside the test's own")
        self.assertEqual(daemon.stop(), 0)

    def test_a_reload_of_a_broken_file_keeps_the_old(self):
        daemon = self.running()
        with open(self.mirrored.file, encoding="utf-8") as f:
            good = f.read()
        self.mirrored.write(good.replace("user =", "usr ="))
        seen, lines = len(daemon.notes), len(daemon.lines)
        daemon.signal(signal.SIGHUP)
        daemon.wait_line(r"mailmirror\.conf:\d+: ", since=lines)
        daemon.wait_note("^READY=1$", since=seen)
        imap.append(self.other, "INBOX", messages.make(5))
        self.wait_alike(daemon, self.other, "INBOX", self.mirrored.folder())
        self.assertEqual(daemon.stop(), 0)

    def test_log_lines_have_priorities_for_the_journal(self):
        daemon = self.running(journal=True)
        self.assertEqual(daemon.stop(), 0)
        self.assertTrue(daemon.lines)
        for line in daemon.lines:
            self.assertRegex(line, r"^<[0-7]>")

    def test_quiet_while_nothing_happens(self):
        """No busy loop: a second of idling costs next to no CPU."""
        daemon = self.running()
        daemon.wait_note("^READY=1$")
        time.sleep(1)

        def ticks():
            with open("/proc/%d/stat" % daemon.pid, encoding="ascii") as f:
                return sum(map(int, f.read().rsplit(")", 1)[1].split()[11:13]))
        before = ticks()
        time.sleep(2)
        self.assertLess(ticks() - before, 0.2 * os.sysconf("SC_CLK_TCK"))
        self.assertEqual(daemon.stop(), 0)

    def test_it_may_open_as_much_as_it_is_allowed(self):
        limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (200, limits[1]))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, limits)
        daemon = self.running()
        self.assertEqual(
            resource.prlimit(daemon.child.pid, resource.RLIMIT_NOFILE),
            (limits[1], limits[1]))

    def test_files_are_private_whatever_the_umask(self):
        old = os.umask(0)
        self.addCleanup(os.umask, old)
        self.mirrored.sync()
        self.assert_exact(self.other, "INBOX", self.mirrored.folder())
        for name in os.listdir(self.path("state")):
            self.assertEqual(
                os.stat(self.path("state", name)).st_mode & 0o077, 0)


class Verbosity(case.Case):
    def test_more_and_less(self):
        server = self.dovecot()
        mirrored = self.mirror(server)
        self.assertIsInstance(mirrored, mirror.Mirror)
        quiet = mirrored.sync("-q")
        loud = mirrored.sync("-v", "-v", "-v")
        self.assertLess(len(quiet.err), len(loud.err))


if __name__ == "__main__":
    case.main()
