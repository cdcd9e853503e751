#!/usr/bin/python3
"""What is asked of a server when a folder is opened again.

The cheapest question it can answer: changes by QRESYNC, changes by CONDSTORE
and the UIDs when counts say that one went, or everything.
"""

import re

from lab import case, compare, messages
from lab import client as imap

CAPABILITIES = ("IMAP4rev1 SASL-IR LOGIN-REFERRALS ID ENABLE IDLE LITERAL+ "
                "AUTH=PLAIN UNSELECT UIDPLUS LIST-EXTENDED ESEARCH "
                "SPECIAL-USE ")
LISTING = rb"UID FETCH 1:4294967295 \(UID FLAGS[^)]*\)\r"
CHANGES = rb"UID FETCH 1:4294967295 \([^)]*\) \(CHANGEDSINCE"
RESYNC = rb"EXAMINE \S+ \(QRESYNC \("
SEARCH = rb"UID SEARCH "
BODIES = rb"BODY\.PEEK\[\]"


class Ladder(case.Case):
    """A folder that was synced once, and then changed."""

    COUNT = 50

    def begin(self, offered=None, **more):
        extra = "" if offered is None else (
            "imap_capability = %s\n" % (CAPABILITIES + offered))
        self.server = self.dovecot(extra=extra)
        imap.fill(self.server, "INBOX", [
            (messages.make(n, size=300), "", None)
            for n in range(self.COUNT)])
        self.mirrored = self.mirror(self.server, **more)
        self.mirrored.sync()
        self.other = self.client(self.server)
        self.other.select("INBOX")
        self.server.begin_rawlog()

    def again(self):
        """Syncs once more; what was said then."""
        self.mirrored.sync()
        said = self.server.rawlog().upper()
        self.assert_exact(self.client(self.server), "INBOX",
                          self.mirrored.folder())
        return said

    def change_all(self):
        imap.store(self.other, [3, 4], "+", "\\Flagged")
        imap.store(self.other, [7], "+", "Keyword")
        imap.expunge(self.other, [10, 20, 30])
        imap.append(self.other, "INBOX", messages.make(99, size=300))

    def assert_asked(self, said, *patterns):
        for pattern in (LISTING, CHANGES, RESYNC, SEARCH):
            count = len(re.findall(pattern, said))
            self.assertEqual(count > 0, pattern in patterns,
                             "%r %d times" % (pattern, count))


class Qresync(Ladder):
    def test_nothing_changed(self):
        self.begin()
        self.assert_asked(self.again(), RESYNC)

    def test_everything_changed(self):
        self.begin()
        self.change_all()
        said = self.again()
        self.assert_asked(said, RESYNC)
        self.assertEqual(len(re.findall(BODIES, said)), 1)

    def test_it_is_not_asked_for_where_it_is_disabled(self):
        self.begin(disable_extensions=["QRESYNC"])
        self.change_all()
        self.assert_asked(self.again(), CHANGES, SEARCH)


class Condstore(Ladder):
    def test_nothing_changed(self):
        self.begin("CONDSTORE")
        self.assert_asked(self.again())

    def test_flags_and_arrivals_are_changes(self):
        self.begin("CONDSTORE")
        imap.store(self.other, [3, 4], "+", "\\Flagged")
        imap.append(self.other, "INBOX", messages.make(99, size=300))
        self.assert_asked(self.again(), CHANGES)

    def test_what_went_is_told_by_the_uids(self):
        self.begin("CONDSTORE")
        self.change_all()
        self.assert_asked(self.again(), CHANGES, SEARCH)


class Plain(Ladder):
    def test_everything_is_listed(self):
        self.begin("")
        self.change_all()
        self.assert_asked(self.again(), LISTING)


class Watching(Ladder):
    """The same questions are asked while the daemon runs."""

    def watch(self, offered=None, **more):
        self.begin(offered, idle_refresh="1s", **more)
        daemon = self.mirrored.start()
        self.addCleanup(daemon.kill)
        daemon.wait_until(
            lambda: len(re.findall(rb" IDLE\r", self.server.rawlog())) > 2,
            "IDLE to be renewed")
        return daemon

    def test_renewing_idle_asks_for_changes_alone(self):
        daemon = self.watch()
        said = self.server.rawlog().upper()
        self.assertRegex(said, CHANGES)
        self.assertNotRegex(said, LISTING)
        daemon.stop()

    def test_an_expunge_without_a_uid_asks_for_the_uids(self):
        daemon = self.watch("")
        self.server.begin_rawlog()
        listings = len(re.findall(LISTING, self.server.rawlog().upper()))
        imap.expunge(self.other, [5, 6])
        self.wait_alike(daemon, self.client(self.server), "INBOX",
                        self.mirrored.folder())
        said = self.server.rawlog().upper()
        self.assertRegex(said, SEARCH)
        self.assertEqual(len(re.findall(LISTING, said)), listings)
        daemon.stop()

    def test_a_burst_of_arrivals_is_listed_from_the_first_one_on(self):
        daemon = self.watch()
        imap.fill(self.server, "INBOX", [
            (messages.make(1000 + n, size=300), "", None)
            for n in range(700)], create=False)
        daemon.wait_until(lambda: len(compare.local_uids(
            self.mirrored.folder())) == self.COUNT + 700, "700 messages")
        self.assertNotRegex(self.server.rawlog().upper(), LISTING)
        daemon.stop()


class Odd(case.Fake):
    """Servers that do not keep what they offer."""

    MODSEQS = "CONDSTORE"

    def begin(self, count, hook=None, offered=MODSEQS):
        self.serve(count, hook)
        self.server.capabilities += " " + offered
        self.server.modseq = 100
        self.mirrored = self.mirrored()
        self.mirrored.sync()

    def change(self, uid, modseq, *flags):
        self.flag(uid, *flags)
        with self.server.lock:
            self.server.mailboxes["INBOX"].messages[uid].modseq = modseq

    def again(self):
        """Syncs once more; what was said then."""
        begin = len(self.server.log)
        self.mirrored.sync()
        return [line for _, line in self.server.log[begin:]]

    def asked(self, said, pattern):
        return [line for line in said if re.search(pattern, line)]

    def letters(self, uid):
        return case.letters(self.mirrored.folder(), uid)

    def test_flags_without_a_uid_and_an_expunge_at_once(self):
        self.serve(5)
        self.server.tells_uids = False
        mirrored, daemon = self.watching()

        def change(mailboxes):
            messages_ = mailboxes["INBOX"].messages
            del messages_[4]
            messages_[2].flags = {"\\Seen"}
            messages_[2].revision += 1
        self.server.change(change)
        self.wait_uids(daemon, mirrored, [1, 2, 3, 5])
        self.wait_letters(daemon, mirrored, 2, "S")

    def test_hints_without_end_do_not_keep_it_from_its_end(self):
        """A FETCH of UID 0 says that something changed, each time."""
        def hint(session, tag, name, rest):
            if name != "UID_FETCH" or "BODY" in rest:
                return None
            uids, _, items = rest.partition(" ")
            lines = [session.fetch_line(
                session.view.index(uid) + 1,
                session.selected.messages[uid], items)
                for uid in session._in_set(uids)]
            return ["* 1 FETCH (UID 0 FLAGS (\\Deleted))", *lines,
                    tag + " OK done"]
        self.serve(4, hint)
        mirrored = self.mirrored()
        mirrored.sync(timeout=60)
        self.assert_uids(mirrored, [1, 2, 3, 4])
        self.assertLess(len(self.server.said("UID FETCH")), 10)

    def test_flags_that_are_others_each_time_end_with_76(self):
        def flip(session, tag, name, rest):
            if name != "UID_FETCH" or "BODY" in rest:
                return None
            message = session.selected.messages[1]
            message.flags ^= {"\\Seen"}
            return ["* 1 FETCH (UID 0 FLAGS (\\Deleted))",
                    session.fetch_line(1, message, rest), tag + " OK done"]
        self.serve(1, flip)
        mirrored = self.mirrored(fsync=False)
        result = mirrored.call("sync", timeout=120)
        self.assert_code(result, 76)
        self.assertIn("something else each time", result.err)

    def test_a_modseq_that_ends_a_fetch_does_not_speak_for_what_is_kept_back(
            self):
        """Dovecot 2.3 may tell it without the flags that made it."""
        def keep_back(session, tag, name, rest):
            if name != "UID_FETCH" or "BODY" not in rest:
                return None
            lines = [session.fetch_line(uid, message, rest) for uid, message
                     in sorted(session.selected.messages.items())]
            self.server.modseq = 101
            message = session.selected.messages[1]
            message.flags, message.modseq = {"\\Seen"}, 101
            return lines + [tag + " OK [HIGHESTMODSEQ 101] done"]
        self.begin(2, keep_back)
        self.assertEqual(self.letters(1), "S")

    def test_a_body_speaks_for_no_change_before_its_own(self):
        """Nor may what is remembered go on behind it."""
        def keep_back(session, tag, name, rest):
            if name != "UID_FETCH" or "BODY" not in rest:
                return None
            self.server.modseq = 102
            session.selected.messages[2].modseq = 102
            lines = [session.fetch_line(uid, message, rest) for uid, message
                     in sorted(session.selected.messages.items())]
            message = session.selected.messages[1]
            message.flags, message.modseq = {"\\Seen"}, 101
            return lines + [tag + " OK [HIGHESTMODSEQ 102] done"]
        self.begin(2, keep_back)
        self.assertEqual(self.letters(1), "S")

    def test_a_modseq_that_went_back_is_no_ground_to_stand_on(self):
        self.begin(5)
        self.server.modseq = 50
        self.change(2, 40, "\\Seen")
        self.again()
        self.assertEqual(self.letters(2), "S")

    def test_a_mailbox_that_lost_its_modseqs_is_listed(self):
        self.begin(5)
        self.server.modseq = 0
        self.flag(2, "\\Seen")
        self.again()
        self.assertEqual(self.letters(2), "S")

    def test_examine_with_qresync_may_be_refused(self):
        def refuse(session, tag, name, rest):
            if name == "EXAMINE" and "QRESYNC" in rest:
                return [tag + " BAD what is that?"]
            return None
        self.begin(5, refuse, "CONDSTORE QRESYNC")
        self.server.modseq = 101
        self.change(2, 101, "\\Seen")
        said = self.again()
        self.assertEqual(self.letters(2), "S")
        self.assertEqual(len(self.asked(said, "EXAMINE")), 2)

    def test_changedsince_may_be_refused(self):
        def refuse(session, tag, name, rest):
            return [tag + " BAD what is that?"] \
                if "CHANGEDSINCE" in rest else None
        self.begin(5, refuse)
        self.server.modseq = 101
        self.change(2, 101, "\\Seen")
        said = self.again()
        self.assertEqual(self.letters(2), "S")
        self.assertEqual(len(self.asked(said, "CHANGEDSINCE")), 1)

    def test_uid_search_may_be_refused(self):
        def refuse(session, tag, name, rest):
            return [tag + " NO [UNAVAILABLE] Backend error"] \
                if name == "UID_SEARCH" else None
        self.begin(5, refuse)
        self.server.modseq = 101
        self.server.change(lambda all_: all_["INBOX"].messages.pop(3))
        self.again()
        self.assert_uids(self.mirrored, [1, 2, 4, 5])

    def test_more_messages_than_one_reply_may_speak_of(self):
        """RFC 9738: the reply says how far it came, and from the top."""
        def limited(session, tag, name, rest):
            if name != "UID_FETCH" or "BODY" in rest:
                return None
            uids, _, items = rest.partition(" ")
            chosen = session._in_set(uids)
            told = chosen[-10:]
            lines = [session.fetch_line(
                session.view.index(uid) + 1,
                session.selected.messages[uid], items) for uid in told]
            code = "" if told == chosen else \
                "[MESSAGELIMIT 10 %d] " % told[0]
            return lines + ["%s OK %sdone" % (tag, code)]
        self.serve(35, limited)
        self.mirrored = self.mirrored()
        self.mirrored.sync()
        self.assert_uids(self.mirrored, list(range(1, 36)))
        self.flag(3, "\\Seen")
        self.mirrored.sync()
        self.assertEqual(self.letters(3), "S")


if __name__ == "__main__":
    case.main()
