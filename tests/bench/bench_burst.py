"""Many deliveries in one go: until all are mirrored, beside a bare client."""

import os
import re
import shutil
import time

import contenders
from common import in_turn, say, small
from lab import client as imap
from lab import compare, inotify, latency
from watching import At, Ours, Watcher

BARE = "bare IDLE client"


class Bare:
    """DONE, FETCH and IDLE in one write, until it has all that EXISTS said."""

    name = BARE

    def __init__(self, at, _):
        self.bare = imap.Bare(at.tls_port, latency.trusting(
            at.authority)).login()
        self.bare.command(b"EXAMINE INBOX")
        self.bare.begin(b"IDLE")
        self.uidnext = 1
        self.have = self.exists = 0

    def wait(self, count):
        while self.have < count:
            line = self.bare.line()
            self._take(line)
            if self.exists > self.have and b"EXISTS" in line:
                self._flight()
        return time.monotonic()

    def _take(self, line):
        exists = re.match(rb"\* (\d+) EXISTS", line)
        if exists:
            self.exists = int(exists.group(1))
        fetched = re.match(rb"\* \d+ FETCH \(UID (\d+) ", line)
        if fetched and b"BODY[]" in line:
            self.uidnext = int(fetched.group(1)) + 1
            self.have += 1

    def _flight(self):
        """Again, as long as there is more than it has."""
        while self.exists > self.have:
            self.bare.send(
                b"DONE\r\nF UID FETCH %d:4294967295 (UID FLAGS INTERNALDATE "
                b"RFC822.SIZE BODY.PEEK[])\r\nI IDLE\r\n" % self.uidnext)
            while True:
                line = self.bare.line()
                self._take(line)
                if line.startswith(b"+ "):
                    break

    def stop(self):
        self.bare.close()


class Arrivals:
    """Counts files as they become visible; lists no directory, which would
    hold up whoever writes to it, and does not wake up for each of them."""

    def __init__(self, folder):
        self.watch = inotify.Watch(os.path.join(folder, "new"),
                                   os.path.join(folder, "cur"))

    def wait(self, count):
        """When the last of so many came."""
        for _ in range(count):
            if not self.watch.ready:
                time.sleep(0.002)
            when, _ = self.watch.next()
        self.watch.close()
        return when


def deliver(server, count, at_once):
    """COUNT messages; when the first was begun, when the last was OK."""
    with imap.Bare(server.port) as other:
        other.login()
        begin = time.monotonic()
        if at_once:
            other.append_all("INBOX", small(count))
        else:
            for number, (message, _, _) in enumerate(small(count), 1):
                tag = other.begin(b"APPEND INBOX {%d+}\r\n%s" % (
                    len(message), message))
                if number % 100 == 0 or number == count:
                    other.finish(tag)  # answers must not pile up
        return begin, time.monotonic()


def burst(bench, cls, at_once):
    """Seconds until all is there; each on a server that has nothing."""
    with bench.server() as server:
        at = At(server.tls_port, server.authority, server.uid, server.gid)
        client = cls(at, bench.directory(cls.name))
        count = bench.scale.burst
        arrivals = client if cls is Bare else Arrivals(client.folder)
        begin, end = deliver(server, count, at_once)
        done = arrivals.wait(count)
        client.stop()
        if cls is Ours:
            there = compare.server_mailbox(imap.connect(server), "INBOX")
            faults = compare.differences(there, client.folder, "localhost")
            if faults:
                raise contenders.Failed("\n".join(faults[:20]))
    # What is announced while deliveries go on overlaps with them.
    seconds = done - (end if at_once else begin)
    say("  %-22s %7.3f s" % (cls.name, seconds))
    return seconds


def run(bench):
    classes = [Ours, Bare] + ([Watcher] if shutil.which("mbsync") else [])
    for at_once, title in ((True, "in one APPEND, after its OK"),
                           (False, "one by one, from the first")):
        title = "burst of %d, %s: " % (bench.scale.burst, title)
        say(title.rstrip(": "))
        results = in_turn({
            cls.name: lambda _, cls=cls: burst(bench, cls, at_once)
            for cls in classes}, bench.scale.rounds)
        if Watcher.name in results:
            bench.table.faster(title + "time to " + Watcher.name,
                               results[Watcher.name], results[Ours.name], "s")
        bench.table.at_most(title + "time to a " + BARE, results[BARE],
                            results[Ours.name], "s", 1.2)
