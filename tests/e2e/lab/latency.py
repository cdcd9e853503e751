"""How long after a delivery a message is there: mailmirror beside a bare client.

Both wait in IDLE on the same server; a third client appends one message at a
time. The bare client answers each EXISTS with DONE, FETCH and IDLE in one write
and does nothing else: no client can have the message sooner.
"""

import re
import ssl
import statistics
import threading
import time

from lab import client as imap
from lab import inotify, messages, process


class BareWatcher:
    """The fastest client there can be; .seen: {UID: monotonic time}."""

    def __init__(self, port, context):
        self.bare = imap.Bare(port, context).login()
        self.bare.command(b"EXAMINE INBOX")
        self.uidnext = 1
        self.seen = {}
        for line in self.bare.command(b"UID SEARCH ALL"):
            uids = line.split()[2:]
            if uids:
                self.uidnext = int(uids[-1]) + 1
        self.tag = self.bare.begin(b"IDLE")
        self.is_closing = False
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self):
        try:
            while True:
                line = self.bare.line()
                if re.match(rb"\* \d+ EXISTS", line):
                    self._flight()
        except (AssertionError, OSError):
            if not self.is_closing:
                raise

    def _flight(self):
        self.bare.tag += 2
        fetch = b"F%d" % self.bare.tag
        self.bare.send(
            b"DONE\r\n%s UID FETCH %d:4294967295 (UID FLAGS INTERNALDATE "
            b"RFC822.SIZE BODY.PEEK[])\r\nI%d IDLE\r\n" % (
                fetch, self.uidnext, self.bare.tag))
        while True:
            line = self.bare.line()
            match = re.match(rb"\* \d+ FETCH \(UID (\d+)", line)
            if match and b"BODY[]" in line:
                uid = int(match.group(1))
                self.seen.setdefault(uid, time.monotonic())
                self.uidnext = max(self.uidnext, uid + 1)
            if line.startswith(b"+ "):
                return

    def close(self):
        self.is_closing = True
        self.bare.close()


class Series:
    """Medians in milliseconds from the moment the append was sent."""

    def __init__(self, bare, ours):
        self.bare = sorted(1000 * t for t in bare)
        self.ours = sorted(1000 * t for t in ours)
        self.lag = sorted(1000 * (o - b) for o, b in zip(ours, bare))

    def text(self, title):
        def line(name, values):
            return "%s: %-26s p50 %8.2f  p90 %8.2f  max %8.2f ms" % (
                title, name, statistics.median(values),
                values[int(len(values) * 0.9)], values[-1])
        return "\n".join((line("bare IDLE client", self.bare),
                          line("file of mailmirror", self.ours),
                          line("ours after the bare one's", self.lag)))

    @property
    def median_lag(self):
        return statistics.median(self.lag)


def measure(port, context, folder, count, append):
    """append(message) delivers one; mailmirror must watch the folder."""
    watch = inotify.Watch(folder + "/new", folder + "/cur")
    bare = BareWatcher(port, context)
    arrived = {}

    def collect():
        while len(arrived) < count:
            moment, name = watch.next()
            match = re.search(r",U=(\d+),", name)
            if match:
                arrived.setdefault(int(match.group(1)), moment)
    collector = threading.Thread(target=collect, daemon=True)
    collector.start()
    sent = {}
    for number in range(count):
        message = messages.make(number, size=2000, seed=77)
        # off any rhythm of the other side's, and after its last burst
        time.sleep(0.15 + (number * 37 % 100) / 1000)
        moment = time.monotonic()
        uid = append(message)
        sent[uid] = moment
        process.wait_until(lambda u=uid: u in arrived and u in bare.seen,
                           "message %d (bare client has it: %s)" % (
                               uid, uid in bare.seen), step=0.002)
    collector.join(process.PATIENCE)
    bare.close()
    watch.close()
    return Series([bare.seen[u] - sent[u] for u in sent],
                  [arrived[u] - sent[u] for u in sent])


def trusting(authority):
    return ssl.create_default_context(cafile=authority)
