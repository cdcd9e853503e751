"""40 ms each way: in round trips, by the clock and by what depends on what."""

import shutil
import statistics

import contenders
from bench_initial import SERVER_SIDE
from bench_push import deliver
from bench_unchanged import Seat, column, take_seats
from common import demand_exact, filled, here, in_turn, mixed, say
from lab import certificates, compare, dovecot, link, messages, mirror
from lab import client as imap
from table import percentile
from watching import FakeServer, Ours, Watcher

DELAY = 0.040
TRIP = 2 * DELAY
OURS, MBSYNC = contenders.Mailmirror.name, contenders.Mbsync.name
IDLING = rb"\+ idling"


def trips(far, near):
    """Round trips that the distance has cost."""
    return (statistics.median(far) - statistics.median(near)) / TRIP


# ---- by the clock ----

def first_copies(bench, server, there, delay):
    """{name: [seconds]} of first copies over a line with that delay."""
    def runner(cls):
        def run(_):
            seat = Seat(bench, cls, server, delay)
            try:
                result = seat.run()
                demand_exact(seat.contender, there)
            finally:
                seat.close()
                bench.remove(seat.contender.directory)
            return result.seconds
        return run
    return in_turn({cls.name: runner(cls) for cls in here(
        contenders.Mailmirror, contenders.Mbsync)}, bench.scale.rounds)


def initial(bench):
    count = bench.scale.distance_initial
    with bench.server(location=SERVER_SIDE) as server:
        imap.seed_maildir(server, server.path("mail", dovecot.USER, "Maildir"),
                          mixed(count))
        there = compare.server_mailbox(imap.connect(server), "INBOX")
        say("distance: initial %d" % count)
        near = first_copies(bench, server, there, 0)
        far = first_copies(bench, server, there, DELAY)
    title = "40 ms: initial %d: " % count
    bench.table.bound(
        title + "time, 1.3 x local + 10 round trips (peer: ours local)",
        far[OURS], "s", 1.3 * statistics.median(near[OURS]) + 10 * TRIP,
        peer=near[OURS])
    if MBSYNC in far and MBSYNC in near:
        bench.table.faster(title + "round trips to mbsync",
                           trips(far[MBSYNC], near[MBSYNC]),
                           trips(far[OURS], near[OURS]), "")


def unchanged(bench):
    count = bench.scale.distance_unchanged
    found = []
    with filled(bench, count) as server:
        there = compare.server_mailbox(imap.connect(server), "INBOX")
        say("distance: nothing changed in %d" % count)
        for delay in (0, DELAY):
            seats = take_seats(bench, server, there, delay)
            found.append({name: column(passes, "seconds")
                          for name, passes in in_turn(
                              {name: seat.run for name, seat in seats.items()},
                              bench.scale.rounds + 2).items()})
            for seat in seats.values():
                seat.close()
    near, far = found
    if MBSYNC in far and MBSYNC in near:
        bench.table.faster(
            "40 ms: nothing changed in %d: round trips of a whole run to "
            "mbsync" % count, trips(far[MBSYNC], near[MBSYNC]),
            trips(far[OURS], near[OURS]), "")


def delays(bench, at, cls, delay):
    """A lone message's delays, in seconds, over a line of its own."""
    line = link.Link(at.tls_port, delay)
    client = cls(at, bench.directory(cls.name), line.port)
    try:
        return [ms / 1000 for ms in deliver(
            at, client, bench.scale.distance_push).delays]
    finally:
        client.stop()
        line.close()


def push(bench):
    say("distance: a lone message, announced at once")
    authority = certificates.make_authority(bench.top)
    certificates.make_certificate(bench.top, "server", authority,
                                  "DNS:localhost")
    cost = {}
    with FakeServer(bench.top, authority) as at:
        for cls in [Ours] + ([Watcher] if shutil.which("mbsync") else []):
            near = delays(bench, at, cls, 0)
            far = delays(bench, at, cls, DELAY)
            # The announcement itself travels half a round trip.
            cost[cls] = trips(far, near) - 0.5
            say("  %-22s p50 %.0f ms, %.0f ms locally" % (
                cls.name, 1000 * percentile(far, 0.5),
                1000 * percentile(near, 0.5)))
    if Watcher in cost:
        bench.table.faster("40 ms: new message: round trips after EXISTS, by "
                           "the clock, to " + Watcher.name, cost[Watcher],
                           cost[Ours], "")


# ---- by what depends on what: without TLS, whose handshake is then added ----

class Counted:
    """The daemon over a line that counts, until it is in IDLE."""

    def __init__(self, server, directory, port=0, **more):
        # what is remembered of a server is remembered of its port
        self.line = link.Link(server.port, DELAY, records=True, port=port)
        self.mirror = mirror.Mirror(directory, [mirror.account(
            server, directory + "/Mail", tls="none", port=self.line.port,
            allow_plaintext=True, **more)], release=True)
        self.daemon = self.mirror.start()
        self.trips = self.line.wait_arrival(IDLING).trips

    def wait_alike(self, client):
        there = compare.server_mailbox(client, "INBOX")
        folder = self.mirror.folder()
        self.daemon.wait_until(lambda: not compare.differences(
            there, folder, "localhost")
            if compare.is_alike(there, folder) else False, "equality")

    def stop(self):
        code = self.daemon.stop()
        self.line.close()
        if code != 0:
            raise contenders.Failed("run ended with %d" % code)


def new_message(counted, client, number):
    """Round trips from the announcement to the message's last byte."""
    mark = counted.line.mark()
    imap.append(client, "INBOX", messages.make(number, size=500) + b"\r\nlast")
    told = counted.line.wait_arrival(rb"\* \d+ (EXISTS|FETCH)", mark)
    came = counted.line.wait_arrival(rb"\r\nlast(\r\n)?[ )]", mark)
    return came.trips - told.trips


def flights(bench):
    say("distance: round trips by what depends on what")
    title = "40 ms: round trips, TLS 1.3: "
    with filled(bench, 3) as server:
        client = imap.connect(server)
        found = {}
        for name, off in (("", ["NOTIFY"]), (" with NOTIFY", [])):
            directory = bench.directory("flights")
            bench.make(directory)
            first = Counted(server, directory, disable_extensions=off)
            first.wait_alike(client)
            first.stop()
            again = Counted(server, directory, first.line.port,
                            disable_extensions=off)
            found[name] = (first.trips + 1, again.trips + 1,
                           new_message(again, client, 1000 + len(found)))
            again.wait_alike(client)
            again.stop()
    first, again, after = found[""]
    bench.table.bound(title + "SYN to IDLE on first contact", first, "", 5)
    bench.table.bound(title + "SYN to IDLE, nothing changed", again, "", 4)
    bench.table.bound(title + "new message after EXISTS", after, "", 1)
    bench.table.bound(title + "new message with NOTIFY",
                      found[" with NOTIFY"][2], "", 0)


def run(bench):
    flights(bench)
    push(bench)
    initial(bench)
    unchanged(bench)
