#!/usr/bin/python3
"""A network that is away for a while: found again by its own news, at no cost
until then, and nothing is lost.
"""

import os
import socket
import struct
import subprocess
import threading
import time

from lab import case, disk, messages, network
from lab import client as imap

OUTAGE = 6  # seconds
ATTEMPTS = 8  # in an outage; without patience there would be thousands
HEALTHY = 8  # after news of the network
UNTOLD = 20  # where there is none: a look-up takes 10 s to fail

NAME = "mail.example.org"


def setUpModule():
    disk.unshare_mounts()


class Names:
    """A name server on one address that can fall silent."""

    def __init__(self, address):
        self.address = address
        self.is_silent = False
        self.asked = 0
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((address, 53))
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                question, peer = self.socket.recvfrom(512)
            except OSError:
                return
            self.asked += 1
            end = question.index(b"\0", 12) + 5
            is_a = question[end - 4:end - 2] == b"\0\1"
            answer = (question[:2] + b"\x81\x80\0\1" +
                      struct.pack("!HHH", is_a, 0, 0) + question[12:end])
            if is_a:
                answer += (b"\xc0\x0c\0\1\0\1\0\0\0\0\0\4" +
                           socket.inet_aton(self.address))
            if not self.is_silent:
                self.socket.sendto(answer, peer)

    def close(self):
        self.socket.close()


class Outage(network.Case):
    def begin(self, host=None, far=None, **more):
        far = far or self.far
        self.server = self.dovecot(
            extra="listen = 127.0.0.1, ::1, " + far,
            alt_names="DNS:%s,IP:%s" % (NAME, far))
        self.other = self.client(self.server)
        imap.append(self.other, "INBOX", messages.make(1))
        self.mirrored = self.mirror(self.server, host=host or far, **more)
        self.daemon = self.start_inside(self.mirrored)
        self.arrives()
        self.daemon.wait_line("INBOX.*-> IDLING")

    def arrives(self):
        self.wait_alike(self.daemon, self.other, "INBOX",
                        self.mirrored.folder())

    def busy(self):
        """Seconds of CPU."""
        with open("/proc/%d/stat" % self.daemon.pid, encoding="ascii") as f:
            ticks = f.read().rsplit(")", 1)[1].split()[11:13]
        return sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")

    def is_cheap(self):
        """While nothing can be done, next to nothing is done."""
        busy, lines = self.busy(), len(self.daemon.lines)
        time.sleep(OUTAGE)
        busy = self.busy() - busy
        said = self.daemon.lines[lines:]
        tries = [line for line in said if "next try" in line]
        print("  %.2f s of CPU, %d lines, %d tries in %d s" % (
            busy, len(said), len(tries), OUTAGE))
        self.assertLess(busy, 0.1 * OUTAGE)
        self.assertLessEqual(len(tries), ATTEMPTS)
        self.assertLess(len(said), 10 * ATTEMPTS)

    def is_healthy_soon(self, restore, patience=HEALTHY):
        imap.append(self.other, "INBOX", messages.make(2))
        begin = time.monotonic()
        restore()
        self.arrives()
        took = time.monotonic() - begin
        print("  healthy again after %.2f s" % took)
        self.assertLess(took, patience)
        self.assertEqual(self.daemon.stop(), 0)
        self.assert_exact(self.other, "INBOX", self.mirrored.folder(),
                          host=self.mirrored.accounts[0]["host"])

    def set_link(self, state):
        self.ip("link", "set", self.inner, state, inside=True)

    def test_a_link(self):
        self.begin()
        self.set_link("down")
        self.daemon.wait_line("next try")
        self.is_cheap()
        self.is_healthy_soon(lambda: self.set_link("up"))

    def test_a_link_that_flaps(self):
        self.begin()
        for _ in range(20):
            self.set_link("down")
            self.set_link("up")
        self.is_healthy_soon(lambda: None)
        asked = self.daemon.text().count("asking every server")
        self.assertLess(asked, 20)
        self.assertGreater(asked, 0)

    def test_the_default_route(self):
        beyond = "10.%d.%d.9" % (230 + network.Case.count,
                                 os.getpid() % 250)
        self.ip("addr", "add", beyond + "/32", "dev", self.outer)
        route = ("route", "add", "default", "via", self.far)
        self.ip(*route, inside=True)
        self.begin(far=beyond)
        self.ip("route", "del", "default", inside=True)
        self.daemon.wait_line("next try|did not outlive")
        self.is_cheap()
        self.is_healthy_soon(lambda: self.ip(*route, inside=True))

    def test_names_while_the_link_is_up(self):
        names = self.begin_by_name()
        names.is_silent = True
        self.server.stop(kill=True)
        self.daemon.wait_line("next try")
        self.is_cheap()
        self.server.start()
        self.other = self.client(self.server)

        def restore():
            names.is_silent = False
        self.is_healthy_soon(restore, UNTOLD)

    def test_names_that_come_later_than_the_link(self):
        names = self.begin_by_name()
        names.is_silent = True
        self.set_link("down")
        self.daemon.wait_line("next try|did not")
        self.set_link("up")
        self.daemon.wait_until(lambda: names.asked > 2, "a question")

        def restore():
            names.is_silent = False
        self.is_healthy_soon(restore)

    def begin_by_name(self):
        names = Names(self.far)
        self.addCleanup(names.close)
        for path, text in (("resolv.conf", "nameserver %s\n" % self.far),
                           ("nsswitch.conf", "hosts: files dns\n")):
            with open(self.path(path), "w", encoding="ascii") as f:
                f.write(text)
            subprocess.run(("mount", "--bind", self.path(path),
                            os.path.realpath("/etc/" + path)), check=True)
            self.addCleanup(subprocess.run, (
                "umount", "-l", os.path.realpath("/etc/" + path)), check=True)
        self.begin(host=NAME)
        return names


if __name__ == "__main__":
    case.main()
