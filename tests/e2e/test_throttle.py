#!/usr/bin/python3
"""Servers that say "later", and folders that take long."""

import os
import threading
import time

from lab import case, compare, fake, messages, mirror


class Server(case.Case):
    """A server of two mailboxes that does what the test says."""

    capabilities = fake.CAPABILITIES
    greeting = None

    def begin(self, hook=None, **more):
        self.server = fake.Server(capabilities=self.capabilities,
                                  greeting=self.greeting)
        self.addCleanup(self.server.close)
        self.server.mailboxes["a"] = fake.Mailbox()
        self.server.deliver(messages.make(1))
        self.server.deliver(messages.make(1), mailbox="a")
        self.server.hook = hook
        self.mirrored = mirror.Mirror(self.top, [{
            "name": "fake", "host": "127.0.0.1", "port": self.server.port,
            "tls": "none", "user": "mirror", "maildir": self.path("Mail"),
            "folders": ["*"], "password": "correct horse battery", **more}])
        self.daemon = self.mirrored.start("-v")
        self.addCleanup(self.daemon.kill)

    def arrives(self, name, count):
        self.daemon.wait_until(lambda: os.path.isdir(self.mirrored.folder(
            name)) and len(compare.local_uids(
                self.mirrored.folder(name))) == count,
            "%d messages in %s" % (count, name))


class Later(Server):
    def once(self, wanted, *reply):
        """A hook that answers the first such command otherwise."""
        self.refused = []

        def hook(_session, tag, name, _rest):
            if name == wanted and not self.refused:
                self.refused.append(time.monotonic())
                return [line.replace("TAG", tag) for line in reply]
            return None
        return hook

    def moments(self, name):
        return len(self.server.said(" %s" % name))

    def test_a_named_time_is_waited_and_shown(self):
        self.begin(self.once("EXAMINE", "TAG BAD Request is throttled. "
                             "Suggested Backoff Time: 4000 milliseconds"))
        self.daemon.wait_line("asking nothing new for 4 s")
        self.daemon.wait_note("STATUS=.*Suggested Backoff Time")
        asked = self.moments("EXAMINE")
        self.arrives("INBOX", 1)
        self.arrives("a", 1)
        self.assertGreater(time.monotonic() - self.refused[0], 3.9)
        self.assertGreater(self.moments("EXAMINE"), asked)

    def test_a_refused_download_is_not_the_messages_fault(self):
        self.begin(self.once("UID_FETCH", "TAG BAD Request is throttled. "
                             "Suggested Backoff Time: 2000 milliseconds"))
        self.arrives("INBOX", 1)
        self.arrives("a", 1)
        self.assertNotIn("does not give", self.daemon.text())

    def test_what_idles_goes_on(self):
        # the folder that is refused waits; the other one has its IDLE
        idles = []

        def hook(_session, tag, name, rest):
            if name == "IDLE":
                idles.append(tag)
            if name == "EXAMINE" and "a" in rest:
                if not idles:
                    return None
                return [tag + " NO [OVERQUOTA] Account exceeded command or "
                        "bandwidth limits"]
            return None
        self.begin(hook, max_connections=1, poll_interval="1s")
        self.arrives("INBOX", 1)
        self.daemon.wait_line("asking nothing new for")
        self.assertEqual(self.daemon.code, None)

    def test_too_many_connections_are_fewer_from_then_on(self):
        self.begin(self.once(
            "EXAMINE", "TAG NO [ALERT] Too many simultaneous connections. "
            "(Failure)"))
        self.daemon.wait_line("going on with 1 connections|asking nothing")
        self.daemon.signal(10)
        self.arrives("INBOX", 1)
        self.arrives("a", 1)

    def test_the_wait_can_be_cut_short(self):
        self.begin(self.once("EXAMINE", "TAG NO [LIMIT] slow down"))
        self.daemon.wait_line("asking nothing new for 300 s")
        self.daemon.signal(10)
        self.arrives("INBOX", 1)
        self.arrives("a", 1)


class Bulk(Server):
    """A folder that is being filled does not hold up another's news."""

    def begin_filling(self, **more):
        """The bodies of `a` come only when self.goes_on is set."""
        self.goes_on = threading.Event()
        self.addCleanup(self.goes_on.set)
        self.waits = threading.Event()
        self.watching = None

        def hook(session, tag, name, rest):
            if name == "NOTIFY" and "STATUS" in rest:
                self.watching = session
                return [self.status(name) for name in ("INBOX", "a")] \
                    + [tag + " OK set"]
            if name == "UID_FETCH" and "BODY" in rest \
                    and session.selected is self.server.mailboxes["a"]:
                self.waits.set()
                self.goes_on.wait()
            return [tag + " OK none"] if name == "NOTIFY" else None
        self.begin(hook, max_connections=2, poll_interval="1h", **more)
        self.arrives("INBOX", 1)
        self.assertTrue(self.waits.wait(60))

    def status(self, name):
        mailbox = self.server.mailboxes[name]
        return '* STATUS "%s" (MESSAGES %d UIDNEXT %d UIDVALIDITY 1)' % (
            name, len(mailbox.messages), mailbox.uidnext)

    def ends(self):
        self.goes_on.set()
        self.arrives("a", 1)

    def test_by_idle(self):
        self.begin_filling()
        for count in (2, 3, 4):
            self.server.deliver(messages.make(count))
            self.arrives("INBOX", count)
        self.ends()

    def test_by_notify(self):
        self.capabilities = "IMAP4rev1 LITERAL+ UNSELECT IDLE NOTIFY"
        self.begin_filling()
        for count in (2, 3, 4):
            self.daemon.wait_until(
                lambda: self.watching and self.watching.idle_tag,
                "it to watch all")
            with self.server.lock:
                self.server.mailboxes["INBOX"].add(messages.make(count))
            self.watching.send(self.status("INBOX"))
            self.arrives("INBOX", count)
        self.ends()


class Quirks(Server):
    """What is known of a kind of server is done, and remembered."""

    capabilities = ("IMAP4rev1 LITERAL+ UNSELECT IDLE ENABLE CONDSTORE "
                    "LIST-EXTENDED LIST-STATUS SPECIAL-USE")

    def begin(self, **more):
        super().begin(**more)
        self.arrives("INBOX", 1)
        self.arrives("a", 1)

    def test_a_server_is_known_by_its_greeting(self):
        # ProtonMail's bridge offers what it answers with BAD
        self.greeting = "* OK ProtonMail Bridge 3.0 - gluon session ready"
        self.begin()
        self.daemon.wait_line("ProtonMail Bridge: quirk plain-list")
        self.daemon.wait_line("connecting anew")
        self.assertEqual(self.server.said("LIST .*RETURN"), [])
        accepted = self.server.accepted
        self.assertEqual(self.daemon.stop(), 0)
        with self.mirrored.start("-v") as self.daemon:
            self.daemon.wait_until(lambda: self.server.accepted > accepted,
                                   "it to connect again")
            self.daemon.wait_line("INBOX: .*IDLING")
        self.assertNotIn("connecting anew", self.daemon.text())
        self.assertEqual(self.server.said("LIST .*RETURN"), [])

    def test_another_server_is_not(self):
        self.begin()
        self.assertNotIn("connecting anew", self.daemon.text())
        self.assertTrue(self.server.said("LIST .*RETURN"))


if __name__ == "__main__":
    case.main()
