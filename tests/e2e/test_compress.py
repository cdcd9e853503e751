#!/usr/bin/python3
"""COMPRESS=DEFLATE, by the setting, against a server that has it."""

from lab import case, dovecot, messages
from lab import client as imap


class Compress(case.Case):
    def sync(self, setting):
        server = self.dovecot(extra=dovecot.PLUGINS)
        imap.fill(server, "INBOX", [
            (messages.make(n, size=20000), "", None) for n in range(50)])
        mirrored = self.mirror(server, compress=setting)
        server.begin_rawlog()
        mirrored.sync()
        self.assert_exact(self.client(server), "INBOX", mirrored.folder())
        return server.rawlog().upper()

    def test_on(self):
        said = self.sync("on")
        self.assertEqual(said.count(b"COMPRESS DEFLATE"), 1)

    def test_auto_spares_this_machine_the_work(self):
        self.assertNotIn(b"COMPRESS", self.sync("auto"))

    def test_off(self):
        self.assertNotIn(b"COMPRESS", self.sync("off"))


if __name__ == "__main__":
    case.main()
