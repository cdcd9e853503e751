#!/usr/bin/python3
"""`mailmirror verify`: names every difference, and with --repair mends it."""

import os
import re
import shutil
import threading

from lab import case, compare, cyrus, dovecot, fake, messages, process, shared
from lab import client as imap

COUNT = 6


class Mirrored(case.Case):
    """A server for the class; a mailbox and a Maildir for each test."""

    def make(directory):
        return dovecot.Dovecot(directory)

    @classmethod
    def setUpClass(cls):
        cls.server = shared.begin(cls, cls.make)

    settings = {}

    def setUp(self):
        super().setUp()
        self.box = self.id().rsplit(".", 1)[1]
        imap.fill(self.server, self.box, [
            (messages.make(n, size=300 + n), messages.flags(n),
             messages.date(n)) for n in range(1, COUNT + 1)])
        self.mirrored = self.mirror(self.server, folders=[self.box],
                                    **self.settings)
        self.mirrored.sync()
        self.folder = self.mirrored.folder(self.box)
        self.other = self.client(self.server)

    def select(self):
        imap.ok(self.other.select(imap.quote(self.box)))

    def file(self, uid):
        """The path of the message's one file."""
        (path,) = [os.path.join(self.folder, *place)
                   for place in compare.local_names(self.folder)
                   if ",U=%d," % uid in place[1]]
        return path

    def rename(self, uid, pattern, replacement, sub="cur"):
        path = self.file(uid)
        os.rename(path, os.path.join(self.folder, sub, re.sub(
            pattern, replacement, os.path.basename(path))))

    def verify(self, code, *options):
        """Its lines, without the label."""
        result = self.mirrored.call("verify", *options)
        self.assert_code(result, code)
        label = "main/%s: " % self.box
        lines = result.out.splitlines()
        self.assertTrue(all(line.startswith(label) for line in lines), lines)
        return [line[len(label):] for line in lines]

    def differs(self, *patterns):
        """Such differences are told, no others."""
        told = self.verify(1)
        self.assertEqual(len(told), len(patterns) + 1, told)
        for line, pattern in zip(told, patterns):
            self.assertRegex(line, pattern)
        self.assertRegex(told[-1], r"^\d+ messages?, %d difference" %
                         len(patterns))

    def mends(self):
        """--repair leaves none, and the Maildir is exact."""
        self.assertRegex(self.verify(0, "--repair")[-1], ", mended")
        self.assertRegex(self.verify(0)[-1], ", no differences")
        self.assert_exact(self.other, self.box, self.folder)


class Common:
    """What every server's mailbox can come to differ in."""

    def test_a_message_that_is_missing(self):
        os.remove(self.file(2))
        self.differs("^UID 2: on the server, and not here$")
        self.mends()

    def test_a_message_that_is_gone_from_the_server(self):
        self.select()
        imap.expunge(self.other, 3)
        self.differs("^UID 3: here, and not on the server$")
        self.mends()

    def test_a_file_that_grew(self):
        before = os.path.getsize(self.file(4))
        with open(self.file(4), "ab") as f:
            f.write(b"more\n")
        self.differs("^UID 4: its file is not the message: [0-9]+ bytes "
                     "here, [0-9]+ on the server")
        self.mends()
        self.assertEqual(os.path.getsize(self.file(4)), before)

    def test_a_message_with_other_flags_there(self):
        self.select()
        imap.store(self.other, 2, "", "$Later \\Draft")
        self.differs(r"^UID 2: \(.*\) here, "
                     r"\(\\Draft \$Later\) on the server$")
        self.mends()


class Differences(Common, Mirrored):
    def test_none(self):
        self.assertEqual(self.verify(0), ["6 messages, no differences"])
        self.assertEqual(self.verify(0, "-q"), [])
        self.assertEqual(self.verify(0, "--repair"),
                         ["6 messages, no differences"])

    def test_a_file_that_was_cut(self):
        os.truncate(self.file(5), 20)
        self.differs("^UID 5: its file is not the message")
        self.mends()

    def test_a_name_with_another_size(self):
        self.rename(1, ",S=[0-9]+", ",S=1",
                    os.path.basename(os.path.dirname(self.file(1))))
        self.differs("^UID 1: its name says 1 bytes, the server [0-9]+$")
        self.mends()

    def test_a_message_with_other_flags_here(self):
        self.rename(3, "(:2,.*)?$", ":2,FS")
        self.differs(r"^UID 3: \(\\Flagged \\Seen\) here, "
                     r"\(.*\) on the server$")
        self.mends()

    def test_a_letter_that_nobody_explains(self):
        self.rename(6, "(:2,.*)?$", ":2,q")
        self.differs(r"^UID 6: \(q\) here, ")
        self.mends()

    def test_keywords_beyond_the_letters(self):
        self.select()
        imap.store(self.other, 1, "+", " ".join(
            "word%d" % n for n in range(30)))
        self.mirrored.sync()
        self.verify(0)
        imap.store(self.other, 1, "-", "word28")
        self.differs("^UID 1: keywords without a letter")
        self.assertRegex(self.verify(0, "--repair")[-1], ", mended")

    def test_two_files_of_one_message(self):
        path = self.file(2)
        shutil.copy2(path, os.path.join(
            self.folder, "cur", os.path.basename(path).split(":")[0]
            + ":2,FST"))
        self.differs("^UID 2: 2 files claim it$")
        self.mends()

    def test_another_uidvalidity(self):
        imap.ok(self.other.delete(imap.quote(self.box)))
        imap.fill(self.server, self.box, [
            (messages.make(n, size=300 + n), messages.flags(n),
             messages.date(n)) for n in range(3, COUNT + 3)])
        self.differs("^UIDVALIDITY is [0-9]+ here, [0-9]+ on the server$")
        self.mends()

    def test_no_uidvalidity(self):
        os.remove(os.path.join(self.folder, ".uidvalidity"))
        self.differs("^there is no .uidvalidity of mailmirror's here")
        self.assertRegex(self.verify(0, "--repair")[-1], ", mended")

    def test_no_maildir(self):
        shutil.rmtree(self.folder)
        self.differs("^there is no Maildir here$")
        self.mends()

    def test_several_at_once_without_a_database(self):
        os.remove(self.file(1))
        os.truncate(self.file(2), 0)
        self.rename(3, "(:2,.*)?$", ":2,FS")
        shutil.rmtree(self.path("state"))
        self.differs("^UID 1: ", "^UID 2: ", "^UID 3: ")
        self.mends()


class WithoutExtensions(Common, Mirrored):
    """No MODSEQ, no ESEARCH, no LIST-STATUS."""

    def make(directory):
        return dovecot.Dovecot(directory, extra="imap_capability = IMAP4rev1 "
                               "SASL-IR ID LITERAL+ UIDPLUS UNSELECT\n")


class ByteForByte(Mirrored):
    settings = {"line_endings": "crlf"}

    def test_a_file_that_was_changed(self):
        self.verify(0)
        with open(self.file(4), "r+b") as f:
            text = f.read()
            f.seek(0)
            f.write(text.replace(b"\r\n", b"\n"))
            f.truncate()
        self.differs("^UID 4: its file is not the message")
        self.assertRegex(self.verify(0, "--repair")[-1], ", mended")
        self.assert_exact(self.other, self.box, self.folder, crlf=True)


class Cyrus(Mirrored):
    def make(directory):
        return cyrus.Cyrus(directory)

    def test_several_at_once(self):
        self.verify(0)
        os.remove(self.file(1))
        os.truncate(self.file(2), 20)
        self.select()
        imap.store(self.other, 3, "", "\\Draft")
        self.differs("^UID 1: ", "^UID 2: ", "^UID 3: ")
        self.mends()


class NoDifference(Mirrored):
    """What is as it should be although it looks otherwise."""

    def test_a_local_file(self):
        path = os.path.join(self.folder, "cur", "1.mine.here:2,S")
        with open(path, "wb") as f:
            f.write(b"mine\n")
        os.remove(self.file(1))
        self.differs("^UID 1: ")
        self.assertRegex(self.verify(0, "--repair")[-1], ", mended")
        with open(path, "rb") as f:
            self.assertEqual(f.read(), b"mine\n")

    def test_another_message_under_a_name_of_this_one(self):
        """As a mail reader leaves it that moves files between folders."""
        text = b"Subject: from another folder\n\nonly here\n"
        path = re.sub(",S=[0-9]+", ",S=%d" % (len(text) + 3), self.file(2))
        os.remove(self.file(2))
        with open(path, "wb") as f:
            f.write(text)
        self.differs("^UID 2: its file is not the message")
        self.assertRegex(self.verify(0, "--repair")[-1], ", mended")
        with open(re.sub(",U=[0-9]+", "", path), "rb") as f:
            self.assertEqual(f.read(), text)

    def test_a_message_that_was_kept(self):
        self.mirrored.configure([self.account(
            self.server, folders=[self.box], on_expunge="keep")])
        self.select()
        imap.expunge(self.other, 3)
        self.differs("^UID 3: ")
        self.assertRegex(self.verify(0, "--repair")[-1], ", mended")
        self.assertEqual(len(compare.local_names(self.folder)), COUNT)
        self.verify(0)

    def test_a_message_that_is_too_large(self):
        large = messages.make(99, size=9000)
        imap.fill(self.server, self.box, [(large, "", None)], create=False)
        self.mirrored.configure([self.account(
            self.server, folders=[self.box], max_size="2K")])
        for _ in range(2):
            self.assertRegex(self.verify(0)[-1], "no differences, "
                             "1 larger than max_size")
            self.mirrored.sync()

    def test_what_delete_guard_holds_stays(self):
        imap.fill(self.server, self.box, [
            (b"x\r\n", "", None)] * 120, create=False)
        self.mirrored.sync()
        self.select()
        imap.expunge(self.other, range(1, 121))
        self.mirrored.call("sync")
        told = self.verify(1, "--repair")
        self.assertRegex(told[-2], "^UID 120: here, and not on the server")
        self.assertRegex(told[-1], "120 differences left")
        self.assertEqual(len(compare.local_names(self.folder)), COUNT + 120)


class Odd(case.Fake):
    """Servers that Dovecot cannot be made to be."""

    def lie(self, session, tag, name, rest):
        """RFC822.SIZE is none of the messages'."""
        if name != "UID_FETCH":
            return None
        uids, _, items = rest.partition(" ")
        lines = []
        for uid in session._in_set(uids):
            line = session.fetch_line(
                session.view.index(uid) + 1, session.selected.messages[uid],
                items.upper())
            lines.append(re.sub(rb"RFC822.SIZE \d+", b"RFC822.SIZE 7", line,
                                count=1))
        return lines + [tag + " OK done"]

    def test_a_size_that_is_a_lie_is_no_difference(self):
        self.serve(count=3, hook=self.lie)
        mirrored = self.mirrored()
        mirrored.sync()
        self.assert_code(mirrored.call("verify"), 0)
        (place,) = [one for one in compare.local_names(mirrored.folder())
                    if ",U=2," in one[1]]
        with open(os.path.join(mirrored.folder(), *place), "ab") as f:
            f.write(b"more\n")
        result = mirrored.call("verify")
        self.assert_code(result, 1)
        self.assertRegex(result.out, "UID 2: its file is not the message")
        self.assert_code(mirrored.call("verify", "--repair"), 0)
        self.assert_whole(mirrored)

    def test_bare_line_feeds_are_no_difference(self):
        self.serve()
        self.server.deliver(b"Subject: x\r\n\r\na\nb\r\n\r\r\nc\r")
        mirrored = self.mirrored()
        mirrored.sync()
        self.assert_code(mirrored.call("verify"), 0)

    def test_one_that_the_server_does_not_give_is_no_difference(self):
        def refuse(session, tag, name, rest):
            if name == "UID_FETCH" and "BODY" in rest and \
                    2 in session._in_set(rest.split(" ")[0]):
                return [tag + " NO [SERVERBUG] unreadable"]
            return None
        self.serve(count=3, hook=refuse)
        mirrored = self.mirrored()
        self.assert_code(mirrored.call("sync"), 76)
        result = mirrored.call("verify")
        self.assert_code(result, 0)
        self.assertIn("1 larger than max_size or not given", result.out)

    def test_it_opens_by_examine(self):
        self.serve(count=1)
        self.mirrored().call("verify")
        self.assertTrue(self.server.said(" EXAMINE "))
        self.assertFalse(self.server.said(" SELECT "))


class BesideADaemon(case.Fake):
    def test_what_is_on_its_way_is_no_difference(self):
        asked = threading.Event()

        def hold_back(session, _tag, name, rest):
            if session.number in watching:
                # the body comes when the other one has looked
                if name == "UID_FETCH" and "BODY" in rest:
                    asked.wait(process.PATIENCE)
            elif name == "LOGOUT" or name == "UID_FETCH":
                looks.append(name)
                if len(looks) > 1:
                    asked.set()
        looks = []
        watching = set()
        self.serve(count=2)
        mirrored, daemon = self.watching()
        watching.update(session.number for session in self.server.sessions)
        self.server.hook = hold_back
        self.server.deliver(messages.make(3, size=300))
        result = mirrored.call("verify")
        self.assert_code(result, 0)
        self.assertIn("main/INBOX: 3 messages, no differences", result.out)
        self.assertGreater(looks.count("UID_FETCH"), 1)
        self.wait_uids(daemon, mirrored, [1, 2, 3])

    def test_what_stays_is_one(self):
        self.serve(count=2)
        mirrored, _ = self.watching(timeout="60s")
        self.server.hook = lambda session, tag, name, rest: (
            fake.NEVER if name == "UID_FETCH" and "BODY" in rest else None)
        self.server.deliver(messages.make(3, size=300))
        result = mirrored.call("verify")
        self.assert_code(result, 1)
        self.assertIn("UID 3: on the server, and not here", result.out)

    def test_repair_names_who_holds_the_maildir(self):
        self.serve(count=2)
        mirrored, daemon = self.watching()
        result = mirrored.call("verify", "--repair")
        self.assert_code(result, 75)
        self.assertRegex(result.err, "in use by process %d: stop it" %
                         daemon.pid)
        self.assertEqual(result.out, "")


class Failures(case.Fake):
    def expect(self, code, *arguments, pattern="^", **more):
        result = self.mirrored(**more).call("verify", *arguments)
        self.assert_code(result, code)
        self.assertRegex(result.err, pattern)
        return result

    def test_each_has_its_code(self):
        self.serve(count=1)
        self.expect(64, "other", pattern='no account "other"')
        self.expect(64, "--json", pattern="no option")
        self.expect(69, port=process.free_port())
        self.expect(75, "main/Nope", pattern='"Nope" is not among')
        self.expect(77, password="wrong")
        self.expect(78, nonsense=True, pattern="nonsense")
        with open(self.path("file"), "w", encoding="ascii"):
            self.expect(74, maildir=self.path("file"), pattern="cannot open")

    def test_a_folder_that_cannot_be_opened_is_75_and_the_others_go_on(self):
        self.serve(count=1)
        self.server.mailboxes["Shut"] = type(
            self.server.mailboxes["INBOX"])()
        mirrored = self.mirrored(folders=["Shut", "INBOX"])
        mirrored.sync()
        self.server.hook = lambda session, tag, name, rest: (
            [tag + " NO not now"] if name == "EXAMINE" and "Shut" in rest
            else None)
        result = mirrored.call("verify")
        self.assert_code(result, 75)
        self.assertIn("main/INBOX: 1 message, no differences", result.out)
        self.assertIn("main/Shut: NO: not now", result.err)

    def test_a_lost_connection_is_69(self):
        self.serve(count=1)
        mirrored = self.mirrored()
        mirrored.sync()

        def cut(session, _tag, name, _rest):
            if name == "EXAMINE":
                session.cut()
        self.server.hook = cut
        self.assert_code(mirrored.call("verify"), 69)


if __name__ == "__main__":
    case.main()
