#!/usr/bin/python3
"""Servers and networks that fall silent, and how soon that is noticed."""

import os
import signal
import socket
import time

from lab import case, compare, fake, messages, mirror, network
from lab import client as imap

# What a probe waits for an answer, and some time to say so.
PROBE = 5 + 3

# An instrumented build on a busy machine is given more than the 2 s promised.
HEALTHY = 4


def few(count):
    return [(messages.make(n, size=600), messages.flags(n), messages.date(n))
            for n in range(count)]


class Stopped(case.Case):
    """The server's processes stop (SIGSTOP): nothing comes, nothing ends."""

    def begin(self, **more):
        self.server = self.dovecot()
        imap.fill(self.server, "INBOX", few(3))
        imap.fill(self.server, "a", few(3))
        self.server.begin_rawlog()
        self.other = self.client(self.server)
        self.mirrored = self.mirror(self.server, folders=["*"], **more)
        self.daemon = self.mirrored.start("-v")
        self.addCleanup(self.daemon.kill)
        for name in ("INBOX", "a"):
            self.arrives(name)
        self.daemon.wait_until(
            lambda: self.server.rawlog("out").count(b"+ idling") >= 2,
            "it to idle on two connections")

    def arrives(self, name):
        self.wait_alike(self.daemon, self.other, name,
                        self.mirrored.folder(name))

    def stop_server(self):
        group = self.server.child.pid
        self.addCleanup(os.killpg, group, signal.SIGCONT)
        os.killpg(group, signal.SIGSTOP)

    def is_noticed(self, patience):
        begin = time.monotonic()
        since = len(self.daemon.lines)
        self.daemon.wait_line("did not answer when it was asked", since=since)
        self.assertLess(time.monotonic() - begin, patience)
        os.killpg(self.server.child.pid, signal.SIGCONT)
        for name in ("INBOX", "a"):
            imap.append(self.other, name, messages.make(40))
            self.arrives(name)
        self.assertEqual(self.daemon.stop(), 0)
        for name in ("INBOX", "a"):
            self.assert_exact(self.other, name, self.mirrored.folder(name))

    def test_a_look_at_everything_notices(self):
        self.begin()
        self.stop_server()
        self.daemon.signal(signal.SIGUSR1)
        self.is_noticed(PROBE)

    def test_without_notify_too(self):
        self.begin(disable_extensions=["NOTIFY"])
        self.stop_server()
        self.daemon.signal(signal.SIGUSR1)
        self.is_noticed(PROBE)


class Idle(case.Case):
    """What a server may do about IDLE itself."""

    def begin(self, hook, **more):
        self.server = fake.Server()
        self.addCleanup(self.server.close)
        self.server.deliver(messages.make(1))
        self.server.hook = hook
        self.mirrored = mirror.Mirror(self.top, [{
            "name": "fake", "host": "127.0.0.1", "port": self.server.port,
            "tls": "none", "user": "mirror", "maildir": self.path("Mail"),
            "password": "correct horse battery", **more}])
        self.daemon = self.mirrored.start("-v")
        self.addCleanup(self.daemon.kill)

    def test_no_answer_to_idle_is_noticed(self):
        self.begin(lambda session, tag, name, rest:
                   fake.NEVER if name == "IDLE" else None)
        begin = time.monotonic()
        self.daemon.wait_line("did not finish a reply within 15 s", 40)
        self.assertLess(time.monotonic() - begin, 25)

    def test_a_missed_beat_is_asked_about(self):
        self.begin(None)
        self.daemon.wait_line("the same as the server")
        self.daemon.wait_until(
            lambda: self.server.said(" FETCH .* IDLE$|DONE")
            and self.server.sessions[0].idle_tag, "it to idle")
        idles = len(self.server.said(" IDLE$"))
        beats = []
        for _ in range(3):
            self.assertEqual(len(self.server.said(" IDLE$")), idles)
            beats.append(time.monotonic())
            self.server.sessions[0].send("* OK Still here")
            if len(beats) < 3:
                time.sleep(10.5)
        self.daemon.wait_until(
            lambda: len(self.server.said(" IDLE$")) > idles,
            "the server to be asked whether it is there", 60)
        self.assertGreater(time.monotonic() - beats[2], 20)
        self.assertEqual(self.server.accepted, 1)


class Network(network.Case):
    """The daemon in a network of its own, whose link can be cut."""

    def begin(self, **more):
        self.server = self.dovecot(
            extra="listen = 127.0.0.1, ::1, " + self.far,
            alt_names="IP:" + self.far)
        for name in ("INBOX", "a"):
            imap.fill(self.server, name, few(3))
        self.other = self.client(self.server)
        self.mirrored = self.mirror(self.server, host=self.far,
                                    folders=["*"], **more)
        self.daemon = self.start_inside(self.mirrored)
        for name in ("INBOX", "a"):
            self.arrives(name)
        self.daemon.wait_until(lambda: len(self.server.sessions()) > 1,
                               "it to rest")

    def arrives(self, name):
        self.wait_alike(self.daemon, self.other, name,
                        self.mirrored.folder(name))

    def change(self, number):
        for name in ("INBOX", "a"):
            imap.append(self.other, name, messages.make(number))

    def is_healthy_soon(self, begin):
        for name in ("INBOX", "a"):
            self.arrives(name)
        took = time.monotonic() - begin
        print("  healthy again after %.2f s" % took)
        self.assertLess(took, HEALTHY)

    def cut(self):
        self.ip("link", "set", self.inner, "down", inside=True)
        self.daemon.wait_line("asking every server whether it is there")

    def test_a_link_that_comes_back(self):
        self.begin()
        self.cut()
        self.change(50)
        since = len(self.daemon.lines)
        self.daemon.wait_line("did not answer|did not outlive|no route|"
                              "unreachable", 20, since)
        begin = time.monotonic()
        self.ip("link", "set", self.inner, "up", inside=True)
        self.is_healthy_soon(begin)

    def test_a_link_that_is_gone_for_a_moment(self):
        self.begin()
        self.cut()
        self.change(51)
        begin = time.monotonic()
        self.ip("link", "set", self.inner, "up", inside=True)
        self.is_healthy_soon(begin)

    def test_another_address(self):
        self.begin()
        self.change(52)
        for name in ("INBOX", "a"):
            self.arrives(name)
        begin = time.monotonic()
        self.ip("addr", "flush", "dev", self.inner, inside=True)
        self.ip("addr", "add", self.moved + "/24", "dev", self.inner,
                inside=True)
        self.change(53)
        self.is_healthy_soon(begin)
        self.daemon.wait_line("did not outlive")

    def test_the_servers_own_machine_stops_answering(self):
        # packets vanish; nothing on this side says so
        self.begin()
        self.ip("link", "set", self.outer, "down")
        self.daemon.signal(signal.SIGUSR1)
        begin = time.monotonic()
        self.daemon.wait_line("did not answer|did not outlive|no route")
        self.assertLess(time.monotonic() - begin, PROBE)
        self.ip("link", "set", self.outer, "up")
        self.change(54)
        for name in ("INBOX", "a"):
            self.arrives(name)


class Neighbours(case.Fake):
    """Accounts whose servers are dead, beside one whose server is not."""

    def listener(self, backlog):
        found = socket.socket()
        self.addCleanup(found.close)
        found.bind(("127.0.0.1", 0))
        found.listen(backlog)
        return found

    def silent_port(self):
        """Connects, and says nothing ever."""
        return self.listener(100).getsockname()[1]

    def black_hole_port(self):
        """Does not even answer a connection request: the queue is full."""
        listener = self.listener(0)
        while True:
            peer = socket.socket()
            self.addCleanup(peer.close)
            peer.settimeout(0.2)
            try:
                peer.connect(listener.getsockname())
            except TimeoutError:
                return listener.getsockname()[1]

    def test_dead_ones_cost_the_others_nothing(self):
        self.serve(3)
        ports = {"silent": self.silent_port(),
                 "hole": self.black_hole_port(), "good": self.server.port}
        mirrored = mirror.Mirror(self.top, [{
            "name": name, "host": "127.0.0.1", "tls": "none", "port": port,
            "user": "mirror", "password": "correct horse battery",
            "maildir": self.path("Mail-" + name), "timeout": "1h"}
            for name, port in ports.items()])
        begin = time.monotonic()
        daemon = mirrored.start("-v")
        self.addCleanup(daemon.kill)
        daemon.wait_line("good/INBOX: the same as")
        self.assertLess(time.monotonic() - begin, HEALTHY)
        folder = mirrored.folder(number=2)
        daemon.wait_until(lambda: self.server.said(" IDLE$"), "IDLE")
        for uid in range(4, 7):
            begin = time.monotonic()
            self.server.deliver(messages.make(uid))
            daemon.wait_until(
                lambda wanted=uid: wanted in compare.local_uids(folder),
                "UID %d" % uid)
            self.assertLess(time.monotonic() - begin, HEALTHY)
        # the others are still being waited for
        for name in ("silent", "hole"):
            self.assertNotRegex(daemon.text(), "(?m)%s: connected" % name)
        begin = time.monotonic()
        self.assertEqual(daemon.stop(), 0)
        self.assertLess(time.monotonic() - begin, HEALTHY)


if __name__ == "__main__":
    case.main()
