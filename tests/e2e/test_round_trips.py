#!/usr/bin/python3
"""How many round trips a start and a new message take, by what depends on what.

Counted from the first SYN, without TLS: TCP takes one and the greeting another.
TLS 1.3 adds one to every start. What the server announces costs none.
"""

from lab import case, link, messages
from lab import client as imap

# What is demanded, for each test.
DEMANDED = {
    # the login that tells the capabilities, then all else in one flight
    "first_contact": 4,
    # one flight, with the capabilities remembered
    "next_start": 3,
    # ... what there is and how large it is, then bodies: four windows at once
    "first_copy": 6,
    # SCRAM proves each side to the other, in three turns, before anything else
    "next_start_with_scram": 6,
    # DONE, UID FETCH and IDLE in one write
    "new_message": 1,
    "first_message_of_all": 1,
    # the server sends it unasked
    "new_message_with_notify": 0,
}

# One way. A client that needs twice as long between two writes of one flight
# is counted as having waited.
DELAY = 0.15
IDLE = rb"IDLE\r\n$"
IDLING = rb"\+ idling"


class RoundTrips(case.Case):
    def serve(self, count, mechanisms="plain"):
        server = self.dovecot(mechanisms=mechanisms)
        imap.fill(server, "INBOX", (
            (messages.make(n, size=300), "", None) for n in range(count)))
        return server

    def start(self, server, port=0, **more):
        """The daemon, over a link of its own; until it is in IDLE.

        With a timeout that no busy machine's first login meets: another
        connection's round trips would be counted with the first one's.
        """
        line = link.Link(server.port, DELAY, records=True, port=port)
        self.addCleanup(line.close)
        mirrored = self.mirror(server, tls="none", port=line.port,
                               allow_plaintext=True, timeout="60s", **more)
        daemon = mirrored.start()
        self.addCleanup(daemon.kill)
        return mirrored, daemon, line, line.wait_arrival(IDLING).trips

    def assert_trips(self, line, trips):
        name = self.id().rpartition(".test_")[2]
        print("%s: %d round trips, demanded %d" % (
            name, trips, DEMANDED[name]))
        self.assertLessEqual(trips, DEMANDED[name], "\n" + line.text())

    def test_first_contact(self):
        _, daemon, line, trips = self.start(self.serve(0))
        self.assertEqual(daemon.stop(), 0)
        self.assert_trips(line, trips)

    def test_first_copy(self):
        _, daemon, line, _ = self.start(self.serve(600))
        trips = line.wait_arrival(
            rb"\* 1 FETCH \(UID 1 [^\r]*BODY\[\]").trips
        self.assertEqual(daemon.stop(), 0)
        self.assert_trips(line, trips)

    def start_again(self, mechanisms):
        server = self.serve(50, mechanisms)
        mirrored, daemon, line, _ = self.start(server)
        client = self.client(server)
        self.wait_alike(daemon, client, "INBOX", mirrored.folder())
        daemon.wait_line("the same as the server")
        self.assertEqual(daemon.stop(), 0)
        line.close()
        mirrored, daemon, line, trips = self.start(server, line.port)
        self.assertEqual(daemon.stop(), 0)
        self.assert_exact(client, "INBOX", mirrored.folder())
        self.assert_trips(line, trips)

    def test_next_start(self):
        self.start_again("plain")

    def test_next_start_with_scram(self):
        # the other client's login is PLAIN
        self.start_again("plain scram-sha-256")

    def deliver(self, count, pattern, **more):
        """Round trips from what matches PATTERN to the message's last byte."""
        server = self.serve(count)
        mirrored, daemon, line, _ = self.start(server, **more)
        client = self.client(server)
        self.wait_alike(daemon, client, "INBOX", mirrored.folder())
        # what it still asks is no answer to what arrives next
        daemon.wait_line("the same as the server")
        line.wait_answered(IDLE, IDLING)
        mark = line.mark()
        imap.append(client, "INBOX", messages.make(9, size=500) + b"\r\nlast")
        told = line.wait_arrival(pattern, mark)
        came = line.wait_arrival(rb"\r\nlast(\r\n)?[ )]", mark)
        self.wait_alike(daemon, client, "INBOX", mirrored.folder())
        self.assertEqual(daemon.stop(), 0)
        self.assert_exact(client, "INBOX", mirrored.folder())
        self.assert_trips(line, came.trips - told.trips)

    def test_new_message(self):
        # and no other connection whose lines are counted
        self.deliver(3, rb"\* 4 EXISTS", disable_extensions=["NOTIFY"],
                     max_connections=1)

    def test_first_message_of_all(self):
        self.deliver(0, rb"\* 1 EXISTS", disable_extensions=["NOTIFY"],
                     max_connections=1)

    def test_new_message_with_notify(self):
        self.deliver(3, rb"\* 4 (EXISTS|FETCH)")


if __name__ == "__main__":
    case.main()
