#!/usr/bin/python3
"""By way of a proxy: it alone knows the server's name, and is told no more
than where to go.

Needs root: the proxies have names of their own.
"""

import os
import re
import signal
import socket
import subprocess
import tempfile
import unittest
import urllib.parse

from lab import case, disk, dovecot, memory, messages, mirror, process
from lab import proxies, shared
from lab import client as imap

NAME = "imap.inside.example"
ELSEWHERE = "other.inside.example"  # the same server, which does not own it
NAMES = {NAME: "127.0.0.1", ELSEWHERE: "127.0.0.1"}
USER, PASSWORD = "me@here", "Zq7:unmistakable%Hj5/Vb9"
WATCHING = "^STATUS=watching 1 folders by IDLE"

SOCKS_OPEN = b"\5\0\0\1\x7f\0\0\1\0\1"


def setUpModule():
    # names are in files, and nobody asks the network for them
    disk.unshare_mounts()
    with tempfile.NamedTemporaryFile("w") as f:
        f.write("passwd: files\ngroup: files\nhosts: files\n")
        f.flush()
        os.chmod(f.name, 0o644)
        subprocess.run(("mount", "--bind", f.name, "/etc/nsswitch.conf"),
                       check=True)
    Proxied.begin()


class Module:
    """What all tests share ends with the last of them."""
    addClassCleanup = staticmethod(unittest.addModuleCleanup)


def with_login(url, user, password):
    return url.replace("://", "://%s:%s@" % (
        urllib.parse.quote(user, safe=""),
        urllib.parse.quote(password, safe="")))


def make_dovecot(directory):
    return dovecot.Dovecot(directory,
                           alt_names="DNS:localhost,DNS:" + NAME)


def fill(server, numbers):
    imap.fill(server, "INBOX", [(messages.make(n), "", None)
                                for n in numbers])


class Proxied(case.Case):
    """One Dovecot, and both programs in front of it."""

    @classmethod
    def begin(cls):
        cls.server = shared.begin(Module, make_dovecot)
        cls.socks = shared.begin(
            Module, lambda top: proxies.Microsocks(top, NAMES))
        cls.http = shared.begin(
            Module, lambda top: proxies.Tinyproxy(top, NAMES))
        fill(cls.server, range(3))

    def mirrored(self, proxy, top=None, release=False, **more):
        more.setdefault("host", NAME)
        return self.mirror(self.server, top, release, proxy=proxy, **more)

    def assert_fails(self, code, words, proxy, command="check", **more):
        """With that code and words about both ends; what it said."""
        more.setdefault("timeout", "20s")
        mirrored = self.mirrored(proxy, **more)
        result = mirrored.call(command)
        self.assert_code(result, code)
        self.assertRegex(result.err, "%s:%d: .*proxy localhost:%s.*%s" % (
            re.escape(mirrored.accounts[0]["host"]),
            mirrored.accounts[0]["port"], proxy.rpartition(":")[2], words))
        return result.err


class Through(Proxied):
    def test_it_mirrors_by_tls_and_starttls(self):
        for proxy in (self.socks.url, self.http.url):
            for tls in ("implicit", "starttls"):
                with self.subTest(proxy, tls=tls):
                    maildir = self.path(tls + proxy[:4])
                    self.mirrored(
                        proxy, maildir=maildir, tls=tls,
                        top={"state_dir": maildir + ".state"}).sync()
                    self.assert_exact(
                        self.client(self.server), "INBOX",
                        os.path.join(maildir, "INBOX"), host=NAME)

    def test_the_name_is_known_to_nobody_else(self):
        result = self.mirrored(None).call("check")
        self.assert_code(result, 69)
        self.assertIn("name not found", result.err)

    def test_each_command_takes_it(self):
        mirrored = self.mirrored(self.socks.url)
        mirrored.sync()
        for command in (("imap", "main", "status", "INBOX", "(MESSAGES)"),
                        ("folders", "main"), ("verify", "main")):
            with self.subTest(command):
                self.assert_code(mirrored.call(*command), 0)

    def test_the_certificate_is_the_servers(self):
        """Not the proxy's, whose name the certificate has, too."""
        for proxy in (self.socks.url, self.http.url):
            with self.subTest(proxy):
                result = self.mirrored(proxy, host=ELSEWHERE).call("check")
                self.assert_code(result, 77)
                self.assertIn(ELSEWHERE, result.err)

    def test_accounts_do_not_mix(self):
        other = self.dovecot("other", alt_names="DNS:localhost")
        fill(other, range(10, 15))
        mirrored = mirror.Mirror(self.top, [
            self.account(self.server, host=NAME, proxy=self.socks.url),
            self.account(other, name="other", proxy=self.socks.url,
                         maildir=self.path("Other"))])
        mirrored.sync()
        self.assert_exact(self.client(self.server), "INBOX",
                          mirrored.folder(), host=NAME)
        self.assert_exact(self.client(other), "INBOX",
                          mirrored.folder(number=1))

    def test_an_account_without_tls_keeps_its_password(self):
        """Loopback is the proxy's: plain is not for it."""
        result = self.mirrored(
            self.socks.url, host="127.0.0.1", tls="none", auth=["plain"],
            allow_plaintext=True).call("check")
        self.assert_code(result, 76)
        self.assertIn("no way to log in", result.err)


class Refused(Proxied):
    def test_a_server_that_is_not_there(self):
        for proxy, words in ((self.socks.url, "says: connection refused"),
                             (self.http.url, "says: 500 ")):
            with self.subTest(proxy):
                self.assert_fails(69, words, proxy, port=process.free_port())

    def test_a_name_that_it_does_not_know(self):
        self.assert_fails(69, "says: ", self.socks.url, host="x.invalid")

    def test_a_port_that_it_does_not_allow(self):
        proxy = proxies.Tinyproxy(self.path("strict"), NAMES, only_port=1)
        self.addCleanup(proxy.stop)
        proxy.start()
        self.assert_fails(69, "says: 403 ", proxy.url)

    def test_a_proxy_that_is_not_there(self):
        for scheme in ("socks5h", "http"):
            with self.subTest(scheme):
                self.assert_fails(69, "connection refused", "%s://localhost:%d"
                                  % (scheme, process.free_port()))

    def test_what_is_no_answer(self):
        cases = (
            ("socks5h", (b"\5\0", b"\5"), False, 69, "closed the connection"),
            ("http", (b"HTTP/1.1 200",), False, 69, "closed the connection"),
            ("socks5h", (b"\5\0",), True, 69, "did not open the way within"),
            ("socks5h", (b"\5\0", b"\5\2"), True, 69, "not allowed"),
            ("http", (b"HTTP/1.1 407 Login\r\n",), True, 77, "says: 407"),
            ("socks5h", (b"HTTP/1.1 400 What?\r\n",), True, 76, "SOCKS 5"),
            ("http", (b"\5\xff\n",), True, 76, "CONNECT"),
            ("http", (b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 3000,), True, 76,
             "header of more than"),
        )
        for scheme, answers, stays, code, words in cases:
            with self.subTest(scheme, answers=answers[-1][:20]):
                proxy = proxies.Scripted(
                    proxies.saying(*answers, stays=stays))
                self.addCleanup(proxy.close)
                self.assert_fails(
                    code, words, "%s://localhost:%d" % (scheme, proxy.port),
                    timeout="3s" if "did not" in words else "20s")

    def test_a_greeting_right_behind_the_answer(self):
        """What the server says first comes with what the proxy says last."""
        def act(connection, _):
            far = socket.create_connection(("127.0.0.1", self.server.port))
            with far:
                connection.recv(4096)
                connection.sendall(b"\5\0")
                connection.recv(4096)
                connection.sendall(SOCKS_OPEN + far.recv(4096))
                proxies.carry(connection, far)
        proxy = proxies.Scripted(act)
        self.addCleanup(proxy.close)
        mirrored = self.mirrored("socks5h://localhost:%d" % proxy.port,
                                 tls="starttls")
        mirrored.sync()
        self.assert_exact(self.client(self.server), "INBOX",
                          mirrored.folder(), host=NAME)


class Login(Proxied):
    @classmethod
    def setUpClass(cls):
        cls.private = shared.begin(cls, lambda top: proxies.Microsocks(
            top, NAMES, USER, PASSWORD))

    def test_user_and_password(self):
        mirrored = self.mirrored(
            with_login(self.private.url, USER, PASSWORD))
        mirrored.sync()
        self.assert_exact(self.client(self.server), "INBOX",
                          mirrored.folder(), host=NAME)

    def test_wrong_ones_are_77_and_shown_nowhere(self):
        said = self.assert_fails(
            77, "refuses the user and password",
            with_login(self.private.url, USER, "not-" + PASSWORD),
            top={"log_level": "trace"})
        self.assertNotIn(PASSWORD, said)
        self.assertNotIn(urllib.parse.quote(PASSWORD, safe=""), said)

    def test_none_is_77(self):
        self.assert_fails(77, "wants a user and password", self.private.url)

    def test_one_that_is_not_wanted_is_not_told(self):
        self.mirrored(with_login(self.socks.url, USER, PASSWORD)).sync()

    def test_the_refused_proxy_does_not_ask_for_the_mailbox_secret_again(self):
        asked = self.path("asked")
        mirrored = self.mirrored(
            self.private.url, password=None,
            password_command="echo >>%s; echo x" % asked)
        self.assert_code(mirrored.call("sync"), 77)
        with open(asked, encoding="ascii") as f:
            self.assertEqual(len(f.readlines()), 1)

    def test_the_password_is_kept_once_and_told_to_nobody(self):
        mirrored = self.mirrored(
            with_login(self.private.url, USER, PASSWORD), release=True,
            top={"log_level": "trace",
                 "control_socket": self.path("control")})
        with mirrored.start() as daemon:
            daemon.wait_note(WATCHING)
            kept, = memory.wait_for_copies(
                daemon.pid, [PASSWORD.encode()], 1)
            self.assertLess({"dd", "wf"}, set(kept.flags), kept.flags)
            memory.wait_for_copies(daemon.pid, [urllib.parse.quote(
                PASSWORD, safe="").encode()], 0)
            status = mirrored.call("status", "--json").out
            for where in (daemon.text(), "\n".join(daemon.notes), status):
                self.assertNotIn("unmistakable", where)


class Daemon(Proxied):
    def test_it_goes_and_comes_back(self):
        for make in (proxies.Microsocks, proxies.Tinyproxy):
            with self.subTest(make.__name__):
                self.outlives(make)

    def outlives(self, make):
        proxy = make(self.path(make.__name__), NAMES)
        self.addCleanup(proxy.stop)
        maildir = self.path("Mail" + make.__name__)
        mirrored = self.mirrored(
            proxy.start().url, maildir=maildir, release=True,
            top={"state_dir": maildir + ".state", "log_level": "debug"})
        client = self.client(self.server)
        with mirrored.start() as daemon:
            daemon.wait_note(WATCHING)
            imap.append(client, "INBOX", messages.make(50))
            self.wait_alike(daemon, client, "INBOX", mirrored.folder())
            proxy.stop()
            daemon.wait_line("no way to the proxy localhost")
            seen = len(daemon.notes)
            imap.append(client, "INBOX", messages.make(51))
            proxy.start()
            daemon.signal(signal.SIGUSR1)
            daemon.wait_note(WATCHING, since=seen)
            self.wait_alike(daemon, client, "INBOX", mirrored.folder())
            self.assertNotIn("not in a sandbox", daemon.text())


if __name__ == "__main__":
    case.main()
