#!/usr/bin/python3
"""`mailmirror check`: what is wrong, and what would be mirrored how."""

import os

from lab import case, messages, mirror
from lab import client as imap


class Check(case.Case):
    def setUp(self):
        super().setUp()
        self.server = self.dovecot()
        for name in ("INBOX", "Lists/a", "Entwürfe", "Secret"):
            imap.fill(self.server, name, [(messages.make(1), "", None)])

    def test_it_lists_what_would_be_mirrored_and_how(self):
        mirrored = self.mirror(self.server, folders=["*"], exclude=["Secret"],
                               max_connections=2,
                               disable_extensions=["NOTIFY"])
        result = mirrored.call("check")
        self.assert_code(result, 0)
        lines = result.out.split("\n")
        for name in ("INBOX", "Lists/a", "Entwürfe"):
            self.assertTrue([line for line in lines if name in line], name)
        self.assertNotIn("Secret", result.out)
        self.assertRegex(result.out, "IDLE")
        self.assertRegex(result.out, "poll")
        self.assertFalse(os.path.exists(self.path("Mail")))

    def test_a_wrong_password_is_77(self):
        self.assert_code(self.mirror(self.server,
                                     password="wrong").call("check"), 77)

    def test_offline_does_not_connect(self):
        mirrored = self.mirror(self.server, host="nowhere.invalid")
        self.assert_code(mirrored.call("check", "--offline"), 0)
        self.assertNotIn("wrong", self.server.log())

    def test_every_problem_has_its_line(self):
        mirrored = mirror.Mirror(self.top, [
            self.account(self.server, name="one", bogus=1),
            self.account(self.server, name="two", timeout="never"),
            self.account(self.server, name="two", maildir=None)])
        result = mirrored.call("check", "--offline")
        self.assert_code(result, 78)
        said = (result.out + result.err).split("\n")
        problems = [line for line in said if "mailmirror.conf:" in line]
        for word in ("bogus", "timeout", "maildir"):
            self.assertTrue([line for line in problems if word in line],
                            (word, said))
        for line in problems:
            self.assertRegex(line, r"mailmirror\.conf:\d+: ")


if __name__ == "__main__":
    case.main()
