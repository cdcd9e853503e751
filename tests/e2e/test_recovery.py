#!/usr/bin/python3
"""Whatever is interrupted, and wherever: what follows is exact."""

import os
import random
import signal
import time

from lab import case, compare, fake, messages, mirror, relay
from lab import client as imap


def mail(count, first=0):
    return [(messages.make(n), messages.flags(n), messages.date(n))
            for n in range(first, first + count)]


class Killed(case.Case):
    """kill -9 of mailmirror itself."""

    MESSAGES, MOMENTS = 500, 12

    def test_at_many_moments_of_a_sync(self):
        server = self.dovecot()
        imap.fill(server, "INBOX", mail(self.MESSAGES))
        client = self.client(server)
        there = compare.server_mailbox(client, "INBOX")
        whole = self.at("whole", server).sync().seconds
        cut_short = 0
        for moment in range(self.MOMENTS):
            mirrored = self.at("kill%d" % moment, server)
            with self.subTest(moment=moment):
                daemon = mirrored.start(command="sync")
                time.sleep(whole * (moment + random.random()) / self.MOMENTS)
                daemon.kill()
                if daemon.code == 0:
                    whole *= 0.8  # it was faster than the first time
                cut_short += daemon.code == -signal.SIGKILL
                daemon.socket.close()
                self.assert_sound(there, mirrored)
                mirrored.sync()
                self.assert_exact(client, "INBOX", mirrored.folder())
        self.assertGreater(cut_short, self.MOMENTS // 3)

    def test_again_and_again_in_one_maildir(self):
        server = self.dovecot()
        imap.fill(server, "INBOX", mail(self.MESSAGES))
        client = self.client(server)
        there = compare.server_mailbox(client, "INBOX")
        whole = self.at("whole", server).sync().seconds
        mirrored = self.at("again", server)
        for _ in range(8):
            daemon = mirrored.start(command="sync")
            time.sleep(whole * random.uniform(0.1, 0.6))
            daemon.kill()
            daemon.socket.close()
            self.assert_sound(there, mirrored)
        mirrored.sync()
        self.assert_exact(client, "INBOX", mirrored.folder())

    def test_while_changes_are_applied(self):
        server = self.dovecot()
        imap.fill(server, "INBOX", mail(300))
        client = self.client(server)
        mirrored = self.at("changing", server)
        daemon = mirrored.start()
        self.addCleanup(daemon.kill)
        self.wait_alike(daemon, client, "INBOX", mirrored.folder())
        imap.ok(client.select("INBOX"))
        for round_ in range(4):
            imap.store(client, range(1, 200), "+-"[round_ % 2],
                       "\\Seen \\Flagged")
            imap.fill(server, "INBOX", mail(30, 1000 + 30 * round_))
            imap.expunge(client, range(200 + 20 * round_, 220 + 20 * round_))
            time.sleep(random.uniform(0.4, 0.9))
            daemon.kill()
            daemon.socket.close()
            daemon = mirrored.start()
            self.addCleanup(daemon.kill)
        daemon.wait_note("^READY=1$")
        self.wait_alike(daemon, client, "INBOX", mirrored.folder())
        self.assertEqual(daemon.stop(), 0)
        self.assert_exact(client, "INBOX", mirrored.folder())

    def at(self, name, server):
        os.makedirs(self.path(name))
        return mirror.Mirror(self.path(name), [
            self.account(server, maildir=self.path(name, "Mail"))])

    def assert_sound(self, there, mirrored):
        """What is visible is whole, and each message is there once."""
        if os.path.isdir(os.path.join(mirrored.folder(), "tmp")):
            self.assertEqual(compare.differences(
                there, mirrored.folder(), "localhost", partial=True), [])


class Server(case.Case):
    """The other side breaks."""

    def watching(self, server, port=None, **more):
        imap.fill(server, "INBOX", mail(30))
        if port:
            more["port"] = port
        mirrored = self.mirror(server, **more)
        daemon = mirrored.start()
        self.addCleanup(daemon.kill)
        self.wait_alike(daemon, self.client(server), "INBOX",
                        mirrored.folder())
        return mirrored, daemon

    def test_killed_and_back(self):
        server = self.dovecot()
        mirrored, daemon = self.watching(server)
        server.stop(kill=True)
        server.start()
        client = self.client(server)
        imap.append(client, "INBOX", messages.make(99))
        self.wait_alike(daemon, client, "INBOX", mirrored.folder())
        self.assertEqual(daemon.stop(), 0)
        self.assert_exact(client, "INBOX", mirrored.folder())

    def test_away_for_a_while_and_back(self):
        server = self.dovecot()
        mirrored, daemon = self.watching(server)
        server.stop()
        seen = len(daemon.lines)
        daemon.wait_line(".", since=seen)
        time.sleep(3)
        server.start()
        client = self.client(server)
        imap.append(client, "INBOX", messages.make(99))
        daemon.signal(signal.SIGUSR1)
        self.wait_alike(daemon, client, "INBOX", mirrored.folder())
        self.assertEqual(daemon.stop(), 0)

    def test_not_there_at_the_start(self):
        server = self.dovecot()
        imap.fill(server, "INBOX", mail(5))
        server.stop()
        mirrored = self.mirror(server)
        with mirrored.start() as daemon:
            daemon.wait_note("^READY=1$")
            server.start()
            daemon.signal(signal.SIGUSR1)
            self.wait_alike(daemon, self.client(server), "INBOX",
                            mirrored.folder())

    def test_stopped_answering_while_idle(self):
        server = self.dovecot()
        mirrored, daemon = self.watching(server, timeout="2s",
                                         idle_refresh="2s")
        stopped = server.sessions()
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)
        client = self.client(server)
        imap.append(client, "INBOX", messages.make(99))
        self.wait_alike(daemon, client, "INBOX", mirrored.folder())
        self.assertEqual(daemon.stop(), 0)
        self.assert_exact(client, "INBOX", mirrored.folder())

    def test_deaf_line_while_idle(self):
        server = self.dovecot()
        line = relay.Relay(server.tls_port)
        self.addCleanup(line.close)
        mirrored, daemon = self.watching(server, port=line.port,
                                         timeout="2s", idle_refresh="2s")
        accepted = line.accepted
        line.freeze()
        client = self.client(server)
        imap.append(client, "INBOX", messages.make(99))
        daemon.wait_until(lambda: line.accepted > accepted,
                          "a new connection")
        line.thaw()
        self.wait_alike(daemon, client, "INBOX", mirrored.folder())
        self.assertEqual(daemon.stop(), 0)

    def test_cut_again_and_again_while_messages_come(self):
        server = self.dovecot()
        line = relay.Relay(server.tls_port)
        self.addCleanup(line.close)
        mirrored, daemon = self.watching(server, port=line.port)
        client = self.client(server)
        for round_ in range(4):
            imap.fill(server, "INBOX", mail(40, 100 + 40 * round_))
            time.sleep(random.uniform(0.3, 0.9))
            line.cut()
            daemon.signal(signal.SIGUSR1)
        self.wait_alike(daemon, client, "INBOX", mirrored.folder())
        self.assertEqual(daemon.stop(), 0)
        self.assert_exact(client, "INBOX", mirrored.folder())


class Faults(case.Case):
    """Faults that only a server of our own makes."""

    def setUp(self):
        super().setUp()
        self.server = fake.Server()
        self.addCleanup(self.server.close)
        for number in range(20):
            self.server.deliver(messages.make(number, size=3000))

    def mirrored(self, **more):
        settings = {"name": "fake", "host": "127.0.0.1", "tls": "none",
                    "port": self.server.port, "user": "mirror",
                    "password": "correct horse battery",
                    "maildir": self.path("Mail"), "timeout": "2s"}
        settings.update(more)
        return mirror.Mirror(self.top, [settings])

    def assert_whole(self, mirrored, uids):
        folder = mirrored.folder()
        self.assertEqual(compare.local_uids(folder), uids)
        bodies = self.server.mailboxes["INBOX"].messages
        for sub, name in compare.local_names(folder):
            uid = int(name.split(",U=")[1].split(",")[0])
            with open(os.path.join(folder, sub, name), "rb") as f:
                self.assertEqual(f.read(), bodies[uid].body.replace(
                    b"\r\n", b"\n"))

    def cut_in_body(self, times):
        cuts = []

        def hook(session, _tag, name, rest):
            if name == "UID_FETCH" and "BODY" in rest and len(cuts) < times:
                cuts.append(rest)
                # whole messages first, then half of one
                first = sorted(session.selected.messages)[len(cuts) - 1]
                message = session.selected.messages[first]
                line = session.fetch_line(first, message, rest)
                session.send(line)
                session.send(session.fetch_line(
                    first + 1, session.selected.messages[first + 1],
                    rest)[:1500])
                raise fake.Closed
            return None
        self.server.hook = hook
        return cuts

    def test_a_link_that_drops_in_a_body_is_taken_up_again(self):
        self.cut_in_body(2)
        mirrored = self.mirrored()
        mirrored.sync()
        self.assert_whole(mirrored, list(range(1, 21)))

    def test_a_link_that_always_drops_ends_with_69(self):
        self.cut_in_body(1000)
        mirrored = self.mirrored()
        self.assert_code(mirrored.call("sync"), 69)
        uids = compare.local_uids(mirrored.folder())
        self.assertLess(len(uids), 20)
        self.assert_whole(mirrored, uids)

    def test_a_server_that_never_answers_ends_with_69(self):
        self.server.hook = lambda _s, _t, name, _r: (
            fake.NEVER if name in ("EXAMINE", "SELECT") else None)
        self.assert_code(self.mirrored(timeout="1s").call("sync"), 69)

    def test_a_server_that_never_greets_ends_with_69(self):
        self.server.greeting = b""
        self.assert_code(self.mirrored(timeout="1s").call("sync"), 69)

    def test_a_server_that_says_later_ends_with_75(self):
        self.server.greeting = "* BYE [UNAVAILABLE] later"
        self.assert_code(self.mirrored().call("sync"), 75)

    def test_a_mailbox_that_cannot_be_opened_ends_with_75(self):
        self.server.hook = lambda _s, tag, name, _r: (
            [tag + " NO not now"] if name in ("EXAMINE", "SELECT") else None)
        self.assert_code(self.mirrored().call("sync"), 75)

    def test_nonsense_ends_with_76(self):
        self.server.greeting = "HTTP/1.1 400 Bad Request"
        self.assert_code(self.mirrored().call("sync"), 76)

    def test_dropped_while_idle(self):
        mirrored = self.mirrored()
        with mirrored.start() as daemon:
            daemon.wait_until(lambda: self.server.said(" IDLE$"), "IDLE")
            self.server.drop_all()
            self.server.deliver(messages.make(77))
            daemon.wait_until(lambda: len(compare.local_uids(
                mirrored.folder())) == 21, "the message after that")

    def test_bytes_that_are_odd_stay_as_they_are(self):
        self.server.deliver(b"Subject: odd\r\n\r\nbare\rCR bare\nLF nul\0 "
                            b"8bit\xff\r\r\n.\r\n\r\n\r\n")
        mirrored = self.mirrored()
        mirrored.sync()
        self.assert_whole(mirrored, list(range(1, 22)))

    def test_one_broken_account_does_not_hold_up_another(self):
        broken = fake.Server(hook=lambda *_: fake.NEVER)
        self.addCleanup(broken.close)
        mirrored = self.mirrored()
        second = dict(mirrored.accounts[0], name="broken", port=broken.port,
                      maildir=self.path("Broken"), timeout="60s")
        mirrored.configure([second, mirrored.accounts[0]])
        with mirrored.start() as daemon:
            daemon.wait_until(lambda: len(compare.local_uids(
                self.path("Mail", "INBOX"))) == 20, "the good account")


if __name__ == "__main__":
    case.main()
