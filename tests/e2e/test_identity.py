#!/usr/bin/python3
"""The same message under another UID or in another folder: not fetched."""

import os
import random
import re
import shutil
import subprocess
import time

from lab import case, compare, cyrus, dovecot, fake, messages, mirror
from lab import client as imap

HOST = "127.0.0.1"
GMAIL = fake.CAPABILITIES + " X-GM-EXT-1"
OBJECTID = fake.CAPABILITIES + " OBJECTID"


def message(number, message_id=True):
    """One of some size, date and flags of its own."""
    body = messages.make(number, size=300 + number)
    if not message_id:
        body = re.sub(rb"Message-ID: [^\r]*\r\n", b"", body)
    return body


def date(number):
    return "%02d-Mar-2020 10:%02d:00 +0000" % (1 + number % 28, number % 60)


class Fake(case.Case):
    """A scripted server whose mailboxes can be made anew."""

    def serve(self, capabilities=fake.CAPABILITIES, **more):
        self.server = fake.Server(capabilities=capabilities, **more)
        self.addCleanup(self.server.close)

    def put(self, numbers, mailbox="INBOX", uidvalidity=None, first=1,
            emailids=False, **more):
        """Messages by numbers; uidvalidity: instead of what is there."""
        with self.server.lock:
            boxes = self.server.mailboxes
            if uidvalidity is not None or mailbox not in boxes:
                boxes[mailbox] = fake.Mailbox(uidvalidity or 1)
                boxes[mailbox].uidnext = first
            for number in numbers:
                boxes[mailbox].add(
                    message(number, **more),
                    messages.flags(number).split(), date=date(number),
                    emailid="%d" % (10 ** 18 + number) if emailids else None)

    def mirrored(self, **more):
        return mirror.Mirror(self.top, [{
            "name": "main", "host": HOST, "tls": "none",
            "port": self.server.port, "user": "mirror",
            "password": "correct horse battery", "timeout": "5s",
            "maildir": self.path("Mail"), **more}])

    def bodies(self):
        """The UIDs of the bodies that were given since the last call."""
        with self.server.lock:
            given, self.server.bodies = self.server.bodies, []
        return sorted(given)

    def assert_mirrored(self, mirrored, mailbox="INBOX", local=0):
        """What is there is the server's, to the name; but local files."""
        folder = mirrored.folder(mailbox)
        box = self.server.mailboxes[mailbox]
        there = compare.Mailbox(box.uidvalidity, {
            m.uid: self.expected(m) for m in box.messages.values()})
        wrong = compare.differences(there, folder, HOST)
        locals_ = [line for line in wrong if "not a message's name" in line]
        self.assertEqual([line for line in wrong if line not in locals_], [])
        self.assertEqual(len(locals_), local, locals_)

    @staticmethod
    def drop_bodies(_session, _tag, name, rest):
        """A hook: whoever asks for a body is cut off."""
        if name == "UID_FETCH" and "BODY.PEEK[]" in rest:
            raise fake.Closed

    @staticmethod
    def expected(one):
        moment = compare.datetime.datetime.strptime(
            one.date, "%d-%b-%Y %H:%M:%S %z")
        return compare.Message(
            one.uid, len(one.body), int(moment.timestamp()),
            frozenset(one.flags),
            compare.digest(one.body.replace(b"\r\n", b"\n")),
            compare.digest(one.body))


class Generations(Fake):
    """UIDVALIDITY changes."""

    def setUp(self):
        super().setUp()
        self.serve()
        self.put(range(40))
        self.maildir = self.mirrored()
        self.maildir.sync()
        self.assertEqual(len(self.bodies()), 40)

    def sync(self, bodies, **more):
        """... costs these bodies."""
        result = self.mirrored(**more).sync()
        self.assertEqual(self.bodies(), bodies)
        return result

    def test_other_uids_cost_no_body(self):
        numbers = list(range(40))
        random.Random(1).shuffle(numbers)
        self.put(numbers, uidvalidity=2, first=101)
        self.sync([])
        self.assert_mirrored(self.maildir)

    def test_the_same_uids_cost_no_body(self):
        self.put(range(40), uidvalidity=2)
        self.sync([])
        self.assert_mirrored(self.maildir)

    def test_only_what_is_new_is_fetched(self):
        self.put([*range(20), *range(50, 70)], uidvalidity=2, first=101)
        self.sync(list(range(121, 141)))
        self.assert_mirrored(self.maildir)

    def test_other_flags_are_the_servers(self):
        self.put(range(40), uidvalidity=2)
        for one in self.server.mailboxes["INBOX"].messages.values():
            one.flags = {"\\Flagged"} if one.uid % 2 else set()
        self.sync([])
        self.assert_mirrored(self.maildir)

    def test_another_date_or_size_is_another_message(self):
        self.put(range(40), uidvalidity=2)
        box = self.server.mailboxes["INBOX"].messages
        box[5].date = date(6)
        box[6].body += b"more\r\n"
        self.sync([5, 6])
        self.assert_mirrored(self.maildir)

    def test_what_is_alike_is_fetched(self):
        self.put([7, 7], uidvalidity=2)
        self.put(range(40))
        self.sync([1, 2, 10])
        self.assert_mirrored(self.maildir)

    def test_alike_files_are_not_told_apart(self):
        self.put([7])
        self.mirrored().sync()
        self.bodies()
        self.put(range(40), uidvalidity=2)
        self.sync([8])
        self.assert_mirrored(self.maildir)

    def test_alike_to_what_is_here_is_alike_after_a_crash(self):
        """One of two was fetched before it; the other is no match now."""
        self.put([*range(40), 7], uidvalidity=2)
        given = []

        def hook(session, _tag, name, rest):
            if name == "UID_FETCH" and "BODY.PEEK[]" in rest:
                uid = max(session._in_set(rest.split(" ")[0]))
                session.send(session.fetch_line(
                    session.view.index(uid) + 1,
                    session.selected.messages[uid], rest.upper()))
                given.append(uid)
                raise fake.Closed
            return None
        self.server.hook = hook
        result = self.mirrored().call("sync")
        self.assertNotEqual(result.code, 70, result.err)
        self.assertEqual(sorted(set(given)), [8, 41])
        self.server.hook = None
        self.mirrored().sync()
        self.assert_mirrored(self.maildir)

    def test_a_message_that_went_goes(self):
        self.put(range(1, 40), uidvalidity=2)
        self.sync([])
        self.assert_mirrored(self.maildir)

    def test_a_server_that_goes_to_and_fro_gives_nothing_twice(self):
        lines = ""
        for uidvalidity in (2, 1, 2, 1, 3):
            self.put(range(40), uidvalidity=uidvalidity,
                     first=100 * uidvalidity)
            lines = self.sync([]).err
            self.assert_mirrored(self.maildir)
        self.assertRegex(lines, "UIDVALIDITY changed 5 times within a day")

    def test_one_change_is_no_alarm(self):
        self.put(range(40), uidvalidity=2)
        self.assertNotIn("within a day", self.sync([]).err)

    def interrupt(self):
        """A run that ends before all was given."""
        self.server.hook = self.drop_bodies
        self.assert_code(self.mirrored().call("sync"), 69)
        self.server.hook = None
        self.assertEqual(self.bodies(), [])

    def test_it_goes_back_before_all_is_there(self):
        self.put([*range(30), 50], uidvalidity=2, first=101)
        self.interrupt()
        self.put(range(40), uidvalidity=1)
        self.sync([])
        self.assert_mirrored(self.maildir)

    def test_a_third_one_comes_before_all_is_there(self):
        self.put([*range(30), 50], uidvalidity=2, first=101)
        self.interrupt()
        self.put([*range(40), 50], uidvalidity=3, first=201)
        self.sync([241])
        self.assert_mirrored(self.maildir)

    def test_a_third_one_has_none_of_the_first_before_all_is_there(self):
        self.put([50], uidvalidity=2, first=101)
        self.interrupt()
        self.put([51], uidvalidity=3, first=201)
        self.sync([201], delete_guard="off")
        self.assert_mirrored(self.maildir)

    def test_a_third_one_comes_while_it_runs(self):
        self.put(range(40), uidvalidity=2, first=101)
        with self.mirrored().start() as daemon:
            daemon.wait_line("files of the former UIDVALIDITY removed")
            for uidvalidity in (3, 4):
                since = len(daemon.lines)
                self.put(range(40), uidvalidity=uidvalidity, first=7)
                self.server.drop_all()
                daemon.wait_line("files of the former UIDVALIDITY removed",
                                 since=since)
        self.assertEqual(self.bodies(), [])
        self.assert_mirrored(self.maildir)

    def test_what_was_expunged_is_kept_if_so_wanted(self):
        self.put(range(35), uidvalidity=2)
        self.sync([], on_expunge="keep")
        self.assert_mirrored(self.maildir, local=5)

    def test_what_was_expunged_is_archived_if_so_wanted(self):
        self.put(range(35), uidvalidity=2)
        self.sync([], on_expunge="archive", archive_folder="Archive")
        self.assert_mirrored(self.maildir)
        self.assertEqual(len(compare.local_names(
            self.maildir.folder("Archive"))), 5)

    def test_what_was_fetched_again_is_not_kept(self):
        self.put([7], uidvalidity=2)
        self.put(range(40))
        self.sync([1, 9], on_expunge="keep")
        self.assert_mirrored(self.maildir)

    def test_the_old_files_stay_if_too_many_went(self):
        self.put(range(100, 300), uidvalidity=2)
        self.mirrored().sync()
        self.bodies()
        self.put(range(100, 110), uidvalidity=3)
        result = self.sync([])
        self.assertIn("delete_guard", result.err)
        self.assertEqual(
            len(compare.local_names(self.maildir.folder())), 210)
        self.maildir.sync("--accept-deletes", "main/INBOX")
        self.assert_mirrored(self.maildir)


class Sizes(Fake):
    """A server whose RFC822.SIZE drifts."""

    def check(self, greeting, bodies):
        self.serve(greeting=greeting)
        self.put(range(10))
        drift = []

        def hook(session, tag, name, rest):
            if name != "UID_FETCH" or not drift:
                return None
            lines = [re.sub(
                rb"RFC822.SIZE (\d+)", lambda size: b"RFC822.SIZE %d" % (
                    int(size.group(1)) + 7), session.fetch_line(
                        i + 1, session.selected.messages[uid], rest.upper()))
                     for i, uid in enumerate(session.view)
                     if uid in session._in_set(rest.split(" ")[0])]
            return [*lines, tag + " OK done"]
        self.server.hook = hook
        mirrored = self.mirrored()
        mirrored.sync()
        self.bodies()
        drift.append(True)
        self.put(range(10), uidvalidity=2, first=50)
        mirrored.sync()
        self.assertEqual(self.bodies(), bodies)
        self.assertEqual(compare.local_uids(mirrored.folder()),
                         list(range(50, 60)))

    def test_sizes_are_compared(self):
        self.check("* OK fake ready", list(range(50, 60)))

    def test_sizes_that_lie_are_not(self):
        self.check("* OK WildDuck ready", [])


class Headers(Fake):
    """Messages without a Message-ID."""

    def setUp(self):
        super().setUp()
        self.serve()

    def test_a_header_tells_who_has_no_message_id(self):
        self.put(range(10))
        self.put(range(10, 20), message_id=False)
        mirrored = self.mirrored()
        mirrored.sync()
        self.bodies()
        self.put(range(10, 20), message_id=False, uidvalidity=2)
        self.put(range(10))
        mirrored.sync()
        self.assertEqual(self.bodies(), [])
        self.assert_mirrored(mirrored)
        asked = self.server.said(r"BODY\.PEEK\[HEADER\]")
        self.assertEqual(len(asked), 1)
        self.assertIn("UID FETCH 1:10 ", asked[0])

    def test_many_of_them_are_asked_for_one_window_at_a_time(self):
        self.put(range(600), message_id=False)
        mirrored = self.mirrored()
        mirrored.sync()
        self.bodies()
        self.put(range(600), message_id=False, uidvalidity=2, first=1001)
        mirrored.sync()
        self.assertEqual(self.bodies(), [])
        self.assert_mirrored(mirrored)
        self.assertEqual(
            len(self.server.said(r"BODY\.PEEK\[HEADER\]")), 3)

    def test_a_header_that_is_not_given_costs_its_body(self):
        self.put(range(3), message_id=False)
        mirrored = self.mirrored()
        mirrored.sync()
        self.bodies()
        self.put(range(3), message_id=False, uidvalidity=2)
        self.server.hook = lambda _s, tag, _n, rest: (
            [tag + " NO not now"] if "[HEADER]" in rest else None)
        mirrored.sync()
        self.assertEqual(self.bodies(), [1, 2, 3])
        self.assert_mirrored(mirrored)


    def test_a_header_that_is_too_long_costs_its_body(self):
        long = b"X-Long: " + b"x" * 900 + b"\r\n"
        body = long * 60 + b"\r\nbody\r\n"
        endless = b"Message-ID: <" + b"x" * 40000 + b">\r\n\r\nbody\r\n"
        self.put(range(3))
        for one in (body, endless):
            self.server.deliver(one)
        mirrored = self.mirrored()
        mirrored.sync()
        self.bodies()
        self.put(range(3), uidvalidity=2)
        for one in (body, endless):
            self.server.deliver(one)
        mirrored.sync()
        self.assertEqual(self.bodies(), [4, 5])
        self.assert_mirrored(mirrored)


class Killed(Fake):
    """kill -9 while messages get their new UIDs."""

    MESSAGES, MOMENTS = 600, 8

    def test_at_many_moments(self):
        self.serve()
        self.check_moments()

    def test_at_many_moments_by_emailid(self):
        self.serve(OBJECTID)
        self.check_moments(emailids=True)

    def test_at_many_moments_with_news(self):
        """What is fetched before the end is not fetched again."""
        self.serve()
        self.put(range(300))
        mirrored = self.mirrored(fsync=False)
        mirrored.sync()
        for moment in range(1, self.MOMENTS):
            with self.subTest(moment=moment):
                self.put(range(100 * moment, 100 * moment + 300),
                         uidvalidity=1 + moment, first=1000 * moment)
                daemon = mirrored.start(command="sync")
                time.sleep(0.4 * (moment + random.random()) / self.MOMENTS)
                daemon.kill()
                daemon.socket.close()
                mirrored.sync()
                self.assert_mirrored(mirrored)

    def check_moments(self, **more):
        self.put(range(self.MESSAGES), **more)
        mirrored = self.mirrored(fsync=False)
        mirrored.sync()
        self.bodies()
        first, whole = 1001, 1.0
        for moment in range(self.MOMENTS):
            with self.subTest(moment=moment):
                first += 1000
                self.put(range(self.MESSAGES), uidvalidity=first,
                         first=first, **more)
                daemon = mirrored.start(command="sync")
                if moment == 0:
                    begin = time.monotonic()
                    self.assertEqual(daemon.wait_end(), 0)
                    whole = time.monotonic() - begin
                else:
                    time.sleep(whole * (moment - 1 + random.random())
                               / self.MOMENTS)
                    daemon.kill()
                daemon.socket.close()
                mirrored.sync()
                self.assertEqual(self.bodies(), [])
                self.assert_mirrored(mirrored)


class Folders(Fake):
    """One message in several folders."""

    def setUp(self):
        super().setUp()
        self.serve(GMAIL)
        self.put(range(30), emailids=True)

    def inodes(self, mirrored, mailbox):
        folder = mirrored.folder(mailbox)
        return {os.stat(os.path.join(folder, sub, name)).st_ino
                for sub, name in compare.local_names(folder)}

    def test_it_is_fetched_once(self):
        mirrored = self.mirrored(folders=["*"])
        mirrored.sync()
        self.assertEqual(len(self.bodies()), 30)
        self.put(range(10, 40), "All", first=501, emailids=True)
        mirrored.sync()
        self.assertEqual(self.bodies(), list(range(521, 531)))
        self.assert_mirrored(mirrored, "All")
        self.assertEqual(len(self.inodes(mirrored, "INBOX")
                             & self.inodes(mirrored, "All")), 20)

    def test_more_than_a_window_of_them(self):
        self.put(range(30, 700), emailids=True)
        mirrored = self.mirrored(folders=["*"])
        mirrored.sync()
        self.bodies()
        self.put(range(800), "All", emailids=True)
        mirrored.sync()
        self.assertEqual(self.bodies(), list(range(701, 801)))
        self.assert_mirrored(mirrored, "All")

    def test_with_another_date_it_is_a_file_of_its_own(self):
        mirrored = self.mirrored(folders=["*"])
        mirrored.sync()
        self.bodies()
        self.put([3], "Copy", emailids=True)
        self.server.mailboxes["Copy"].messages[1].date = date(4)
        mirrored.sync()
        self.assertEqual(self.bodies(), [])
        self.assert_mirrored(mirrored, "Copy")
        self.assert_mirrored(mirrored)

    def test_a_file_that_is_gone_or_of_another_size_is_no_match(self):
        mirrored = self.mirrored(folders=["*"])
        mirrored.sync()
        self.bodies()
        self.put([3, 4, 5], "Copy", emailids=True)
        self.server.mailboxes["Copy"].messages[2].body += b"x\r\n"
        folder = mirrored.folder()
        for sub, name in compare.local_names(folder):
            if ",U=4," in name:
                os.rename(os.path.join(folder, sub, name),
                          os.path.join(folder, sub, "elsewhere"))
        mirrored.sync("main/Copy")
        self.assertEqual(self.bodies(), [1, 2])
        self.assert_mirrored(mirrored, "Copy")

    def test_it_arrives_in_a_second_folder(self):
        self.put([1], "Label", emailids=True)
        mirrored = self.mirrored(folders=["*"])
        with mirrored.start() as daemon:
            for mailbox in ("INBOX", "Label"):
                daemon.wait_line("main/%s: the same as the server" % mailbox)
            daemon.wait_until(lambda: len(self.server.said(" IDLE$")) >= 2,
                              "two IDLEs")
            self.bodies()
            self.server.change(lambda all_: all_["Label"].add(
                message(9), date=date(9), emailid="%d" % (10 ** 18 + 9)))
            daemon.wait_until(lambda: compare.local_uids(
                mirrored.folder("Label")) == [1, 2], "the message")
            self.assertEqual(self.bodies(), [])
            self.server.change(lambda all_: all_["Label"].add(
                message(99), date=date(99), emailid="%d" % (10 ** 18 + 99)))
            daemon.wait_until(lambda: compare.local_uids(
                mirrored.folder("Label")) == [1, 2, 3], "another one")
            self.assertEqual(self.bodies(), [3])
        self.assert_mirrored(mirrored, "Label")

    def test_other_uids_cost_no_body(self):
        """... though dates, Message-IDs or sizes tell nothing."""
        mirrored = self.mirrored()
        mirrored.sync()
        self.bodies()
        self.put([3] * 3 + list(range(30)), uidvalidity=2, first=9,
                 emailids=True)
        mirrored.sync()
        self.assertEqual(self.bodies(), [])
        self.assertEqual(self.server.said("HEADER"), [])
        self.assert_mirrored(mirrored)

    def test_a_server_that_goes_to_and_fro_gives_nothing_twice(self):
        mirrored = self.mirrored()
        mirrored.sync()
        self.bodies()
        for uidvalidity in (2, 1, 2, 1, 3):
            self.put(range(30), uidvalidity=uidvalidity,
                     first=100 * uidvalidity, emailids=True)
            mirrored.sync()
            self.assertEqual(self.bodies(), [])
            self.assert_mirrored(mirrored)

    def test_it_goes_back_before_all_is_there(self):
        mirrored = self.mirrored()
        mirrored.sync()
        self.bodies()
        self.put([*range(20), 50], uidvalidity=2, first=101, emailids=True)
        self.server.hook = self.drop_bodies
        self.assert_code(mirrored.call("sync"), 69)
        self.server.hook = None
        self.put(range(30), uidvalidity=1, emailids=True)
        mirrored.sync()
        self.assertEqual(self.bodies(), [])
        self.assert_mirrored(mirrored)

    def test_without_a_database_message_ids_tell(self):
        mirrored = self.mirrored()
        mirrored.sync()
        self.bodies()
        shutil.rmtree(self.path("state"))
        self.put(range(30), uidvalidity=2, first=101, emailids=True)
        mirrored.sync()
        self.assertEqual(self.bodies(), [])
        self.assert_mirrored(mirrored)

    def test_a_renamed_folder_costs_no_body(self):
        self.put(range(50, 90), "Before", emailids=True)
        mirrored = self.mirrored(folders=["*"])
        mirrored.sync()
        self.bodies()
        with self.server.lock:
            boxes = self.server.mailboxes
            boxes["After"] = boxes.pop("Before")
            boxes["After"].uidvalidity = 77
        mirrored.sync()
        self.assertEqual(self.bodies(), [])
        self.assert_mirrored(mirrored, "After")


class ObjectId(Folders):
    """The same by RFC 8474."""

    def setUp(self):
        Fake.setUp(self)
        self.serve(OBJECTID)
        self.put(range(30), emailids=True)


class Dovecot(case.Case):
    @staticmethod
    def bodies(server):
        """How many the server gave since its log began."""
        return server.rawlog("out").count(b" BODY[] {")

    @staticmethod
    def doveadm(server, *arguments):
        """As the mail's owner, who needs no look-up of users."""
        drop = ("setpriv", "--reuid", str(server.uid), "--regid",
                str(server.gid), "--clear-groups") if os.getuid() == 0 else ()
        subprocess.run(
            (*drop, "/usr/bin/doveadm", "-c", server.path("dovecot.conf"),
             *arguments), check=True, timeout=60, capture_output=True,
            env={"PATH": "/usr/sbin:/usr/bin", "USER": dovecot.USER,
                 "HOME": server.path("mail", dovecot.USER)})

    def test_a_changed_uidvalidity_costs_no_body(self):
        server = self.dovecot()
        server.begin_rawlog()
        imap.fill(server, "INBOX", [
            (messages.make(n), messages.flags(n), messages.date(n))
            for n in range(300)])
        client = self.client(server)
        mirrored = self.mirror(server)
        mirrored.sync()
        before = self.bodies(server)
        for uidvalidity in (1234567, 2345678):
            self.doveadm(server, "mailbox", "update", "--uid-validity",
                         str(uidvalidity), "INBOX")
            mirrored.sync()
            there = self.assert_exact(client, "INBOX", mirrored.folder())
            self.assertEqual(there.uidvalidity, uidvalidity)
        # the client's own looks at it
        self.assertEqual(self.bodies(server), before + 2 * 300)

    def test_a_mailbox_made_anew_costs_no_body(self):
        """All other UIDs: moved there and back."""
        server = self.dovecot()
        imap.fill(server, "Box", [
            (messages.make(n), messages.flags(n), messages.date(n))
            for n in range(100)])
        client = self.client(server)
        mirrored = self.mirror(server, folders=["Box"])
        mirrored.sync()
        server.begin_rawlog()
        for command in ("RENAME Box Old", "CREATE Box", "CREATE x",
                        "SELECT Old"):
            imap.ok(client._simple_command(*command.split()))
        client.state = "SELECTED"
        imap.ok(client.uid("COPY", "50:100", "Box"))
        imap.ok(client.uid("COPY", "1:49", "Box"))
        mirrored.sync()
        self.assertEqual(self.bodies(server), 0)
        self.assert_exact(client, "Box", mirrored.folder("Box"))


class Cyrus(case.Case):
    """OBJECTID of a real server."""

    def test_copies_are_links(self):
        server = cyrus.Cyrus(self.path("server"))
        self.addCleanup(server.stop)
        server.start()
        imap.fill(server, "INBOX", [
            (messages.make(n), messages.flags(n), messages.date(n))
            for n in range(50)])
        client = self.client(server)
        imap.ok(client.create("Box"))
        mirrored = self.mirror(server, folders=["INBOX", "Box"])
        mirrored.sync()
        imap.ok(client.select("INBOX"))
        imap.ok(client.uid("COPY", "11:50", "Box"))
        imap.append(client, "Box", messages.make(77))
        server.begin_rawlog()
        mirrored.sync()
        for mailbox in ("INBOX", "Box"):
            self.assert_exact(client, mailbox, mirrored.folder(mailbox))
        self.assertEqual(server.rawlog().count(b" BODY[] {"), 1)
        linked = [name for sub, name in
                  compare.local_names(mirrored.folder("Box"))
                  if os.stat(os.path.join(mirrored.folder("Box"), sub,
                                          name)).st_nlink == 2]
        self.assertEqual(len(linked), 40)


if __name__ == "__main__":
    case.main()
