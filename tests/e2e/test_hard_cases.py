#!/usr/bin/python3
"""Servers that break their word, and moments that are rarely met."""

import os
import re
import shutil
import signal
import time

from lab import case, compare, fake, messages, mirror, process
from lab import client as imap

HOST = "127.0.0.1"
BROKEN = 3  # the UID of a message that the server cannot give


def is_body(name, rest):
    """Is it the command that downloads messages?"""
    return name == "UID_FETCH" and "BODY.PEEK[]" in rest.upper()


def is_listing(name, rest):
    return name == "UID_FETCH" and "BODY.PEEK[]" not in rest.upper()


def fetched(session, rest, without=None, until=None):
    """The lines that answer a UID FETCH, less one or up to one."""
    uids, _, items = rest.partition(" ")
    lines = []
    with session.server.lock:
        for uid in session._in_set(uids):
            if uid == until:
                break
            if uid != without:
                lines.append(session.fetch_line(
                    session.view.index(uid) + 1,
                    session.selected.messages[uid], items.upper()))
    return lines


class Withheld(case.Fake):
    """A message that is listed but never given."""

    GIVEN = [uid for uid in range(1, 11) if uid != BROKEN]

    def skipping(self, session, tag, name, rest):
        if not is_body(name, rest):
            return None
        return fetched(session, rest, without=BROKEN) + [tag + " OK done"]

    def stopping(self, session, tag, name, rest):
        if not is_body(name, rest):
            return None
        lines = fetched(session, rest, until=BROKEN)
        asked = fetched(session, rest)
        return lines + [tag + (" OK done" if len(lines) == len(asked)
                               else " NO [SERVERBUG] internal error")]

    def downloads(self):
        return len(self.server.said(r"UID FETCH .*BODY\.PEEK\[\]"))

    def test_an_ok_without_it_ends_with_76_and_all_others(self):
        self.serve(10, self.skipping)
        mirrored = self.mirrored()
        result = mirrored.call("sync", timeout=60)
        self.assert_code(result, 76)
        self.assertIn("UID 3 ", result.err)
        self.assert_uids(mirrored, self.GIVEN)
        self.assertLess(self.downloads(), 20)

    def test_a_no_that_withholds_those_behind_it_too(self):
        self.serve(10, self.stopping)
        mirrored = self.mirrored()
        result = mirrored.call("sync", timeout=60)
        self.assert_code(result, 76)
        self.assertIn("UID 3 ", result.err)
        self.assert_uids(mirrored, self.GIVEN)
        self.assertLess(self.downloads(), 40)

    def test_what_comes_after_it_still_arrives(self):
        self.serve(10, self.skipping)
        mirrored = self.mirrored()
        with self.start(mirrored) as daemon:
            self.wait_uids(daemon, mirrored, self.GIVEN)
            daemon.wait_until(lambda: self.server.said(" IDLE$"), "IDLE")
            self.server.deliver(messages.make(77))
            self.wait_uids(daemon, mirrored, self.GIVEN + [11])

    def test_it_is_asked_for_again_by_the_next_run(self):
        self.serve(10, self.skipping)
        mirrored = self.mirrored()
        self.assert_code(mirrored.call("sync", timeout=60), 76)
        self.server.hook = None
        mirrored.sync()
        self.assert_uids(mirrored, self.uids())


class Listing(case.Fake):
    """LIST: refused, dropped, and with names that no command can carry."""

    def test_unavailable_ends_with_75(self):
        self.serve(1, lambda _s, tag, name, _r: (
            [tag + " NO [UNAVAILABLE] later"] if name == "LIST" else None))
        result = self.mirrored().call("sync", timeout=60)
        self.assert_code(result, 75)
        self.assertIn("LIST refused", result.err)

    def test_dropped_ends_with_69_after_few_connections(self):
        def hook(_session, _tag, name, _rest):
            if name == "LIST":
                raise fake.Closed
        self.serve(1, hook)
        self.assert_code(self.mirrored().call("sync", timeout=60), 69)
        self.assertLessEqual(self.server.accepted, 5)

    def test_a_daemon_that_is_always_dropped_at_it_backs_off(self):
        self.drop_after(0)
        daemon = self.start(self.mirrored())
        self.assert_slow(daemon)

    def test_a_poller_that_is_always_dropped_at_it_backs_off(self):
        self.drop_after(1)
        self.server.mailboxes["x"] = fake.Mailbox()
        daemon = self.start(self.mirrored(
            folders=["INBOX", "x"], watch=["INBOX"], poll_interval="1s"))
        self.assert_slow(daemon)

    def drop_after(self, good):
        self.dropped = []

        def hook(_session, _tag, name, _rest):
            if name == "LIST" and len(self.server.said(" LIST ")) > good:
                self.dropped.append(time.monotonic())
                raise fake.Closed
        self.serve(1, hook)

    def assert_slow(self, daemon):
        """Three tries in a row are more than two seconds apart in all."""
        daemon.wait_until(lambda: len(self.dropped) >= 3, "three tries")
        self.assertGreater(self.dropped[2] - self.dropped[0], 1.5)
        self.assertLessEqual(self.server.accepted, 6)

    def test_a_name_with_a_nul_is_passed_over(self):
        self.serve(1, lambda _s, tag, name, _r: (
            ['* LIST () "/" INBOX', b'* LIST () "/" {5}\r\na\0bcd',
             tag + " OK done"] if name == "LIST" else None))
        mirrored = self.mirrored(folders=["*"])
        mirrored.sync(timeout=60)
        self.assert_uids(mirrored, [1])
        self.assertEqual(len(self.server.said(" EXAMINE ")), 1)
        self.assertEqual(self.server.accepted, 1)


class Flags(case.Fake):
    def test_a_fetch_without_a_uid_while_messages_come(self):
        def hook(session, tag, name, rest):
            if not is_body(name, rest):
                return None
            lines = fetched(session, rest)
            session.selected.messages[1].flags.add("\\Seen")
            return lines + ["* 1 FETCH (FLAGS (\\Seen))", tag + " OK done"]
        self.serve(2, hook)
        mirrored = self.mirrored()
        with self.start(mirrored) as daemon:
            self.wait_letters(daemon, mirrored, 1, "S")
            self.wait_uids(daemon, mirrored, [1, 2])
            self.assertEqual(case.letters(mirrored.folder(), 2), "")

    def test_one_set_and_taken_back_in_a_burst(self):
        self.serve(2)
        mirrored, daemon = self.watching()
        for session in list(self.server.sessions):
            session.send("* 1 FETCH (UID 1 FLAGS (\\Flagged))",
                         "* 1 FETCH (UID 1 FLAGS ())")
        self.flag(2, "\\Seen")
        self.wait_letters(daemon, mirrored, 2, "S")
        self.assertEqual(daemon.stop(), 0)
        self.assertFalse(case.letters(mirrored.folder(), 1))

    def test_one_that_changes_behind_its_line_of_a_listing(self):
        changed = []

        def hook(session, tag, name, rest):
            if not is_listing(name, rest) or changed:
                return None
            lines = fetched(session, rest)
            with session.server.lock:
                session.selected.messages[1].flags.add("\\Seen")
            changed.append(1)
            return lines + ["* 1 FETCH (UID 1 FLAGS (\\Seen))",
                            tag + " OK done"]
        self.serve(1)
        mirrored = self.mirrored()
        mirrored.sync()
        self.server.hook = hook
        with self.start(mirrored) as daemon:
            self.wait_letters(daemon, mirrored, 1, "S")
        self.assertTrue(changed)

    def test_a_local_change_while_stopped_is_put_back(self):
        server = self.dovecot()
        imap.fill(server, "INBOX", [(messages.make(n), "", None)
                                    for n in range(2)])
        mirrored = self.mirror(server)
        mirrored.sync()
        mirrored.sync()  # with nothing new the listing is CONDSTORE's
        for name in os.listdir(os.path.join(mirrored.folder(), "new")):
            if ",U=1," in name:
                os.rename(
                    os.path.join(mirrored.folder(), "new", name),
                    os.path.join(mirrored.folder(), "cur", name + ":2,FS"))
        self.assertEqual(case.letters(mirrored.folder(), 1), "FS")
        mirrored.sync()
        self.assert_exact(self.client(server), "INBOX", mirrored.folder())


class Counts(case.Fake):
    """Messages that come and go while others are listed or downloaded."""

    def replace_first(self, session):
        with session.server.lock:
            del session.selected.messages[1]
            session.selected.add(messages.make(9))
            session.view = sorted(session.selected.messages)
            return len(session.view)

    def assert_settles(self, mirrored):
        with self.start(mirrored) as daemon:
            self.wait_uids(daemon, mirrored, [2, 3])
            daemon.wait_until(lambda: self.server.said(" IDLE$"), "IDLE")
        self.assert_uids(mirrored, [2, 3])
        self.assertNotIn("the server counts", daemon.text())

    def test_vanished_behind_a_listing(self):
        done = []

        def hook(session, tag, name, rest):
            if not is_listing(name, rest) or done:
                return None
            done.append(1)
            lines = fetched(session, rest)
            count = self.replace_first(session)
            return lines + ["* VANISHED 1", "* %d EXISTS" % count,
                            tag + " OK done"]
        self.serve(2, capabilities=fake.CAPABILITIES + " QRESYNC CONDSTORE")
        mirrored = self.mirrored()
        mirrored.sync()
        self.server.hook = hook
        self.assert_settles(mirrored)
        self.assertTrue(done)

    def test_expunge_and_exists_while_messages_come(self):
        done = []

        def hook(session, tag, name, rest):
            if not is_body(name, rest) or done:
                return None
            done.append(1)
            lines = fetched(session, rest)
            count = self.replace_first(session)
            return lines + ["* 1 EXPUNGE", "* %d EXISTS" % count,
                            tag + " OK done"]
        self.serve(2, hook)
        self.assert_settles(self.mirrored())
        self.assertTrue(done)


class Emptied(case.Fake):
    """More is gone than delete_guard lets pass, or seems to be."""

    def begin(self, **more):
        self.serve(150, **more)
        self.local = self.mirrored()
        self.local.sync()
        self.whole = self.server.mailboxes["INBOX"]
        self.sent = len(self.server.bodies)

    def is_kept(self):
        self.assertEqual(len(compare.local_uids(self.local.folder())), 150)

    def comes_back(self):
        """With the mailbox as it was nothing is held, nor fetched."""
        self.server.mailboxes["INBOX"] = self.whole
        said = self.local.sync()
        self.assertNotIn("delete_guard", said.out + said.err)
        self.assert_whole(self.local)
        self.assertEqual(len(self.server.bodies), self.sent)

    def test_a_mailbox_that_is_empty_for_a_while(self):
        self.begin()
        self.server.mailboxes["INBOX"] = fake.Mailbox()
        self.server.mailboxes["INBOX"].uidnext = 151
        for _ in range(2):
            said = self.local.sync()
            self.assertRegex(said.out + said.err, "delete_guard")
            self.is_kept()
        self.comes_back()

    def test_a_generation_that_is_empty_and_goes_again(self):
        self.begin()
        for _ in range(2):
            self.server.mailboxes["INBOX"] = fake.Mailbox(uidvalidity=2)
            self.local.sync()
            self.is_kept()
            self.comes_back()

    def test_vanished_of_everything_while_it_idles(self):
        capable = fake.CAPABILITIES + " QRESYNC CONDSTORE"
        self.begin(capabilities=capable)
        daemon = self.start(self.local)
        daemon.wait_until(lambda: self.server.said(" IDLE$"), "IDLE")
        with self.server.lock:
            self.server.mailboxes["INBOX"].messages = {}
            for session in list(self.server.sessions):
                session.view = []
                session.send("* VANISHED 1:4294967295", "* 0 EXISTS")
        daemon.wait_line("delete_guard")
        self.is_kept()
        self.assertEqual(daemon.stop(), 0)

    def test_a_mailbox_that_is_gone_for_a_while(self):
        self.begin()
        self.server.mailboxes["x"] = self.server.mailboxes.pop("INBOX")
        self.local.call("sync")
        self.is_kept()
        self.comes_back()

    def test_a_listing_that_is_always_cut_in_the_middle(self):
        self.begin()

        def hook(session, _tag, name, rest):
            if not is_listing(name, rest):
                return None
            session.send(*fetched(session, rest)[:70])
            session.send(fetched(session, rest)[70][:9])
            raise fake.Closed
        self.server.hook = hook
        self.assert_code(self.local.call("sync", timeout=60), 69)
        self.is_kept()
        self.server.hook = None
        self.comes_back()

    def test_a_listing_that_ends_early_and_says_ok(self):
        self.begin()
        self.server.hook = lambda session, tag, name, rest: (
            fetched(session, rest)[:70] + [tag + " OK done"]
            if is_listing(name, rest) else None)
        self.local.call("sync", timeout=60)
        self.is_kept()
        self.server.hook = None
        self.comes_back()


class Generations(case.Fake):
    """UIDVALIDITY changes."""

    def test_an_emptied_mailbox_is_held_until_accepted(self):
        self.serve(150)
        mirrored = self.mirrored()
        mirrored.sync()
        before = compare.local_uids(mirrored.folder())
        self.assertEqual(len(before), 150)
        self.server.mailboxes["INBOX"] = fake.Mailbox(uidvalidity=2)
        held = mirrored.sync()
        self.assertRegex(held.out + held.err, "delete_guard")
        self.assert_uids(mirrored, before)
        mirrored.sync("--accept-deletes", "main/INBOX")
        self.assertEqual(compare.local_names(mirrored.folder()), [])

    def test_it_stays_held_by_the_runs_that_follow(self):
        self.serve(150)
        mirrored = self.mirrored()
        mirrored.sync()
        self.server.mailboxes["INBOX"] = fake.Mailbox(uidvalidity=2)
        for _ in range(2):
            mirrored.sync()
            self.assertEqual(len(compare.local_uids(mirrored.folder())), 150)

    def test_a_local_file_with_the_old_ones_name_is_untouched(self):
        self.serve(1)
        mirrored = self.mirrored()
        mirrored.sync()
        _, name = compare.local_names(mirrored.folder())[0]
        local = os.path.join(mirrored.folder(), "cur",
                             re.sub(r",U=\d+", "", name) + ":2,S")
        with open(local, "wb") as f:
            f.write(b"mine")
        mirrored.sync()
        self.server.mailboxes["INBOX"].uidvalidity = 2
        mirrored.sync()
        with open(local, "rb") as f:
            self.assertEqual(f.read(), b"mine")
        os.unlink(local)
        self.assertRegex(str(compare.local_names(mirrored.folder())),
                         r"^\[\('new', '\d+\.V2\.127\.0\.0\.1,U=1,S=\d+'\)\]$")


class Settings(case.Fake):
    def test_an_account_renamed_by_sighup_keeps_its_maildir(self):
        self.serve(1)
        mirrored, daemon = self.watching()
        mirrored.configure([dict(mirrored.accounts[0], name="other")])
        daemon.signal(signal.SIGHUP)
        daemon.wait_line("configuration reloaded")
        daemon.wait_line(r"other/INBOX: the same as the server")
        self.server.deliver(messages.make(5))
        self.wait_uids(daemon, mirrored, [1, 2])
        self.assertEqual(daemon.stop(), 0)

    def test_a_password_command_that_was_behind_is_asked_again(self):
        self.serve(1)
        mirrored = self.mirrored()
        account = dict(mirrored.accounts[0])
        right = account.pop("password")
        account["password_command"] = (
            "if test -e %s; then echo '%s'; else touch %s; echo old; fi"
            % (self.path("asked"), right, self.path("asked")))
        mirrored.configure([account])
        mirrored.sync(timeout=60)
        self.assert_uids(mirrored, [1])


class NewHost(case.Case):
    """The host setting changes; files are named after the host."""

    def setUp(self):
        super().setUp()
        self.server = self.dovecot()
        imap.fill(self.server, "INBOX", [
            (messages.make(n), messages.flags(n), messages.date(n))
            for n in range(60)])
        self.mirror(self.server, host="localhost").sync()

    def assert_renamed(self):
        mirrored = self.mirror(self.server, host=HOST)
        self.server.begin_rawlog()
        mirrored.sync()
        self.assertNotIn(b"BODY.PEEK[]", self.server.rawlog().upper())
        self.assert_exact(self.client(self.server), "INBOX",
                          mirrored.folder(), host=HOST)

    def test_everything_is_renamed_and_nothing_downloaded(self):
        self.assert_renamed()

    def test_nor_is_it_without_the_state_database(self):
        shutil.rmtree(self.path("state"))
        self.assert_renamed()

    def test_what_changed_on_the_server_meanwhile_is_applied(self):
        client = self.client(self.server)
        imap.ok(client.select("INBOX"))
        imap.store(client, range(1, 10), "", "\\Flagged \\Seen")
        imap.expunge(client, range(20, 30))
        self.assert_renamed()


class Connections(case.Fake):
    def test_the_second_always_dropped_costs_nothing_but_itself(self):
        def hook(session, _tag, name, _rest):
            if session.number > 1 and name in ("LOGIN", "AUTHENTICATE"):
                raise fake.Closed
            if name == "UID_FETCH":
                process.wait_until(lambda: self.server.accepted > 1,
                                   "a second connection")
        self.serve(2, hook)
        for name in "abcd":
            self.server.mailboxes[name] = fake.Mailbox()
            self.server.mailboxes[name].add(messages.make(1))
        mirrored = self.mirrored(folders=["*"])
        self.assert_code(mirrored.call("sync", timeout=120), 0)
        for name in ("INBOX", "a", "b", "c", "d"):
            self.assert_uids(mirrored, self.uids(name), name)
        self.assertLess(self.server.accepted, 10)

    def test_sigusr1_does_not_wake_folders_that_are_gone(self):
        self.serve(1)
        self.server.mailboxes["x"] = fake.Mailbox()
        self.server.mailboxes["x"].add(messages.make(1))
        mirrored = self.mirrored(folders=["*"], poll_interval="1s")
        daemon = self.start(mirrored)
        self.wait_uids(daemon, mirrored, [1], "x")
        with self.server.lock:
            del self.server.mailboxes["x"]
        daemon.wait_line("main/x: gone from the server")
        before = len(self.server.said("EXAMINE \"?x"))
        daemon.signal(signal.SIGUSR1)
        daemon.wait_line("checking everything now")
        lists = len(self.server.said(" LIST "))
        daemon.wait_until(
            lambda: len(self.server.said(" LIST ")) >= lists + 2,
            "two more listings")
        self.assertEqual(daemon.stop(), 0)
        self.assertEqual(len(self.server.said("EXAMINE \"?x")), before)
        self.assert_uids(mirrored, [1], "x")


class ManyFiles(case.Fake):
    """A Maildir of many files, half of them with another host's name."""

    EACH = 20000

    def setUp(self):
        super().setUp()
        self.serve(1)
        self.cur = self.path("Mail", "INBOX", "cur")
        os.makedirs(self.cur)
        directory = os.open(self.cur, os.O_RDONLY)
        for uid in range(1, 2 * self.EACH + 1):
            host = HOST if uid <= self.EACH else "other"
            os.close(os.open(
                "%d.V1.%s,U=%d,S=5:2,S" % (1700000000 + uid, host, uid),
                os.O_CREAT | os.O_WRONLY, 0o600, dir_fd=directory))
        os.close(directory)
        with open(self.path("Mail", "INBOX", ".uidvalidity"), "w",
                  encoding="ascii") as f:
            f.write("1\n%d\nmailmirror\n" % (2 * self.EACH))

    def is_reading(self, daemon):
        """Has the daemon the directory open, or is it done with it?"""
        fds = "/proc/%d/fd" % daemon.pid
        for fd in os.listdir(fds):
            try:
                if os.readlink(os.path.join(fds, fd)) == self.cur:
                    return True
            except OSError:
                pass
        return bool(self.server.said("UID FETCH"))

    def test_a_sync_over_them_ends_and_removes_none(self):
        result = self.mirrored().sync(timeout=30)
        self.assertIn("delete_guard", result.out + result.err)
        self.assertGreaterEqual(len(os.listdir(self.cur)), 2 * self.EACH - 1)

    def test_sigterm_while_they_are_read_ends_the_daemon_soon(self):
        daemon = self.start(self.mirrored())
        daemon.wait_until(lambda: self.is_reading(daemon), "the directory")
        daemon.signal(signal.SIGTERM)
        begin = time.monotonic()
        self.assertEqual(daemon.wait_end(), 0)
        self.assertLess(time.monotonic() - begin, 5)


if __name__ == "__main__":
    case.main()
