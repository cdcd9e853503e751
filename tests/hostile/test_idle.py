#!/usr/bin/python3
"""Lies to a running daemon in IDLE; it stays alive and gets well again."""

import time

from table import Row, main
from server import CUT, SILENT, USUAL, Many, Raw, Say

ALL = [1, 2, 3, 4]
SHORT = {"timeout": "1s"}
STRANGE = "* 9 FETCH (UID 99 FLAGS () RFC822.SIZE 3 BODY[] {3}\r\nabc)"


def played(moment="IDLE", count=1):
    """Until the server has said what it says at that moment."""
    def run(attempt):
        attempt.daemon.wait_until(
            lambda: attempt.server.played.get(moment, 0) >= count,
            "%d times %s" % (count, moment))
    return run


def idle(name, *steps, times=1, log=None, run=None, **more):
    return Row("idle: " + name, {"IDLE": list(steps)}, 0, log, times=times,
               run=run or played(count=times or 1),
               has=more.pop("has", ALL),
               account={"poll_interval": "1s", **more.pop("account", {})},
               top={} if log else {"log_level": "debug"}, **more)


def taken(attempt):
    """Until the client has made of it what it will."""
    attempt.daemon.wait_until(
        lambda: attempt.server.said("^DONE$") or
        "removed" in attempt.daemon.text(), "DONE, or files removed")


def is_patient(attempt):
    """Three connections in a row take more than a second."""
    begins = []

    def third():
        made = attempt.server.accepted - attempt.before
        while len(begins) < made:
            begins.append(time.monotonic())
        return made >= 3
    attempt.daemon.wait_until(third, "three connections")
    assert begins[2] - begins[0] > 0.9, begins


BIDI = "\u202e\u2066\x1b[2J"
IDLES = [
    idle("EXPUNGE 0 and of too many", USUAL, "* 0 EXPUNGE", "* 99 EXPUNGE"),
    idle("EXPUNGE of all, which are still there", USUAL,
         *["* 1 EXPUNGE"] * 4),
    idle("a storm of EXPUNGEs", USUAL, Many(b"* 1 EXPUNGE\r\n", 100000)),
    idle("a storm of EXISTS", USUAL, Many(b"* 4 EXISTS\r\n", 100000)),
    idle("EXISTS that counts up", USUAL, Say(lambda s, t: (
        "* %d EXISTS" % n for n in range(5, 20000)))),
    idle("EXISTS shrinks", USUAL, "* 1 EXISTS"),
    idle("EXISTS 0", USUAL, "* 0 EXISTS"),
    idle("EXISTS 4294967295", USUAL, "* 4294967295 EXISTS"),
    idle("VANISHED of everything", USUAL, "* VANISHED 1:4294967295",
         run=taken),
    idle("VANISHED of one that is still there", USUAL, "* VANISHED 2",
         run=taken, has=[1, 3, 4]),
    idle("VANISHED of one that is still there, and EXISTS", USUAL,
         "* VANISHED 2", "* 4 EXISTS", run=taken),
    idle("VANISHED 1:*", USUAL, "* VANISHED 1:*"),
    idle("FETCH of a UID that is not there", USUAL,
         "* 9 FETCH (UID 99 FLAGS (\\Seen))"),
    idle("FETCH of UID 0", USUAL, "* 1 FETCH (UID 0 FLAGS (\\Seen))"),
    idle("FETCH without UID", USUAL, "* 1 FETCH (FLAGS (\\Deleted))"),
    idle("a body that nobody asked for", USUAL, STRANGE),
    idle("another body of a message that is here", USUAL,
         "* 2 FETCH (UID 2 FLAGS (\\Seen) RFC822.SIZE 3 BODY[] {3}\r\nabc)"),
    idle("20000 bodies that nobody asked for", USUAL,
         Many(STRANGE.encode() + b"\r\n", 20000)),
    idle("a body of 20 MB that nobody asked for", USUAL,
         Raw(b"* 9 FETCH (UID 99 BODY[] {20000000}\r\n"),
         Many(b"x" * 1000, 20000), ")"),
    idle("ALERT of terminal escapes", USUAL, "* OK [ALERT] " + BIDI,
         "* NO " + BIDI, "* BAD " + BIDI),
    idle("CAPABILITY changes", USUAL, "* CAPABILITY IMAP4rev1",
         "* OK [CAPABILITY IMAP4rev1 XYZZY] so"),
    idle("a line without an end", USUAL, Many(b"x", 4 << 20),
         log="response is longer"),
    idle("a literal of 2^63", USUAL, Raw(
        b"* 1 FETCH (UID 1 BODY[] {9223372036854775808}\r\n"),
        log="too long"),
    idle("an unknown tag", USUAL, "zzzz OK done", log="unknown tag"),
    idle("BYE", USUAL, "* BYE go away", CUT),
    idle("the end", USUAL, CUT),
    idle("half a response and the end", USUAL, Raw(b"* 5 EXI"), CUT),
    idle("+ twice", USUAL, "+ idling", "+ idling"),
    idle("+ without a space", Raw(b"+\r\n"), Say(
        lambda s, t: setattr(s, "idle_tag", t) or [])),
    idle("NO", "TAG NO no", times=None, log="stay in IDLE"),
    idle("BAD", "TAG BAD no", times=None, log="stay in IDLE"),
    idle("OK at once, again and again", "+ idling", "TAG OK done",
         times=None, log="stay in IDLE"),
    idle("OK without + again and again", "TAG OK done", times=None,
         log="stay in IDLE"),
    idle("OK once, without DONE", "+ idling", "TAG OK done"),
    idle("no +", SILENT, account=SHORT, times=1),
    idle("a dialogue that ends at once, again and again",
         USUAL, "* BYE no", CUT, times=None, run=is_patient),
    Row("idle: DONE is ignored", {"IDLE": [USUAL, "* 1 EXPUNGE"],
                                  "DONE": [SILENT]}, 0, times=1,
        run=played("DONE"), has=ALL,
        account={"poll_interval": "1s", **SHORT}),
    Row("idle: DONE is answered by NO", {"IDLE": [USUAL, "* 1 EXPUNGE"],
                                         "DONE": ["TAG NO no"]}, 0,
        times=1, run=played("DONE"), has=ALL),
    Row("idle: DONE is answered by +", {"IDLE": [USUAL, "* 1 EXPUNGE"],
                                        "DONE": ["+ what", SILENT]}, 0,
        times=1, run=played("DONE"), has=ALL,
        account={"poll_interval": "1s", **SHORT}),
    Row("daemon: a greeting of junk is met with patience",
        {"GREETING": ["hello"]}, run=is_patient, has=[1, 2, 3]),
    Row("daemon: junk behind each login is met with patience",
        {"LISTING": [Raw(b"a\0b\r\n")]}, run=is_patient, has=[1, 2, 3],
        log="NUL"),
    Row("daemon: the end behind each login is met with patience",
        {"EXAMINE": [CUT]}, run=is_patient, has=[1, 2, 3]),
]

if __name__ == "__main__":
    main(IDLES, workers=12)
