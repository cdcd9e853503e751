#!/usr/bin/python3
"""A folder renamed on the server, a changed UIDVALIDITY, a lost state database:
none of them costs a body that is here already. The bodies are counted in what
the server says.
"""

import os
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "e2e"))

# pylint: disable=wrong-import-position
import atrest
import operations
import variants
from lab import case, compare, messages, process, relay
from lab import client as imap


def mail(numbers):
    """With a Message-ID each, all kinds of flags, dates and sizes."""
    return [(messages.make(n), messages.flags(n), messages.date(n))
            for n in numbers]


class NoBody:
    """What is shown of every server."""

    variant = None
    COUNT = 40

    def setUp(self):
        super().setUp()
        variant = variants.VARIANTS[self.variant]
        self.dialect = variant.dialect
        self.server = variant.make(self.path("server"))
        self.addCleanup(self.server.stop)
        self.server.start()
        self.line = relay.Relay(self.server.port, records=True)
        self.addCleanup(self.line.close)
        self.box = self.dialect.prefix + "Box"
        imap.fill(self.server, "INBOX", mail(range(self.COUNT)))
        imap.fill(self.server, self.box, mail(range(100, 100 + self.COUNT)))
        self.other = self.client(self.server)
        self.mirrored = self.mirror(
            self.server, tls="none", port=self.line.port,
            folders=["INBOX", self.box, self.dialect.prefix + "Else"],
            poll_interval="1s", delete_guard="off")

    def folder(self, mailbox):
        return self.path("Mail", atrest.path_of(mailbox,
                                                self.dialect.delimiter))

    def first_sync(self):
        """Everything is here; the number of bodies that it took."""
        self.mirrored.sync()
        count = self.line.bodies()
        self.assertEqual(count, 2 * self.COUNT)
        return count

    def start(self):
        daemon = self.mirrored.start()
        self.addCleanup(daemon.kill)
        return daemon

    def wait_watching(self, daemon):
        """Until it has looked at both, and rests."""
        for name in ("INBOX", self.box):
            daemon.wait_line("/%s: the same as the server" % name)

    def wait_exact(self, daemon, mailbox):
        there = compare.server_mailbox(self.other, mailbox)
        wrong = []

        def is_exact():
            try:
                wrong[:] = compare.differences(
                    there, self.folder(mailbox), "localhost")
            except FileNotFoundError as why:
                wrong[:] = [str(why)]  # renamed while it was read
            return not wrong
        try:
            daemon.wait_until(is_exact, mailbox + " to be exact")
        except AssertionError as why:
            self.fail("%s\n%s" % (why, "\n".join(wrong[:20])))

    def assert_alike(self, *mailboxes):
        for mailbox in mailboxes:
            self.assert_exact(self.other, mailbox, self.folder(mailbox))

    # ---- a folder renamed on the server ----

    def rename(self):
        new = self.dialect.prefix + "Else"
        imap.ok(self.other.rename(imap.quote(self.box), imap.quote(new)))
        return new

    def test_a_rename_while_nobody_looks(self):
        before = self.first_sync()
        new = self.rename()
        self.mirrored.sync()
        self.assert_alike("INBOX", new)
        if self.dialect.known_by:
            self.assertEqual(self.line.bodies() - before, 0)
            self.assertFalse(os.path.isdir(self.folder(self.box)))

    def test_a_rename_of_what_is_as_it_was_left(self):
        before = self.first_sync()
        for sub in ("new", "cur"):
            os.utime(os.path.join(self.folder(self.box), sub),
                     (1_500_000_000, 1_500_000_000))
        self.mirrored.sync()
        new = self.rename()
        self.mirrored.sync()
        self.assert_alike("INBOX", new)
        if self.dialect.known_by:
            self.assertEqual(self.line.bodies() - before, 0)

    def test_a_rename_while_it_runs(self):
        before = self.first_sync()
        daemon = self.start()
        self.wait_watching(daemon)
        new = self.rename()
        self.wait_exact(daemon, new)
        self.assertEqual(daemon.stop(), 0)
        self.assert_alike("INBOX", new)
        if self.dialect.known_by:
            self.assertEqual(self.line.bodies() - before, 0)
            self.assertFalse(os.path.isdir(self.folder(self.box)))

    # ---- a changed UIDVALIDITY ----

    def replace(self, numbers):
        """Another box with these messages takes the box's place, at once."""
        box, fresh, gone = (imap.quote(name) for name in (
            self.box, self.dialect.prefix + "Fresh",
            self.dialect.prefix + "Gone"))
        # It opens none of them: Dovecot mixes up the contents of mailboxes
        # that change names in a session that has.
        client = self.other

        def uidvalidity(name):
            return imap.ok(client.status(name, "(UIDVALIDITY)"))[0].rsplit(
                b" ", 1)[1]

        def has_another():
            # Courier's is the time in seconds.
            imap.ok(client.create(fresh))
            if uidvalidity(fresh) != uidvalidity(box):
                return True
            imap.ok(client.delete(fresh))
            return False
        process.wait_until(has_another, "another UIDVALIDITY", step=0.2)
        imap.fill(self.server, self.dialect.prefix + "Fresh", mail(numbers),
                  create=False)
        imap.ok(client.rename(box, gone))
        imap.ok(client.rename(fresh, box))
        self.other = self.client(self.server)

    def test_a_changed_uidvalidity_while_nobody_looks(self):
        before = self.first_sync()
        self.replace(reversed(range(100, 100 + self.COUNT)))
        self.mirrored.sync()
        self.assert_alike("INBOX", self.box)
        self.assertEqual(self.line.bodies() - before, 0)

    def test_a_changed_uidvalidity_while_it_runs(self):
        before = self.first_sync()
        daemon = self.start()
        self.wait_watching(daemon)
        self.replace(reversed(range(100, 100 + self.COUNT)))
        self.wait_exact(daemon, self.box)
        self.assertEqual(daemon.stop(), 0)
        self.assert_alike("INBOX", self.box)
        self.assertEqual(self.line.bodies() - before, 0)

    def test_a_changed_uidvalidity_costs_what_is_new(self):
        before = self.first_sync()
        self.replace([500, *range(110, 100 + self.COUNT), 501, 502])
        self.mirrored.sync()
        self.assert_alike("INBOX", self.box)
        self.assertEqual(self.line.bodies() - before, 3)

    # ---- a state database lost or damaged ----

    def test_a_lost_state_database(self):
        before = self.first_sync()
        shutil.rmtree(self.path("state"))
        self.mirrored.sync()
        self.assert_alike("INBOX", self.box)
        self.assertEqual(self.line.bodies() - before, 0)

    def test_a_damaged_state_database(self):
        before = self.first_sync()
        for name in os.listdir(self.path("state")):
            with open(self.path("state", name), "wb") as f:
                f.write(b"no database" * 1000)
        self.mirrored.sync()
        self.assert_alike("INBOX", self.box)
        self.assertEqual(self.line.bodies() - before, 0)

    def test_a_lost_state_database_costs_what_is_new(self):
        before = self.first_sync()
        shutil.rmtree(self.path("state"))
        with imap.Bare(self.server.port) as bare:
            bare.login()
            operations.perform(bare, [operations.Operation("", [
                b"SELECT " + imap.quote(self.box).encode(),
                b"UID STORE 3,5:9 +FLAGS.SILENT (\\Deleted \\Seen)",
                b"UID EXPUNGE 5:9"])], at_once=False)
        imap.fill(self.server, self.box, mail([600]), create=False)
        daemon = self.start()
        self.wait_exact(daemon, self.box)
        self.assertEqual(daemon.stop(), 0)
        self.assert_alike("INBOX", self.box)
        self.assertEqual(self.line.bodies() - before, 1)

    # ---- two at once ----

    def test_a_changed_uidvalidity_and_a_lost_state_database(self):
        before = self.first_sync()
        shutil.rmtree(self.path("state"))
        self.replace(range(100, 100 + self.COUNT))
        self.mirrored.sync()
        self.assert_alike("INBOX", self.box)
        self.assertEqual(self.line.bodies() - before, 0)


class Dovecot(NoBody, case.Case):
    variant = "dovecot_all"


class DovecotWithoutExtensions(NoBody, case.Case):
    variant = "dovecot_none"


class Cyrus(NoBody, case.Case):
    variant = "cyrus"


class Courier(NoBody, case.Case):
    variant = "courier"


if __name__ == "__main__":
    case.main()
