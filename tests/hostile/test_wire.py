#!/usr/bin/python3
"""Bytes that are no IMAP: sizes, floods, stalls, ends, and deflate."""

import os
import zlib

from table import Row, main
from server import (CUT, DEFLATE, RESET, SILENT, USUAL, Drip, Many,
                    Raw, Say)

HEAD = "* 4 FETCH (UID 4 FLAGS () RFC822.SIZE 3 BODY[] "
JUNK = "no-such-response"


def body(*steps):
    """What answers the download of UID 4."""
    return {"BODY": list(steps)}


def listing(*steps):
    return {"LISTING": list(steps)}


SHORT = {"timeout": "1s"}


def literal(size, log, code=76, **more):
    return Row("a literal of {%s}" % size,
               body(HEAD + "{%s}" % size, "abc)", SILENT), code, log, **more)


def no_literal(size):
    return Row("{%s} announces no literal" % size,
               body(HEAD + "{%s}" % size, "abc)", USUAL))


def whole(session, tag):
    """The body of UID 4 as a good server sends it, less the tagged line."""
    message = session.selected.messages[4]
    items = session.rest.partition(" ")[2]
    return [session.fetch_line(4, message, items)]


def half(session, tag):
    line = whole(session, tag)[0]
    return [line[:len(line) // 2]]


def protocol_message(server):
    server.mailboxes["INBOX"].messages[4].body = (
        b"* 1 EXPUNGE\r\n* VANISHED 1:9\r\n* 0 EXISTS\r\n* BYE x\r\n"
        b"A1 OK x\r\n)\r\n* 1 FETCH (UID 1 BODY[] {3}\r\nabc)\r\n" * 4)


class Paced:
    """The whole answer, so many bytes every 20 ms."""

    def __init__(self, size):
        self.size = size

    def play(self, session, tag):
        Drip(whole(session, tag)[0] + b"\r\n" + tag.encode() +
             b" OK done\r\n", self.size).play(session, tag)


TOO_LONG = r"literal of \d+ bytes is too long"
NO_NUMBER = "literal's size is not a number"

LITERALS = [
    literal("4294967296", TOO_LONG),
    literal("4294967295", "silent|slowly", code=69, seconds=40,
            account=SHORT),
    literal("18446744073709551615", TOO_LONG),
    literal("18446744073709551616", NO_NUMBER + "|" + TOO_LONG),
    literal("100000000000000000000", NO_NUMBER + "|" + TOO_LONG),
    literal("-1", NO_NUMBER),
    literal("+5", NO_NUMBER),
    literal("5+", NO_NUMBER),
    no_literal(""),
    no_literal("0x10"),
    no_literal("1 "),
    no_literal("3}x{3"),
    Row("a literal of size 0 is an empty message",
        body("* 4 FETCH (UID 4 FLAGS () INTERNALDATE "
             "\"01-Jan-2024 00:00:00 +0000\" RFC822.SIZE 0 BODY[] {0}",
             ")", "TAG OK done"),
        may="U=4,S=0|UID 4 is missing", heals=None),
    Row("a literal8 in a body is as good as a literal",
        body(Say(lambda s, t: [whole(s, t)[0].replace(
            b"BODY[] {", b"BODY[] ~{")]), "TAG OK done")),
    Row("literals everywhere in LIST and STATUS",
        {"LIST": ['* LIST () "/" {5}', "INBOX", "TAG OK done"]}),
    Row("1001 literals in a response",
        listing(Raw(b"* 1 FETCH (UID 1 FLAGS ("), Many(b"{1}\r\nx ", 1001),
                "))", "TAG OK done"), 76, "more than 1000 literals"),
    Row("100000 literals in a LIST",
        {"LIST": [Raw(b"* LIST ("), Many(b"{1}\r\nx ", 100000),
                  ') "/" x', "TAG OK done"]}, 76,
        "more than 1000 literals"),
    Row("literals of a response that together exceed it",
        listing(Raw(b"* 1 FETCH (UID 1 FLAGS ("),
                Many(b"{30000}\r\n" + b"x" * 30000, 60), "))",
                "TAG OK done"), 76, "response is longer|too long"),
    Row("a body longer than its RFC822.SIZE",
        body(Say(lambda s, t: [whole(s, t)[0].replace(
            b"RFC822.SIZE ", b"RFC822.SIZE 1")]), "TAG OK done"),
        may=r"S=1\d+: should be|U=4,S=1", heals=None),
    Row("a message that is made of responses", server=protocol_message),
    Row("the end inside a message that is made of responses",
        body(Say(half), CUT), server=protocol_message, first=1,
        connections=(2,)),
]

LINES = [
    Row("a line without an end",
        listing(Many(b"* OK " + b"x" * 4091, 100000)), 76,
        "response is longer than"),
    Row("a greeting without an end",
        {"GREETING": [Many(b"x", 1 << 24)]}, 76, "response is longer than"),
    Row("a SEARCH without an end",
        listing(Raw(b"* SEARCH"), Many(b" 4000000000", 10000000)), 76,
        "response is longer than"),
    Row("a VANISHED without an end",
        listing(Raw(b"* VANISHED 1"), Many(b",4000000000", 10000000)), 76,
        "response is longer than"),
    Row("a tagged line of 2 MiB",
        listing(Raw(b"* OK "), Many(b"x", 1 << 21), "", "TAG OK done"), 76,
        "response is longer than"),
    Row("a tag of 1 MiB",
        listing(Many(b"A", 1 << 19), " OK done"), 76, "unknown tag"),
    Row("a lone LF ends a line",
        {"LIST": [Raw(b'* LIST () "/" INBOX\n'), "TAG OK done"]}),
    Row("a lone CR in a line",
        listing(Raw(b"* OK a\rb\r\n"), USUAL), 76, "NUL or a lone CR"),
    Row("a NUL in a line",
        listing(Raw(b"* OK a\0b\r\n"), USUAL), 76, "NUL or a lone CR"),
    Row("a CR in a quoted string",
        {"LIST": [Raw(b'* LIST () "/" "a\rb"\r\n'), USUAL]}, 76,
        "NUL or a lone CR"),
    Row("NULs in front of a line are padding",
        {"LIST": [Raw(b"\0" * 50 + b'* LIST () "/" INBOX\r\n'),
                  "TAG OK done"]}),
    Row("NULs and nothing else",
        listing(Many(b"\0", 10000000)), 76, "blank lines or NULs"),
    Row("empty lines and nothing else",
        listing(Many(b"\r\n", 5000000)), 76, "blank lines or NULs"),
    Row("an unterminated quoted string",
        {"LIST": ['* LIST () "/" "INBOX', '* LIST () "/" INBOX',
                  "TAG OK done"]}),
    Row("8-bit bytes in a quoted string",
        {"LIST": [b'* LIST () "/" "caf\xe9"', '* LIST () "/" INBOX',
                  "TAG OK done"]}),
    Row("a backslash at a quoted string's end",
        {"LIST": ['* LIST () "/" "INBOX\\', '* LIST () "/" INBOX',
                  "TAG OK done"]}),
    Row("100000 parentheses in a FETCH",
        listing(Raw(b"* 1 FETCH "), Many(b"(", 100000),
                Many(b")", 100000), "", USUAL)),
    Row("100000 open parentheses in BODYSTRUCTURE",
        listing(Raw(b"* 1 FETCH (UID 1 BODYSTRUCTURE "),
                Many(b"(", 100000), "", USUAL)),
    Row("100000 brackets and parentheses in a code",
        listing(Raw(b"* OK "), Many(b"[(", 100000), "", USUAL)),
    Row("100000 parentheses in a LIST",
        {"LIST": [Raw(b"* LIST "), Many(b"(", 100000), "", USUAL]}),
    Row("nested THREAD", listing(Raw(b"* THREAD "), Many(b"(1 (2", 50000),
                                 "", USUAL)),
    Row("unknown responses are passed over",
        listing("* %s 1 2 3" % JUNK, "* XYZZY {3}", "a)b", USUAL)),
    Row("lines that are no responses, for ever",
        listing(Many(b"hello\r\n", 1000000)), 76, "is not IMAP"),
    Row("a tagged line in the middle that nobody asked for",
        listing("zzzz1 OK done", USUAL), 76, "unknown tag"),
    Row("a tagged line for the command before",
        listing(Say(lambda s, t: ["%s%d OK again" % (
            t[:4], int(t[4:]) - 1)]), USUAL), 76, "unknown tag"),
    Row("a tagged line for the command to come",
        {"LIST": [Say(lambda s, t: ["%s%d OK early" % (
            t[:4], int(t[4:]) + 7)]), USUAL]}, 76, "unknown tag"),
    Row("a tagged line twice",
        {"LISTING": [USUAL, "TAG OK again"]}, 76, "unknown tag"),
    Row("a tagged line of no known state",
        listing("TAG MAYBE done", SILENT), (69, 76), seconds=40,
        account=SHORT),
    Row("NO without text", listing("TAG NO"), 76),
    Row("BAD without text", listing("TAG BAD"), 76),
    Row("OK without text", listing("* OK", "* NO", USUAL)),
    Row("a + that nobody waits for", listing("+ go on", USUAL)),
    Row("a + for ever", listing(Many(b"+ go on\r\n", 100000)), 76,
        r"keeps sending \+"),
    Row("BYE in the middle", listing("* BYE shutting down", CUT), (69, 75),
        seconds=40,
        account=SHORT),
    Row("PREAUTH in the middle", listing("* PREAUTH again", USUAL), 76,
        "PREAUTH in the middle"),
]

FLOODS = [
    Row("200000 OKs before an answer",
        listing(Many(b"* OK still here\r\n", 200000), USUAL)),
    Row("200000 EXISTS before an answer",
        listing(Many(b"* 4 EXISTS\r\n", 200000), USUAL)),
    Row("200000 codes before an answer",
        listing(Many(b"* OK [UNSEEN 4] x\r\n", 200000), USUAL)),
    Row("300000 FETCHes of one message",
        listing(Many(b"* 1 FETCH (UID 1 FLAGS (\\Seen))\r\n", 300000),
                USUAL), 76, "far more messages than it says exist"),
    Row("500000 FETCHes of messages that do not exist",
        listing(Say(lambda s, t: (
            "* %d FETCH (UID %d FLAGS ())" % (n, n)
            for n in range(10, 500010))), "TAG OK done"), 76,
        "far more messages than it says exist"),
    Row("300000 LIST lines",
        {"LIST": [Say(lambda s, t: ('* LIST () "/" n%d' % n
                                    for n in range(300000))), USUAL]}, 76),
    Row("CAPABILITY of 1 MB",
        {"CAPABILITY": [Raw(b"* CAPABILITY IMAP4rev1"),
                        Many(b" X-JUNK=abc", 90000), "", USUAL]}),
    Row("an ID of 900 KB",
        {"ID": [Raw(b'* ID ("name" "'), Many(b"x", 900000), '")',
                "TAG OK done"]}),
    Row("OKs without an end, slowly",
        listing(Drip(b"* OK still here\r\n" * 3000, 17, 0.02)), 0,
        first=1, connections=(2, 3), seconds=40,
        account=SHORT),
]


STALLS = [
    Row("silence instead of a greeting", {"GREETING": [SILENT]}, 69,
        "silent|did not", seconds=40,
        account=SHORT),
    Row("silence instead of an answer", listing(SILENT), 69, seconds=40,
        account=SHORT),
    Row("silence inside a literal", body(Say(half), SILENT), 69,
        seconds=40,
        account=SHORT),
    Row("silence before the tagged line", body(Say(whole), SILENT), (0, 69),
        may="U=4|UID 4 is missing", seconds=40,
        account=SHORT),
    Row("silence inside a tag", listing(USUAL, Raw(b"zz"), SILENT), (0, 69),
        may="U=4|UID 4 is missing", seconds=40,
        account=SHORT),
    Row("one byte every 20 ms, within the limits",
        {"GREETING": [Drip(b"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hi\r\n")],
         "LIST": [Drip(b'* LIST (\\HasNoChildren) "/" INBOX\r\n'), USUAL]},
        connections=(1,)),
    Row("a body at 50 bytes a second",
        body(HEAD + "{3000}", Drip(b"x" * 3000)), 0, first=1,
        connections=(2, 3), seconds=40, account=SHORT),
    Row("a body at 3 KB a second is borne", body(Paced(64)),
        connections=(1,), account=SHORT, seconds=20),
    Row("a listing at 50 bytes a second",
        listing(Drip(b"* 1 FETCH (UID 1 FLAGS (\\Seen))\r\n" * 40), USUAL),
        0, first=1, connections=(2, 3), seconds=40,
        account=SHORT),
    Row("a greeting of one byte a second for ever",
        {"GREETING": [Drip(b"* OK " + b"x" * 600, 1, 0.5)]}, 69,
        "did not finish a reply within 10 s", connections=(1,), seconds=40,
        account=SHORT),
]

ENDS = [
    Row("the end inside a literal", body(Say(half), CUT), 69,
        "closed by the peer", seconds=40,
        account=SHORT),
    Row("a reset inside a literal", body(Raw(
        HEAD.encode() + b"{3000}\r\nabc"), RESET), 69, seconds=40,
        account=SHORT),
    Row("the end behind a literal, before the tagged line",
        body(Say(whole), CUT), (0, 69), may="U=4|UID 4 is missing",
        seconds=40,
        account=SHORT),
    Row("the end instead of a greeting", {"GREETING": [CUT]}, 69,
        seconds=40,
        account=SHORT),
    Row("the end inside the greeting", {"GREETING": [Raw(b"* OK"), CUT]},
        69, seconds=40,
        account=SHORT),
    Row("the end instead of the answer to LOGOUT", {"LOGOUT": [CUT]}),
    Row("silence instead of the answer to LOGOUT", {"LOGOUT": [SILENT]},
        account=SHORT),
]


def offers(server):
    server.capabilities += " COMPRESS=DEFLATE"


def deflated(name, steps, code, log, **more):
    """`mailmirror imap main compress`: no daemon asks for it yet."""
    return Row(name, {"COMPRESS": steps}, code, log,
               console="compress\\nnoop\\nnoop\\n",
               server=offers, has=[1, 2, 3], **more)


def bomb(times):
    """Empty lines would be refused before: one line of x."""
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -15)
    data = b"".join(squeeze.compress(b"* OK " + b"\0" * (1 << 20))
                    for _ in range(times))
    return data + squeeze.flush(zlib.Z_SYNC_FLUSH)


def deflate(data):
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -15)
    return squeeze.compress(data) + squeeze.flush(zlib.Z_SYNC_FLUSH)


AGREED = "TAG OK deflating"
DEFLATES = [
    deflated("deflate: a good server", [AGREED, DEFLATE], 0, None),
    deflated("deflate: a bomb", [AGREED, Raw(bomb(200)), SILENT], 76,
             "expands more than|NUL"),
    deflated("deflate: a bomb of one endless line",
             [AGREED, Raw(deflate(b"* OK " + b"x" * (64 << 20))), SILENT],
             76, "expands more than|longer than"),
    deflated("deflate: a bomb behind honest bytes",
             [AGREED, Raw(deflate(os.urandom(200).hex().join(
                 ("* OK ", "\r\n")).encode() * 50 + b"* OK " +
                 b"x" * (64 << 20))), SILENT], 76,
             "expands more than|longer than"),
    deflated("deflate: garbage", [AGREED, Raw(b"\xff" * 500), SILENT], 76,
             "not compressed as agreed"),
    deflated("deflate: plain text", [AGREED, "* OK not deflated", SILENT],
             76, "not compressed as agreed|silent"),
    deflated("deflate: its end and more",
             [AGREED, Raw(zlib.compress(b"* OK x\r\n", 9)[2:-4] + b"abc"),
              SILENT], 76, "follow the end"),
    deflated("deflate: half a block and silence",
             [AGREED, Raw(deflate(b"* OK " + b"y" * 900)[:6]), SILENT],
             (0, 69, 76), None),
    deflated("deflate: empty blocks without end",
             [AGREED, Many(b"\0\0\0\xff\xff", 2000000), SILENT],
             (0, 69, 76), None),
    deflated("deflate: refused", ["TAG NO [COMPRESSIONACTIVE] twice"],
             (69, 76, 75, 1), "COMPRESSIONACTIVE|twice"),
]

ROWS = LITERALS + LINES + FLOODS + STALLS + ENDS + DEFLATES

if __name__ == "__main__":
    main(ROWS, workers=16)
