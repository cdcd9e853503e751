#!/usr/bin/python3
"""`mailmirror run`: what changes on the server changes here, by push."""

import time

from lab import case, compare, fake, messages, mirror
from lab import client as imap


def plain(count, first=0):
    return [(messages.make(n, size=600), messages.flags(n), messages.date(n))
            for n in range(first, first + count)]


class Push(case.Case):
    def watching(self, count, **more):
        """A server, a client, a Mirror and its daemon, all in step."""
        server = self.dovecot()
        imap.fill(server, "INBOX", plain(count))
        client = self.client(server)
        mirrored = self.mirror(server, **more)
        daemon = mirrored.start()
        self.addCleanup(daemon.kill)
        daemon.wait_note("^READY=1$")
        self.wait_alike(daemon, client, "INBOX", mirrored.folder())
        return server, client, mirrored, daemon

    def settle(self, daemon, client, mirrored):
        """Waits for equality, then asks for it in every byte."""
        self.wait_alike(daemon, client, "INBOX", mirrored.folder())
        with daemon:
            pass
        self.assert_exact(client, "INBOX", mirrored.folder())

    def test_a_new_message(self):
        _, client, mirrored, daemon = self.watching(10)
        imap.append(client, "INBOX", messages.make(99), "\\Flagged",
                    messages.date(99))
        self.settle(daemon, client, mirrored)

    def test_the_first_message_of_an_empty_mailbox(self):
        _, client, mirrored, daemon = self.watching(0)
        imap.append(client, "INBOX", messages.make(1))
        self.settle(daemon, client, mirrored)

    def test_flags(self):
        _, client, mirrored, daemon = self.watching(10)
        imap.ok(client.select("INBOX"))
        imap.store(client, [2, 3], "+", "\\Flagged \\Seen")
        imap.store(client, [5], "", "\\Answered $Forwarded holiday")
        self.settle(daemon, client, mirrored)

    def test_an_expunge(self):
        _, client, mirrored, daemon = self.watching(10)
        imap.ok(client.select("INBOX"))
        imap.expunge(client, [1, 4, 10])
        self.settle(daemon, client, mirrored)

    def test_one_thing_after_the_other(self):
        _, client, mirrored, daemon = self.watching(5)
        for number in range(8):
            uid = imap.append(client, "INBOX", messages.make(100 + number))
            self.wait_alike(daemon, client, "INBOX", mirrored.folder())
            imap.ok(client.select("INBOX"))
            if number % 2:
                imap.store(client, [uid], "+", "\\Seen")
            else:
                imap.expunge(client, [uid])
            self.wait_alike(daemon, client, "INBOX", mirrored.folder())
        self.settle(daemon, client, mirrored)

    def test_a_burst_of_500_mixed_changes(self):
        server, client, mirrored, daemon = self.watching(300)
        imap.ok(client.select("INBOX"))
        with imap.Bare(server.port) as bare:
            bare.login()
            for step in range(20):
                bare.append_all("INBOX", plain(10, 1000 + 10 * step))
                imap.store(client, range(200 + step * 5, 205 + step * 5),
                           "+" if step % 2 else "-", "\\Seen \\Flagged")
                imap.store(client, range(100 + step * 5, 105 + step * 5),
                           "", "\\Answered")
                imap.expunge(client, range(1 + step * 5, 6 + step * 5))
        self.settle(daemon, client, mirrored)
        self.assertEqual(len(compare.local_uids(mirrored.folder())), 400)

    def test_a_new_maildir_is_filled_before_it_is_watched(self):
        _, client, mirrored, daemon = self.watching(400)
        self.settle(daemon, client, mirrored)


class Connections(case.Case):
    """More folders than connections: IDLE for the first, polls for the rest.

    That is without NOTIFY; test_notify.py has what is with it.
    """

    def begin(self, names, **more):
        self.server = self.dovecot()
        for number, name in enumerate(names):
            imap.fill(self.server, name, plain(3, 10 * number))
        self.other = self.client(self.server)
        more.setdefault("disable_extensions", ["NOTIFY"])
        self.mirrored = self.mirror(self.server, folders=list(names), **more)
        self.daemon = self.mirrored.start()
        self.addCleanup(self.daemon.kill)
        for name in names:
            self.arrives(name)

    def arrives(self, name):
        self.wait_alike(self.daemon, self.other, name,
                        self.mirrored.folder(name))

    def connections(self):
        return len(self.server.sessions()) - 1

    def test_one_connection_and_three_folders(self):
        names = ("INBOX", "a", "b")
        self.begin(names, max_connections=1, poll_interval="1s")
        for round_ in range(3):
            for name in names:
                imap.append(self.other, name, messages.make(50 + round_))
            for name in names:
                self.arrives(name)
            self.assertEqual(self.connections(), 1)
        self.assertEqual(self.daemon.stop(), 0)
        for name in names:
            self.assert_exact(self.other, name, self.mirrored.folder(name))

    def test_the_first_has_push_when_polls_are_rare(self):
        self.begin(("INBOX", "a", "b"), max_connections=1, poll_interval="1h")
        self.daemon.wait_note("1 folders by IDLE.* 2 by polling, 0 being")
        imap.append(self.other, "a", messages.make(70))
        for number in range(3):
            imap.append(self.other, "INBOX", messages.make(60 + number))
            self.arrives("INBOX")
        self.assertEqual(len(compare.local_uids(self.mirrored.folder("a"))),
                         3)

    def test_within_the_limit_and_beyond_it(self):
        names = ("INBOX", "a", "b", "c", "d")
        self.begin(names, max_connections=3, poll_interval="1s")
        imap.ok(self.other.select("d"))
        imap.store(self.other, [1], "", "\\Flagged")
        imap.expunge(self.other, [2])
        imap.ok(self.other.select("INBOX"))
        imap.store(self.other, [1], "", "\\Flagged")
        for name in names:
            imap.append(self.other, name, messages.make(80))
        for name in names:
            self.arrives(name)
        self.assertLessEqual(self.connections(), 3)

    def test_watch_chooses_what_gets_push(self):
        self.begin(("INBOX", "a"), watch=["a"], poll_interval="1h")
        imap.append(self.other, "INBOX", messages.make(70))
        imap.append(self.other, "a", messages.make(71))
        self.arrives("a")
        self.assertEqual(len(compare.local_uids(self.mirrored.folder())), 3)


class Idle(case.Case):
    def fake_account(self, server, **more):
        return {"name": "fake", "host": "127.0.0.1", "port": server.port,
                "tls": "none", "user": "mirror", "maildir": self.path("Mail"),
                "password": "correct horse battery", **more}

    def test_idle_is_renewed(self):
        server = fake.Server()
        self.addCleanup(server.close)
        server.deliver(messages.make(1))
        mirrored = mirror.Mirror(self.top, [
            self.fake_account(server, idle_refresh="1s")])
        with mirrored.start() as daemon:
            daemon.wait_until(lambda: len(server.said(r" IDLE$")) >= 4,
                              "IDLE to be renewed three times")
            self.assertEqual(server.accepted, 1)
            server.deliver(messages.make(2))
            daemon.wait_until(lambda: compare.local_uids(
                mirrored.folder()) == [1, 2], "the message after that")
        self.assertTrue(server.said("LOGOUT"))

    def test_a_message_that_comes_while_idle_is_renewed_is_not_missed(self):
        server = fake.Server()
        self.addCleanup(server.close)
        late = []

        def hook(session, tag, name, _rest):
            if name == "IDLE" and len(late) < 5 and session.selected:
                # announced after DONE's answer, before the next '+'
                late.append(session.selected.add(messages.make(len(late))))
                session.tell_changes()
            return None
        server.hook = hook
        mirrored = mirror.Mirror(self.top, [
            self.fake_account(server, idle_refresh="1s")])
        with mirrored.start() as daemon:
            daemon.wait_until(lambda: len(late) == 5 and compare.local_uids(
                mirrored.folder()) == late, "all five")

    def test_a_lone_message_is_not_held_back_for_a_burst(self):
        server = fake.Server()
        self.addCleanup(server.close)
        mirrored = mirror.Mirror(self.top, [self.fake_account(
            server, burst_interval="10s", burst_max_wait="40s")])
        with mirrored.start() as daemon:
            daemon.wait_until(lambda: server.said(" IDLE$"), "IDLE")
            time.sleep(11)
            begin = time.monotonic()
            server.deliver(messages.make(1))
            daemon.wait_until(lambda: compare.local_uids(
                mirrored.folder()) == [1], "the message")
            self.assertLess(time.monotonic() - begin, 5)

    def test_a_server_without_idle_is_polled(self):
        server = fake.Server(capabilities="IMAP4rev1 LITERAL+ UNSELECT")
        self.addCleanup(server.close)
        mirrored = mirror.Mirror(self.top, [
            self.fake_account(server, poll_interval="1s")])
        with mirrored.start() as daemon:
            for number in range(1, 4):
                server.deliver(messages.make(number))
                daemon.wait_until(lambda n=number: len(compare.local_uids(
                    mirrored.folder())) == n, "the message by a poll")
        self.assertFalse(server.said(" IDLE$"))


if __name__ == "__main__":
    case.main()
