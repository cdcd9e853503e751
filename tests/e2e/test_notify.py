#!/usr/bin/python3
"""NOTIFY: one connection hears of every folder."""

import os
import re
import time

from lab import case, compare, fake, messages, mirror, relay
from lab import client as imap

NAMES = ("INBOX", "a", "b", "c/d", "Empty")


def few(count, first=0):
    return [(messages.make(n, size=600), messages.flags(n), messages.date(n))
            for n in range(first, first + count)]


class Notify(case.Case):
    def begin(self, names=NAMES, **more):
        self.server = self.dovecot()
        for number, name in enumerate(names):
            imap.fill(self.server, name,
                      few(0 if name == "Empty" else 3, 10 * number))
        self.server.begin_rawlog()
        self.other = self.client(self.server)
        more.setdefault("folders", ["*"])
        # what is heard of at all is heard of by push
        more.setdefault("poll_interval", "1h")
        self.mirrored = self.mirror(self.server, **more)
        self.daemon = self.mirrored.start("-v")
        self.addCleanup(self.daemon.kill)
        for name in names:
            self.arrives(name)

    def arrives(self, name):
        self.wait_alike(self.daemon, self.other, name,
                        self.mirrored.folder(name))

    def connections(self):
        return len(self.server.sessions()) - 1

    def ends(self, *names):
        self.assertEqual(self.daemon.stop(), 0)
        for name in names:
            self.assert_exact(self.other, name, self.mirrored.folder(name))

    def said(self, pattern):
        return re.findall(pattern, self.server.rawlog())

    def wait_set(self):
        self.daemon.wait_until(lambda: self.said(rb"NOTIFY SET STATUS"),
                               "NOTIFY to be set")

    def change_everywhere(self, number):
        for name in NAMES:
            imap.append(self.other, name, messages.make(number))
        for name in ("INBOX", "a", "c/d"):
            imap.ok(self.other.select(imap.quote(name)))
            imap.store(self.other, [1], "+", "\\Flagged")
            imap.expunge(self.other, [2])
            imap.ok(self.other.close())

    def test_every_folder_has_push(self):
        self.begin()
        self.wait_set()
        for round_ in range(3):
            imap.append(self.other, NAMES[round_ % 5],
                        messages.make(40 + round_))
            self.arrives(NAMES[round_ % 5])
        self.change_everywhere(50)
        for name in NAMES:
            self.arrives(name)
        self.ends(*NAMES)

    def test_flags_alone_are_told(self):
        self.begin()
        self.wait_set()
        for flags in ("\\Seen", "\\Flagged", "holiday"):
            imap.ok(self.other.select("a"))
            imap.store(self.other, [1], "+", flags)
            self.arrives("a")
        self.ends("a")

    def test_one_connection_is_enough(self):
        self.begin(max_connections=1)
        self.wait_set()
        for round_ in range(2):
            self.change_everywhere(60 + round_)
            for name in NAMES:
                self.arrives(name)
            self.assertEqual(self.connections(), 1)
        self.ends(*NAMES)

    def test_two_connections_are_never_more(self):
        self.begin(max_connections=2)
        self.wait_set()
        self.change_everywhere(70)
        for name in NAMES:
            self.arrives(name)
        self.assertLessEqual(self.connections(), 2)
        self.ends(*NAMES)

    def never_deaf(self, **more):
        """NOTIFY that leaves out the selected mailbox ends before EXAMINE: a
        server says nothing of it else, and forgets that it did not."""
        self.begin(**more)
        self.wait_set()
        for round_ in range(3):
            self.change_everywhere(130 + round_)
            for name in NAMES:
                self.arrives(name)
        self.assertEqual(self.daemon.stop(), 0)
        looks = 0
        for text in self.server.rawlogs():
            hears = True
            for line in text.split(b"\n"):
                if b" NOTIFY " in line:
                    hears = b"(selected " in line
                elif b" EXAMINE " in line:
                    self.assertTrue(hears, text)
                    looks += 1
        self.assertGreater(looks, len(NAMES))

    def test_the_only_connection_hears_of_what_it_looks_at(self):
        self.never_deaf(max_connections=1)

    def test_a_connection_that_goes_round_hears_of_what_it_looks_at(self):
        self.never_deaf(max_connections=2)

    def test_what_happens_while_a_folder_is_looked_at_is_not_missed(self):
        self.begin(max_connections=2)
        self.wait_set()
        for number in range(30):
            imap.append(self.other, "a", messages.make(100 + number))
            time.sleep(0.04)
        self.arrives("a")
        self.ends("a")

    def test_a_mailbox_is_created_renamed_and_deleted(self):
        self.begin()
        self.wait_set()
        imap.fill(self.server, "New", few(4, 200))
        self.arrives("New")
        imap.append(self.other, "New", messages.make(210))
        self.arrives("New")
        imap.ok(self.other.rename("New", "Newer"))
        self.daemon.wait_until(lambda: not os.path.exists(
            self.mirrored.folder("New")), "the old name to go")
        self.arrives("Newer")
        imap.append(self.other, "Newer", messages.make(211))
        self.arrives("Newer")
        imap.ok(self.other.delete("Newer"))
        self.daemon.wait_line("Newer.*gone from the server")
        imap.append(self.other, "a", messages.make(212))
        self.arrives("a")
        self.ends("a", "INBOX")

    def test_watch_chooses_whom_it_wakes(self):
        self.begin(watch=["b", "a"])
        self.wait_set()
        imap.append(self.other, "c/d", messages.make(80))
        imap.append(self.other, "a", messages.make(81))
        imap.append(self.other, "b", messages.make(82))
        self.arrives("a")
        self.arrives("b")
        self.assertEqual(
            len(compare.local_uids(self.mirrored.folder("c/d"))), 3)

    def test_a_lost_connection_is_made_up_for(self):
        self.begin(max_connections=2)
        self.wait_set()
        for pid in self.server.sessions():
            try:
                os.kill(pid, 9)
            except ProcessLookupError:
                pass
        self.other = self.client(self.server)
        self.change_everywhere(90)
        for name in NAMES:
            self.arrives(name)
        self.ends(*NAMES)

    def test_it_can_be_switched_off(self):
        self.begin(disable_extensions=["NOTIFY"])
        self.assertEqual(self.said(rb"NOTIFY"), [])
        imap.append(self.other, "a", messages.make(95))
        self.arrives("a")
        self.assertEqual(self.said(rb"NOTIFY"), [])

    def test_check_says_so(self):
        self.begin(max_connections=3)
        result = self.mirrored.call("check")
        self.assertRegex(result.out, r"INBOX: IDLE")
        for name in NAMES[1:]:
            self.assertRegex(result.out, r"%s: NOTIFY" % name)


class Unasked(case.Case):
    """New messages come by NOTIFY without a question."""

    def test_no_message_of_a_burst_is_sent_twice(self):
        server = self.dovecot()
        imap.fill(server, "INBOX", few(1))
        line = relay.Relay(server.port, records=True)
        self.addCleanup(line.close)
        mirrored = self.mirror(server, tls="none", port=line.port,
                               allow_plaintext=True)
        daemon = mirrored.start("-v")
        self.addCleanup(daemon.kill)
        client = self.client(server)
        self.wait_alike(daemon, client, "INBOX", mirrored.folder())
        daemon.wait_line("-> IDLING")
        for count in (1, 50, 400):
            before = line.bodies()
            with imap.Bare(server.port) as bare:
                bare.login().append_all("INBOX", few(count, 1000 * count))
            self.wait_alike(daemon, client, "INBOX", mirrored.folder())
            self.assertEqual(line.bodies() - before, count)
        self.assertEqual(daemon.stop(), 0)
        self.assert_exact(client, "INBOX", mirrored.folder())


class Pretender(case.Case):
    """A server of three mailboxes that answers NOTIFY as it is told."""

    capabilities = ""
    is_strict = False

    def begin(self, answer, list_status=None, **more):
        self.server = fake.Server(capabilities=self.capabilities)
        self.addCleanup(self.server.close)
        for name in ("INBOX", "a", "b"):
            if name != "INBOX":
                self.server.mailboxes[name] = fake.Mailbox()
            self.server.deliver(messages.make(1), mailbox=name)
        self.watching = None

        def hook(session, tag, name, rest):
            if name == "NOTIFY" and "(selected" in rest:
                return [tag + (" BAD only for others" if self.is_strict or
                               "BODY" in rest else " OK as ever")]
            if name == "NOTIFY" and rest != "NONE":
                self.watching = session
                return answer(session, tag, rest)
            if name == "NOTIFY":
                return [tag + " OK none"]
            if name == "LIST" and "STATUS" in rest:
                return list_status(session, tag) if list_status \
                    else [tag + " BAD unknown RETURN option"]
            return None
        self.server.hook = hook
        more.setdefault("poll_interval", "1h")
        self.mirrored = mirror.Mirror(self.top, [{
            "name": "fake", "host": "127.0.0.1", "port": self.server.port,
            "tls": "none", "user": "mirror", "maildir": self.path("Mail"),
            "folders": ["*"], "password": "correct horse battery", **more}])
        self.daemon = self.mirrored.start("-v")
        self.addCleanup(self.daemon.kill)

    def covered(self, tag, names=("INBOX", "a", "b")):
        lines = []
        for name in names:
            mailbox = self.server.mailboxes[name]
            lines.append('* STATUS "%s" (MESSAGES %d UIDNEXT %d UIDVALIDITY '
                         "%d)" % (name, len(mailbox.messages),
                                  mailbox.uidnext, mailbox.uidvalidity))
        return lines + [tag + " OK set"]

    def arrives(self, name, count):
        self.daemon.wait_until(lambda: os.path.isdir(self.mirrored.folder(
            name)) and len(compare.local_uids(
                self.mirrored.folder(name))) == count,
            "%d messages in %s" % (count, name))

    def idles(self, count):
        self.daemon.wait_until(
            lambda: len(self.server.said(" IDLE$")) >= count,
            "%d IDLEs" % count)


class Refused(Pretender):
    """A server that has NOTIFY, and what it may do instead of it."""

    capabilities = ("IMAP4rev1 LITERAL+ UNSELECT IDLE NOTIFY LIST-EXTENDED "
                    "LIST-STATUS")

    def test_a_refusal_falls_back_to_idle(self):
        self.begin(lambda session, tag, rest: [tag + " NO not here"])
        self.idles(3)
        self.server.deliver(messages.make(2), mailbox="b")
        self.arrives("b", 2)

    def test_a_refusal_is_remembered(self):
        self.begin(lambda session, tag, rest: [tag + " BAD what?"])
        self.idles(3)
        self.assertEqual(self.daemon.stop(), 0)
        del self.server.log[:]
        with self.mirrored.start() as daemon:
            daemon.wait_until(
                lambda: len(self.server.said(" IDLE$")) >= 3, "IDLE")
        self.assertEqual(self.server.said(" NOTIFY SET STATUS"), [])

    def test_one_that_cannot_be_ended_is_not_used(self):
        self.is_strict = True
        self.begin(lambda session, tag, rest: self.covered(tag),
                   max_connections=1, poll_interval="1s")
        self.daemon.wait_until(
            lambda: self.server.said("NOTIFY SET STATUS"), "NOTIFY to be set")
        for count in (2, 3):
            for name in ("b", "a", "INBOX"):
                self.server.deliver(messages.make(count), mailbox=name)
            for name in ("b", "a", "INBOX"):
                self.arrives(name, count)
        self.daemon.wait_line("NOTIFY is not to be had .it cannot be ended")

    def test_events_that_it_does_not_know_are_left_out(self):
        def answer(_session, tag, rest):
            if "MailboxName" in rest:
                return [tag + " NO [BADEVENT (MailboxName)] unknown"]
            return self.covered(tag)
        self.begin(answer)
        self.daemon.wait_until(
            lambda: len(self.server.said("NOTIFY SET STATUS")) == 2, "a second SET")
        self.assertIn("FlagChange", self.server.said("NOTIFY SET STATUS")[1])

    def test_what_it_does_not_tell_of_gets_an_idle(self):
        self.begin(lambda session, tag, rest: self.covered(tag, ("a",)))
        self.arrives("a", 1)
        # INBOX has one of its own, and b needs it
        self.idles(3)
        self.server.deliver(messages.make(2), mailbox="b")
        self.arrives("b", 2)

    def test_one_made_between_list_and_notify_is_mirrored(self):
        def answer(_session, tag, _rest):
            if "Fresh" not in self.server.mailboxes:
                self.server.mailboxes["Fresh"] = fake.Mailbox()
                self.server.deliver(messages.make(1), mailbox="Fresh")
            return self.covered(tag, ("INBOX", "a", "b", "Fresh"))
        self.begin(answer)
        self.arrives("Fresh", 1)

    def test_one_that_is_not_chosen_is_not_asked_for(self):
        def answer(_session, tag, _rest):
            self.server.mailboxes["Fresh"] = fake.Mailbox()
            return self.covered(tag, ("INBOX", "a", "b", "Fresh"))
        self.begin(answer, folders=["INBOX", "a", "b"])
        for name in ("INBOX", "a", "b"):
            self.arrives(name, 1)
        lists = len(self.server.said(" LIST "))
        self.watching.send("* STATUS Fresh (MESSAGES 5 UIDNEXT 6)")
        self.server.deliver(messages.make(2), mailbox="b")
        self.watching.send(*self.covered("*", ("b",))[:1])
        self.arrives("b", 2)
        self.assertEqual(len(self.server.said(" LIST ")), lists)

    def overflow(self, line):
        self.begin(lambda session, tag, rest: self.covered(tag))
        for name in ("INBOX", "a", "b"):
            self.arrives(name, 1)
        sets = len(self.server.said("NOTIFY SET STATUS"))
        # nobody hears of it, but that there was something
        with self.server.lock:
            self.server.mailboxes["a"].add(messages.make(2))
        self.watching.send(line)
        self.arrives("a", 2)
        self.daemon.wait_until(
            lambda: len(self.server.said("NOTIFY SET STATUS")) > sets,
            "another SET")

    def test_after_an_overflow_all_is_asked_again(self):
        self.overflow("* OK [NOTIFICATIONOVERFLOW] too much")

    def test_after_an_error_all_is_asked_again(self):
        self.overflow("* NO NOTIFY error, some events may have got lost")


class ListStatus(Pretender):
    """One question for all that is polled."""

    capabilities = "IMAP4rev1 LITERAL+ UNSELECT LIST-EXTENDED LIST-STATUS"

    def begin(self, list_status):
        super().begin(None, list_status, poll_interval="1s")
        for name in ("INBOX", "a", "b"):
            self.arrives(name, 1)

    def test_one_command_polls_all(self):
        def answer(session, tag):
            session.send(*[
                '* LIST () "/" "%s"' % name
                for name in self.server.mailboxes])
            return self.covered(tag)
        self.begin(answer)
        del self.server.log[:]
        self.server.deliver(messages.make(2), mailbox="b")
        self.arrives("b", 2)
        self.assertEqual(self.server.said(" STATUS "), [])

    def refused(self, answer):
        self.begin(answer)
        self.server.deliver(messages.make(2), mailbox="b")
        self.arrives("b", 2)
        asked = len(self.server.said("RETURN .*STATUS"))
        self.assertEqual(asked, 1)
        self.assertEqual(self.daemon.stop(), 0)
        with self.mirrored.start() as self.daemon:
            self.server.deliver(messages.make(3), mailbox="b")
            self.arrives("b", 3)
            self.server.deliver(messages.make(4), mailbox="b")
            self.arrives("b", 4)
        self.assertEqual(len(self.server.said("RETURN .*STATUS")), asked)

    def test_a_refusal_is_remembered(self):
        self.refused(None)

    def test_an_answer_without_mailboxes_is_a_refusal(self):
        self.refused(lambda session, tag: [tag + " OK nothing"])


class HalfAnswered(case.Case):
    """A listing that cannot be right takes nothing away."""

    def begin(self):
        server = fake.Server(capabilities="IMAP4rev1 LITERAL+ UNSELECT")
        self.addCleanup(server.close)
        for name in ("a", "b"):
            server.mailboxes[name] = fake.Mailbox()
        server.deliver(messages.make(1), mailbox="a")
        server.deliver(messages.make(1))
        return server, mirror.Mirror(self.top, [{
            "name": "fake", "host": "127.0.0.1", "port": server.port,
            "tls": "none", "user": "mirror", "maildir": self.path("Mail"),
            "folders": ["*"], "password": "correct horse battery"}])

    def is_kept(self, lines):
        server, mirrored = self.begin()
        mirrored.sync()
        server.hook = lambda session, tag, name, rest: (
            [*lines, tag + " OK listed"] if name == "LIST" else None)
        mirrored.call("sync")
        self.assertTrue(os.path.isdir(mirrored.folder("b")))
        server.hook = None
        self.assertNotIn("gone", mirrored.call("sync").err)

    def test_an_empty_one(self):
        self.is_kept([])

    def test_one_without_inbox(self):
        self.is_kept(['* LIST () "/" a'])

    def test_a_refused_one(self):
        server, mirrored = self.begin()
        mirrored.sync()
        server.hook = lambda session, tag, name, rest: (
            ['* LIST () "/" a', tag + " NO later"] if name == "LIST"
            else None)
        mirrored.call("sync")
        self.assertTrue(os.path.isdir(mirrored.folder("b")))


if __name__ == "__main__":
    case.main()
