#!/usr/bin/python3
"""The console waits: idle, idle in bursts, NOTIFY."""

from lab import case, console, courier, cyrus, dovecot, fake, messages, mirror
from lab import client as imap


def rest(asked):
    """What is printed until the command's own result, and that."""
    came = []
    while True:
        answer = asked.next()
        if isinstance(answer, dict) and "command" in answer:
            return came, answer
        came.append(answer)


class Idle:
    """On any server that has three messages."""

    def setUp(self):
        super().setUp()
        self.server = self.kind(self.path("server"), **self.options)
        self.addCleanup(self.server.stop)
        self.server.start()
        imap.fill(self.server, "INBOX",
                  [(messages.make(n), "", None) for n in range(3)])
        self.other = self.client(self.server)
        self.console = console.Console(self.mirror(self.server), "main")
        self.addCleanup(self.console.end)

    options = {}

    def test_idle_shows_what_the_other_client_does(self):
        self.console.ok("select INBOX")
        self.console.say("idle 8s")
        imap.append(self.other, "INBOX", messages.make(4))
        first = self.console.next()
        while first["name"] != "EXISTS":
            first = self.console.next()
        self.assertEqual(first, {"name": "EXISTS", "number": 4, "data": []})
        imap.ok(self.other.select("INBOX"))
        imap.store(self.other, 2, "+", "\\Flagged")
        imap.expunge(self.other, 1)
        came, result = rest(self.console)
        self.assertEqual((result["command"], result["type"]), ("idle", "OK"))
        self.assertIn({"name": "EXPUNGE", "number": 1, "data": []}, came)
        fetched = [one for one in came if one["name"] == "FETCH"]
        self.assertIn("\\Flagged", str(fetched))
        self.console.ok("noop")
        self.assertEqual(self.console.end(), 0)

    def test_a_burst_is_an_array(self):
        self.console.ok("select INBOX")
        self.console.say("idle 8s burst 300ms 5s")
        imap.ok(self.other.select("INBOX"))
        imap.expunge(self.other, [1, 2])
        came, result = rest(self.console)
        self.assertEqual(result["type"], "OK")
        self.assertTrue(came)
        for burst in came:
            self.assertIsInstance(burst, list)
        gone = [one for burst in came for one in burst
                if one["name"] == "EXPUNGE"]
        self.assertEqual(len(gone), 2)

    def test_a_duration_that_is_over_gives_nothing(self):
        self.console.ok("select INBOX")
        for line in ("idle 0s", "idle 0s burst", "idle 200ms burst 100ms"):
            with self.subTest(line):
                came, result = (self.console.say(line),
                                rest(self.console))[1]
                self.assertEqual(came, [])
                self.assertEqual(result["type"], "OK")
        self.assertEqual(
            self.console.ask("idle soon")["type"], "ERROR")
        self.console.ok("noop")


class Dovecot(Idle, case.Case):
    kind = dovecot.Dovecot
    options = {"extra": dovecot.PLUGINS}

    def test_notify_tells_of_another_mailbox(self):
        self.console.ok("create Box")
        self.console.ok("select INBOX")
        self.console.ok("notify SET (selected (MessageNew MessageExpunge)) "
                        "(personal (MessageNew MessageExpunge))")
        self.console.say("idle 5s")
        imap.append(self.other, "Box", messages.make(5))
        came, result = rest(self.console)
        self.assertEqual(result["type"], "OK")
        self.assertEqual([one["data"][0] for one in came
                          if one["name"] == "STATUS"], ["Box"])
        self.console.ok("notify NONE")


class Cyrus(Idle, case.Case):
    kind = cyrus.Cyrus


class Courier(Idle, case.Case):
    kind = courier.Courier


class Hostile(case.Case):
    """A server that answers IDLE as no good one does."""

    def begin(self, *answer, cut=False):
        def hook(session, tag, name, _):
            if name != "IDLE":
                return None
            session.send(*(line.replace("TAG", tag) for line in answer))
            if cut:
                raise fake.Closed
            session.idle_tag = tag
            return ()
        server = fake.Server(hook=hook)
        self.addCleanup(server.close)
        mirrored = mirror.Mirror(self.top, [{
            "name": "main", "host": "127.0.0.1", "port": server.port,
            "tls": "none", "user": dovecot.USER,
            "password": dovecot.PASSWORD, "maildir": self.path("M")}])
        asked = console.Console(mirrored, "main")
        self.addCleanup(asked.end)
        asked.ok("select INBOX")
        return asked

    def test_what_comes_before_the_plus_is_shown(self):
        asked = self.begin("* 7 EXISTS", "+ idling", "* 8 EXISTS")
        asked.say("idle 1s burst 100ms")
        came, result = rest(asked)
        self.assertEqual([one["number"] for burst in came for one in burst],
                         [7, 8])
        self.assertEqual(result["type"], "OK")

    def test_the_end_of_the_connection_inside_a_burst(self):
        asked = self.begin("+ idling", "* 7 EXISTS", cut=True)
        asked.say("idle 20s burst 5s")
        came, result = rest(asked)
        self.assertEqual([one["number"] for burst in came for one in burst],
                         [7])
        self.assertEqual(result["type"], "ABORT")
        self.assertEqual(asked.end(), 69)

    def test_a_refused_idle(self):
        asked = self.begin("* 7 EXISTS", "TAG NO not today")
        asked.say("idle 20s")
        came, result = rest(asked)
        self.assertEqual((result["type"], result["text"]),
                         ("NO", "not today"))
        self.assertIn(7, [one["number"] for one in
                          came + result["untagged"]])

    def test_a_server_that_ends_it(self):
        asked = self.begin("+ idling", "* 7 EXISTS", "TAG OK enough")
        asked.say("idle")
        came, result = rest(asked)
        self.assertEqual([one["number"] for one in came], [7])
        self.assertEqual((result["type"], result["text"]), ("OK", "enough"))

    def test_a_flood_does_not_last_longer_than_the_most(self):
        asked = self.begin("+ idling", *["* 7 EXISTS"] * 500)
        asked.say("idle 1s burst 100ms 300ms")
        came, result = rest(asked)
        self.assertEqual(sum(map(len, came)), 500)
        self.assertEqual(result["type"], "OK")


if __name__ == "__main__":
    case.main()
