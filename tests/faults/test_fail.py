#!/usr/bin/python3
"""Every call fails once: an error that says what and where, an exit code as
documented or success in spite of it, and the next run is exact.
"""

import re
import signal
import time

import faultline
import scenarios
from faultline import FAIL, SHORT
from lab import case, compare
from lab import client as imap

WRITES = ("write", "pwrite", "pwrite64", "writev")
POINTS = 24  # in the daemon's bursts
LIMIT = 20  # seconds that a run may take, whatever happens

# where the network is what fails
OTHER_CODES = {"connect": (69,)}

REASONS = ("No space left|Input/output error|Too many open files|"
           "Network is unreachable|database or disk is full|disk I/O error|"
           "unable to open database file|for reading only")


def says_what(text, call):
    """Is there a line with a reason, and the file if there is one?"""
    for line in text.splitlines():
        if re.search(REASONS, line, re.I) and (
                not call.path or "/" in line):
            return True
    return False


def thinned(calls):
    """Of many like calls in a row, as SQLite makes, the first and the last."""
    def is_like(a, b):
        return 0 <= b < len(calls) and calls[a][1:] == calls[b][1:]

    return [call for n, call in enumerate(calls)
            if not (is_like(n, n - 1) and is_like(n, n + 1))]


def fail_at(started, place, point):
    """One failure and the run after it: what was wrong, in words."""
    place.restore(started.saved)
    begin = time.monotonic()
    result = place.sync_at(faultline.ALL, *point, timeout=LIMIT)
    call = place.line.call(point[1])
    if not place.line.hits():
        return None if result.code == 0 else ["not hit, but %d: %s" % (
            result.code, result.err)]
    problems = faultline.foreign(faultline.files(place.mail), started.known)
    if time.monotonic() - begin >= LIMIT:
        problems.append("it hung: %s" % result.err)
    elif result.code not in (0, 74, 75, *OTHER_CODES.get(call.name, ())):
        problems.append("exit code %d: %s" % (result.code, result.err))
    elif result.code != 0 and not says_what(result.err, call):
        problems.append("%d, and it does not say why: %s" % (
            result.code, result.err))
    return problems + started.run_again(place)


class Fail(scenarios.Swept, scenarios.Faults):
    def sweep(self, scenario):
        started = self.begin(scenario)
        points = []
        calls = thinned(started.list_calls(faultline.ALL))
        if not scenario.begins_empty:
            # how a run begins is the same in all of them
            calls = calls[[call.name for call in calls].index("connect"):]
            # and much of the rest is: every other one
            calls = calls[::2]
        for call in calls:
            points.append((FAIL, call.number))
            # SQLite's writing is the same in all of them, too
            if call.name in WRITES and (
                    scenario.begins_empty or call.path.startswith("/Mail")):
                points.append((SHORT, call.number))
        failed, wrong = started.sweep(fail_at, points)
        print("%s: %d failures of %d" % (
            scenario.name, failed, len(points)), flush=True)
        self.assert_all_right(wrong, failed, len(points) * 3 // 4)


class Watching(scenarios.Faults):
    """The daemon, while messages come and go."""

    def test_calls_of_a_burst(self):
        started = self.begin(scenarios.First("-watched"))
        place = started.place("daemon", burst_interval="20ms")
        self.addCleanup(place.close)
        self.imap = self.client(self.server)
        place.line.begin(faultline.ALL)
        self.daemon = place.mirror.start(**place.line.environment())
        self.addCleanup(self.daemon.kill)
        self.box = started.scenario.box("a")
        self.folder = place.mirror.folder(self.box)
        self.arrives()
        self.bursts = 0
        self.change()
        self.arrives()
        said = [self.fail_next(place.line, ahead)
                for ahead in range(1, 2 * POINTS, 2)]
        print("watching: %d failures, %d of them in the log" % (
            len(said), sum(bool(word) for word in said)), flush=True)
        self.assertGreater(sum(bool(word) for word in said), POINTS // 4)
        self.assertEqual(self.daemon.stop(), 0)
        for box in started.scenario.left():
            self.assert_exact(self.imap, box, place.mirror.folder(box))
        faultline.claims(place.state)

    def change(self):
        number, self.bursts = self.bursts, self.bursts + 1
        imap.fill(self.server, self.box, scenarios.mail((200 + number,)),
                  create=False)
        imap.ok(self.imap.select(imap.quote(self.box)))
        imap.store(self.imap, [2], "+-"[number % 2], "\\Flagged other")
        if number:
            imap.expunge(self.imap, [6 + number])
        imap.ok(self.imap.close())

    def arrives(self):
        self.wait_alike(self.daemon, self.imap, self.box, self.folder)

    def fail_next(self, line, ahead):
        """One failure in a burst, or the one after it: what was said of it."""
        said = len(self.daemon.lines)
        line.next(FAIL, ahead)
        while not line.hits():
            self.change()
            there = compare.server_mailbox(self.imap, self.box)
            self.daemon.wait_until(
                lambda: compare.is_alike(there, self.folder)
                or self.complaints(said), "a word, or the messages")
        self.daemon.signal(signal.SIGUSR1)
        self.arrives()
        self.assertIsNone(self.daemon.code)
        return self.complaints(said)

    def complaints(self, since):
        return [line for line in self.daemon.lines[since:]
                if re.search(REASONS, line, re.I)]


if __name__ == "__main__":
    case.main()
