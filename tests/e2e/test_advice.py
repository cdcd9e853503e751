#!/usr/bin/python3
"""What an error says: what happened, where, and what can be done about it."""

import json
import os
import re

from lab import case, certificates, fake, mirror, process


def refuse(command, reply):
    """A server's hook that answers a command so."""
    def hook(_session, tag, name, _rest):
        return ["%s %s" % (tag, reply)] if name == command else None
    return hook


class Advice(case.Fake):
    def fails(self, code, *patterns, **more):
        """`sync` ends so, and one line of its log has all of these."""
        result = self.mirrored(**more).call("sync")
        self.assert_code(result, code)
        self.assertTrue([
            line for line in result.err.split("\n")
            if all(re.search(pattern, line) for pattern in patterns)],
            "%s in a line of %s" % (patterns, result.err))
        return result

    def test_a_password_command_that_fails(self):
        self.serve()
        said = self.fails(77, "main: password_command failed with exit status 3",
                   r"\(it says: key ring is locked\); ", "run it by hand", password=None,
                   password_command="echo hunter2; echo key ring is locked >&2;"
                                    " echo hunter3 >&2; exit 3").err
        self.assertNotIn("hunter", said)

    def test_a_port_where_nobody_listens(self):
        self.serve()
        self.fails(69, r"main: 127\.0\.0\.1:\d+: connection refused",
                   "check port", port=process.free_port())

    def test_no_mechanism_in_common(self):
        self.serve(auth="AUTH=XOAUTH2")
        self.fails(77, "no way to log in: the server offers XOAUTH2",
                   "name one of these in auth", auth=["scram-sha-256"])

    def test_a_folder_that_may_not_be_read(self):
        self.serve(1, hook=refuse("EXAMINE", "NO [NOPERM] not yours"))
        self.fails(75, r"main/INBOX: .*NO \[NOPERM\] not yours",
                   "ask the mailbox's owner", "exclude")

    def test_a_file_in_the_place_of_the_maildir(self):
        self.serve(1)
        with open(self.path("file"), "w", encoding="ascii"):
            pass
        self.fails(74, "main: .*%s: File exists" % self.path("file"),
                   "a file has its place", maildir=self.path("file", "Mail"))

    def status(self, mirrored):
        return json.loads(mirrored.call("status", "--json").out)["accounts"][0]

    def test_a_lasting_error_is_explained_once_and_in_the_status(self):
        self.serve(hook=refuse(
            "AUTHENTICATE", "NO [WEBALERT https://example.org/?a=b] Log in"))
        mirrored = self.mirrored()
        mirrored.environment["XDG_RUNTIME_DIR"] = self.top
        os.mkdir(self.path("mailmirror"))
        daemon = self.start(mirrored)
        daemon.wait_line("main: .*; next try in")
        error = self.status(mirrored)["error"]
        self.assertIn("https://example.org/?a=b", error)
        self.assertIn("open that address in a browser", error)
        lines = len(daemon.lines)
        daemon.signal(process.signal.SIGUSR1)
        daemon.wait_line("main: .*; next try in", since=lines)
        said = [line for line in daemon.lines if "WEBALERT" in line]
        self.assertEqual(["browser" in line for line in said], [True, False])
        self.assertEqual([line.split(": ")[1] for line in said],
                         ["warning", "info"])

    def test_what_was_wrong_and_is_right_again_is_told(self):
        self.serve(1, hook=refuse("AUTHENTICATE", "NO [UNAVAILABLE] later"))
        mirrored = self.mirrored()
        daemon = self.start(mirrored)
        daemon.wait_line("warning: main: .*UNAVAILABLE.*; next try in")
        self.server.hook = None
        daemon.signal(process.signal.SIGUSR1)
        daemon.wait_line("notice: main: all is well again")
        self.wait_uids(daemon, mirrored, self.uids())

    def test_a_connection_that_can_be_made_again_is_no_warning(self):
        self.serve(1)
        _, daemon = self.watching()
        self.server.drop_all()
        daemon.wait_line("info: main: connected again")
        self.assertRegex(daemon.text(), "info: main/INBOX: connection lost: .*closed")
        self.assertNotRegex(daemon.text(), ": (error|warning): ")


class Certificate(case.Case):
    """A certificate that nobody vouches for."""

    def setUp(self):
        super().setUp()
        authority = certificates.make_authority(self.top)
        self.file = certificates.make_certificate(
            self.top, "server", authority, "DNS:localhost")
        self.server = fake.Server(fake.server_context(self.top))
        self.addCleanup(self.server.close)

    def call(self, **more):
        return mirror.Mirror(self.top, [{
            "name": "main", "host": "localhost", "port": self.server.port,
            "user": "mirror", "password": "correct horse battery",
            "maildir": self.path("Mail"), **more}]).call("sync")

    def test_its_fingerprint_can_be_copied_into_the_settings(self):
        result = self.call()
        self.assert_code(result, 77)
        self.assertIn("main: localhost: certificate comes from an unknown "
                      "authority; set tls_ca_file, or", result.err)
        self.assertIn("openssl x509 -noout -fingerprint -sha256", result.err)
        shown = re.search(r'tls_fingerprint = "([0-9a-f]{64})"', result.err)
        self.assert_code(self.call(tls_fingerprint=shown.group(1)), 0)


if __name__ == "__main__":
    case.main()
