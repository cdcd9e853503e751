#!/usr/bin/python3
"""The way back to mbsync: it goes on with what is here, and we after it."""

import os
import re

from lab import case, compare, mirror, peers
from lab import client as imap

import test_adopt

# What would take a message from the server, or change anything there.
TAKES = re.compile(rb"BODY(?:\.PEEK)?\[\]", re.I)
CHANGES = re.compile(
    rb" (?:UID STORE|STORE|APPEND|UID COPY|UID MOVE|EXPUNGE|CREATE|DELETE) ",
    re.I)


class Export(test_adopt.Adopt):
    def exported(self, **more):
        """What the real mbsync is told after `export`, as a Mbsync."""
        secret = self.path("password")
        with open(secret, "w") as f:
            f.write("correct horse battery\n")
        os.chmod(secret, 0o600)
        self.fill(names=self.names)
        self.mirrored = self.mirror(
            self.imap, folders=["*"], password=None, password_file=secret,
            **more)
        self.mirrored.sync()
        self.imap.begin_rawlog()
        result = self.mirrored.call("export", "mbsync", "main")
        self.assert_code(result, 0)
        return peers.Mbsync(
            self.imap, self.path("home"), self.path("Mail")).use(result.out)

    def assert_untouched(self, there):
        for name in self.names:
            now = compare.server_mailbox(self.other, name)
            self.assertEqual(now, there[name])
        self.assertIsNone(CHANGES.search(self.imap.rawlog()))
        self.assertIsNone(TAKES.search(self.imap.rawlog()))

    def remote(self):
        return {name: compare.server_mailbox(self.other, name)
                for name in self.names}


class ToMbsync(Export):
    def test_it_downloads_nothing_changes_nothing_and_goes_on(self):
        peer = self.exported()
        there = self.remote()
        local = os.path.join(self.mirrored.folder(), "cur", "1.mine:2,S")
        with open(local, "w") as f:
            f.write("Subject: mine\n\nnot the server's\n")
        peer.sync()
        self.assert_untouched(there)
        os.unlink(next(os.path.join(self.mirrored.folder(), sub, name)
                       for sub, name in compare.local_names(
                           self.mirrored.folder())
                       if name.startswith("1.mine")))
        # it goes on: one that is new, one that is gone, other flags
        imap.append(self.other, "INBOX", test_adopt.plain(99))
        imap.ok(self.other.select("INBOX"))
        imap.store(self.other, [3, 4], "+", "\\Answered")
        imap.expunge(self.other, [7])
        peer.sync()
        self.assertEqual(len(TAKES.findall(self.imap.rawlog())), 1)
        # and we after it, by ourselves
        result = self.mirrored.sync()
        self.assertIn("taken over from mbsync", result.err)
        for name in self.names:
            self.assert_exact(self.other, name, self.mirrored.folder(name))
        self.assertEqual(len(TAKES.findall(self.imap.rawlog())), 1)

    def test_maildir_plus_plus(self):
        peer = self.exported(layout="maildir++")
        there = self.remote()
        peer.sync()
        self.assert_untouched(there)

    def test_not_while_the_daemon_has_the_maildir(self):
        self.fill(names=("INBOX",))
        self.begin()
        daemon = self.run_daemon()
        daemon.wait_line("main/INBOX: the same as")
        result = self.mirrored.call("export", "mbsync", "main")
        self.assert_code(result, mirror.EX_TEMPFAIL)
        self.assertIn("in use by process %d" % daemon.pid, result.err)
        self.assertFalse(os.path.exists(
            os.path.join(self.mirrored.folder(), ".mbsyncstate")))
        self.adopt(code=mirror.EX_TEMPFAIL)


if __name__ == "__main__":
    case.main()
