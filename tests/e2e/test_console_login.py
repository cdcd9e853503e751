#!/usr/bin/python3
"""The console logs in, guards its connection, and ends with a code."""

import os
import re

from lab import (case, certificates, console, courier, cyrus, dovecot, fake,
                 mirror, process)

SECRET = '%s "%s"' % (dovecot.USER, dovecot.PASSWORD)


class Login(case.Case):
    """Nobody is logged in but by a command."""

    def begin(self, server, *more, tls="none", mirrored=None):
        mirrored = mirrored or self.mirror(server)
        mirrored.environment["SSL_CERT_FILE"] = server.authority
        asked = console.Console(
            mirrored, "--host", "localhost", "--port", str(
                server.tls_port if tls == "implicit" else server.port),
            "--tls", tls, *more)
        self.addCleanup(asked.end)
        return asked

    def serve(self, kind, **more):
        server = kind(self.path(kind.__name__), **more)
        self.addCleanup(server.stop)
        return server.start()

    def logs_in(self, server, *lines):
        for tls in ("none", "starttls", "implicit"):
            for line in lines:
                with self.subTest(line, tls=tls):
                    asked = self.begin(server, tls=tls)
                    asked.ok(line)
                    asked.ok("select INBOX")
                    self.assertEqual(asked.end(), 0, asked.errors)

    def test_dovecots_mechanisms(self):
        server = self.serve(dovecot.Dovecot)
        token = "%s %s" % (dovecot.USER, server.access_token())
        self.logs_in(server, "login " + SECRET, "login_cram_md5 " + SECRET,
                     "login_plain " + SECRET, "authenticate ANONYMOUS",
                     "authenticate XOAUTH2 " + token,
                     "authenticate OAUTHBEARER " + token,
                     *["authenticate %s %s" % (name, SECRET) for name in (
                         "PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1",
                         "SCRAM-SHA-256")])

    def test_cyrus_mechanisms(self):
        self.logs_in(self.serve(cyrus.Cyrus), "login " + SECRET,
                     "login_cram_md5 " + SECRET, "login_plain " + SECRET,
                     "authenticate LOGIN " + SECRET)

    def test_cyrus_scram(self):
        server = self.serve(cyrus.Cyrus, mechanisms=cyrus.SCRAM)
        self.logs_in(server, "authenticate SCRAM-SHA-1 " + SECRET,
                     "authenticate SCRAM-SHA-256 " + SECRET)

    def test_couriers_mechanisms(self):
        self.logs_in(self.serve(courier.Courier), "login " + SECRET,
                     "login_plain " + SECRET)

    def test_external_by_a_client_certificate(self):
        server = self.serve(dovecot.Dovecot, client_certificates=True)
        mirrored = self.mirror(
            server, auth=["external"], password=None,
            tls_client_cert=server.path("client.pem"),
            tls_client_key=server.path("client.key"))
        result, answers = console.once(mirrored, "main", "state")
        self.assert_code(result, 0)
        self.assertRegex(answers[0]["text"], "^AUTH ")

    def test_a_tunnel(self):
        for kind in (dovecot.Dovecot, courier.Courier):
            with self.subTest(kind.__name__):
                server = self.serve(kind)
                mirrored = self.mirror(
                    server, tunnel=server.tunnel_command(), host=None,
                    port=None, tls=None, tls_ca_file=None, user=None,
                    password=None)
                result, answers = console.once(mirrored, "main", "select")
                self.assert_code(result, 0)
                self.assertEqual(answers[0]["code"], "READ-WRITE")

    def test_starttls(self):
        for kind in (dovecot.Dovecot, cyrus.Cyrus, courier.Courier):
            with self.subTest(kind.__name__):
                asked = self.begin(self.serve(kind))
                self.assertRegex(asked.ask("state")["text"], "^NONAUTH")
                asked.ok("starttls")
                self.assertEqual(asked.ask("starttls")["type"], "ERROR")
                asked.ok("login " + SECRET)
                self.assertEqual(asked.ask("starttls")["type"], "ERROR")
                asked.ok("logout")

    def test_user_and_password_of_the_options(self):
        server = self.serve(dovecot.Dovecot)
        with open(self.path("secret"), "w", encoding="ascii") as f:
            f.write(dovecot.PASSWORD + "\nanother line\n")
        os.chmod(self.path("secret"), 0o600)
        options = ("--user", dovecot.USER, "--password-file",
                   self.path("secret"))
        for tls in ("none", "starttls", "implicit"):
            with self.subTest(tls=tls):
                asked = self.begin(server, *options, tls=tls)
                asked.ok("select INBOX")
                self.assertEqual(asked.end(), 0)

    def test_a_refused_login_is_77_and_leaves_room_for_another(self):
        asked = self.begin(self.serve(dovecot.Dovecot))
        answer = asked.ask("login %s wrong" % dovecot.USER)
        self.assertEqual((answer["type"], answer["code"]),
                         ("NO", "AUTHENTICATIONFAILED"))
        self.assertEqual(asked.ask("select INBOX")["type"], "ERROR")
        self.assertEqual(asked.ask("authenticate FROB a b")["type"], "ERROR")
        self.assertEqual(asked.ask("xatom LOGIN a b")["type"], "ERROR")
        asked.ok("login " + SECRET)
        self.assertEqual(asked.end(), 77)

    def test_traces_hold_no_password(self):
        server = self.serve(dovecot.Dovecot)
        asked = self.begin(server, "-v", "-v")
        asked.ok("login " + SECRET)
        asked.ok("print_log")
        asked.end()
        text = "".join(asked.errors)
        self.assertIn("LOGIN", text)
        self.assertNotIn(dovecot.PASSWORD, text)


class Faked(case.Case):
    """A server that does as the test says."""

    def begin(self, hook=None, **more):
        self.fake = fake.Server(hook=hook, **more)
        self.addCleanup(self.fake.close)
        return mirror.Mirror(self.top, [{
            "name": "main", "host": "127.0.0.1", "port": self.fake.port,
            "tls": "none", "user": dovecot.USER,
            "password": dovecot.PASSWORD, "maildir": self.path("M")}])

    def assert_once(self, code, kind, mirrored, *words):
        result, answers = console.once(mirrored, "main", *words)
        self.assert_code(result, code)
        self.assertEqual(answers[-1]["type"], kind, answers)
        return answers[-1]

    @staticmethod
    def answers(to, *lines):
        """A hook that answers one command."""
        def hook(_session, tag, name, _rest):
            return ([line.replace("TAG", tag) for line in lines]
                    if name == to else None)
        return hook

    def test_proxyauth(self):
        mirrored = self.begin(self.answers("PROXYAUTH", "TAG OK as you wish"))
        self.assert_once(0, "OK", mirrored, "proxyauth", "someone else")
        self.assertRegex(self.fake.said("PROXYAUTH")[0],
                         ' PROXYAUTH "someone else"$')

    def test_unauthenticate(self):
        mirrored = self.begin(
            self.answers("UNAUTHENTICATE", "TAG OK who are you"),
            capabilities=fake.CAPABILITIES + " UNAUTHENTICATE")
        asked = console.Console(mirrored, "main")
        self.addCleanup(asked.end)
        asked.ok("select INBOX")
        asked.ok("unauthenticate")
        self.assertRegex(asked.ask("state")["text"], "^NONAUTH")
        self.assertEqual(asked.ask("select INBOX")["type"], "ERROR")
        asked.ok("login")
        asked.ok("select INBOX")

    def test_codes_of_what_the_server_says(self):
        for code, kind, line in (
                (1, "NO", "TAG NO no"),
                (75, "NO", "TAG NO [UNAVAILABLE] later"),
                (75, "NO", "TAG NO [INUSE] later"),
                (75, "NO", "TAG NO [LIMIT] less"),
                (75, "NO", "TAG NO [THROTTLED] slower"),
                (77, "NO", "TAG NO [EXPIRED] old"),
                (76, "BAD", "TAG BAD what"),
                (69, "ABORT", "* BYE I leave"),
                (76, "ABORT", "WRONG OK tag")):
            with self.subTest(line):
                def hook(session, tag, name, _, line=line):
                    if name != "NOOP":
                        return None
                    session.send(line.replace("TAG", tag))
                    if not line.startswith("TAG"):
                        raise fake.Closed
                    return ()
                self.assert_once(code, kind, self.begin(hook), "noop")

    def test_a_mailbox_that_turns_read_only(self):
        mirrored = self.begin(self.answers(
            "SELECT", "* 1 EXISTS", "TAG OK [READ-ONLY] only look"))
        self.assert_once(1, "READONLY", mirrored, "select", "INBOX")

    def test_nothing_that_injects_a_command_is_sent(self):
        mirrored = self.begin()
        with open(self.path("nul"), "wb") as f:
            f.write(b"INBOX\0X")
        for words in (
                ("select", "@" + self.path("nul")),
                ("status", "INBOX", "(MESSAGES)\r\nX1 INJECT"),
                ("xatom", "NOOP\r\nX1 INJECT"),
                ("xatom", "NOOP", "a\r\nX1 INJECT"),
                ("enable", "CONDSTORE\r\nX1 INJECT"),
                ("proxyauth", "a\r\nX1 INJECT"),
                ("getmetadata", "INBOX", "/a\r\nX1 INJECT"),
                ("setmetadata", "INBOX", "/a\r\nX1 INJECT", "x"),
                ("setquota", "r", "(STORAGE 1)\r\nX1 INJECT"),
                ("append", "INBOX", "(\\Seen)\r\nX1 INJECT", "", "x"),
                ("append", "INBOX", "", "1-Jan-2024\r\nX1 INJECT", "x"),
                ("id", "name", "a\r\nX1 INJECT")):
            with self.subTest(words=words):
                self.assert_once(64, "ERROR", mirrored, *words)
        self.assertFalse(self.fake.said("INJECT"))

    def test_lines_in_names_of_mailboxes_are_encoded(self):
        mirrored = self.begin()
        with open(self.path("lines"), "wb") as f:
            f.write(b"INBOX\r\nX1 INJECT")
        for words in (
                ("select", "INBOX\r\nX1 INJECT"),
                ("delete", "INBOX\rX1 INJECT"),
                ("rename", "a", "b\nX1 INJECT"),
                ("list", "", "*\r\nX1 INJECT"),
                ("select", "@" + self.path("lines"))):
            with self.subTest(words=words):
                console.once(mirrored, "main", *words)
                self.assertRegex(self.fake.said("INJECT")[-1],
                                 "&A[A-Za-z0-9+,]+-X1 INJECT")
        self.assertFalse(self.fake.said("^X1"))

    def test_the_first_failures_code_counts(self):
        asked = console.Console(self.begin(), "main")
        asked.ok("noop")
        self.assertEqual(asked.ask("fetch 1 FLAGS")["type"], "ERROR")
        self.assertEqual(asked.ask("select Nowhere")["type"], "NO")
        asked.ok("quit")
        self.assertEqual(asked.end(), 64)

    def test_a_connection_that_is_shut_down(self):
        asked = console.Console(self.begin(), "main")
        asked.ok("shutdown")
        self.assertEqual(asked.ask("noop")["type"], "ERROR")
        asked.end()
        self.assertFalse(self.fake.said("LOGOUT"))

    def test_bytes_that_are_no_line(self):
        asked = console.Console(self.begin(), "main")
        answer = asked.ask(b"sel\xff\xfeect INBOX")
        self.assertEqual(answer["type"], "ERROR")
        self.assertIn("base64", answer["command"])
        self.assertEqual(asked.end(), 64)


class Codes(case.Case):
    """What goes wrong before a command."""

    def code(self, mirrored, *words):
        return console.once(mirrored, *(words or ("main", "noop")))[0].code

    def test_connecting(self):
        server = self.dovecot()
        os.makedirs(self.path("other"))
        other = certificates.make_authority(self.path("other"))
        for code, more in ((0, {}), (77, {"password": "wrong"}),
                           (77, {"tls_ca_file": other}),
                           (69, {"port": process.free_port()}),
                           (69, {"host": "nowhere.invalid"}),
                           (76, {"port": server.port})):
            with self.subTest(**more):
                self.assertEqual(self.code(self.mirror(server, **more)), code)

    def test_it_gives_the_advice_that_check_gives(self):
        server = self.dovecot()
        for more in ({"password": "wrong"}, {"tls": "none", "port": 1},
                     {"password": None, "password_command": "false"},
                     {"port": server.port}):
            with self.subTest(**more):
                mirrored = self.mirror(server, **more)
                checked = mirrored.call("check")
                advice = re.findall("^mailmirror: error: .*?; (.*)",
                                    checked.err, re.M)[0]
                result = console.once(mirrored, "main", "noop")[0]
                self.assertRegex(result.err, "(?m)^mailmirror: main: .*; %s$"
                                 % re.escape(advice))

    def test_usage(self):
        mirrored = self.mirror(self.dovecot())
        for words in (("nobody", "noop"), (), ("--port", "1", "main", "noop"),
                      ("--host", "localhost", "--tls", "maybe", "noop"),
                      ("--host", "localhost", "--port", "70000", "noop"),
                      ("main", "frobnicate"), ("main", "fetch")):
            with self.subTest(words=words):
                result = console.once(mirrored, *words)[0]
                self.assert_code(result, 64)

    def test_a_file_that_is_missing_is_74(self):
        mirrored = self.mirror(self.dovecot())
        self.assertEqual(self.code(
            mirrored, "main", "append", "INBOX", "@" + self.path("no")), 74)

    def test_a_broken_configuration_is_78(self):
        mirrored = self.mirror(self.dovecot())
        mirrored.write("nonsense")
        self.assertEqual(self.code(mirrored), 78)


if __name__ == "__main__":
    case.main()
