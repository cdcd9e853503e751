"""A start with nothing changed: time, and bytes on the wire."""

import collections
import re
import ssl
import statistics
import time

import contenders
from common import demand_exact, filled, here, in_turn, say
from lab import compare, link
from lab import client as imap

OURS, MBSYNC = contenders.Mailmirror.name, contenders.Mbsync.name
OPENING = "EXAMINE"
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


class Opening:
    """The server's own time to open the mailbox by QRESYNC, for anybody."""

    def __init__(self, server):
        self.server = server
        self.context = ssl.create_default_context(cafile=server.authority)
        with self._session() as bare:
            self.known = b" ".join(
                re.search(word + rb" (\d+)", b"\n".join(
                    bare.command(b"EXAMINE INBOX"))).group(1)
                for word in (b"UIDVALIDITY", b"HIGHESTMODSEQ"))

    def _session(self):
        bare = imap.Bare(self.server.tls_port, self.context)
        bare.login()
        bare.command(b"ENABLE QRESYNC")
        return bare

    def run(self, *_):
        with self._session() as bare:
            begin = time.monotonic()
            bare.command(b"EXAMINE INBOX (QRESYNC (%s))" % self.known)
            seconds = time.monotonic() - begin
        say("  %-12s %8.4f s" % (OPENING, seconds))
        return seconds


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
        results = in_turn({name: seat.run for name, seat in seats.items()} |
                          {OPENING: Opening(server).run},
                          bench.scale.rounds + 2)
        for name, seat in seats.items():
            demand_exact(seat.contender, there)
            seat.close()
    return results


def own_seconds(results):
    """Our time without what the server needs to open the mailbox."""
    return statistics.median(column(results[OURS], "seconds")) \
        - statistics.median(results[OPENING])


def growth(bench, results):
    """What a large mailbox costs beyond a small one; the server's part apart."""
    smallest, largest = results[min(results)], results[max(results)]
    sizes = "in %d to that in %d" % (max(results), min(results))
    title = "nothing changed: %s " + sizes
    bench.table.at_most(title % "the server's own time to open INBOX",
                        smallest[OPENING], largest[OPENING], "s")
    bench.table.at_most(title % "our time",
                        column(smallest[OURS], "seconds"),
                        column(largest[OURS], "seconds"), "s")
    bench.table.at_most(title % "our time beyond the server's",
                        own_seconds(smallest), own_seconds(largest), "s", 1.5)
    bench.table.at_most(title % "our bytes down",
                        column(smallest[OURS], "down"),
                        column(largest[OURS], "down"), "B", 1.1)


def run(bench):
    measured = {}
    largest = max(bench.scale.unchanged)
    for size in bench.scale.unchanged:
        results = measured[size] = measure(bench, size)
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
                               column(results[OURS], name), unit, **limit)
    growth(bench, measured)
