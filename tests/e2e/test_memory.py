#!/usr/bin/python3
"""Memory does not grow with what the server sends. (Release build.)"""

from lab import case, messages
from lab import client as imap

LIMIT_KIB = 20 * 1024


class Memory(case.Case):
    def test_a_message_of_50_megabytes_peaks_below_20(self):
        server = self.dovecot()
        body = messages.make(1, size=1000) + b"\r\n" + (
            b"0123456789abcdef" * 4 + b"\r\n") * (50_000_000 // 66)
        imap.fill(server, "INBOX", [(messages.make(2), "", None),
                                    (body, "\\Seen", None)])
        mirror = self.mirror(server, release=True)
        peak = mirror.sync_peak_rss()
        self.assert_exact(self.client(server), "INBOX", mirror.folder())
        print("peak RSS with a 50 MB message: %.1f MB" % (
            peak / 1024))
        self.assertLess(peak, LIMIT_KIB)

    def test_the_same_by_push(self):
        server = self.dovecot()
        mirror = self.mirror(server, release=True)
        client = self.client(server)
        daemon = mirror.start()
        self.addCleanup(daemon.kill)
        daemon.wait_note("^READY=1$")
        self.wait_alike(daemon, client, "INBOX", mirror.folder())
        imap.fill(server, "INBOX", [
            (b"Subject: large\r\n\r\n" + b"x" * 78 + b"\r\n" * 25_000_000,
             "", None)])
        self.wait_alike(daemon, client, "INBOX", mirror.folder())
        peak = daemon.peak_rss()
        self.assertEqual(daemon.stop(), 0)
        self.assert_exact(client, "INBOX", mirror.folder())
        print("peak RSS by push: %.1f MB" % (peak / 1024))
        self.assertLess(peak, LIMIT_KIB)

    def test_many_small_messages_peak_below_20(self):
        server = self.dovecot()
        imap.fill(server, "INBOX", (
            (messages.make(n, size=200), "", None) for n in range(5000)))
        mirror = self.mirror(server, release=True)
        self.assertLess(mirror.sync_peak_rss(), LIMIT_KIB)
        self.assert_exact(self.client(server), "INBOX", mirror.folder())


if __name__ == "__main__":
    case.main()
