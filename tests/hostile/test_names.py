#!/usr/bin/python3
"""Mailbox names that climb, collide, or are no names at all.

test_hard_cases.py of tests/e2e has one with a NUL.
"""

import hashlib
import os

from table import Row, expected_of, main
from lab import compare, fake, messages


def literal(name):
    return b"{%d}\r\n%s" % (len(name), name)


def quoted(name):
    return b'"%s"' % name.replace(b"\\", b"\\\\").replace(b'"', b'\\"')


def line(name, delimiter=b'"/"', attributes=b"\\HasNoChildren"):
    is_plain = all(32 <= byte < 127 for byte in name)
    return b"* LIST (%s) %s %s" % (
        attributes, delimiter, quoted(name) if is_plain else literal(name))


class Names(Row):
    """listed: [(line or name, name, path or None)] beside INBOX."""

    def __init__(self, name, listed, code=0, **more):
        self.listed = [(one if one.startswith(b"* ") else line(one), wire,
                        path) for one, wire, path in listed]
        layout = more.pop("layout", "nested")
        self.paths = [path for _, _, path in self.listed if path]
        super().__init__(
            "name: " + name, None, code, account={
                "folders": ["*"], "layout": layout},
            server=self.prepare, check=self.look,
            folders=["." if layout == "maildir++" else "INBOX",
                     *self.paths], has=[1, 2, 3, 4], **more)

    def prepare(self, server):
        server.list_lines = [line(b"INBOX")] + [
            one for one, _, _ in self.listed]
        boxes = {}
        for number, (_, name, path) in enumerate(self.listed):
            if name not in boxes:
                boxes[name] = fake.Mailbox()
                boxes[name].add(messages.make(100 + number, size=200))
        server.raw_names = boxes

    def look(self, attempt):
        """Each has its own message and nothing else."""
        wrong = []
        for _, name, path in self.listed:
            if path:
                wrong += compare.differences(
                    expected_of(attempt.server.raw_names[name]),
                    os.path.join(attempt.top, "Mail", path), "127.0.0.1")
        for _, said in attempt.server.log:
            if said.split(" ")[1:2] == ["DELETE"]:
                wrong.append("the client said %r" % said)
        if wrong:
            raise AssertionError("\n".join(wrong[:10]) + "\n" + attempt.text)


def one(name, path, shown=None, **more):
    """One name, delimiter "/"; path None: it is passed over."""
    return Names(shown or repr(name)[1:], [(name, name, path)], **more)


def flat(name, path, delimiter, **more):
    return Names("%r with delimiter %s" % (name.decode(), delimiter.decode()),
                 [(line(name, delimiter), name, path)], **more)


def cut(text):
    """A component that is too long, as the manual page says."""
    return text[:200 - 18] + "%~" + hashlib.sha256(
        text.encode()).hexdigest()[:16]


def suffixed(path, name):
    """The path of one that collides with another's."""
    return path + "%~" + hashlib.sha256(name).hexdigest()[:16]


CLIMBERS = [
    one(b"../x", "%2E./x"), one(b"/etc/x", "%/etc/x"),
    one(b"a/../b", "a/%2E./b"), one(b"//", "%/%/%"),
    one(b"a//b", "a/%/b"), one(b"a/", "a/%"), one(b"/", "%/%"),
    one(b".", "%2E"), one(b"..", "%2E."), one(b"...", "%2E.."),
    one(b"../../../../../../tmp/mm-evil",
        "%2E./%2E./%2E./%2E./%2E./%2E./%74mp/mm-evil"),
    one(b"~", "~"), one(b"~root/x", "~root/x"), one(b"-rf", "-rf"),
    one(b"${HOME}", "${HOME}"), one(b"`id`", "`id`"), one(b"$(id)", "$(id)"),
    one(b"a|id;b", "a|id;b"),
    one(b"cur", "%63ur"), one(b"new", "%6Eew"), one(b"tmp", "%74mp"),
    one(b"a/cur", "a/%63ur"), one(b"INBOX/cur", "INBOX/%63ur"),
    one(b"INBOX/new", "INBOX/%6Eew"), one(b"INBOX/x", "INBOX/x"),
    one(b".mailmirror.lock", "%2Emailmirror.lock"),
    one(b"INBOX/.uidvalidity", "INBOX/%2Euidvalidity"),
    one(b"%2E%2E/x", "%252E%252E/x"), one(b"%2e./x", "%252e./x"),
    one(b"a%2Fb", "a%252Fb"), one(b"%", "%25"), one(b"%~", "%25~"),
]

BYTES = [
    one(b"", None, "empty"),
    one(b"a\x1b[2Jb", "a%1B[2Jb"), one(b"a\tb", "a%09b"),
    one(b"a\x7fb", "a%7Fb"), one(b"\x01", "%01"),
    one(b"a\r\nA1 DELETE INBOX", None), one(b"a\nb", None),
    one(b"a\rb", None), one(b"\0", None),
    one(b'a"b', 'a"b'), one(b"a\\b", "a\\b"), one(b"a b", "a b"),
    one(b"a*b", "a*b"), one(b"*", "*"), one(b"NIL", "NIL"),
    one(b"{5}", "{5}"), one(b"a{5}", "a{5}"),
    one(b"caf\xe9", "caf%E9"), one(b"\xff\xfe", "%FF%FE"),
    one(b"\xed\xa0\x80", "%ED%A0%80"),
    one(b"caf&AOk-", "caf\xe9"), one(b"a&-b", "a&b"),
    one(b"&", "%26"), one(b"a&AGE-", "a%26AGE-"), one(b"&2D0-", "%262D0-"),
    one(b"&AC4ALg-/x", "%26AC4ALg-/x"), one(b"&AC8-", "%26AC8-"),
    one(b"&AAA-", "%26AAA-"), one(b"&AOk", "%26AOk"),
    one(b"a&IC4-gpj", "a\u202egpj"), one(b"&AIU-", "\x85"),
]

LONG = [
    one(b"x" * 200, "x" * 200, "of 200 bytes"),
    one(b"x" * 201, cut("x" * 201), "of 201 bytes"),
    one(b"x" * 255, cut("x" * 255), "of 255 bytes"),
    one(b"x" * 256, cut("x" * 256), "of 256 bytes"),
    one(b"\x01" * 100, "%01" * 60 + "%~" + hashlib.sha256(
        ("%01" * 100).encode()).hexdigest()[:16], "of 100 control bytes"),
    one(b"a/" * 30 + b"b", "a/" * 30 + "b", "of 30 levels"),
    Names("of 5000 levels", [(line(b"a/" * 5000 + b"b"),
                              b"a/" * 5000 + b"b", None)],
          code=(0, 74)),
    Names("of 100 KB", [(line(b"y" * 100000), b"y" * 100000, None)]),
    Names("of 900 KB as a literal",
          [(b'* LIST () "/" ' + literal(b"z" * 900000), b"z", None)],
          code=(0, 76)),
]

COLLISIONS = [
    Names("A and a", [(b"A", b"A", "A"), (b"a", b"a", "a")]),
    Names("the same one twice", [(b"a", b"a", "a"), (b"a", b"a", "a")]),
    Names("a and a/b and a/b/c", [(b"a", b"a", "a"), (b"a/b", b"a/b", "a/b"),
                                  (b"a/b/c", b"a/b/c", "a/b/c")]),
    Names("what is escaped and what looks so",
          [(b"../x", b"../x", "%2E./x"), (b"%2E./x", b"%2E./x", "%252E./x")]),
    Names("a valid one and an invalid one that look alike",
          [(b"caf&AOk-", b"caf&AOk-", "caf\xe9"),
           (b"caf\xe9", b"caf\xe9", "caf%E9")]),
    Names("two of 255 bytes with another end",
          [(b"x" * 254 + b"1", b"x" * 254 + b"1", cut("x" * 254 + "1")),
           (b"x" * 254 + b"2", b"x" * 254 + b"2", cut("x" * 254 + "2"))]),
    Names("the delimiter changes from line to line",
          [(line(b"a/b"), b"a/b", suffixed("a/b", b"a/b")),
           (line(b"a.b", b'"."'), b"a.b", "a/b")]),
    Names("one without a delimiter and one with",
          [(line(b"a/b", b"NIL"), b"a/b", "a%2Fb"),
           (line(b"a.b", b'"."'), b"a.b", "a/b")]),
]

DELIMITERS = [
    flat(b"a/b", "a%2Fb", b"NIL"), flat(b"../x", "%2E.%2Fx", b"NIL"),
    flat(b"/etc/x", "%2Fetc%2Fx", b"NIL"),
    flat(b"a.b", "a/b", b'"."'), flat(b"..x", "%/%/x", b'"."'),
    flat(b"a/../b", "a%2F/%/%2Fb", b'"."'),
    flat(b"a\\b", "a/b", b'"\\\\"'), flat(b"..\\x", "%2E./x", b'"\\\\"'),
    flat(b"a^b", "a/b", b'"^"'), flat(b"a%b", "a/b", b'"%"'),
    flat(b"axb", "a/b", b'"x"'),
    flat(b"a b", None, b'"//"'), flat(b"ab", "ab", b'""'),
    flat(b"a", "a", b"/"), flat(b"a", None, b'"\\"'),
    flat(b"aa", None, b'"/'),
]

FLAT = [
    one(name, path, "%r in maildir++" % name, layout="maildir++")
    for name, path in (
        (b"../x", ".%2E%2E.x"), (b"/etc/x", ".%.etc.x"), (b"a.b", ".a%2Eb"),
        (b"..", ".%2E%2E"), (b"//", ".%.%.%"), (b"cur", ".%63ur"),
        (b".mailmirror.lock", ".%2Emailmirror%2Elock"), (b"a/b", ".a.b"))]

LINES = [
    Names("\\NoSelect and \\NonExistent ones are no folders",
          [(line(b"a", attributes=b"\\NoSelect"), b"a", None),
           (line(b"b", attributes=b"\\NonExistent"), b"b", None)]),
    Names("attributes of 500 KB and of junk",
          [(line(b"a", attributes=b"\\X" + b"y" * 500000), b"a", "a"),
           (line(b"b", attributes=b"x (y) NIL"), b"b", "b")]),
    Names("lines that are no LIST",
          [(b"* LIST", b"1", None), (b"* LIST ()", b"2", None),
           (b'* LIST () "/"', b"3", None), (b"* LIST NIL NIL NIL", b"NIL",
                                            "NIL"),
           (b'* LIST () "/" ()', b"()", "()"), (b"* LIST ( x", b"6", None)]),
    Names("300 mailboxes", [(b"m%d" % n, b"m%d" % n, "m%d" % n)
                            for n in range(300)], seconds=60),
    Row("name: LIST without INBOX", {"LIST": [line(b"other"),
                                              "TAG OK done"]},
        # it is opened before LIST tells that it is not there, and it is
        has=[1, 2, 3, 4], account={"folders": ["INBOX"]}),
    Row("name: LIST of nothing", {"LIST": ["TAG OK done"]},
        has=[1, 2, 3, 4], account={"folders": ["*"]}),
]

class Changing(Names):
    """The delimiter changes between two passes."""

    def look(self, attempt):
        super().look(attempt)
        with attempt.server.lock:
            attempt.server.list_lines[1] = line(b"a/b", b'"."')
        attempt.sync_again()
        super().look(attempt)


class Keyword(Names):
    """A folder wants the place of INBOX's file of keywords."""

    def prepare(self, server):
        super().prepare(server)
        server.mailboxes["INBOX"].messages[1].flags = {"word"}


CHANGES = [
    Changing("the delimiter changes between two passes",
             [(b"a/b", b"a/b", "a/b")]),
    Keyword("a folder where INBOX's dovecot-keywords is",
            [(b"INBOX/dovecot-keywords", b"INBOX/dovecot-keywords",
              "INBOX/%64ovecot-keywords")]),
]

ROWS = (CHANGES + CLIMBERS + BYTES + LONG + COLLISIONS + DELIMITERS +
        FLAT + LINES)

if __name__ == "__main__":
    main(ROWS, workers=10)
