"""A long line to a server: it adds delay both ways, counts bytes and, without
TLS, round trips.

Round trips are counted by what depends on what, not by a clock. Whatever the
client writes can only depend on what has reached it; the server's answer
arrives one round trip later than the latest of that did. The delay only keeps
cause and effect apart: what the client writes within twice the delay, before
any answer can be there, belongs to one flight. The first SYN leaves at 0; a
handshake of TCP takes one round trip, the greeting another.
"""

import collections
import queue
import re
import socket
import threading
import time

from lab import process

# What reached the client: the bytes, and how many round trips after the first
# SYN. `at` is monotonic time.
Arrival = collections.namedtuple("Arrival", "connection trips at data")


class Link:
    """Listens on .port; TARGET is the server's port, DELAY seconds one way.

    records: keeps what the client and the server say, for the counting.
    """

    def __init__(self, target, delay=0.0, records=False, port=0):
        self.target = target
        self.delay = delay
        self.records = records
        self.changed = threading.Condition()
        self.arrivals = []
        self.said = []  # (connection, trips when it was written, at, bytes)
        self.known = 0  # the latest that has reached the client
        self.accepted = 0
        self.bytes_up = 0
        self.bytes_down = 0
        self.ends = []
        self.listener = socket.create_server(
            ("127.0.0.1", port or process.free_port()), backlog=1000)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    # ---- what passed ----

    def reset(self):
        """Forgets what was counted; open connections go on."""
        with self.changed:
            self.bytes_up = self.bytes_down = self.accepted = 0

    def wait_arrival(self, pattern, since=0, timeout=process.PATIENCE):
        """The first arrival from number SINCE on that completes a match.

        A match may be split among several arrivals of one connection.
        """
        found = None

        def look():
            nonlocal found
            seen = {}
            for arrival in self.arrivals[since:]:
                text = seen.get(arrival.connection, b"") + arrival.data
                seen[arrival.connection] = text
                if re.search(pattern, text):
                    found = arrival
                    return True
            return False
        with self.changed:
            if not self.changed.wait_for(look, timeout):
                raise AssertionError("nothing like %r passed; it was\n%s" % (
                    pattern, self.text()))
        return found

    def wait_answered(self, said, answer, timeout=process.PATIENCE):
        """Until what each connection said last is SAID, and has its ANSWER."""
        def look():
            last = {}
            for number, _, at, data in self.said:
                last[number] = (at, data)
            return all(re.search(said, data) and any(
                a.connection == number and a.at > at
                and re.search(answer, a.data) for a in self.arrivals)
                for number, (at, data) in last.items())
        with self.changed:
            if not self.changed.wait_for(look, timeout):
                raise AssertionError("no %r after %r; it was\n%s" % (
                    answer, said, self.text()))

    def mark(self):
        """The number of arrivals so far, for wait_arrival()."""
        with self.changed:
            return len(self.arrivals)

    def text(self):
        """The dialogue, as (round trips, who on which line, first bytes)."""
        lines = [(trips, "C%d" % number, data)
                 for number, trips, _, data in self.said]
        lines += [(a.trips, "S%d" % a.connection, a.data)
                  for a in self.arrivals]
        return "\n".join("%4d %s %r" % (trips, who, data[:300])
                         for trips, who, data in
                         sorted(lines, key=lambda line: line[:2]))

    # ---- connections ----

    def _accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
                far = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                return
            with self.changed:
                self.accepted += 1
                connection = Connection(self, self.accepted, near, far)
                self.ends += (near, far)
            connection.start()

    def close(self):
        try:
            self.listener.shutdown(socket.SHUT_RDWR)  # ends accept()
        except OSError:
            pass
        self.listener.close()
        for end in self.ends:
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


class Connection:
    def __init__(self, link, number, near, far):
        self.link = link
        self.number = number
        self.near = near
        self.far = far
        # When the greeting arrives: after a SYN, and a request so to say.
        self.answers = link.known + 2
        for end in (near, far):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def start(self):
        for source, sink, passes in (
                (self.near, self.far, (self._up_sent, self._up_came)),
                (self.far, self.near, (self._down_sent, self._down_came))):
            waiting = queue.SimpleQueue()
            if self.link.delay:
                threading.Thread(target=self._deliver, daemon=True,
                                 args=(waiting, sink, passes[1])).start()
            threading.Thread(target=self._read, daemon=True, args=(
                source, sink, waiting, passes)).start()

    def _read(self, source, sink, waiting, passes):
        # A client's very first bytes may not overtake its handshake.
        held = self.link.delay
        while True:
            try:
                data = source.recv(1 << 18)
            except OSError:
                data = b""
            stamp = passes[0](data)
            if held:
                waiting.put((time.monotonic() + held, stamp, data))
            elif not _hand_over(sink, data, passes[1], stamp):
                return
            if not data:
                return

    @staticmethod
    def _deliver(waiting, sink, came):
        while True:
            due, stamp, data = waiting.get()
            time.sleep(max(0, due - time.monotonic()))
            if not _hand_over(sink, data, came, stamp):
                return

    # ---- who can know what ----

    def _up_sent(self, data):
        link = self.link
        with link.changed:
            link.bytes_up += len(data)
            if link.records and data:
                link.said.append((self.number, link.known,
                                  time.monotonic(), data))
            return link.known

    def _up_came(self, trips, _):
        with self.link.changed:
            self.answers = max(self.answers, trips + 1)

    def _down_sent(self, data):
        with self.link.changed:
            self.link.bytes_down += len(data)
            return self.answers

    def _down_came(self, trips, data):
        link = self.link
        with link.changed:
            link.known = max(link.known, trips)
            if link.records:
                link.arrivals.append(Arrival(self.number, trips,
                                             time.monotonic(), data))
            link.changed.notify_all()


def _hand_over(sink, data, came, stamp):
    """Gives bytes to the other end; False when that, or the source, ended."""
    if data:
        came(stamp, data)
        try:
            sink.sendall(data)
            return True
        except OSError:
            pass
    try:
        sink.shutdown(socket.SHUT_WR if not data else socket.SHUT_RDWR)
    except OSError:
        pass
    return False
