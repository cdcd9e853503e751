#!/usr/bin/python3
"""Every way to log in that Dovecot offers, and where secrets come from."""

import os
import re

from lab import case, dovecot, fake, messages, mirror
from lab import client as imap


class Login(case.Case):
    def setUp(self):
        super().setUp()
        self.server = self.dovecot()
        imap.fill(self.server, "INBOX", [
            (messages.make(n), messages.flags(n), None) for n in range(3)])
        self.token = self.server.access_token()


class Mechanisms(Login):
    def logs_in(self, mechanism, word, **more):
        if mechanism != "auto":
            more["auth"] = [mechanism]
        mirrored = self.mirror(self.server, **more)
        mirrored.sync()
        methods = re.findall("method=([^,]+)", self.server.log())
        self.assertEqual(methods[-1].upper(), word)
        self.assert_exact(self.client(self.server), "INBOX",
                          mirrored.folder())

    def test_plain(self):
        self.logs_in("plain", "PLAIN")

    def test_login(self):
        self.logs_in("login", "LOGIN")

    def test_cram_md5(self):
        self.logs_in("cram-md5", "CRAM-MD5")

    def test_scram_sha_1(self):
        self.logs_in("scram-sha-1", "SCRAM-SHA-1")

    def test_scram_sha_256(self):
        self.logs_in("scram-sha-256", "SCRAM-SHA-256")

    def test_xoauth2(self):
        self.logs_in("xoauth2", "XOAUTH2", password=self.token)

    def test_oauthbearer(self):
        self.logs_in("oauthbearer", "OAUTHBEARER", password=self.token)

    def test_external(self):
        self.server = self.dovecot("other", client_certificates=True)
        self.logs_in("external", "EXTERNAL", password=None,
                     tls_client_cert=self.server.path("client.pem"),
                     tls_client_key=self.server.path("client.key"))

    def test_anonymous(self):
        self.logs_in("anonymous", "ANONYMOUS", password=None)

    def test_auto_takes_the_strongest(self):
        self.logs_in("auto", "SCRAM-SHA-256")

    def test_a_list_is_a_choice(self):
        mirrored = self.mirror(self.server, auth=["cram-md5", "scram-sha-1"])
        mirrored.sync()

    def test_a_wrong_secret_is_77_for_every_mechanism(self):
        for mechanism in ("plain", "login", "cram-md5", "scram-sha-1",
                          "scram-sha-256", "xoauth2", "oauthbearer"):
            with self.subTest(mechanism=mechanism):
                self.assert_code(self.mirror(
                    self.server, auth=[mechanism],
                    password="wrong").call("sync"), 77)

    def test_a_mechanism_that_is_not_offered_is_77(self):
        server = fake.Server(auth="AUTH=PLAIN")
        self.addCleanup(server.close)
        mirrored = mirror.Mirror(self.top, [{
            "name": "a", "host": "127.0.0.1", "port": server.port,
            "tls": "none", "user": "mirror", "password": "x",
            "maildir": self.path("M"), "auth": ["scram-sha-256"]}])
        self.assert_code(mirrored.call("sync"), 77)
        self.assertFalse(server.said("AUTHENTICATE|LOGIN"))


class Sources(Login):
    def test_a_file(self):
        with open(self.path("secret"), "w", encoding="utf-8") as f:
            f.write(dovecot.PASSWORD + "\n")
        os.chmod(self.path("secret"), 0o600)
        self.mirror(self.server, password=None,
                    password_file=self.path("secret")).sync()

    def test_a_missing_file_is_77(self):
        self.assert_code(self.mirror(
            self.server, password=None,
            password_file=self.path("none")).call("sync"), 77)

    def test_a_command(self):
        self.mirror(self.server, password=None, password_command=(
            "printf '%%s\\nsecond line\\n' '%s'" % dovecot.PASSWORD)).sync()

    def test_a_command_that_fails_is_77(self):
        self.assert_code(self.mirror(
            self.server, password=None,
            password_command="echo no >&2; exit 3").call("sync"), 77)

    def test_a_command_is_run_again_when_the_server_refuses(self):
        script = self.path("tell")
        with open(script, "w", encoding="ascii") as f:
            f.write("#!/bin/sh\necho x >>%s\n"
                    "if [ $(wc -l <%s) -eq 1 ]; then echo stale; else "
                    "echo '%s'; fi\n" % (self.path("count"),
                                         self.path("count"),
                                         dovecot.PASSWORD))
        os.chmod(script, 0o700)
        self.mirror(self.server, password=None, password_command=script).sync()
        with open(self.path("count"), encoding="ascii") as f:
            self.assertEqual(len(f.readlines()), 2)

    def test_a_credential_of_systemd(self):
        os.makedirs(self.path("credentials"))
        with open(self.path("credentials", "mail"), "w",
                  encoding="utf-8") as f:
            f.write(dovecot.PASSWORD)
        self.mirror(self.server, password=None, credential="mail").sync(
            environment={"CREDENTIALS_DIRECTORY": self.path("credentials")})

    def test_a_credential_is_a_name_and_no_path(self):
        self.assert_code(self.mirror(
            self.server, password=None,
            credential="../mail").call("check", "--offline"), 78)


if __name__ == "__main__":
    case.main()
