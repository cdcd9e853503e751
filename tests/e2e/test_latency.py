#!/usr/bin/python3
"""How long a lone message takes, beside a bare IDLE client. (Release build.)

The figures are printed. The bound is loose on purpose: it tells a message that
is held back from one that is not, on any machine.
"""

import os
import subprocess
import sys

from lab import case, certificates, dovecot, latency, mirror
from lab import client as imap

COUNT = 100
SANE_MS = 100  # a burst_interval, a poll or a second round trip shows


class Latency(case.Case):
    def test_from_a_server_that_announces_at_once(self):
        authority = certificates.make_authority(self.top)
        certificates.make_certificate(self.top, "server", authority,
                                      "DNS:localhost")
        server = subprocess.Popen(
            (sys.executable, "-m", "lab.fake", self.top), text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            cwd=os.path.dirname(os.path.abspath(__file__)))
        self.addCleanup(server.wait)
        self.addCleanup(server.stdout.close)
        self.addCleanup(server.stdin.close)
        port = int(server.stdout.readline())
        mirrored = mirror.Mirror(self.top, [{
            "name": "main", "host": "localhost", "port": port,
            "tls_ca_file": authority, "user": dovecot.USER,
            "password": dovecot.PASSWORD, "maildir": self.path("Mail")}],
            release=True)
        context = latency.trusting(authority)
        other = imap.Bare(port, context).login()
        self.addCleanup(other.close)
        with mirrored.start() as daemon:
            daemon.wait_until(lambda: os.path.exists(
                mirrored.folder() + "/.uidvalidity"), "the first sync")
            series = latency.measure(port, context, mirrored.folder(), COUNT,
                                     other.append)
        print(series.text("announced at once"))
        self.assertLess(series.median_lag, SANE_MS)


if __name__ == "__main__":
    case.main()
