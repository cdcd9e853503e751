#!/usr/bin/python3
"""`mailmirror sync`: after it the Maildir is what the server has."""

import os
import re
import shutil
import time

from lab import case, compare, messages
from lab import client as imap


def some(count, first=0, keywords=False):
    """Messages with all kinds of flags, dates and sizes."""
    for number in range(first, first + count):
        flags = messages.flags(number)
        if keywords and number % 5 == 0:
            flags += " $Forwarded" if number % 2 else " work%d" % (number % 4)
        yield messages.make(number), flags, messages.date(number)


class Sync(case.Case):
    def test_an_inbox_of_every_kind_of_message_is_exact(self):
        server = self.dovecot()
        imap.fill(server, "INBOX", some(300, keywords=True))
        mirror = self.mirror(server)
        result = mirror.sync()
        self.assert_exact(self.client(server), "INBOX", mirror.folder())
        self.assertIn("main", result.out + result.err)

    def test_an_empty_mailbox_gives_an_empty_maildir(self):
        server = self.dovecot()
        mirror = self.mirror(server)
        mirror.sync()
        self.assert_exact(self.client(server), "INBOX", mirror.folder())

    def test_reading_changes_nothing_on_the_server(self):
        server = self.dovecot()
        imap.fill(server, "INBOX", some(20))
        client = self.client(server)
        before = compare.server_mailbox(client, "INBOX")
        server.begin_rawlog()
        self.mirror(server).sync()
        self.assertEqual(compare.server_mailbox(client, "INBOX"), before)
        said = server.rawlog().upper()
        self.assertNotIn(b" SELECT ", said)
        self.assertNotIn(b" BODY[", said)

    def test_crlf_keeps_every_byte(self):
        server = self.dovecot()
        imap.fill(server, "INBOX", some(40))
        mirror = self.mirror(server, line_endings="crlf")
        mirror.sync()
        self.assert_exact(self.client(server), "INBOX", mirror.folder(),
                          crlf=True)

    def test_changes_between_two_runs_are_applied(self):
        server = self.dovecot()
        imap.fill(server, "INBOX", some(200))
        mirror = self.mirror(server)
        mirror.sync()
        client = self.client(server)
        imap.ok(client.select("INBOX"))
        imap.store(client, range(1, 40), "+", "\\Seen \\Flagged")
        imap.store(client, range(30, 90), "-", "\\Seen \\Answered")
        imap.expunge(client, range(80, 120))
        imap.fill(server, "INBOX", some(30, first=500))
        mirror.sync()
        self.assert_exact(client, "INBOX", mirror.folder())

    def test_a_reader_that_moves_new_mail_to_cur_is_no_difference(self):
        server = self.dovecot()
        imap.fill(server, "INBOX", [(messages.make(n), "", None)
                                    for n in range(5)])
        mirror = self.mirror(server)
        mirror.sync()
        new = os.path.join(mirror.folder(), "new")
        for name in os.listdir(new):
            os.rename(os.path.join(new, name),
                      os.path.join(mirror.folder(), "cur", name + ":2,"))
        server.begin_rawlog()
        mirror.sync()
        self.assertEqual(bodies(server), 0)
        self.assert_exact(self.client(server), "INBOX", mirror.folder())

    def test_a_second_run_downloads_nothing(self):
        server = self.dovecot()
        imap.fill(server, "INBOX", some(100))
        mirror = self.mirror(server)
        mirror.sync()
        server.begin_rawlog()
        mirror.sync()
        self.assertEqual(bodies(server), 0)
        self.assert_exact(self.client(server), "INBOX", mirror.folder())

    def test_a_lost_state_database_downloads_nothing(self):
        server = self.dovecot()
        imap.fill(server, "INBOX", some(100, keywords=True))
        mirror = self.mirror(server)
        mirror.sync()
        shutil.rmtree(self.path("state"))
        server.begin_rawlog()
        mirror.sync()
        self.assertEqual(bodies(server), 0)
        self.assert_exact(self.client(server), "INBOX", mirror.folder())

    def test_a_damaged_state_database_is_replaced(self):
        server = self.dovecot()
        imap.fill(server, "INBOX", some(30))
        mirror = self.mirror(server)
        mirror.sync()
        for name in os.listdir(self.path("state")):
            with open(self.path("state", name), "wb") as f:
                f.write(b"this is no database" * 1000)
        mirror.sync()
        self.assert_exact(self.client(server), "INBOX", mirror.folder())

    @staticmethod
    def age(mirror):
        """Its directories were changed long ago."""
        for name in ("new", "cur"):
            os.utime(os.path.join(mirror.folder(), name),
                     (1500000000, 1500000000))

    @staticmethod
    def wait_for_the_tick(mirror):
        """Until its directories are too old to change unseen."""
        youngest = max(os.stat(os.path.join(mirror.folder(), name)).st_mtime
                       for name in ("new", "cur"))
        while time.time() < youngest + 0.02:
            time.sleep(0.001)

    def test_untouched_directories_are_not_read_again(self):
        server = self.dovecot()
        imap.fill(server, "INBOX", some(20))
        mirror = self.mirror(server, top={"log_level": "debug"})
        mirror.sync()
        folder = mirror.folder()
        self.age(mirror)
        self.assertNotIn("untouched", mirror.sync().err)
        self.assertIn("20 messages, untouched", mirror.sync().err)
        sub, name = compare.local_names(folder)[0]
        os.remove(os.path.join(folder, sub, name))
        self.assertNotIn("untouched", mirror.sync().err)
        self.assert_exact(self.client(server), "INBOX", folder)

    def test_directories_changed_by_nobody_else_are_not_read_again(self):
        server = self.dovecot()
        imap.fill(server, "INBOX", some(20))
        mirror = self.mirror(server, top={"log_level": "debug"})
        mirror.sync()
        self.age(mirror)
        mirror.sync()  # looks at all of them, once
        for change in (
                lambda client: imap.store(client, [1, 2], "+", "\\Seen"),
                lambda client: imap.expunge(client, [3, 4, 1]),
                lambda client: imap.fill(server, "INBOX", some(5))):
            client = self.client(server)
            imap.ok(client.select("INBOX"))
            change(client)
            imap.ok(client.close())
            self.assertIn("untouched", mirror.sync().err)
            self.assert_exact(self.client(server), "INBOX", mirror.folder())
            self.wait_for_the_tick(mirror)
        count = len(compare.local_names(mirror.folder()))
        self.assertIn("%d messages, untouched" % count, mirror.sync().err)
        sub, name = compare.local_names(mirror.folder())[0]
        os.remove(os.path.join(mirror.folder(), sub, name))
        imap.fill(server, "INBOX", some(1))
        self.assertNotIn("untouched", mirror.sync().err)
        self.assert_exact(self.client(server), "INBOX", mirror.folder())

    def test_a_deleted_file_is_fetched_again(self):
        server = self.dovecot()
        imap.fill(server, "INBOX", some(20))
        mirror = self.mirror(server)
        mirror.sync()
        sub, name = compare.local_names(mirror.folder())[0]
        os.unlink(os.path.join(mirror.folder(), sub, name))
        mirror.sync()
        self.assert_exact(self.client(server), "INBOX", mirror.folder())

    def test_a_local_file_is_left_alone(self):
        server = self.dovecot()
        imap.fill(server, "INBOX", some(10))
        mirror = self.mirror(server)
        mirror.sync()
        local = os.path.join(mirror.folder(), "cur", "1700000000.1.here:2,S")
        with open(local, "wb") as f:
            f.write(b"Subject: mine\n\nlocal\n")
        mirror.sync()
        with open(local, "rb") as f:
            self.assertEqual(f.read(), b"Subject: mine\n\nlocal\n")
        os.unlink(local)
        self.assert_exact(self.client(server), "INBOX", mirror.folder())

    def test_a_copy_that_a_reader_made_is_removed(self):
        server = self.dovecot()
        imap.fill(server, "INBOX", some(10))
        mirror = self.mirror(server)
        mirror.sync()
        sub, name = compare.local_names(mirror.folder())[0]
        original = os.path.join(mirror.folder(), sub, name)
        shutil.copy2(original, os.path.join(
            mirror.folder(), "cur", "1700000001." + name.split(".", 1)[1]))
        mirror.sync()
        self.assert_exact(self.client(server), "INBOX", mirror.folder())

    def test_a_new_uidvalidity_is_recovered_from(self):
        server = self.dovecot()
        imap.fill(server, "Box", some(40))
        mirror = self.mirror(server, folders=["Box"])
        mirror.sync()
        local = os.path.join(mirror.folder("Box"), "cur", "17.1.here:2,S")
        with open(local, "wb") as f:
            f.write(b"Subject: mine\n\nlocal\n")
        client = self.client(server)
        old = compare.server_mailbox(client, "Box").uidvalidity
        imap.ok(client.delete("Box"))
        imap.fill(server, "Box", some(40, first=15))
        self.assertNotEqual(compare.server_mailbox(client, "Box").uidvalidity,
                            old)
        mirror.sync()
        with open(local, "rb") as f:
            self.assertEqual(f.read(), b"Subject: mine\n\nlocal\n")
        os.unlink(local)
        self.assert_exact(client, "Box", mirror.folder("Box"))


class DeleteGuard(case.Case):
    def test_most_of_a_folder_gone_is_held_until_accepted(self):
        server = self.dovecot()
        imap.fill(server, "INBOX", some(250))
        mirror = self.mirror(server)
        mirror.sync()
        client = self.client(server)
        imap.ok(client.select("INBOX"))
        imap.expunge(client, range(1, 201))
        held = mirror.call("sync")
        self.assertEqual(len(compare.local_uids(mirror.folder())), 250)
        self.assertRegex(held.out + held.err, "(?i)held|delete_guard")
        mirror.sync("--accept-deletes", "main/INBOX")
        self.assert_exact(client, "INBOX", mirror.folder())

    def test_off_removes_at_once(self):
        server = self.dovecot()
        imap.fill(server, "INBOX", some(150))
        mirror = self.mirror(server, delete_guard="off")
        mirror.sync()
        client = self.client(server)
        imap.ok(client.select("INBOX"))
        imap.expunge(client, range(1, 151))
        mirror.sync()
        self.assert_exact(client, "INBOX", mirror.folder())

    def test_up_to_a_hundred_messages_are_not_guarded(self):
        server = self.dovecot()
        imap.fill(server, "INBOX", some(100))
        mirror = self.mirror(server)
        mirror.sync()
        client = self.client(server)
        imap.ok(client.select("INBOX"))
        imap.expunge(client, range(1, 101))
        mirror.sync()
        self.assert_exact(client, "INBOX", mirror.folder())


def bodies(server):
    """How many commands asked for messages' text."""
    return len(re.findall(rb"(?i)BODY(\.PEEK)?\[|RFC822(?!\.SIZE)",
                          server.rawlog()))


if __name__ == "__main__":
    case.main()
