#!/usr/bin/python3
"""A large folder is fetched over several connections, the largest first."""

import collections
import os
import re
import threading
import time

from lab import case, compare, fake, messages
from lab import client as imap

MANY = 6000
SEEDED = "maildir:~/Maildir:LAYOUT=fs"


def small(count):
    """Messages of a few hundred bytes, with the flags of the flag tests."""
    return [(messages.make(n, size=200), "S" if n % 3 else "",
             1_000_000_000 + 1000 * n) for n in range(count)]


class Dovecot(case.Case):
    def begin(self, folders, **more):
        """A server with mailboxes of so many messages, and its mirror."""
        self.server = self.dovecot(location=SEEDED)
        for name, count in folders.items():
            imap.seed_maildir(
                self.server, self.server.path(
                    "mail", "mirror", "Maildir",
                    *([] if name == "INBOX" else [name])), small(count))
        with imap.Bare(self.server.port) as bare:
            bare.login()
            for name in folders:
                bare.command(b"EXAMINE " + name.encode())
        self.server.begin_rawlog()
        return self.mirror(self.server, folders=["INBOX", "*"], **more)

    def sessions(self, pattern):
        """How many lines like it each client connection has sent."""
        top = self.server.path("rawlog")
        counts = []
        for name in sorted(os.listdir(top)):
            if name.endswith(".in"):
                with open(os.path.join(top, name), "rb") as log:
                    counts.append(len(re.findall(pattern, log.read())))
        return [count for count in counts if count > 0]

    def bodies(self):
        return len(re.findall(rb" BODY\[\] \{", self.server.rawlog("out")))

    def opened(self):
        """The mailboxes in the order in which they were opened."""
        said = b"\n".join(sorted(
            self.server.rawlog().replace(b"\r", b"").split(b"\n")))
        found = re.findall(rb"^(\d+\.\d+) \S+ EXAMINE \"?([\w/]+)", said,
                           re.MULTILINE)
        return [name.decode() for _, name in found]


class Fill(Dovecot):
    def test_a_large_folder_comes_over_several_connections(self):
        mirror = self.begin({"INBOX": 20, "big": MANY}, max_connections=4)
        mirror.sync()
        self.assertEqual(self.opened()[0], "INBOX")
        self.assertGreater(len(self.sessions(rb"BODY\.PEEK\[\]")), 1)
        self.assertEqual(self.bodies(), MANY + 20)
        client = self.client(self.server)
        self.assert_exact(client, "big", mirror.folder("big"))
        self.assert_exact(client, "INBOX", mirror.folder())

    def test_one_connection_is_one(self):
        mirror = self.begin({"big": MANY}, max_connections=1)
        mirror.sync()
        self.assertEqual(len(self.sessions(rb"LOGIN|AUTHENTICATE|EXAMINE")),
                         1)
        self.assert_exact(self.client(self.server), "big",
                          mirror.folder("big"))

    def test_they_leave_when_nothing_is_left(self):
        mirror = self.begin({"INBOX": MANY}, max_connections=4,
                            disable_extensions=["NOTIFY"])
        with mirror.start() as daemon:
            daemon.wait_line("the same as the server")
            daemon.wait_until(lambda: len(self.server.sessions()) == 1,
                              "one connection to be left")
        # the others may have come too late to bring anything
        self.assertGreater(len(self.sessions(rb" ID ")), 1)

    def test_another_client_meanwhile(self):
        for lacks in ([], ["QRESYNC"], ["QRESYNC", "CONDSTORE"]):
            with self.subTest(lacks=lacks):
                self.change_while_filling(lacks)

    def change_while_filling(self, lacks):
        self.setUp()
        mirror = self.begin({"big": MANY}, max_connections=4,
                            disable_extensions=lacks)
        client = self.client(self.server)
        imap.ok(client.select("big"))
        with mirror.start() as daemon:
            for first in range(1, MANY, 1500):
                daemon.wait_until(
                    lambda: len(self.sessions(rb"BODY\.PEEK\[\]")) > 1,
                    "it to have hands")
                imap.store(client, range(first, first + 200), "+",
                           "\\Flagged $Forwarded")
                imap.store(client, range(first + 100, first + 300), "-",
                           "\\Seen")
                imap.expunge(client, range(first + 250, first + 350))
                imap.append(client, "big", messages.make(first))
            self.wait_alike(daemon, client, "big", mirror.folder("big"))
        self.assert_exact(client, "big", mirror.folder("big"))


class Order(Dovecot):
    def sync_order(self, **more):
        mirror = self.begin({"INBOX": 2, "a": 1, "b": 30, "c": 9, "d": 0},
                            max_connections=1, **more)
        mirror.sync()
        return self.opened()

    def test_the_largest_folder_is_filled_first(self):
        self.assertEqual(self.sync_order(), ["INBOX", "b", "c", "a", "d"])

    def test_where_no_sizes_are_told_they_come_as_listed(self):
        self.assertEqual(self.sync_order(
            disable_extensions=["LIST-STATUS"]),
            ["INBOX", "a", "b", "c", "d"])


class Hand(case.Fake):
    """What happens to the second connection alone."""

    count = 3000
    limit = 2
    own = None

    def begin(self, capabilities=fake.CAPABILITIES, **more):
        self.lock = threading.Lock()
        self.goes_on = threading.Event()  # the folder's own connection
        self.addCleanup(self.goes_on.set)
        self.windows = []  # of hands
        self.asked = 0  # windows of the folder's own connection
        self.serve(self.count, hook=self.hook, capabilities=capabilities)
        return self.mirrored(max_connections=self.limit, **more)

    def hook(self, session, tag, name, rest):
        if name != "UID_FETCH" or "BODY.PEEK[]" not in rest:
            if name == "UID_FETCH":  # the listing comes first
                self.own = self.own or session
            return self.other(session, tag, name, rest)
        if session is self.own:
            self.asked += 1
            self.goes_on.wait(60)
            return None
        with self.lock:
            self.windows.append(self.uids_of(session, rest))
        return self.hand(session, tag, rest)

    def uids_of(self, session, rest):
        with self.server.lock:
            return session._in_set(rest.split(" ")[0])

    def other(self, _session, _tag, _name, _rest):
        return None

    def hand(self, _session, _tag, _rest):
        self.goes_on.set()
        return None

    def lines(self, session, rest):
        """The FETCH lines as the session sees them now."""
        with self.server.lock:
            place = {uid: i + 1 for i, uid in enumerate(session.view)}
            return [session.fetch_line(
                place[uid], session.selected.messages[uid], rest.upper())
                for uid in self.uids_of(session, rest)]

    def repeated(self):
        with self.server.lock:
            return sorted(uid for uid, count in collections.Counter(
                self.server.bodies).items() if count > 1)

    def assert_filled(self, mirrored):
        self.assert_uids(mirrored, self.uids())

    def test_one_that_is_cut_loses_nothing(self):
        mirrored = self.begin()

        def hand(session, tag, rest):
            self.goes_on.set()
            if len(self.windows) != 3:
                return None
            lines = self.lines(session, ",".join(
                map(str, self.windows[-1][:100])) + " BODY.PEEK[]")
            session.send(*lines[:99], lines[99][:-40])
            session.cut()
            raise fake.Closed
        self.hand = hand
        mirrored.sync()
        self.assert_filled(mirrored)
        self.assertGreater(len(self.repeated()), 0)
        # the cut may take what was sent and not yet read
        self.assertLessEqual(set(self.repeated()),
                             set().union(*self.windows[:3]))

    def test_what_one_leaves_out_is_asked_for_again(self):
        mirrored = self.begin()

        def hand(session, tag, rest):
            self.goes_on.set()
            if len(self.windows) != 2:
                return None
            return self.lines(session, rest)[5:] + [tag + " OK done"]
        self.hand = hand
        result = mirrored.sync()
        self.assert_filled(mirrored)
        self.assertNotIn("does not give", result.err)

    def test_one_that_is_refused_loses_nothing(self):
        mirrored = self.begin()

        def hand(_session, tag, _rest):
            self.goes_on.set()
            return [tag + " NO [SERVERBUG] not now"]
        self.hand = hand
        result = mirrored.sync()
        self.assert_filled(mirrored)
        self.assertEqual(self.repeated(), [])
        self.assertNotIn("warning", result.err)

    def test_another_mailbox_is_not_taken(self):
        mirrored = self.begin()

        def other(session, tag, name, rest):
            if name == "EXAMINE" and self.own not in (None, session):
                session.do_examine("*", rest)
                self.goes_on.set()
                return ["* OK [UIDVALIDITY 99] another", tag + " OK done"]
            return None
        self.other = other
        mirrored.sync()
        self.assertEqual(self.windows, [])
        self.assert_filled(mirrored)

    def test_a_login_that_is_refused_is_no_failure(self):
        mirrored = self.begin()

        def other(session, tag, name, _rest):
            if name in ("LOGIN", "AUTHENTICATE") and session.number > 1:
                self.goes_on.set()
                return [tag + " NO [AUTHENTICATIONFAILED] one is enough"]
            return None
        self.other = other
        mirrored.sync()
        self.assertEqual(self.server.accepted, 2)
        self.assert_filled(mirrored)

    def test_later_is_obeyed(self):
        mirrored = self.begin()
        refused = []

        def hand(_session, tag, _rest):
            if refused:
                return None
            refused.append(time.monotonic())
            return [tag + " NO [LIMIT] Suggested Backoff Time: 2000 "
                    "milliseconds"]
        self.hand = hand
        daemon = self.start(mirrored)
        daemon.wait_line("asking nothing new for 2 s")
        self.goes_on.set()
        self.wait_uids(daemon, mirrored, self.uids())

    def meanwhile(self, change, capabilities=fake.CAPABILITIES, modseq=0):
        """A hand brings what it saw before the first session was told."""
        mirrored = self.begin(capabilities=capabilities)
        self.server.modseq = modseq
        told = threading.Event()
        self.addCleanup(told.set)

        def hand(session, tag, rest):
            if len(self.windows) > 1:
                return None
            lines = self.lines(session, rest)
            self.change_them = self.windows[0][10:20]
            self.server.change(lambda all_: change(all_["INBOX"]))
            self.goes_on.set()
            told.wait(60)
            return lines + [tag + " OK done"]

        self.hand = hand
        daemon = self.start(mirrored)
        daemon.wait_until(lambda: self.asked > 2, "the first to be told")
        told.set()
        self.wait_uids(daemon, mirrored, self.uids())
        daemon.wait_line("the same as the server")
        return mirrored

    def flag_them(self, mailbox):
        self.server.modseq += bool(self.server.modseq)
        for uid in self.change_them:
            message = mailbox.messages[uid]
            message.flags = {"\\Flagged"}
            message.revision += 1
            message.modseq = self.server.modseq

    def expunge_them(self, mailbox):
        for uid in self.change_them:
            del mailbox.messages[uid]
            mailbox.add(messages.make(uid))

    def assert_flagged(self, mirrored):
        self.assertEqual([case.letters(mirrored.folder(), uid)
                          for uid in self.change_them], ["F"] * 10)

    def test_flags_that_changed_meanwhile_are_the_new_ones(self):
        mirrored = self.meanwhile(self.flag_them)
        self.assert_flagged(mirrored)
        self.assertEqual(self.listings(), 2)

    def test_the_same_with_modseqs_needs_no_second_listing(self):
        mirrored = self.meanwhile(self.flag_them,
                                  fake.CAPABILITIES + " CONDSTORE", 5)
        self.assert_flagged(mirrored)
        self.assertEqual(self.listings(), 1)
        self.assertEqual(len(self.server.said("CHANGEDSINCE 5")), 1)

    def listings(self):
        return len(self.server.said(r"UID FETCH 1:\S+ \(UID FLAGS( MODSEQ)?\)$"))

    def test_what_is_gone_meanwhile_is_not_kept(self):
        mirrored = self.meanwhile(self.expunge_them)
        self.assert_filled(mirrored)

    def test_a_folder_that_waits_gets_the_connection(self):
        self.count = 4000
        mirrored = self.begin(folders=["INBOX", "a"], watch=["INBOX"],
                              poll_interval="1s")
        self.server.mailboxes["a"] = fake.Mailbox()
        self.server.deliver(messages.make(1), mailbox="a")
        has_come = threading.Event()
        self.addCleanup(has_come.set)

        def hand(session, tag, _rest):
            if session.selected is self.server.mailboxes["INBOX"]:
                has_come.wait(2)  # a slow line
            return None
        self.hand = hand
        daemon = self.start(mirrored)
        daemon.wait_until(lambda: len(self.windows) > 2, "a hand")
        self.server.deliver(messages.make(2), mailbox="a")
        self.wait_uids(daemon, mirrored, [1, 2], "a")
        self.assertLess(len(self.server.bodies), self.count - 600)
        has_come.set()
        self.goes_on.set()
        self.wait_uids(daemon, mirrored, self.uids())


if __name__ == "__main__":
    case.main()
