#!/usr/bin/python3
"""Clocks that jump: the machine was asleep, or somebody set the time.

clockwork.c moves the clocks of the program alone.
"""

import os
import struct
import time

import faultline  # first: it finds the lab
from lab import case, compare, messages, mirror, relay
from lab import client as imap

HOUR, DAY, YEAR = 3600, 86400, 365 * 86400
SECOND = 10 ** 9

# What is promised after a sleep, and what the machine may take for it.
HEALTHY = 5 + 3


class Clocks:
    """Of one program at a time: seconds ahead of the machine's."""

    def __init__(self, directory):
        self.path = os.path.join(directory, "clocks")
        self.ahead = [0, 0]
        self.file = None

    def environment(self, realtime=0):
        """For a program that starts now."""
        library = os.environ.get("MAILMIRROR_CLOCKWORK")
        if not library or not os.access(library, os.R_OK):
            raise AssertionError("MAILMIRROR_CLOCKWORK=%r names no library" %
                                 library)
        self.close()
        os.mkfifo(self.path)
        # pylint: disable=consider-using-with
        self.file = os.fdopen(os.open(self.path, os.O_RDWR), "wb", 0)
        self.ahead = [0, 0]
        self._set(realtime, 0)
        return {"LD_PRELOAD": library, "CLOCKWORK_FIFO": self.path}

    def _set(self, realtime, boottime):
        self.ahead = [realtime, boottime]
        self.file.write(struct.pack("qq", realtime * SECOND,
                                    boottime * SECOND))

    def sleep(self, seconds):
        """The machine was asleep for so long."""
        self._set(*(ahead + seconds for ahead in self.ahead))

    def step(self, seconds):
        """Somebody sets the time, and nothing else."""
        self._set(self.ahead[0] + seconds, self.ahead[1])

    def close(self):
        if self.file:
            self.file.close()
            os.unlink(self.path)
            self.file = None


class Clocked(case.Case):
    def setUp(self):
        super().setUp()
        self.clocks = Clocks(self.top)
        self.addCleanup(self.clocks.close)
        self.server = self.dovecot()
        self.line = relay.Relay(self.server.port)
        self.addCleanup(self.line.close)
        for name in ("INBOX", "a"):
            imap.fill(self.server, name, [
                (messages.make(n, size=600), messages.flags(n),
                 messages.date(n)) for n in range(5)])
        self.other = self.client(self.server)
        self.mirrored = self.mirror(
            self.server, release=True, tls="none", port=self.line.port,
            folders=["*"],
            # Dovecot may forget to tell of what happens while it is asked
            disable_extensions=["NOTIFY"])

    def begin(self, realtime=0, **more):
        if more:
            self.mirrored.configure([dict(self.mirrored.accounts[0], **more)])
        self.daemon = self.mirrored.start(
            "-v", **self.clocks.environment(realtime))
        self.addCleanup(self.daemon.kill)
        self.arrives()
        for name in ("INBOX", "a"):
            self.daemon.wait_line(name + ".*-> IDLING")

    def arrives(self):
        for name in ("INBOX", "a"):
            self.wait_alike(self.daemon, self.other, name,
                            self.mirrored.folder(name))

    def change(self, number):
        for name in ("INBOX", "a"):
            imap.append(self.other, name, messages.make(number))
            imap.ok(self.other.select(name))
            imap.store(self.other, [2], "+-"[number % 2], "\\Flagged")
            imap.ok(self.other.close())

    def ends_exact(self):
        self.assertEqual(self.daemon.stop(), 0)
        for name in ("INBOX", "a"):
            self.assert_exact(self.other, name, self.mirrored.folder(name))

    def sync(self, realtime):
        """A run while the clock is wrong: how many bodies it got."""
        before = len(self.line.heard)
        self.mirrored.sync(environment=self.clocks.environment(realtime))
        for name in ("INBOX", "a"):
            self.assert_exact(self.other, name, self.mirrored.folder(name))
        return self.line.bodies(before)


class Sleep(Clocked):
    """The clock that counts the time asleep goes on; the other does not."""

    def wakes(self):
        """The sleep is noticed, and all is well, long before any limit."""
        begin = time.monotonic()
        self.clocks.sleep(HOUR)
        self.daemon.wait_line("the machine was asleep")
        self.arrives()
        took = time.monotonic() - begin
        print("  well again after %.2f s" % took)
        self.assertLess(took, HEALTHY)

    def test_what_the_network_forgot_meanwhile_is_replaced(self):
        self.begin()
        accepted = self.line.accepted
        # nothing comes through any more, and nobody says so
        self.line.forget()
        self.change(50)
        self.wakes()
        self.assertGreater(self.line.accepted, accepted)
        self.ends_exact()

    def test_what_the_server_ended_meanwhile_is_replaced(self):
        self.begin()
        self.line.go_down()
        self.daemon.wait_line("next try|closed")
        self.change(51)
        self.line.come_up()
        self.wakes()
        self.ends_exact()

    def test_what_lives_on_is_asked_and_kept(self):
        self.begin()
        accepted = self.line.accepted
        self.change(52)
        self.arrives()
        self.wakes()
        self.change(53)
        self.arrives()
        self.assertEqual(self.line.accepted, accepted)
        self.ends_exact()

    def test_again_and_again(self):
        self.begin()
        for number in range(54, 58):
            self.change(number)
            self.clocks.sleep(DAY)
            self.arrives()
        self.ends_exact()


class Step(Clocked):
    """Somebody sets the time of day, by much."""

    def test_while_it_runs(self):
        for seconds in (-YEAR, YEAR, -3 * HOUR, 20 * YEAR):
            self.begin()
            self.clocks.step(seconds)
            for number in (60, 61):
                self.change(number)
                self.arrives()
            # no connection was given up for it
            self.assertNotRegex(self.daemon.text(), "asleep|warning|error")
            self.ends_exact()

    def test_between_two_runs(self):
        self.line.records = True
        self.assertEqual(self.sync(0), 10)
        for number, seconds in enumerate((YEAR, -YEAR, -40 * YEAR, 0)):
            self.change(70 + number)
            self.assertEqual(self.sync(seconds), 2)
            self.assertEqual(self.sync(seconds), 0)

    def test_to_before_the_certificate_and_back(self):
        self.mirrored.configure([dict(
            self.mirrored.accounts[0], tls="starttls",
            tls_ca_file=self.server.authority)])
        self.daemon = self.mirrored.start(
            "-v", **self.clocks.environment(-40 * YEAR))
        self.addCleanup(self.daemon.kill)
        self.daemon.wait_line("is not valid before .*; next try in")
        self.clocks.step(40 * YEAR)
        begin = time.monotonic()
        self.arrives()
        took = time.monotonic() - begin
        print("  connected after %.2f s" % took)
        self.assertLess(took, HEALTHY)
        self.ends_exact()


if __name__ == "__main__":
    case.main()
