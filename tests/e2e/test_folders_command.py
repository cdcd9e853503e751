#!/usr/bin/python3
"""`mailmirror folders`: what the server has, and what becomes of it."""

import contextlib
import json
import os
import pty
import re
import sqlite3
import subprocess

from lab import case, dovecot, fake, messages, process, shared
from lab import client as imap


def rows(result):
    """What programs read: a list of columns a line."""
    return [line.split("\t") for line in result.out.splitlines()]


class Listing(case.Case):
    @classmethod
    def setUpClass(cls):
        cls.server = shared.begin(cls, dovecot.Dovecot)
        imap.fill(cls.server, "INBOX", [(b"12345\r\n", "", None)] * 3)
        imap.fill(cls.server, "Entwürfe/a b", [(b"12345\r\n", "", None)])
        imap.fill(cls.server, "Sent", [])

    def setUp(self):
        super().setUp()
        self.mirrored = self.mirror(self.server, folders=["INBOX", "Ent*"])

    def folders(self, *options):
        result = self.mirrored.call("folders", *options, "main")
        self.assert_code(result, 0)
        return result

    def test_every_mailbox_is_a_line_of_columns(self):
        self.server.begin_rawlog()
        result = self.folders()
        self.assertEqual(sorted(rows(result)), sorted([
            ["3", "21", "-", "mirrored", "INBOX", self.path("Mail", "INBOX")],
            ["1", "7", "-", "mirrored", "Entwürfe/a b",
             self.path("Mail", "Entwürfe", "a b")],
            ["-", "-", "-", "noselect", "Entwürfe", "-"],
            ["0", "0", "\\Sent", "excluded", "Sent", "-"]]))
        said = self.server.rawlog().upper()
        self.assertEqual(said.count(b" LIST "), 1, said)
        self.assertNotRegex(said, rb"[0-9] STATUS ")

    def test_nothing_is_made(self):
        self.folders()
        self.assertFalse(os.path.exists(self.path("Mail")))
        self.assertFalse(os.path.exists(self.path("state")))

    def test_json_is_an_object_for_each(self):
        found = {one["name"]: one for one in map(
            json.loads, self.folders("--json").out.splitlines())}
        self.assertEqual(found["Sent"], {
            "name": "Sent", "messages": 0, "size": 0,
            "special_use": ["\\Sent"], "state": "excluded", "path": None})
        self.assertEqual(found["Entwürfe"], {
            "name": "Entwürfe", "messages": None, "size": None,
            "special_use": [], "state": "noselect", "path": None})
        self.assertEqual(found["INBOX"]["path"], self.path("Mail", "INBOX"))

    def test_maildir_plus_plus_has_its_own_paths(self):
        self.mirrored.configure([self.account(
            self.server, folders=["*"], layout="maildir++")])
        paths = {row[4]: row[5] for row in rows(self.folders())}
        self.assertEqual(paths["INBOX"], self.path("Mail"))
        self.assertEqual(paths["Entwürfe/a b"],
                         self.path("Mail", ".Entwürfe.a b"))

    def test_a_path_that_is_remembered_is_shown(self):
        self.mirrored.sync()
        with contextlib.closing(sqlite3.connect(
                self.path("state", "main.db"))) as state, state:
            state.execute("UPDATE folder SET path = 'Elsewhere'"
                          " WHERE path = 'INBOX'")
        paths = {row[4]: row[5] for row in rows(self.folders())}
        self.assertEqual(paths["INBOX"], self.path("Mail", "Elsewhere"))

    def test_a_terminal_gets_aligned_columns(self):
        master, slave = pty.openpty()
        with subprocess.Popen(
                self.mirrored.command("folders", "main"), stdout=slave,
                stdin=subprocess.DEVNULL, env=self.mirrored.environment,
                preexec_fn=process.die_with_parent) as child:
            os.close(slave)
            text = b""
            with contextlib.suppress(OSError):
                while True:
                    text += os.read(master, 65536)
            self.assertEqual(child.wait(process.PATIENCE), 0)
        os.close(master)
        lines = text.decode().splitlines()
        self.assertRegex(lines[0], "^MESSAGES +BYTES +USE +STATE +NAME")
        column = lines[0].index("NAME")
        self.assertEqual({line[column - 1] for line in lines}, {" "})
        self.assertIn("INBOX -> " + self.path("Mail", "INBOX"),
                      [line[column:] for line in lines])


class WithoutExtensions(case.Fake):
    def test_status_of_each_is_asked_at_once(self):
        names = ["INBOX"] + ["box%d" % n for n in range(1, 8)]

        def wait_for_all(session, _tag, name, _rest):
            if name == "STATUS" and not waited:
                waited.append(name)
                while session.buffer.count(b" STATUS ") < len(names) - 1:
                    session._receive()
        waited = []
        self.serve(hook=wait_for_all)
        for name in names:
            self.server.mailboxes.setdefault(name, fake.Mailbox())
            self.server.deliver(messages.make(1), mailbox=name)
        result = self.mirrored(folders=["*"]).call("folders", "main")
        self.assert_code(result, 0)
        self.assertEqual(rows(result), [
            ["1", "-", "-", "mirrored", name, self.path("Mail", name)]
            for name in names])

    def test_what_is_offered_and_refused_is_asked_otherwise(self):
        self.serve(count=2, capabilities=fake.CAPABILITIES
                   + " LIST-EXTENDED LIST-STATUS SPECIAL-USE")
        self.server.hook = lambda session, tag, name, rest: (
            [tag + " BAD no such thing"] if "RETURN" in rest else None)
        result = self.mirrored().call("folders", "main")
        self.assert_code(result, 0)
        self.assertEqual([row[:5] for row in rows(result)], [
            ["2", "-", "-", "mirrored", "INBOX"]])

    def test_what_is_disabled_is_not_asked_for(self):
        self.serve(count=2, capabilities=fake.CAPABILITIES
                   + " LIST-EXTENDED LIST-STATUS SPECIAL-USE")
        result = self.mirrored(disable_extensions=[
            "LIST-STATUS", "SPECIAL-USE"]).call("folders", "main")
        self.assert_code(result, 0)
        self.assertFalse(self.server.said("RETURN"))
        self.assertTrue(self.server.said(" STATUS "))

    def test_one_that_tells_nothing_is_a_dash(self):
        self.serve(count=2)
        self.server.mailboxes["Odd"] = fake.Mailbox()
        self.server.hook = lambda session, tag, name, rest: (
            [tag + " NO not now"] if name == "STATUS" and "Odd" in rest
            else None)
        result = self.mirrored().call("folders", "main")
        self.assert_code(result, 0)
        self.assertEqual([row[:5] for row in rows(result)], [
            ["2", "-", "-", "mirrored", "INBOX"],
            ["-", "-", "-", "excluded", "Odd"]])

    def test_a_name_cannot_write_to_the_terminal(self):
        self.serve()
        self.server.mailboxes["a\x1b[31m\tb"] = fake.Mailbox()
        for options in ((), ("--json",)):
            result = self.mirrored(folders=["*"]).call(
                "folders", *options, "main")
            self.assert_code(result, 0)
            self.assertNotIn("\x1b", result.out)
            self.assertEqual(len(result.out.splitlines()), 2)
        self.assertTrue(all(re.match(r'\{"name":', line)
                            for line in result.out.splitlines()))


class Failures(case.Fake):
    def expect(self, code, *arguments, pattern="^", **more):
        result = self.mirrored(**more).call("folders", *arguments)
        self.assert_code(result, code)
        self.assertRegex(result.err, pattern)
        self.assertEqual(result.out, "")

    def test_each_has_its_code(self):
        self.serve()
        self.expect(64, pattern="ACCOUNT is missing")
        self.expect(64, "other", pattern='no account "other"')
        self.expect(64, "main", "other", pattern="unexpected")
        self.expect(64, "--repair", "main", pattern="no option")
        self.expect(69, "main", port=process.free_port())
        self.expect(77, "main", password="wrong")
        self.expect(78, "main", nonsense=True, pattern="nonsense")


if __name__ == "__main__":
    case.main()
