#!/usr/bin/python3
"""Where a password or token is while mailmirror runs, and where it never is.

Memory, /proc and descriptors of processes that are not dumpable: needs root.
"""

import base64
import contextlib
import hashlib
import hmac
import os
import shutil
import signal
import subprocess
import urllib.parse

from lab import case, console, dovecot, fake, memory, mirror, process
from lab import client as imap

# Every way to write it differs: quoted, escaped, percent-coded, base64.
PASSWORD = 'Zq7"unmistakable\\Kx3w%Hj5 #Vb9'

PASSWORDS = ("plain", "login", "cram-md5", "scram-sha-1", "scram-sha-256")
TOKENS = ("xoauth2", "oauthbearer")
WATCHING = "^STATUS=watching 1 folders by IDLE"


def shapes(secret):
    """The forms in which a secret could stand somewhere."""
    forms = {secret.encode(), secret[:9].encode(), secret[-9:].encode()}
    forms.add(secret.replace("\\", "\\\\").replace('"', '\\"').encode())
    forms.add(urllib.parse.quote(secret, safe="").encode())
    forms.add(secret.encode().hex().encode())
    for whole in (secret, "\0%s\0%s" % (dovecot.USER, secret),
                  "user=%s\1auth=Bearer %s\1\1" % (dovecot.USER, secret),
                  "n,a=%s,\1auth=Bearer %s\1\1" % (dovecot.USER, secret)):
        forms.add(base64.b64encode(whole.encode()))
    # the middle of a base64 text at each alignment
    for shift in range(3):
        forms.add(base64.b64encode(b"x" * shift + secret.encode())[4:-4])
    return forms


def scram_keys(algorithm, password, salt, iterations):
    """(What a server stores, what a client must not keep) of RFC 5802."""
    salted = hashlib.pbkdf2_hmac(algorithm, password.encode(), salt,
                                 iterations)
    client, server = (hmac.digest(salted, name, algorithm)
                      for name in (b"Client Key", b"Server Key"))
    stored = hashlib.new(algorithm, client).digest()
    return ",".join((str(iterations), *(
        base64.b64encode(part).decode() for part in (salt, stored, server)))
    ), [form for key in (salted, client) for form in (key, key.hex().encode())]


class Secret(case.Case):
    def setUp(self):
        super().setUp()
        for name in ("given", "run"):
            os.mkdir(self.path(name))
        self.server = self.dovecot()
        self.server.set_password(PASSWORD)
        self.token = self.server.access_token()

    def source(self, kind, secret):
        """Settings that give the secret in one of the four ways."""
        given = self.path("given", "secret")
        with open(given, "w", encoding="utf-8") as f:
            f.write(secret + "\nnot this line\n")
        os.chmod(given, 0o600)
        return {"password": None, kind: {
            "password": secret, "password_file": given,
            "password_command": "cat " + given, "credential": "secret"}[kind]}

    def start(self, mirrored):
        return mirrored.start(RUNTIME_DIRECTORY=self.path("run"),
                              CREDENTIALS_DIRECTORY=self.path("given"))

    def configure(self, mechanism="plain", kind="password_command",
                  secret=PASSWORD, **more):
        more.setdefault("top", {"log_level": "trace"})
        return self.mirror(self.server, release=True, auth=[mechanism],
                           **self.source(kind, secret), **more)

    @contextlib.contextmanager
    def watching(self, *how, **more):
        """The daemon, logged in and idle."""
        with self.start(self.configure(*how, **more)) as daemon:
            daemon.wait_note(WATCHING)
            yield daemon

    # ---- where it is not ----

    def assert_absent(self, data, secret, where):
        data = data.encode() if isinstance(data, str) else data
        for shape in shapes(secret):
            if shape in data:
                at = data.index(shape)
                self.fail("%s has it: %r" % (
                    where, data[max(0, at - 60):at + 60]))

    def assert_unshown(self, daemon, secret):
        """It is in nothing that leaves the processes."""
        self.assert_absent(daemon.text(), secret, "the log")
        self.assert_absent("\n".join(daemon.notes), secret, "STATUS")
        for pid in memory.family(daemon.pid):
            for name in ("cmdline", "environ", "comm"):
                with contextlib.suppress(FileNotFoundError), \
                        open("/proc/%d/%s" % (pid, name), "rb") as f:
                    self.assert_absent(f.read(), secret, name)
        self.assert_no_file_has(secret)

    def assert_no_file_has(self, secret):
        for top, directories, names in os.walk(self.top):
            if top == self.top:
                directories[:] = set(directories) - {"server", "given"}
                names = set(names) - {"mailmirror.conf"}
            for name in names:
                path = os.path.join(top, name)
                if os.path.isfile(path):
                    with open(path, "rb") as f:
                        self.assert_absent(f.read(), secret, path)

    # ---- where it is ----

    def assert_kept_once(self, daemon, secret):
        """For the next login: on a page that no core dump and child has."""
        whole = secret.encode()
        kept, = memory.wait_for_copies(daemon.pid, [whole], 1)
        self.assertEqual(kept.pid, daemon.pid)
        self.assertLess({"dd", "wf"}, set(kept.flags), kept.flags)
        for copy in memory.family_copies(daemon.pid, shapes(secret)):
            self.assertTrue(
                kept.address <= copy.address < kept.address + len(whole),
                "%r besides %r" % (copy, kept))


class Login(Secret):
    """After the login, and while the connection idles."""

    def keeps(self, mechanism, kind, secret):
        with self.subTest(mechanism, kind=kind), \
                self.watching(mechanism, kind, secret) as daemon:
            self.assertIn("AUTHENTICATE", daemon.text())
            self.assert_unshown(daemon, secret)
            self.assert_kept_once(daemon, secret)

    def test_a_password_of_the_configuration(self):
        for mechanism in PASSWORDS:
            self.keeps(mechanism, "password", PASSWORD)

    def test_a_password_of_a_command(self):
        for mechanism in PASSWORDS:
            self.keeps(mechanism, "password_command", PASSWORD)

    def test_a_password_of_a_file_or_credential(self):
        self.keeps("plain", "password_file", PASSWORD)
        self.keeps("plain", "credential", PASSWORD)

    def test_an_access_token(self):
        for mechanism in TOKENS:
            for kind in ("password", "password_command"):
                self.keeps(mechanism, kind, self.token)

    def test_connections_without_tls_and_by_starttls(self):
        for tls in ("none", "starttls"):
            with self.subTest(tls), self.watching(tls=tls) as daemon:
                self.assert_unshown(daemon, PASSWORD)
                self.assert_kept_once(daemon, PASSWORD)

    def test_what_scram_derives_from_it_is_gone(self):
        for name, algorithm in (("scram-sha-1", "sha1"),
                                ("scram-sha-256", "sha256")):
            stored, keys = scram_keys(algorithm, PASSWORD, b"0123456789abcdef",
                                      4096)
            with open(self.server.path("users"), "w", encoding="ascii") as f:
                f.write("%s:{%s}%s\n" % (dovecot.USER, name.upper(), stored))
            self.server.stop()
            self.server.start()
            with self.subTest(name), self.watching(name) as daemon:
                memory.wait_for_copies(daemon.pid, keys, 0)

    def test_the_login_command(self):
        server = fake.Server(auth="")
        self.addCleanup(server.close)
        mirrored = mirror.Mirror(self.top, [{
            "name": "a", "host": "127.0.0.1", "port": server.port,
            "tls": "none", "user": "mirror", "maildir": self.path("M"),
            "password": dovecot.PASSWORD}], release=True, log_level="trace")
        with self.start(mirrored) as daemon:
            daemon.wait_note(WATCHING)
            self.assertTrue(server.said("LOGIN"))
            self.assertIn("LOGIN", daemon.text())
            self.assert_unshown(daemon, dovecot.PASSWORD)
            self.assert_kept_once(daemon, dovecot.PASSWORD)

    def test_an_included_file(self):
        mirrored = self.configure(kind="password")
        with open(mirrored.file, encoding="utf-8") as f:
            text = f.read()
        os.rename(mirrored.file, self.path("given", "mailmirror.conf"))
        mirrored.write('@include "given/mailmirror.conf"\n')
        self.assertIn("password = ", text)
        with self.start(mirrored) as daemon:
            daemon.wait_note(WATCHING)
            self.assert_kept_once(daemon, PASSWORD)


class Later(Secret):
    """What follows a login."""

    def test_a_reconnect_leaves_no_more(self):
        with self.watching() as daemon:
            seen = len(daemon.notes)
            self.server.stop()
            daemon.wait_note("^STATUS=watching 0", since=seen)
            seen = len(daemon.notes)
            self.server.start()
            daemon.signal(signal.SIGUSR1)
            daemon.wait_note(WATCHING, since=seen)
            self.assert_unshown(daemon, PASSWORD)
            self.assert_kept_once(daemon, PASSWORD)

    def test_a_refused_secret_is_in_no_log(self):
        for mechanism in PASSWORDS + TOKENS:
            secret = "not-" + (self.token if mechanism in TOKENS else PASSWORD)
            with self.subTest(mechanism):
                result = self.mirror(
                    self.server, auth=[mechanism], password=secret,
                    top={"log_level": "trace"}).call("sync")
                self.assert_code(result, 77)
                self.assertIn("AUTHENTICATE", result.err)
                self.assert_absent(result.out + result.err, secret, "the log")

    def test_a_removed_account_takes_its_password_along(self):
        for kind in ("password", "password_command"):
            stays = self.account(self.server, auth=["xoauth2"],
                                 password=self.token)
            goes = self.account(self.server, name="goes", auth=["plain"],
                                maildir=self.path("Goes"),
                                **self.source(kind, PASSWORD))
            mirrored = mirror.Mirror(self.top, [stays, goes], release=True)
            with self.subTest(kind), self.start(mirrored) as daemon:
                daemon.wait_note("^STATUS=watching 2 folders by IDLE")
                memory.wait_for_copies(daemon.pid, [PASSWORD.encode()], 1)
                mirrored.configure([stays])
                seen = len(daemon.notes)
                daemon.signal(signal.SIGHUP)
                daemon.wait_note(WATCHING, since=seen)
                memory.wait_for_copies(daemon.pid, shapes(PASSWORD), 0)
                self.assert_kept_once(daemon, self.token)

    def test_a_reload_that_changes_nothing_leaves_no_more(self):
        with self.watching(kind="password") as daemon:
            seen = len(daemon.notes)
            daemon.signal(signal.SIGHUP)
            daemon.wait_note("^READY=1", since=seen)
            self.assert_kept_once(daemon, PASSWORD)


class Elsewhere(Secret):
    def test_check_and_sync_show_nothing(self):
        for command in ("check", "sync"):
            with self.subTest(command):
                result = self.mirror(
                    self.server, auth=["plain"], password=PASSWORD,
                    top={"log_level": "trace"}).call(command)
                self.assert_code(result, 0)
                self.assert_absent(result.out + result.err, PASSWORD, command)
        self.assert_no_file_has(PASSWORD)

    def test_the_console_neither_shows_nor_keeps_what_it_was_told(self):
        mirrored = self.configure(kind="password_file")
        asked = console.Console(
            mirrored, "-vvv", "--host", "localhost", "--port",
            str(self.server.port), "--tls", "none")
        self.addCleanup(asked.end)
        asked.ok("login %s %s" % (dovecot.USER, imap_quoted(PASSWORD)))
        answer = asked.ok("select INBOX")
        self.assert_absent(str(answer), PASSWORD, "an answer")
        memory.wait_for_copies(asked.child.pid, shapes(PASSWORD), 0)
        self.assertEqual(asked.end(), 0)
        self.assert_absent("".join(asked.errors), PASSWORD, "the trace")

    def test_a_commands_output_is_in_no_log(self):
        result = self.mirror(
            self.server, password=None,
            password_command="echo hush-hush-77; echo on-stdout >&1",
            top={"log_level": "trace"}).call("sync")
        self.assert_code(result, 77)
        self.assertNotIn("hush-hush-77", result.err + result.out)
        self.assertNotIn("on-stdout", result.err + result.out)

    def test_a_file_with_a_password_must_not_be_readable_by_others(self):
        mirrored = self.mirror(self.server, password=PASSWORD)
        for mode in (0o640, 0o604, 0o644):
            os.chmod(mirrored.file, mode)
            for command in (("check", "--offline"), ("sync",), ("run",)):
                with self.subTest(command, mode=oct(mode)):
                    result = mirrored.call(*command)
                    self.assert_code(result, 78)
                    said = result.out + result.err
                    self.assertIn("others can read (mode %04o)" % mode, said)
                    self.assert_absent(said, PASSWORD, "the complaint")

    def test_no_core_dump_can_be_made(self):
        nobody = ("setpriv", "--reuid", "65534", "--regid", "65534",
                  "--clear-groups")
        mirrored = self.configure(kind="password_file")
        program = self.path("program")
        shutil.copy(mirrored.binary, program)
        for name in ("", "given", "given/secret", "run", "mailmirror.conf"):
            os.chown(self.path(name), 65534, 65534)

        def owner(pid):
            return os.stat("/proc/%d/environ" % pid).st_uid
        # the kernel gives to root what must not be dumped
        with subprocess.Popen((*nobody, "sleep", "infinity")) as other:
            self.addCleanup(other.kill)
            process.wait_until(lambda: owner(other.pid) == 65534,
                               "setpriv to end")
            other.kill()
        with mirror.Daemon([*nobody, program, "run", "-c", mirrored.file], {
                **mirrored.environment,
                "RUNTIME_DIRECTORY": self.path("run")}) as daemon:
            daemon.wait_note(WATCHING)
            for pid in memory.family(daemon.pid):
                self.assertEqual(owner(pid), 0)


def imap_quoted(text):
    return '"%s"' % text.replace("\\", "\\\\").replace('"', '\\"')


if __name__ == "__main__":
    case.main()
