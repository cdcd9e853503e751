#!/usr/bin/python3
"""Lies about a mailbox: UIDs, counts, generations, flags, dates, bodies.

test_hard_cases.py of tests/e2e has messages that are listed and never given,
and an emptied mailbox that is held by delete_guard.
"""

from table import Row, main
from server import CAPABILITIES, USUAL, Many, Say, Server

ALL = [1, 2, 3, 4]


def listing(name, *steps, code=0, log=None, **more):
    """Steps in place of the answer to the listing."""
    return Row("listing: " + name, {"LISTING": list(steps)}, code, log,
               **more)


def body(name, *steps, code=0, log=None, **more):
    """Steps in place of the answer to the download of UID 4."""
    return Row("body: " + name, {"BODY": list(steps)}, code, log, **more)


def examine(name, code=0, log=None, script=None, **more):
    """EXAMINE's answer with other figures; None leaves one out."""
    keys = ("exists", "uidvalidity", "uidnext", "highest", "tail")
    figures = {key: more.pop(key) for key in keys if key in more}

    def lines(session, tag):
        mailbox = session.server.mailboxes["INBOX"]
        session.selected = mailbox
        session.view = sorted(mailbox.messages)
        session.revisions = {uid: m.revision
                             for uid, m in mailbox.messages.items()}
        said = {"exists": len(session.view), "highest": None,
                "uidvalidity": mailbox.uidvalidity,
                "uidnext": mailbox.uidnext, "tail": [], **figures}
        yield "* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)"
        if said["exists"] is not None:
            yield "* %s EXISTS" % said["exists"]
        for key, word in (("uidvalidity", "UIDVALIDITY"),
                          ("uidnext", "UIDNEXT"),
                          ("highest", "HIGHESTMODSEQ")):
            if said[key] is not None:
                yield "* OK [%s %s] so" % (word, said[key])
        yield from said["tail"]
        yield tag + " OK [READ-ONLY] done"
    return Row("examine: " + name, {"EXAMINE": [Say(lines)],
                                    "SELECT": [Say(lines)],
                                    **(script or {})}, code, log, **more)


def given(session, uid, old=b"", new=b"", tail=()):
    """A message as it is, but for a replacement in its line."""
    line = session.fetch_line(
        session.view.index(uid) + 1, session.selected.messages[uid],
        session.rest.partition(" ")[2].upper())
    return [line.replace(old, new, 1) if old else line, *tail]


def changed(old, new):
    return Say(lambda s, t: given(s, 4, old, new, [t + " OK done"]))


UIDS = [
    listing("UID 0", "* 1 FETCH (UID 0 FLAGS (\\Deleted))", USUAL, times=1),
    listing("UID 2^32", "* 1 FETCH (UID 4294967296 FLAGS ())", USUAL, times=1),
    listing("UID -1", "* 1 FETCH (UID -1 FLAGS ())", USUAL, times=1),
    listing("UID NIL", "* 1 FETCH (UID NIL FLAGS ())", USUAL, times=1),
    listing("UID of 100 digits", "* 1 FETCH (UID %s FLAGS ())" % ("9" * 100),
            USUAL, times=1),
    listing("a UID twice with other flags",
            "* 1 FETCH (UID 1 FLAGS (\\Deleted))",
            "* 1 FETCH (UID 1 FLAGS (\\Draft))", USUAL),
    listing("sequence number 0", "* 0 FETCH (UID 2 FLAGS ())", USUAL),
    listing("sequence number 4294967295",
            "* 4294967295 FETCH (UID 2 FLAGS ())", USUAL),
    listing("sequence number 2^64",
            "* 18446744073709551616 FETCH (UID 2 FLAGS ())", USUAL),
    listing("a FETCH without UID", "* 1 FETCH (FLAGS (\\Deleted))", USUAL,
            times=1),
    listing("a FETCH of nothing", "* 1 FETCH ()", "* 2 FETCH NIL", USUAL,
            times=1),
    listing("a FETCH without UID in every listing",
            "* 1 FETCH (FLAGS (\\Deleted))", USUAL, code=0),
    listing("half of it and OK", Say(lambda s, t: [
        "* 1 FETCH (UID 1 FLAGS ())", t + " OK done"])),
    listing("nothing and OK", "TAG OK done"),
    listing("nothing and NO", "TAG NO no", code=76),
    listing("nothing and BAD", "TAG BAD no", code=76),
    listing("only what nobody asked for",
            "* 9 FETCH (UID 99 FLAGS ())", "TAG OK done"),
    listing("a phantom behind the last",
            "* 5 FETCH (UID 4294967295 FLAGS ())", USUAL, code=0),
    listing("100 phantoms", *["* %d FETCH (UID %d FLAGS ())" % (n, n)
                              for n in range(10, 110)], USUAL,
            code=0),
]

COUNTS = [
    examine("EXISTS 0", exists=0, code=0),
    examine("EXISTS 1", exists=1, code=0),
    examine("EXISTS 4294967295", exists=4294967295, code=0),
    examine("EXISTS 2^64", exists=1 << 64, code=0),
    examine("EXISTS -1", exists=-1, code=0),
    examine("no EXISTS", exists=None, code=0),
    examine("EXISTS 0 and nothing listed", exists=0, has=[],
            script={"LISTING": ["TAG OK done"]}, code=0,
            may="left in tmp"),
    listing("EXISTS shrinks", "* 1 EXISTS", USUAL, code=0),
    listing("EXISTS shrinks to 0", "* 0 EXISTS", USUAL, code=0),
    listing("EXISTS grows and nothing comes", "* 9 EXISTS", USUAL,
            code=0),
    listing("EXPUNGE 0", "* 0 EXPUNGE", USUAL),
    listing("EXPUNGE of more than there are", "* 99 EXPUNGE", USUAL),
    listing("EXPUNGE of an empty mailbox", "* 0 EXISTS", "* 1 EXPUNGE",
            "* 4 EXISTS", USUAL),
    listing("EXPUNGE 4294967296", "* 4294967296 EXPUNGE", USUAL),
    listing("100000 EXPUNGEs", Many(b"* 1 EXPUNGE\r\n", 100000), USUAL,
            code=0),
    listing("EXPUNGE and EXISTS in turn, 50000 times",
            Many(b"* 1 EXPUNGE\r\n* 4 EXISTS\r\n", 50000), USUAL),
]

QRESYNC = CAPABILITIES + " CONDSTORE QRESYNC"


def qresync(name, *steps, code=0, modseq=50, log=None, **more):
    """Steps in front of the answer to EXAMINE with QRESYNC."""
    def make():
        server = Server(capabilities=QRESYNC)
        server.modseq = server.good["modseq"] = 100
        return server

    def attack(server):
        server.modseq = modseq
    return Row("qresync: " + name, {"EXAMINE": [*steps, USUAL]}, code, log,
               make_server=make, server=attack, **more)


EVERYTHING = "1:4294967295"
VANISHED = [
    listing("VANISHED of everything", "* VANISHED " + EVERYTHING, USUAL),
    listing("VANISHED 1:*", "* VANISHED 1:*", USUAL),
    listing("VANISHED of a set that ends in a comma", "* VANISHED 1,2,",
            USUAL),
    listing("VANISHED of nothing", "* VANISHED", "* VANISHED ", USUAL),
    listing("VANISHED 0", "* VANISHED 0", "* VANISHED 0:0", USUAL),
    listing("VANISHED backwards", "* VANISHED 9:5", USUAL),
    listing("VANISHED of what is unknown", "* VANISHED 1000:2000", USUAL),
    listing("VANISHED of 100000 ranges",
            Say(lambda s, t: ["* VANISHED " + ",".join(
                "%d:%d" % (n, n + 1) for n in range(10, 300000, 3))]),
            USUAL),
    qresync("a good server", modseq=100),
    qresync("VANISHED (EARLIER) of everything",
            "* VANISHED (EARLIER) " + EVERYTHING, modseq=100),
    qresync("VANISHED (EARLIER) 1:*", "* VANISHED (EARLIER) 1:*",
            modseq=100),
    qresync("VANISHED (EARLIER) of everything, twice",
            "* VANISHED (EARLIER) " + EVERYTHING,
            "* VANISHED (EARLIER) " + EVERYTHING, modseq=101),
    qresync("VANISHED without EARLIER", "* VANISHED 1:3", modseq=100),
    qresync("HIGHESTMODSEQ goes back", modseq=50),
    qresync("HIGHESTMODSEQ goes back to 1", modseq=1),
    qresync("no HIGHESTMODSEQ any more", modseq=0),
    qresync("NOMODSEQ", "* OK [NOMODSEQ] no more", modseq=0),
    qresync("HIGHESTMODSEQ 0", "* OK [HIGHESTMODSEQ 0] so", modseq=0),
    qresync("HIGHESTMODSEQ -1", "* OK [HIGHESTMODSEQ -1] so", modseq=0),
    qresync("HIGHESTMODSEQ 2^63", "* OK [HIGHESTMODSEQ %d] so" % (1 << 63),
            modseq=0),
    qresync("HIGHESTMODSEQ 2^64", "* OK [HIGHESTMODSEQ %d] so" % (1 << 64),
            modseq=0),
    qresync("the capability goes in the middle",
            "* CAPABILITY IMAP4rev1",
            "* OK [CAPABILITY IMAP4rev1 XYZZY] so", modseq=100),
    qresync("MODSEQ 0 and -1 of a message",
            "* 1 FETCH (UID 1 FLAGS () MODSEQ (0))",
            "* 1 FETCH (UID 1 FLAGS () MODSEQ (-1))",
            "* 1 FETCH (UID 1 FLAGS () MODSEQ (99999999999999999999))",
            modseq=100),
    qresync("FETCHes of what does not exist",
            *["* %d FETCH (UID %d FLAGS (\\Seen) MODSEQ (101))" % (n, n)
              for n in range(50, 100)], modseq=101, code=0),
]


# ---- generations ----

def flap(attempt):
    """Three times more to the other UIDVALIDITY and back."""
    for number in range(3):
        attempt.server.mailboxes["INBOX"].uidvalidity = 1 + number % 2
        attempt.sync_again()


def to_two(server):
    server.mailboxes["INBOX"].uidvalidity = 2


GENERATIONS = [
    examine("UIDVALIDITY 0", uidvalidity=0, code=76,
            log="tells no UIDVALIDITY"),
    examine("no UIDVALIDITY", uidvalidity=None, code=76,
            log="tells no UIDVALIDITY"),
    examine("UIDVALIDITY -1", uidvalidity=-1, code=76,
            log="tells no UIDVALIDITY"),
    examine("UIDVALIDITY 2^32", uidvalidity=1 << 32, code=76,
            log="tells no UIDVALIDITY"),
    examine("UIDVALIDITY twice", tail=["* OK [UIDVALIDITY 7] other",
                                       "* OK [UIDVALIDITY 1] same"]),
    Row("UIDVALIDITY changes and the mail is the same", server=to_two),
    Row("UIDVALIDITY flaps", server=to_two, check=flap, seconds=60),
    examine("UIDNEXT 0", uidnext=0), examine("UIDNEXT 1", uidnext=1),
    examine("UIDNEXT below the last UID", uidnext=2),
    examine("UIDNEXT 2^32", uidnext=1 << 32),
    examine("UIDNEXT far ahead", uidnext=4000000000),
    examine("no UIDNEXT", uidnext=None),
    examine("UIDNEXT -1", uidnext=-1),
    examine("codes nobody asked for",
            tail=["* OK [APPENDUID 1 99] x", "* OK [COPYUID 1 1:3 4:6] x",
                  "* OK [COPYUID 1 , ] x", "* OK [APPENDUID] x",
                  "* OK [MODIFIED 1:*] x", "* OK [BADURL x] x",
                  "* OK [TRYCREATE] x", "* OK [READ-WRITE] x",
                  "* OK [] x", "* OK [ ] x", "* OK [UNSEEN -1] x",
                  "* OK [REFERRAL imap://evil/] x"],
            ),
    examine("CLOSED behind the figures", tail=["* OK [CLOSED] x"], code=76,
            log="tells no UIDVALIDITY"),
    Row("examine: a referral", {
        "EXAMINE": ["TAG NO [REFERRAL imap://attacker.invalid/INBOX] go"]},
        (75, 76), "REFERRAL|go"),
    Row("examine: NO", {"EXAMINE": ["TAG NO no"]}, 75),
    Row("examine: BAD", {"EXAMINE": ["TAG BAD no"], "SELECT": ["TAG BAD"]},
        (75, 76)),
    Row("examine: nothing but OK", {"EXAMINE": ["TAG OK done"]},
        76, "tells no UIDVALIDITY"),
]

# ---- flags and dates ----


def flags(name, words, code=0, **more):
    def attack(server):
        server.mailboxes["INBOX"].messages[1].flags = set(words)
    return Row("flags: " + name, code=code, server=attack, **more)


def wire_flags(name, text, **more):
    """FLAGS of UID 1 as these bytes; what remains of them may be."""
    return listing("FLAGS " + name, Say(lambda s, t: [
        b"* 1 FETCH (UID 1 FLAGS " + text + b")",
        "* 2 FETCH (UID 2 FLAGS (\\Seen))",
        "* 3 FETCH (UID 3 FLAGS (\\Flagged))",
        "* 4 FETCH (UID 4 FLAGS ())", t + " OK done"]),
        code=more.pop("code", 0),
        may=more.pop("may", r"U=1,|UID 4 is missing|unknown.*U=4"), **more)


FLAGS = [
    flags("slashes, colons and dots", ["a/b", "../../x", ":2,S", "2,", "."]),
    flags("27 keywords", ["k%d" % n for n in range(27)],
          may="U=1,.*has"),
    flags("8-bit keywords", ["caf\xe9", "\u202e"], may="U=1,.*has"),
    flags("a keyword of 60 KB", ["k" * 60000], may="U=1,.*has"),
    wire_flags("NIL", b"NIL"),
    wire_flags("quoted, with spaces", b'("a b" "c\\"d" "2,S")'),
    wire_flags("as a literal", b"({5}\r\na/b\n:)"),
    wire_flags("of 100000 keywords",
               b"(" + b" ".join(b"w%d" % n for n in range(100000)) + b")"),
    wire_flags("of one keyword of 1 MB", b"(" + b"k" * 1000000 + b")"),
    wire_flags("of backslashes", b"(\\ \\\\ \\Seen\\ \\* \\Recent \\)"),
    wire_flags("of system flags that do not exist", b"(\\Evil \\../x)"),
    wire_flags("of nested lists", b"(((\\Seen)))"),
    wire_flags("of control bytes", b"(a\x01b \x1b[2J)"),
    listing("a keyword of its own for each of 50000 lines",
            Say(lambda s, t: ("* 1 FETCH (UID 1 FLAGS (x%d))" % n
                              for n in range(50000))), USUAL,
            code=0),
]


def date(text):
    return body("INTERNALDATE %r" % text[:40], changed(
        b'"01-Jan-2024 00:00:00 +0000"', text.encode()),
        may=r"U=4,S=3024: (should be|mtime)", heals=0)


DATES = [date(text) for text in (
    '"00-Jan-0000 00:00:00 +0000"', '"31-Dec-9999 23:59:59 +0000"',
    '"01-Jan-1900 00:00:00 +0000"', '"32-Foo-2024 25:61:61 +9999"',
    '"01-Jan-99999999999 00:00:00 +0000"', '"yesterday"', '""', "NIL",
    '"\x1b[2J"', '"' + "9" * 5000 + '"', "{3}\r\nabc",
    '"29-Feb-2023 00:00:00 -9999"', "20240101")]

# ---- bodies ----

STRANGE = "* 9 FETCH (UID 99 FLAGS () RFC822.SIZE 3 BODY[] {3}\r\nabc)"
OTHER = "* 1 FETCH (UID 1 FLAGS (\\Flagged) RFC822.SIZE 3 BODY[] {3}\r\nabc)"
USELESS = "UID 4 "

BODIES = [
    listing("a body that nobody asked for", STRANGE, USUAL),
    listing("another body of a message that is here", OTHER, USUAL),
    body("another message's beside it", STRANGE, USUAL),
    body("one of UID 0 beside it",
         "* 9 FETCH (UID 0 FLAGS () RFC822.SIZE 3 BODY[] {3}\r\nabc)",
         USUAL),
    body("one without UID beside it",
         "* 9 FETCH (FLAGS () BODY[] {3}\r\nabc)", USUAL),
    body("another of a message that is here", OTHER, USUAL),
    body("another message's instead", STRANGE, "TAG OK done", code=76,
         log=USELESS),
    body("one of a message that is here instead", OTHER, "TAG OK done",
         code=76, log=USELESS),
    body("twice; the first counts", Say(lambda s, t: given(s, 4) + given(
        s, 4, b"example.org", b"example.com")), "TAG OK done"),
    body("NIL", Say(lambda s, t: [
        "* 4 FETCH (UID 4 FLAGS () RFC822.SIZE 0 BODY[] NIL)"]),
        "TAG OK done", code=76, log=USELESS),
    body("BINARY nobody asked for, instead", Say(lambda s, t: given(
        s, 4, b"BODY[] {", b"BINARY[] ~{")), "TAG OK done", code=76,
        log=USELESS),
    body("NIL for all that is in it",
         "* 4 FETCH (UID 4 FLAGS NIL INTERNALDATE NIL RFC822.SIZE NIL "
         "BODY[] NIL)", "TAG OK done", code=76, log=USELESS),
    body("none", "* 4 FETCH (UID 4 FLAGS () RFC822.SIZE 3024)",
         "TAG OK done", code=76, log=USELESS),
    body("of another section", changed(b"BODY[]", b"BODY[HEADER]"),
         code=76, log=USELESS),
    body("of a part", changed(b"BODY[]", b"BODY[]<100>"), code=76,
         log=USELESS),
    body("an unterminated section", changed(b"BODY[]", b"BODY["), code=76,
         log=USELESS),
    body("two in one FETCH", Say(lambda s, t: given(
        s, 4, b" BODY[] {", b" BODY[] {3}\r\nabc BODY[] {")),
        "TAG OK done", code=(0, 76), has=[1, 2, 3], may="U=4", heals=None),
    body("RFC822.SIZE -1", changed(b"SIZE 3024", b"SIZE -1"),
         may="U=4|UID 4", heals=None),
    body("RFC822.SIZE 2^64", changed(b"SIZE 3024", b"SIZE %d" % (1 << 64)),
         code=0, may="U=4|UID 4", heals=None),
    body("RFC822.SIZE 2^63", changed(b"SIZE 3024", b"SIZE %d" % (1 << 63)),
         code=0, may="U=4|UID 4", heals=None),
    body("RFC822.SIZE 0", changed(b"SIZE 3024", b"SIZE 0"),
         may="U=4", heals=None),
    body("no RFC822.SIZE", changed(b" RFC822.SIZE 3024", b"")),
    body("UID of another behind the body",
         changed(b"UID 4 ", b""), code=76, log=USELESS),
    body("with items nobody knows", changed(
        b"FLAGS (", b"X-EVIL ((a (b)) NIL \"c\") ENVELOPE (NIL) FLAGS (")),
    body("refused with a referral",
         "TAG NO [REFERRAL imap://attacker.invalid/] go", code=(75, 76)),
    body("gone for ever", "TAG NO [EXPUNGEISSUED] gone", code=(75, 76)),
]



def content(name, data):
    def attack(server):
        server.mailboxes["INBOX"].messages[4].body = data
    return Row("message: " + name, server=attack)


CONTENTS = [
    content("empty lines alone", b"\r\n\r\n"),
    content("without a header", b"no header at all"),
    content("of NULs", b"\0" * 5000),
    content("of bare LF and CR", b"a: b\n\nc\rd\r\r\ne\n\r\n"),
    content("a CR as its last byte", b"a: b\r\n\r\nend\r"),
    content("of escapes", b"Subject: \x1b[2J\r\n\r\n\x1b]0;x\x07"),
    content("a header of 1 MB", b"X: " + b"y" * 1000000 + b"\r\n\r\n"),
    content("100000 headers of the same Message-ID",
            b"Message-ID: <a@b>\r\n" * 100000 + b"\r\n"),
]

SEARCHES = [
    listing("SEARCH nobody asked for", "* SEARCH 1 2 3 0 -1 4294967296 x",
            USUAL),
    listing("ESEARCH nobody asked for",
            '* ESEARCH (TAG "x") UID ALL 1:4294967295,', USUAL),
    listing("ESEARCH of garbage", "* ESEARCH", "* ESEARCH (TAG",
            "* ESEARCH UID COUNT -1 MIN 0 MAX *", USUAL),
    listing("STATUS nobody asked for",
            "* STATUS INBOX (MESSAGES 0 UIDNEXT 1 UIDVALIDITY 9)",
            "* STATUS", "* STATUS x", "* STATUS INBOX (MESSAGES",
            "* STATUS INBOX ()", '* STATUS "" (MESSAGES -1)', USUAL),
    listing("STATUS with NIL", "* STATUS NIL (MESSAGES NIL)",
            "* STATUS NIL NIL", b"* STATUS INBOX (UIDNEXT NIL UNSEEN NIL)",
            USUAL),
    listing("LIST nobody asked for", '* LIST () "/" evil', USUAL),
    listing("codes with garbage", "* OK [UIDVALIDITY", "* OK [", "* OK ]",
            "* OK [UIDVALIDITY 1", "* OK [[[] x", "* NO", "* BAD",
            "* OK [ALERT]", USUAL),
]

ROWS = (UIDS + COUNTS + VANISHED + GENERATIONS + FLAGS + DATES + BODIES +
        CONTENTS + SEARCHES)

if __name__ == "__main__":
    main(ROWS, workers=12)
