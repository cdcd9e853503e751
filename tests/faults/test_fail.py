#!/usr/bin/python3
"""Every call fails once: an error that says what and where, an exit code as
documented or success in spite of it, and the next run is exact.
"""

import re
import signal
import time

import faultline
import scenarios
from faultline import CHANGES, FAIL, NAMES, OPENS, SHORT, SYNCS
from lab import case, compare
from lab import client as imap

WRITES = ("write", "pwrite", "pwrite64", "writev")
POINTS = 12  # in the daemon's bursts
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


def is_done_again(call):
    """Does it succeed in the same burst, and so without a word?"""
    return (
        # what came unasked and cannot be kept is asked for
        "/tmp/" in call.path
        # the next burst writes it
        or call.path.endswith("/.uidvalidity")
        # an advice; a checkpoint of SQLite's
        or call.name in ("sync_file_range", "fdatasync"))


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

    def start(self, name, kinds):
        """A daemon in step with the server, whose calls are counted."""
        self.scenario = scenarios.First(name)
        started = self.begin(self.scenario)
        self.place = started.place("daemon", burst_interval="20ms")
        self.addCleanup(self.place.close)
        self.line = self.place.line
        self.imap = self.client(self.server)
        self.line.begin(kinds)
        self.daemon = self.place.mirror.start(**self.line.environment())
        self.addCleanup(self.daemon.kill)
        self.box = self.scenario.box("a")
        self.folder = self.place.mirror.folder(self.box)
        self.arrives()
        self.bursts = 0
        self.change()
        self.arrives()

    def ends(self):
        self.assertEqual(self.daemon.stop(), 0)
        for box in self.scenario.left():
            self.assert_exact(self.imap, box, self.place.mirror.folder(box))
        faultline.claims(self.place.state)

    def test_what_changes_a_file_fails_and_it_is_told(self):
        self.start("-changed", CHANGES | SYNCS)
        for ahead in range(1, 2 * POINTS, 2):
            said = len(self.daemon.lines)
            call = self.fail_next(ahead)
            if not is_done_again(call):
                self.daemon.wait_until(
                    # pylint: disable=cell-var-from-loop
                    lambda: self.complaints(said), "a word of %s" % (call,))
        self.ends()

    def test_what_opens_one_fails_and_it_goes_on(self):
        self.start("-opened", OPENS | NAMES)
        for ahead in range(1, 2 * POINTS, 2):
            self.fail_next(ahead)
        self.ends()

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

    def fail_next(self, ahead):
        """One failure in a burst, or in one after it; returns what failed."""
        said = len(self.daemon.lines)
        at = self.line.next(FAIL, ahead)
        while not self.line.hits():
            self.change()
            there = compare.server_mailbox(self.imap, self.box)
            self.daemon.wait_until(
                lambda: compare.is_alike(there, self.folder)
                or self.complaints(said), "a word, or the messages")
        # when the next burst is there, it was seen to
        self.daemon.signal(signal.SIGUSR1)
        self.change()
        self.arrives()
        self.assertIsNone(self.daemon.code)
        return self.line.call(at)

    def complaints(self, since):
        return [line for line in self.daemon.lines[since:]
                if re.search(REASONS, line, re.I)]


if __name__ == "__main__":
    case.main()
