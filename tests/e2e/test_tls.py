#!/usr/bin/python3
"""TLS: who is believed, STARTTLS, and what an attacker in the middle gets."""

import ssl

from lab import case, certificates, fake, messages, mirror
from lab import client as imap


class Trust(case.Case):
    def setUp(self):
        super().setUp()
        self.server = self.dovecot()
        imap.fill(self.server, "INBOX", [(messages.make(1), "", None)])

    def test_starttls(self):
        mirrored = self.mirror(self.server, tls="starttls")
        mirrored.sync()
        self.assert_exact(self.client(self.server), "INBOX",
                          mirrored.folder())
        self.assertRegex(self.server.log().split("Login: ")[2], "TLS")

    def test_plaintext_to_loopback(self):
        mirrored = self.mirror(self.server, tls="none")
        mirrored.sync()
        self.assert_exact(self.client(self.server), "INBOX",
                          mirrored.folder())

    def test_an_address_is_a_name_too(self):
        mirrored = self.mirror(self.server, host="127.0.0.1")
        mirrored.sync()
        self.assert_exact(self.client(self.server), "INBOX",
                          mirrored.folder(), host="127.0.0.1")

    def test_ipv6(self):
        mirrored = self.mirror(self.server, host="::1")
        mirrored.sync()
        self.assert_exact(self.client(self.server), "INBOX",
                          mirrored.folder(), host="::1")

    def test_a_pin_stands_in_for_chain_and_name(self):
        pin = certificates.fingerprint(self.server.path("server.pem"))
        for form in (pin, pin.replace(":", "").lower(),
                     ["00" * 32, pin]):
            self.mirror(self.server, tls_ca_file=None,
                        tls_fingerprint=form).sync()

    def test_another_certificate_than_the_pinned_is_77(self):
        self.assert_code(self.mirror(
            self.server, tls_fingerprint="ab" * 32).call("sync"), 77)

    def test_the_subjects_common_name_proves_nothing(self):
        certificates.make_certificate(
            self.top, "server", self.server.authority, "",
            subject="localhost")
        self.assert_fails_at_fake(77)

    def test_an_expired_certificate_is_77(self):
        certificates.make_certificate(
            self.top, "server", self.server.authority, "DNS:localhost",
            days=0)
        self.assert_fails_at_fake(77)

    def test_tls_1_1_is_77(self):
        certificates.make_certificate(
            self.top, "server", self.server.authority, "DNS:localhost")
        self.assert_fails_at_fake(
            77, maximum_version=ssl.TLSVersion.TLSv1_1,
            minimum_version=ssl.TLSVersion.TLSv1,
            ciphers="ALL:@SECLEVEL=0")

    def test_tls_1_2_where_1_3_is_asked_for_is_77(self):
        certificates.make_certificate(
            self.top, "server", self.server.authority, "DNS:localhost")
        self.assert_fails_at_fake(
            77, account={"tls_min_version": "1.3"},
            maximum_version=ssl.TLSVersion.TLSv1_2)

    def assert_fails_at_fake(self, code, account=None, ciphers=None, **limits):
        context = fake.server_context(self.top, **limits)
        if ciphers:
            context.set_ciphers(ciphers)
        server = fake.Server(context)
        self.addCleanup(server.close)
        result = mirror.Mirror(self.top, [self.account(
            self.server, port=server.port, **(account or {}))]).call("sync")
        self.assert_code(result, code)
        self.assertEqual(server.log, [])


class Resumption(case.Case):
    def test_a_server_that_fails_resumed_sessions_is_served_all_the_same(self):
        server = self.dovecot(client_certificates=True)
        names = ("INBOX", "a", "b", "c")
        for number, name in enumerate(names):
            imap.fill(server, name, [(messages.make(number), "", None)])
        mirrored = self.mirror(server, folders=["*"])
        mirrored.sync()
        for name in names:
            self.assert_exact(self.client(server), name,
                              mirrored.folder(name))


class StartTls(case.Case):
    """A man in the middle before the handshake gets no password."""

    def setUp(self):
        super().setUp()
        authority = certificates.make_authority(self.top)
        certificates.make_certificate(self.top, "server", authority,
                                      "DNS:localhost")
        self.server = fake.Server(fake.server_context(self.top),
                                  starttls=True)
        self.addCleanup(self.server.close)
        self.server.deliver(messages.make(1))
        self.mirrored = mirror.Mirror(self.top, [{
            "name": "main", "host": "localhost", "port": self.server.port,
            "tls": "starttls", "tls_ca_file": authority, "user": "mirror",
            "password": "correct horse battery", "timeout": "2s",
            "maildir": self.path("Mail")}])

    def assert_refused(self, *codes):
        result = self.mirrored.call("sync")
        self.assertIn(result.code, codes, result.err)
        self.assertFalse(self.server.said("LOGIN|AUTHENTICATE"))

    def test_works_when_nobody_interferes(self):
        self.mirrored.sync()

    def test_injected_plaintext_is_76(self):
        self.server.hook = lambda _s, tag, name, _r: (
            [tag + " OK begin", "* CAPABILITY IMAP4rev1 AUTH=PLAIN"]
            if name == "STARTTLS" else None)
        self.assert_refused(76)

    def test_injected_before_the_handshake_and_then_tls_is_76(self):
        def hook(session, tag, name, _rest):
            if name != "STARTTLS":
                return None
            session.send(tag + " OK begin", "* OK injected")
            session.secure()
            return []
        self.server.hook = hook
        self.assert_refused(76)

    def test_a_server_without_starttls_is_76(self):
        self.server.is_starttls = False
        self.server.context = None
        self.assert_refused(76)

    def test_a_refused_starttls_is_76(self):
        self.server.hook = lambda _s, tag, name, _r: (
            [tag + " NO not today"] if name == "STARTTLS" else None)
        self.assert_refused(76)

    def test_preauth_would_skip_starttls_and_is_76(self):
        self.server.greeting = "* PREAUTH already in"
        self.assert_refused(76)

    def test_capabilities_from_before_are_forgotten(self):
        self.server.greeting = ("* OK [CAPABILITY IMAP4rev1 STARTTLS "
                                "AUTH=ANONYMOUS AUTH=CRAM-MD5] hello")
        self.mirrored.sync()
        self.assertFalse(self.server.said("AUTHENTICATE (CRAM|ANON)"))


if __name__ == "__main__":
    case.main()
