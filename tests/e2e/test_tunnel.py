#!/usr/bin/python3
"""A tunnel: a shell command that speaks IMAP, logged in already."""

from lab import case, messages, mirror
from lab import client as imap


class Tunnel(case.Case):
    def setUp(self):
        super().setUp()
        self.server = self.dovecot()
        imap.fill(self.server, "INBOX", [
            (messages.make(n), messages.flags(n), messages.date(n))
            for n in range(50)])

    def mirrored(self, command):
        return mirror.Mirror(self.top, [{
            "name": "pipe", "tunnel": command, "timeout": "5s",
            "maildir": self.path("Mail")}])

    def test_preauth(self):
        mirrored = self.mirrored(self.server.tunnel_command())
        mirrored.sync()
        self.assert_exact(self.client(self.server), "INBOX",
                          mirrored.folder(), host="pipe")

    def test_push_through_it(self):
        mirrored = self.mirrored(self.server.tunnel_command())
        client = self.client(self.server)
        with mirrored.start() as daemon:
            self.wait_alike(daemon, client, "INBOX", mirrored.folder())
            imap.append(client, "INBOX", messages.make(99))
            self.wait_alike(daemon, client, "INBOX", mirrored.folder())

    def test_one_that_breaks_is_69(self):
        self.assert_code(self.mirrored("exit 1").call("sync"), 69)

    def test_one_that_does_not_exist_is_69(self):
        self.assert_code(self.mirrored("/nonexistent/imap").call("sync"), 69)


if __name__ == "__main__":
    case.main()
