"""The TestCase that the end-to-end tests derive from."""

import os
import shutil
import sys
import tempfile
import unittest

from lab import client as imap
from lab import compare, dovecot, mirror


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


def main():
    """Runs the tests of the file; none at all is a failure."""
    program = unittest.main(verbosity=2, exit=False, warnings="ignore")
    ran = program.result.testsRun
    sys.exit(0 if ran and program.result.wasSuccessful() else 1)
