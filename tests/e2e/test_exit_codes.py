#!/usr/bin/python3
"""Each failure has its exit code, and words that say what is wrong."""

import os

from lab import case, certificates, fake, messages, mirror, process
from lab import client as imap


class Network(case.Case):
    def test_wrong_password_is_77(self):
        server = self.dovecot()
        result = self.mirror(server, password="wrong").call("sync")
        self.assert_code(result, 77)

    def test_unknown_authority_is_77(self):
        server = self.dovecot()
        os.makedirs(self.path("other"))
        other = certificates.make_authority(self.path("other"))
        server.begin_rawlog()
        result = self.mirror(server, tls_ca_file=other).call("sync")
        self.assert_code(result, 77)
        self.assertNotIn("Login", server.log())

    def test_no_authority_at_all_is_77(self):
        server = self.dovecot()
        self.assert_code(self.mirror(server, tls_ca_file=None).call("sync"),
                         77)

    def test_another_hosts_certificate_is_77(self):
        server = self.dovecot(alt_names="DNS:imap.example.org")
        self.assert_code(self.mirror(server).call("sync"), 77)

    def test_a_closed_port_is_69(self):
        server = self.dovecot()
        mirror = self.mirror(server, port=process.free_port())
        self.assert_code(mirror.call("sync"), 69)

    def test_an_unknown_host_is_69(self):
        server = self.dovecot()
        mirror = self.mirror(server, host="nowhere.invalid", timeout="5s")
        result = mirror.call("sync")
        self.assert_code(result, 69)
        self.assertIn("nowhere.invalid", result.err)

    def test_a_server_without_tls_is_76(self):
        server = self.dovecot()
        self.assert_code(self.mirror(server, port=server.port).call("sync"),
                         76)

    def test_the_first_failures_code_and_the_rest_is_done(self):
        server = self.dovecot()
        imap.fill(server, "INBOX", [(messages.make(1), "", None)])
        mirror = self.mirror(server)
        good = mirror.accounts[0]
        bad = dict(good, name="bad", password="wrong",
                   maildir=self.path("Bad"))
        closed = dict(good, name="closed", port=process.free_port(),
                      maildir=self.path("Closed"))
        mirror.configure([bad, closed, good])
        result = mirror.call("sync")
        self.assertIn(result.code, (69, 77), result.err)
        self.assert_exact(self.client(server), "INBOX",
                          self.path("Mail", "INBOX"))


class Usage(case.Case):
    def setUp(self):
        super().setUp()
        self.fake = fake.Server()
        self.addCleanup(self.fake.close)

    def broken(self, **more):
        """A Mirror with these settings; the server is never reached."""
        account = {"name": "main", "host": "127.0.0.1", "tls": "none",
                   "port": self.fake.port, "user": "mirror", "password": "x",
                   "maildir": self.path("Mail")}
        account.update(more)
        return mirror.Mirror(self.top, [account])

    def test_no_command_is_64(self):
        result = mirror.execute([mirror.binary()], 60, {"PATH": "/bin"})
        self.assert_code(result, 64)
        self.assertIn("mailmirror", result.err)

    def test_an_unknown_command_is_64(self):
        self.assert_code(self.broken().call("explode"), 64)

    def test_an_unknown_option_is_64(self):
        self.assert_code(self.broken().call("sync", "--explode"), 64)

    def test_help_and_version_are_0(self):
        for option in ("--help", "--version"):
            result = mirror.execute([mirror.binary(), option], 60,
                                    {"PATH": "/bin"})
            self.assert_code(result, 0)
            self.assertIn("mailmirror", result.out)
        self.assertEqual(len(result.out.strip().split("\n")), 1)

    def test_a_broken_file_is_78_and_names_file_and_line(self):
        for name, fault in (("bogus", {"bogus_setting": 1}),
                            ("type", {"max_connections": "many"}),
                            ("range", {"idle_refresh": "31m"}),
                            ("auth", {"auth": ["rot13"]}),
                            ("two", {"password_file": "/x"})):
            for command in ("run", "sync", "check"):
                with self.subTest(name=name, command=command):
                    result = self.broken(**fault).call(command)
                    self.assert_code(result, 78)
                    self.assertRegex(result.err + result.out,
                                     r"mailmirror\.conf:\d+: ")
                    self.assertIn(list(fault)[0], result.err + result.out)
        self.assertFalse(os.path.exists(self.path("Mail")))
        self.assertEqual(self.fake.accepted, 0)

    def test_a_syntax_error_is_78(self):
        mirrored = self.broken()
        mirrored.write("accounts = (\n{ name = \"a\"\n!!\n")
        result = mirrored.call("sync")
        self.assert_code(result, 78)
        self.assertRegex(result.err, r"mailmirror\.conf:\d+: ")

    def test_a_missing_file_is_78(self):
        mirrored = self.broken()
        os.unlink(mirrored.file)
        result = mirrored.call("sync")
        self.assert_code(result, 78)
        self.assertIn("mailmirror.conf", result.err)

    def test_a_password_that_others_can_read_is_78(self):
        mirrored = self.broken()
        os.chmod(mirrored.file, 0o644)
        self.assert_code(mirrored.call("sync"), 78)

    def test_two_way_mode_is_reserved(self):
        self.assert_code(self.broken(mode="sync").call("sync"), 78)

    def test_plaintext_to_another_host_is_refused(self):
        result = self.broken(host="imap.example.org").call("check",
                                                           "--offline")
        self.assert_code(result, 78)


class Lock(case.Case):
    def test_a_second_instance_is_75_and_names_the_first(self):
        server = self.dovecot()
        imap.fill(server, "INBOX", [(messages.make(1), "", None)])
        mirror = self.mirror(server)
        with mirror.start() as daemon:
            self.wait_alike(daemon, self.client(server), "INBOX",
                            mirror.folder())
            result = mirror.call("sync")
            self.assert_code(result, 75)
            self.assertRegex(result.err, r"\b%d\b" % daemon.pid)
        mirror.sync()

    def test_an_unwritable_maildir_is_74(self):
        server = self.dovecot()
        with open(self.path("Mail"), "w", encoding="ascii"):
            pass
        self.assert_code(self.mirror(server).call("sync"), 74)


if __name__ == "__main__":
    case.main()
