"""A start with nothing changed: time, and bytes on the wire."""

import collections
import statistics
import time

import contenders
from common import demand_exact, filled, here, in_turn, say
from lab import compare, link
from lab import client as imap

OURS, MBSYNC = contenders.Mailmirror.name, contenders.Mbsync.name
Pass = collections.namedtuple("Pass", "seconds cpu up down")


class Seat:
    """A contender with a counted line to the server, and its copy."""

    def __init__(self, bench, cls, server, delay=0.0):
        self.line = link.Link(server.tls_port, delay)
        self.contender = cls(server, bench.directory(cls.name),
                             port=self.line.port)

    def run(self, *_):
        time.sleep(self.contender.pause)
        self.line.reset()
        cost = self.contender.run()
        result = Pass(*cost, self.line.bytes_up, self.line.bytes_down)
        say("  %-12s %8.3f s, %6.3f s of CPU, %d bytes up, %d down" % (
            self.contender.name, *result))
        return result

    def close(self):
        self.line.close()


def take_seats(bench, server, there, delay=0.0):
    """Seats that have their first copy, exactly."""
    seats = {}
    for cls in here(contenders.Mailmirror, contenders.Mbsync):
        seat = Seat(bench, cls, server, delay)
        try:
            seat.run()
            demand_exact(seat.contender, there)
            seats[cls.name] = seat
        except contenders.Failed as failure:
            if cls is contenders.Mailmirror:
                raise
            say("%s is left out: %s" % (cls.name, failure))
    return seats


def column(passes, name):
    return [getattr(one, name) for one in passes]


def measure(bench, size):
    with filled(bench, size) as server:
        there = compare.server_mailbox(imap.connect(server), "INBOX")
        seats = take_seats(bench, server, there)
        say("nothing changed in %d" % size)
        results = in_turn({name: seat.run for name, seat in seats.items()},
                          bench.scale.rounds + 2)
        for name in results:
            demand_exact(seats[name].contender, there)
        for seat in seats.values():
            seat.close()
    return results


def run(bench):
    ours = {}
    largest = max(bench.scale.unchanged)
    for size in bench.scale.unchanged:
        results = measure(bench, size)
        ours[size] = results[OURS]
        if MBSYNC not in results:
            continue
        title = "nothing changed in %d: " % size
        limits = ({"least": 5, "goal": 10}, {}, {"least": 1000}) \
            if size == largest else ({}, {}, {})
        for (unit, name, what), limit in zip((
                ("s", "seconds", "time"), ("B", "up", "bytes up"),
                ("B", "down", "bytes down")), limits):
            bench.table.faster(title + what + " to mbsync",
                               column(results[MBSYNC], name),
                               column(ours[size], name), unit, **limit)
    smallest = min(ours)
    for unit, name, what, most in (("s", "seconds", "time", 1.5),
                                   ("B", "down", "bytes down", 1.1)):
        bench.table.at_most(
            "nothing changed: our %s in %d to that in %d" % (
                what, largest, smallest),
            statistics.median(column(ours[smallest], name)),
            statistics.median(column(ours[largest], name)), unit, most)
