"""The TestCase that the end-to-end tests derive from."""

import os
import shutil
import sys
import tempfile
import unittest

from lab import client as imap
from lab import compare, dovecot, fake, messages, mirror


class Case(unittest.TestCase):
    """Has a directory of its own; servers are stopped with the test."""

    maxDiff = 4000

    def setUp(self):
        self.top = tempfile.mkdtemp(prefix="mm-")
        os.chmod(self.top, 0o755)
        self.addCleanup(shutil.rmtree, self.top, ignore_errors=True)

    def path(self, *names):
        return os.path.join(self.top, *names)

    def dovecot(self, name="server", **more):
        server = dovecot.Dovecot(self.path(name), **more)
        self.addCleanup(server.stop)
        return server.start()

    def client(self, server):
        client = imap.connect(server)
        self.addCleanup(client.shutdown)
        return client

    def account(self, server, **more):
        """One account with the Maildir in the test's directory."""
        more.setdefault("maildir", self.path("Mail"))
        return mirror.account(server, **more)

    def mirror(self, server, top=None, release=False, **more):
        """A Mirror of one account."""
        return mirror.Mirror(self.top, [self.account(server, **more)],
                             release=release, **(top or {}))

    def assert_exact(self, client, mailbox, folder, host="localhost",
                     **more):
        """UIDs, bytes, flags, dates, names and modes are the server's."""
        there = compare.server_mailbox(client, mailbox)
        wrong = compare.differences(there, folder, host, **more)
        self.assertEqual(wrong[:20], [], "%s has %d differences" % (
            folder, len(wrong)))
        return there

    def wait_alike(self, daemon, client, mailbox, folder, timeout=60):
        """Until the folder has the server's present UIDs and flags."""
        there = compare.server_mailbox(client, mailbox)
        daemon.wait_until(lambda: compare.is_alike(there, folder),
                          "%s to be like %s" % (folder, mailbox), timeout)

    def assert_code(self, result, code):
        self.assertEqual(result.code, code, result.err[-4000:])


class Fake(Case):
    """A server with a hook, and one account on it."""

    def serve(self, count=0, hook=None, **more):
        self.server = fake.Server(hook=hook, **more)
        self.addCleanup(self.server.close)
        for number in range(count):
            self.server.deliver(messages.make(number, size=300))
        return self.server

    def mirrored(self, **more):
        """A Mirror of one account on it; None removes a setting."""
        settings = {
            "name": "main", "host": "127.0.0.1", "tls": "none",
            "port": self.server.port, "user": "mirror",
            "password": "correct horse battery",
            "maildir": self.path("Mail"), "timeout": "5s", **more}
        return mirror.Mirror(self.top, [{
            key: value for key, value in settings.items()
            if value is not None}])

    def start(self, mirrored):
        daemon = mirrored.start()
        self.addCleanup(daemon.kill)
        return daemon

    def watching(self, **more):
        """A Mirror and its daemon that has everything and is in IDLE."""
        mirrored = self.mirrored(**more)
        daemon = self.start(mirrored)
        self.wait_uids(daemon, mirrored, self.uids())
        daemon.wait_until(lambda: self.server.said(" IDLE$"), "IDLE")
        return mirrored, daemon

    def uids(self, mailbox="INBOX"):
        with self.server.lock:
            return sorted(self.server.mailboxes[mailbox].messages)

    def wait_uids(self, daemon, mirrored, uids, mailbox="INBOX"):
        folder = mirrored.folder(mailbox)
        daemon.wait_until(lambda: compare.local_uids(folder) == uids,
                          "UIDs %s in %s" % (uids, folder))

    def wait_letters(self, daemon, mirrored, uid, wanted):
        daemon.wait_until(
            lambda: letters(mirrored.folder(), uid) == wanted,
            "UID %d to have the letters %r" % (uid, wanted))

    def assert_uids(self, mirrored, uids, mailbox="INBOX"):
        self.assertEqual(compare.local_uids(mirrored.folder(mailbox)), uids)

    def assert_whole(self, mirrored, mailbox="INBOX"):
        """The server's messages, to the byte, and no others."""
        folder = mirrored.folder(mailbox)
        self.assert_uids(mirrored, self.uids(mailbox), mailbox)
        for sub, name in compare.local_names(folder):
            uid = int(name.split(",U=")[1].split(",")[0])
            with open(os.path.join(folder, sub, name), "rb") as f:
                self.assertEqual(f.read(), self.server.mailboxes[
                    mailbox].messages[uid].body.replace(b"\r\n", b"\n"))

    def flag(self, uid, *flags):
        """Sets a message's flags, as another client would."""
        def store(mailboxes):
            message = mailboxes["INBOX"].messages[uid]
            message.flags = set(flags)
            message.revision += 1
        self.server.change(store)


def letters(folder, uid):
    """The letters of a message's file: "" in new, None without a file."""
    for _, name in compare.local_names(folder):
        if ",U=%d," % uid in name:
            return name.partition(":2,")[2]
    return None


def main():
    """Runs the tests of the file; none at all is a failure."""
    program = unittest.main(verbosity=2, exit=False, warnings="ignore")
    ran = program.result.testsRun
    sys.exit(0 if ran and program.result.wasSuccessful() else 1)
