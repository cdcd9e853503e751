#!/usr/bin/python3
"""How many round trips a start and a new message take, by what depends on what.

Counted from the first SYN, without TLS; TLS 1.3 adds one to every start. The
first row of a start is TCP's, the second the greeting's.
"""

from lab import case, link, messages
from lab import client as imap

# What the server and the client need at least, and what is demanded.
FIRST_CONTACT = 4    # SYN, greeting, the login that tells the capabilities
NEXT_START = 3       # SYN, greeting, one flight that ends with IDLE
NEW_MESSAGE = 1      # DONE, UID FETCH and IDLE in one write
NOTIFIED_MESSAGE = 0  # the server sends it unasked

# One way. A client that needs twice as long between two writes of one flight
# is counted as having waited.
DELAY = 0.15
IDLING = rb"\+ idling"


class RoundTrips(case.Case):
    def serve(self, count):
        server = self.dovecot()
        imap.fill(server, "INBOX", (
            (messages.make(n, size=300), "", None) for n in range(count)))
        return server

    def start(self, server, **more):
        """The daemon, over a link of its own; until it is in IDLE."""
        line = link.Link(server.port, DELAY, records=True)
        self.addCleanup(line.close)
        mirrored = self.mirror(server, tls="none", port=line.port, **more)
        daemon = mirrored.start()
        self.addCleanup(daemon.kill)
        return mirrored, daemon, line, line.wait_arrival(IDLING).trips

    def assert_trips(self, line, trips, wanted):
        print("%s: %d round trips, demanded %d" % (
            self.id().rpartition(".")[2], trips, wanted))
        self.assertLessEqual(trips, wanted, "\n" + line.text())

    def test_first_contact(self):
        _, daemon, line, trips = self.start(self.serve(0))
        self.assertEqual(daemon.stop(), 0)
        self.assert_trips(line, trips, FIRST_CONTACT)

    def test_next_start_with_nothing_changed(self):
        server = self.serve(50)
        mirrored, daemon, _, _ = self.start(server)
        client = self.client(server)
        self.wait_alike(daemon, client, "INBOX", mirrored.folder())
        self.assertEqual(daemon.stop(), 0)
        mirrored, daemon, line, trips = self.start(server)
        self.assertEqual(daemon.stop(), 0)
        self.assert_exact(client, "INBOX", mirrored.folder())
        self.assert_trips(line, trips, NEXT_START)

    def deliver(self, pattern, **more):
        """Round trips from what matches PATTERN to the message's last byte."""
        server = self.serve(3)
        mirrored, daemon, line, _ = self.start(server, **more)
        client = self.client(server)
        self.wait_alike(daemon, client, "INBOX", mirrored.folder())
        mark = line.mark()
        imap.append(client, "INBOX", messages.make(9, size=500) + b"\r\nlast")
        told = line.wait_arrival(pattern, mark)
        came = line.wait_arrival(rb"\r\nlast(\r\n)?[ )]", mark)
        self.wait_alike(daemon, client, "INBOX", mirrored.folder())
        self.assertEqual(daemon.stop(), 0)
        self.assert_exact(client, "INBOX", mirrored.folder())
        return line, came.trips - told.trips

    def test_a_new_message(self):
        line, trips = self.deliver(rb"\* 4 EXISTS",
                                   disable_extensions=["NOTIFY"])
        self.assert_trips(line, trips, NEW_MESSAGE)

    def test_a_new_message_with_notify(self):
        line, trips = self.deliver(rb"\* 4 (EXISTS|FETCH)")
        self.assert_trips(line, trips, NOTIFIED_MESSAGE)


if __name__ == "__main__":
    case.main()
