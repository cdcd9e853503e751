"""A lone message: from the other client's OK to the file, and its CPU."""

import collections
import queue
import shutil
import threading
import time

import contenders
from common import say
from lab import certificates, compare, inotify, latency, messages, process
from lab import client as imap
from table import percentile
from watching import At, FakeServer, Ours, Watcher

PATIENCE = 60
Series = collections.namedtuple("Series", "delays cpu lags")  # in ms


class Arrivals:
    """When files came into a folder."""

    def __init__(self, folder):
        self.watch = inotify.Watch(folder + "/new", folder + "/cur")
        self.queue = queue.SimpleQueue()
        threading.Thread(target=self._collect, daemon=True).start()

    def _collect(self):
        while True:
            self.queue.put(self.watch.next())

    def next(self):
        """The next file that was not here under another name."""
        return self.queue.get(timeout=PATIENCE)[0]


def wait_for_all(client, other):
    """Until the client has what is in the INBOX already."""
    line = other.command(b"STATUS INBOX (MESSAGES)")[-1]
    count = int(line.partition(b"MESSAGES ")[2].split(b" ")[0].rstrip(b")"))
    process.wait_until(
        lambda: len(compare.local_names(client.folder)) == count,
        "%d files in %s" % (count, client.folder))


def deliver(at, client, count, bare=None):
    """Messages one by one; the client, and the bare one, beside each other."""
    delays, lags = [], []
    with imap.Bare(at.tls_port, latency.trusting(at.authority)) as other:
        other.login()
        wait_for_all(client, other)
        arrivals = Arrivals(client.folder)
        used = client.cpu()
        for number in range(count):
            # Off any rhythm of the other side's, and after its last burst.
            time.sleep(client.pause + 0.15 + (number * 37 % 100) / 1000)
            uid = other.append(messages.make(number, size=2000, seed=77))
            moment = time.monotonic()
            came = arrivals.next()
            delays.append(max(0.0, came - moment) * 1000)
            if bare is not None:
                while uid not in bare.seen:
                    time.sleep(0.001)
                lags.append((came - bare.seen[uid]) * 1000)
        cpu = (client.cpu() - used) * 1000 / count
    return Series(delays, cpu, lags)


def bare_delays(at, count):
    """The same for a bare client alone."""
    bare = latency.BareWatcher(at.tls_port, latency.trusting(at.authority))
    delays = []
    with imap.Bare(at.tls_port, latency.trusting(at.authority)) as other:
        other.login()
        for number in range(count):
            time.sleep(0.15 + (number * 37 % 100) / 1000)
            uid = other.append(messages.make(number, size=2000, seed=78))
            moment = time.monotonic()
            while uid not in bare.seen:
                time.sleep(0.0005)
            delays.append(max(0.0, bare.seen[uid] - moment) * 1000)
    bare.close()
    return delays


def series(bench, at, cls, count, with_bare=False):
    """One contender's Series, or None when that peer cannot."""
    try:
        client = cls(at, bench.directory(cls.name))
    except contenders.Failed as failure:
        if cls is Ours:
            raise
        say("%s is left out: %s" % (cls.name, failure))
        return None
    bare = latency.BareWatcher(at.tls_port, latency.trusting(
        at.authority)) if with_bare else None
    try:
        result = deliver(at, client, count, bare)
    finally:
        if bare:
            bare.close()
        client.stop()
    say("  %-22s p50 %.1f ms, p99 %.1f ms, %.1f ms of CPU" % (
        cls.name, percentile(result.delays, 0.5),
        percentile(result.delays, 0.99), result.cpu))
    return result


def compare_at(bench, at, title, limits):
    count = bench.scale.push
    say("push, " + title)
    ours = series(bench, at, Ours, count)
    peer = series(bench, at, Watcher, bench.scale.push_peer) \
        if shutil.which("mbsync") else None
    bare = bare_delays(at, count)
    for share, name, most in zip((0.5, 0.99), ("p50", "p99"), limits):
        value = percentile(ours.delays, share)
        if peer:
            bench.table.faster(
                "push, %s: %s to %s" % (title, name, Watcher.name),
                percentile(peer.delays, share), value, "ms")
        bench.table.bound("push, %s: %s (peer: a bare client)" % (title, name),
                          value, "ms", most, percentile(bare, share))
    bench.table.bound(
        "push, %s: client CPU a message (peer: %s)" % (title, Watcher.name),
        ours.cpu, "ms", 2, peer.cpu if peer else None)


def run(bench):
    authority = certificates.make_authority(bench.top)
    certificates.make_certificate(bench.top, "server", authority,
                                  "DNS:localhost")
    with FakeServer(bench.top, authority) as at:
        compare_at(bench, at, "announced at once", (5, 20))
    with bench.server() as server:
        at = At(server.tls_port, server.authority, server.uid, server.gid)
        compare_at(bench, at, "Dovecot", (None, None))
        beside = series(bench, at, Ours, bench.scale.push, with_bare=True)
        bench.table.bound("push, Dovecot: file after a bare client's last byte",
                          percentile(beside.lags, 0.5), "ms", 3)
