#!/usr/bin/python3
"""What the log says while all is well: little, at the right level."""

import json
import os
import re
import signal

from lab import case, messages
from lab import client as imap

BURST = r"info: main/INBOX: (\d+) new, (\d+) removed, (\d+) with other flags"


class Quiet(case.Case):
    """One mirror of a private Dovecot, looked at again and again."""

    def setUp(self):
        super().setUp()
        self.server = self.dovecot()
        imap.fill(self.server, "INBOX", [
            (messages.make(n), "", None) for n in range(10)])
        self.other = self.client(self.server)
        imap.ok(self.other.select("INBOX"))
        self.mirrored = self.mirror(self.server, idle_refresh="1s",
                                    poll_interval="1s")
        self.mirrored.environment["XDG_RUNTIME_DIR"] = self.top
        os.mkdir(self.path("mailmirror"))
        self.daemon = self.mirrored.start()
        self.addCleanup(self.daemon.kill)
        self.wait_alike(self.daemon, self.client(self.server), "INBOX",
                        self.mirrored.folder())
        self.daemon.wait_line("INBOX: the same as the server: 10 messages")

    def last_check(self):
        status = json.loads(self.mirrored.call("status", "--json").out)
        return status["accounts"][0]["folders"][0]["last_check"]

    def wait_checks(self, count):
        """Until it has found the folder unchanged that often."""
        for _ in range(count):
            before = self.last_check()
            self.daemon.wait_until(lambda: self.last_check() > before,
                                   "another look at the folder")

    def test_nothing_is_said_at_rest_and_one_line_for_a_burst(self):
        self.wait_checks(1)
        before = len(self.daemon.lines)
        self.wait_checks(2)
        self.assertEqual(self.daemon.lines[before:], [])
        # it finds all of it when it wakes up
        self.daemon.signal(signal.SIGSTOP)
        for number in range(20, 32):
            imap.append(self.other, "INBOX", messages.make(number))
        imap.expunge(self.other, [3, 4])
        imap.store(self.other, [5], "+", "\\Flagged")
        self.daemon.signal(signal.SIGCONT)
        self.daemon.wait_line(BURST, since=before)
        self.wait_checks(2)
        said = self.daemon.lines[before:]
        self.assertEqual(len(said), 1, said)
        self.assertEqual(re.search(BURST, said[0]).groups(),
                         ("12", "2", "1"))


if __name__ == "__main__":
    case.main()
