#!/usr/bin/python3
"""Mailboxes that are created, renamed and deleted on the server."""

import os
import re
import signal

from lab import case, compare, cyrus, fake, messages, mirror, relay
from lab import client as imap


def few(first, count=4):
    return [(messages.make(n, size=700), messages.flags(n), messages.date(n))
            for n in range(first, first + count)]


class Folders(case.Case):
    """One account of everything; each test changes it and looks again."""

    names = ("INBOX", "Old", "Old/deep", "Old/deep/er", "Other", "Empty")
    settings = {"folders": ["*"], "poll_interval": "1s"}

    def server(self):
        return self.dovecot()

    def setUp(self):
        super().setUp()
        self.imap = self.server()
        for number, name in enumerate(self.names):
            imap.fill(self.imap, name,
                      few(10 * number, 0 if name == "Empty" else 4))
        self.client = self.connect()
        self.mirrored = self.mirror(self.imap, **self.settings)

    def connect(self):
        return super().client(self.imap)

    def begin(self):
        """The daemon, in step with the server."""
        self.imap.begin_rawlog()
        self.daemon = self.mirrored.start()
        self.addCleanup(self.daemon.kill)
        for name in self.names:
            self.arrives(name)

    def arrives(self, name, path=None):
        self.wait_alike(self.daemon, self.client, name,
                        self.mirrored.folder(path or name))

    def leaves(self, path):
        self.daemon.wait_until(
            lambda: not os.path.exists(self.mirrored.folder(path)),
            "%s to go" % path)

    def ends(self, *names):
        self.assertEqual(self.daemon.stop(), 0)
        for name in names:
            self.assert_exact(self.client, name, self.mirrored.folder(name))

    def bodies(self):
        """How many messages' bodies were sent so far."""
        return len(re.findall(rb"BODY\[\] \{", self.imap.rawlog("out")))

    def rename(self, old, new):
        imap.ok(self.client.rename(imap.quote(old), imap.quote(new)))

    def sync(self, *arguments):
        self.mirrored.sync(*arguments)


class WhileItRuns(Folders):
    def test_a_new_mailbox_is_mirrored(self):
        self.begin()
        imap.fill(self.imap, "New", few(90))
        self.arrives("New")
        self.ends("New")

    def test_a_renamed_one_is_renamed_here_without_a_body(self):
        self.begin()
        before = self.bodies()
        self.rename("Other", "Another")
        self.leaves("Other")
        self.arrives("Another")
        self.assertEqual(self.bodies(), before)
        self.ends("Another")

    def test_its_life_goes_on_under_the_new_name(self):
        self.begin()
        self.rename("Other", "Another")
        self.leaves("Other")
        imap.append(self.client, "Another", messages.make(77))
        self.arrives("Another")
        self.ends("Another")

    def test_the_folders_inside_go_with_it(self):
        self.begin()
        before = self.bodies()
        self.rename("Old", "Archive")
        self.leaves("Old")
        for name in ("Archive", "Archive/deep", "Archive/deep/er"):
            self.arrives(name)
        self.assertEqual(self.bodies(), before)
        self.ends("Archive", "Archive/deep", "Archive/deep/er")

    def test_it_may_move_elsewhere_in_the_tree(self):
        self.begin()
        before = self.bodies()
        self.rename("Old/deep", "Other/side")
        self.leaves("Old/deep")
        for name in ("Other/side", "Other/side/er", "Old"):
            self.arrives(name)
        self.assertEqual(self.bodies(), before)
        self.ends("Old", "Other/side", "Other/side/er")

    def test_a_name_used_again_is_another_mailbox(self):
        self.begin()
        self.rename("Other", "Another")
        self.leaves("Other")
        imap.fill(self.imap, "Other", few(200, 3))
        self.arrives("Other")
        self.arrives("Another")
        self.ends("Other", "Another")

    def test_a_deleted_one_keeps_its_maildir_and_is_told(self):
        self.begin()
        imap.ok(self.client.delete("Other"))
        self.daemon.wait_line("Other.*gone from the server; its Maildir")
        self.assertEqual(
            len(compare.local_uids(self.mirrored.folder("Other"))), 4)
        imap.append(self.client, "INBOX", messages.make(78))
        self.arrives("INBOX")
        self.ends("INBOX")
        self.assertEqual(
            len(compare.local_uids(self.mirrored.folder("Other"))), 4)

    def test_an_empty_one_goes_by_itself(self):
        self.begin()
        imap.ok(self.client.delete("Empty"))
        self.leaves("Empty")

    def test_a_deleted_one_that_comes_back_is_mirrored_again(self):
        self.begin()
        imap.ok(self.client.delete("Other"))
        self.daemon.wait_line("Other.*gone from the server")
        imap.fill(self.imap, "Other", few(300, 2))
        self.arrives("Other")
        self.ends("Other")


class OnOneConnection(Folders):
    """Who idles on it gives it up while LIST's answer is looked at."""

    names = ("Second", "Third")
    settings = {
        "folders": ["First", "Second", "Third"], "poll_interval": "1h",
        "max_connections": 1,
        "disable_extensions": ["NOTIFY", "CONDSTORE", "QRESYNC"]}

    def test_a_new_first_one_and_a_missing_last_one(self):
        self.begin()
        imap.fill(self.imap, "First", few(90))
        imap.ok(self.client.delete("Third"))
        self.daemon.signal(signal.SIGUSR1)
        self.arrives("First")
        self.daemon.wait_line("Third.*gone from the server")
        self.ends("First", "Second")


class ByMailboxId(case.Case):
    """Cyrus says which mailbox it is (RFC 8474), whatever its name."""

    def setUp(self):
        super().setUp()
        self.server = cyrus.Cyrus(self.path("server"))
        self.addCleanup(self.server.stop)
        self.server.start()
        self.line = relay.Relay(self.server.port, records=True)
        self.addCleanup(self.line.close)
        imap.fill(self.server, "INBOX", few(0))
        imap.fill(self.server, "Box", few(10))
        self.other = self.client(self.server)
        self.mirrored = self.mirror(
            self.server, tls="none", port=self.line.port, folders=["*"],
            poll_interval="1s", delete_guard="off")

    def arrives(self, daemon, name):
        self.wait_alike(daemon, self.other, name, self.mirrored.folder(name))

    def test_a_renamed_one_that_has_changed(self):
        self.mirrored.sync()
        before = self.line.bodies()
        imap.ok(self.other.rename("Box", "Else"))
        imap.append(self.other, "Else", messages.make(77))
        self.mirrored.sync()
        self.assert_exact(self.other, "Else", self.mirrored.folder("Else"))
        self.assertEqual(self.line.bodies() - before, 1)
        self.assertFalse(os.path.exists(self.mirrored.folder("Box")))

    def test_a_renamed_one_that_has_changed_while_it_runs(self):
        daemon = self.mirrored.start()
        self.addCleanup(daemon.kill)
        self.arrives(daemon, "Box")
        before = self.line.bodies()
        imap.ok(self.other.rename("Box", "Else"))
        imap.append(self.other, "Else", messages.make(77))
        self.arrives(daemon, "Else")
        self.assertEqual(daemon.stop(), 0)
        self.assertEqual(self.line.bodies() - before, 1)
        self.assertFalse(os.path.exists(self.mirrored.folder("Box")))

    def test_another_one_of_the_same_name(self):
        daemon = self.mirrored.start()
        self.addCleanup(daemon.kill)
        self.arrives(daemon, "Box")
        before = self.line.bodies()
        imap.ok(self.other.delete("Box"))
        imap.fill(self.server, "Box", few(50, 2))
        self.arrives(daemon, "Box")
        self.assertEqual(daemon.stop(), 0)
        self.assert_exact(self.other, "Box", self.mirrored.folder("Box"))
        self.assertEqual(self.line.bodies() - before, 2)


class BetweenTwoLooks(case.Case):
    """What is renamed goes on changing while it is looked for."""

    def test_a_message_that_goes_from_a_renamed_one_goes_from_here(self):
        server = fake.Server(capabilities="IMAP4rev1 LITERAL+ UNSELECT")
        self.addCleanup(server.close)
        server.mailboxes["Box"] = fake.Mailbox()
        for number in range(5):
            server.deliver(messages.make(number), mailbox="Box")
        mirrored = mirror.Mirror(self.top, [{
            "name": "fake", "host": "127.0.0.1", "port": server.port,
            "tls": "none", "user": "mirror", "maildir": self.path("Mail"),
            "folders": ["*"], "password": "correct horse battery"}])
        mirrored.sync()
        server.mailboxes["Else"] = server.mailboxes.pop("Box")
        del server.bodies[:]

        def hook(_session, _tag, name, rest):
            if name == "EXAMINE" and "Else" in rest:
                server.mailboxes["Else"].messages.pop(2, None)
        server.hook = hook
        result = mirrored.sync()
        self.assertIn('was "Box" on the server', result.err)
        self.assertEqual(compare.local_uids(mirrored.folder("Else")),
                         [1, 3, 4, 5])
        self.assertEqual(len(compare.local_names(mirrored.folder("Else"))), 4)
        self.assertEqual(server.bodies, [])


class NothingIsEverDownloadedTwice(Folders):
    settings = dict(Folders.settings, layout="maildir++")

    def test_in_the_other_layout_too(self):
        self.mirrored.sync()
        self.rename("Old", "Archive")
        self.imap.begin_rawlog()
        self.mirrored.sync()
        self.assertEqual(self.bodies(), 0)
        for name in ("Archive", "Archive/deep", "Archive/deep/er"):
            self.assert_exact(self.client, name, self.path(
                "Mail", "." + name.replace("/", ".")))
        self.assertNotIn(".Old", os.listdir(self.path("Mail")))


class WhileItIsDown(Folders):
    def test_a_renamed_tree(self):
        self.sync()
        self.rename("Old", "Archive")
        self.imap.begin_rawlog()
        self.sync()
        self.assertEqual(self.bodies(), 0)
        for name in ("Archive", "Archive/deep", "Archive/deep/er", "Other"):
            self.assert_exact(self.client, name, self.mirrored.folder(name))
        self.assertFalse(os.path.exists(self.mirrored.folder("Old")))

    def test_the_directory_alone_was_renamed_before_a_crash(self):
        self.sync()
        self.rename("Other", "Another")
        os.rename(self.mirrored.folder("Other"),
                  self.mirrored.folder("Another"))
        self.imap.begin_rawlog()
        self.sync()
        self.assertEqual(self.bodies(), 0)
        self.assert_exact(self.client, "Another",
                          self.mirrored.folder("Another"))

    def test_a_renamed_one_that_has_new_mail(self):
        self.sync()
        self.rename("Other", "Another")
        imap.append(self.client, "Another", messages.make(79))
        self.sync()
        self.assert_exact(self.client, "Another",
                          self.mirrored.folder("Another"))

    def test_a_part_of_a_tree(self):
        self.sync()
        self.rename("Old/deep", "Deep")
        self.imap.begin_rawlog()
        self.sync()
        self.assertEqual(self.bodies(), 0)
        for name in ("Deep", "Deep/er", "Old"):
            self.assert_exact(self.client, name, self.mirrored.folder(name))
        self.assertFalse(os.path.exists(self.mirrored.folder("Old/deep")))

    def test_a_tree_that_is_torn_apart(self):
        self.sync()
        self.rename("Old/deep", "Deep")
        self.rename("Old", "Archive")
        self.imap.begin_rawlog()
        self.sync()
        self.assertEqual(self.bodies(), 0)
        for name in ("Deep", "Deep/er", "Archive"):
            self.assert_exact(self.client, name, self.mirrored.folder(name))
        for name in ("Old", "Archive/deep"):
            self.assertFalse(os.path.exists(self.mirrored.folder(name)))

    def test_what_was_inside_and_is_gone_stays_where_it_was(self):
        self.sync()
        imap.ok(self.client.delete("Old/deep/er"))
        self.rename("Old", "Archive")
        self.sync()
        for name in ("Archive", "Archive/deep"):
            self.assert_exact(self.client, name, self.mirrored.folder(name))
        self.assertEqual(len(compare.local_uids(
            self.mirrored.folder("Old/deep/er"))), 4)

    def test_a_deleted_one_is_kept_until_it_is_given_up(self):
        self.sync()
        imap.ok(self.client.delete("Other"))
        result = self.mirrored.call("sync")
        self.assert_code(result, 0)
        self.assertRegex(result.err, "Other.*gone from the server")
        folder = self.mirrored.folder("Other")
        self.assertEqual(len(compare.local_uids(folder)), 4)
        self.assert_code(self.mirrored.call("sync", "main/Other"), 75)
        self.assertEqual(len(compare.local_uids(folder)), 4)
        self.sync("--accept-deletes", "main")
        self.assertEqual(len(compare.local_uids(folder)), 4)
        self.sync("--accept-deletes", "main/Other")
        self.assertFalse(os.path.exists(folder))

    def test_a_local_file_keeps_the_folder(self):
        self.sync()
        imap.ok(self.client.delete("Other"))
        folder = self.mirrored.folder("Other")
        with open(os.path.join(folder, "cur", "mine:2,S"), "wb") as f:
            f.write(b"Subject: mine\n\n")
        self.mirrored.call("sync", "--accept-deletes", "main/Other")
        self.assertEqual(os.listdir(os.path.join(folder, "cur")),
                         ["mine:2,S"])

    def test_an_empty_one_stays_where_messages_are_kept(self):
        mirrored = self.mirror(self.imap, **dict(
            self.settings, on_expunge="keep"))
        mirrored.sync()
        imap.ok(self.client.delete("Empty"))
        mirrored.sync()
        self.assertTrue(os.path.exists(mirrored.folder("Empty")))


if __name__ == "__main__":
    case.main()
