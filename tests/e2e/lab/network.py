"""A network of its own for the daemon, with a link that can be cut.

Needs root, and iproute2.
"""

import os
import subprocess

from lab import case, mirror


class Case(case.Case):
    """.far is the server's address and .near the daemon's, in .space; the link
    between them is .outer on the server's side and .inner on the other."""

    count = 0

    def ip(self, *arguments, inside=False):
        prefix = ("ip", "-n", self.space) if inside else ("ip",)
        subprocess.run((*prefix, *arguments), check=True,
                       capture_output=True, timeout=30)

    def setUp(self):
        super().setUp()
        # the kernel takes its time to forget those of the one before, and a
        # run that was killed may have left its own
        Case.count += 1
        number = "%d.%d" % (os.getpid(), Case.count)
        self.far, self.near, self.moved = (
            "10.%d.%d.%d" % (200 + Case.count, os.getpid() % 250, host)
            for host in (1, 2, 3))
        self.space = "mm" + number
        self.outer, self.inner = "mo" + number, "mi" + number
        outer, inner = self.outer, self.inner
        self.ip("netns", "add", self.space)
        self.addCleanup(self.ip, "netns", "del", self.space)
        self.ip("link", "add", outer, "type", "veth", "peer", "name", inner,
                "netns", self.space)
        self.ip("addr", "add", self.far + "/24", "dev", outer)
        self.ip("link", "set", outer, "up")
        self.ip("link", "set", "lo", "up", inside=True)
        self.ip("addr", "add", self.near + "/24", "dev", inner, inside=True)
        self.ip("link", "set", inner, "up", inside=True)

    def start_inside(self, mirrored):
        daemon = mirror.Daemon(
            ["ip", "netns", "exec", self.space,
             *mirrored.command("run", "-v")], mirrored.environment)
        self.addCleanup(daemon.kill)
        return daemon
