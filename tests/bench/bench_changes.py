"""Flags, expunges and new messages in a large mailbox."""

import random
import statistics

import contenders
from bench_unchanged import column, take_seats
from common import demand_exact, filled, in_turn, say, small
from lab import compare
from lab import client as imap

OURS, MBSYNC = contenders.Mailmirror.name, contenders.Mbsync.name
NEW_FROM = 1_000_000  # their numbers, so that no message is there twice


class Changes:
    """The same changes for every contender of a round."""

    def __init__(self, bench, server):
        self.flags, self.expunges, self.new = bench.scale.changes
        self.server = server
        self.client = imap.connect(server)
        self.random = random.Random(5)
        self.there = compare.server_mailbox(self.client, "INBOX")
        self.made = NEW_FROM

    def make(self):
        uids = self.random.sample(sorted(self.there.messages),
                                  self.flags + self.expunges)
        imap.ok(self.client.select("INBOX"))
        flagged, answered = uids[:self.flags:2], uids[1:self.flags:2]
        imap.store(self.client, flagged, "+", "\\Flagged \\Seen")
        imap.store(self.client, answered, "", "\\Answered")
        imap.expunge(self.client, uids[self.flags:])
        imap.ok(self.client.close())
        imap.fill(self.server, "INBOX", small(self.new, self.made))
        self.made += self.new
        self.there = compare.server_mailbox(self.client, "INBOX")


def measure(bench, size):
    with filled(bench, size) as server:
        changes = Changes(bench, server)
        seats = take_seats(bench, server, changes.there)
        say("changes in %d" % size)

        def runner(seat):
            def run(_):
                result = seat.run()
                demand_exact(seat.contender, changes.there)
                return result
            return run
        results = {name: [] for name in seats}
        for _ in range(bench.scale.rounds):
            changes.make()
            for name, passes in in_turn({
                    name: runner(seat) for name, seat in seats.items()},
                    1).items():
                results[name] += passes
        for seat in seats.values():
            seat.close()
    return {name: passes for name, passes in results.items() if passes}


def run(bench):
    ours = {}
    largest = max(bench.scale.changes_in)
    for size in bench.scale.changes_in:
        results = measure(bench, size)
        ours[size] = results[OURS]
        if MBSYNC not in results:
            continue
        title = "%d flags, %d expunges, %d new in %d: " % (
            *bench.scale.changes, size)
        limits = {"least": 3, "goal": 5} if size == largest else {}
        bench.table.faster(title + "time to mbsync",
                           column(results[MBSYNC], "seconds"),
                           column(ours[size], "seconds"), "s", **limits)
        bench.table.faster(title + "bytes down to mbsync",
                           column(results[MBSYNC], "down"),
                           column(ours[size], "down"), "B")
    smallest = min(ours)
    bench.table.at_most(
        "changes: our bytes down in %d to those in %d" % (largest, smallest),
        statistics.median(column(ours[smallest], "down")),
        statistics.median(column(ours[largest], "down")), "B", 1.2)
