#!/usr/bin/python3
"""STARTTLS and the login: refused, downgraded, injected, lied about.

What test_tls.py and test_auth.py of tests/e2e show is not shown again:
plaintext injected behind the OK of STARTTLS, PREAUTH and NO where STARTTLS
must be, and a wrong secret for each mechanism.
"""

import atexit
import shutil
import tempfile

from table import Row, main
from lab import certificates, fake
from server import (CAPABILITIES, CUT, HANDSHAKE, SILENT, USUAL, Many, Raw,
                    Say, Server)

STORE = tempfile.mkdtemp(prefix="mm-hostile-")
atexit.register(shutil.rmtree, STORE, ignore_errors=True)
AUTHORITY = certificates.make_authority(STORE)
certificates.make_certificate(STORE, "server", AUTHORITY, "IP:127.0.0.1")
STARTTLS = {"tls": "starttls", "tls_ca_file": AUTHORITY}
SHORT = {"timeout": "1s"}
PLAIN_CAPS = "IMAP4rev1 STARTTLS AUTH=PLAIN"


# ---- STARTTLS ----

def starttls(name, script, code=76, log=None, **more):
    """A man in the middle; no secret may come out."""
    return Row("starttls: " + name, script, code, log,
               account={**STARTTLS, **more.pop("account", {})},
               make_server=lambda: Server(fake.server_context(STORE),
                                          starttls=True),
               is_silent=more.pop("is_silent", True), **more)


def early(name):
    """Answers this command and, unasked, the one that follows it."""
    return {name: [USUAL, Say(lambda s, t: ["%s%d OK early" % (
        t[:4], int(t[4:]) + 1)])]}


def both(before, after):
    """CAPABILITY: something else before the handshake than behind it."""
    return Say(lambda s, t: [
        "* CAPABILITY " + (after if s.is_secure else before), t + " OK done"])


STARTTLSES = [
    starttls("a good server", {}, 0, is_silent=False),
    starttls("NO", {"STARTTLS": ["TAG NO go away"]}),
    starttls("BAD", {"STARTTLS": ["TAG BAD what"]}),
    starttls("a +", {"STARTTLS": ["+ go on", SILENT]}, (69, 76),
             account=SHORT, seconds=40),
    starttls("nothing", {"STARTTLS": [SILENT]}, 69, account=SHORT,
             seconds=40),
    starttls("not offered", {"CAPABILITY": [
        "* CAPABILITY IMAP4rev1 AUTH=PLAIN", "TAG OK done"]}, 76,
        "does not offer STARTTLS"),
    starttls("a CAPABILITY that is refused", {"CAPABILITY": ["TAG NO no"]},
             (75, 76)),
    starttls("PREAUTH with STARTTLS offered",
             {"GREETING": ["* PREAUTH [CAPABILITY %s] in" % PLAIN_CAPS]},
             76, "PREAUTH"),
    starttls("PREAUTH behind the greeting",
             {"GREETING": ["* OK hi", "* PREAUTH in"]}, 76, "PREAUTH"),
    starttls("responses in front of the OK are ignored",
             {"STARTTLS": ["* CAPABILITY IMAP4rev1 AUTH=ANONYMOUS",
                           '* LIST () "/" evil', "* 7 EXISTS", "* 1 EXPUNGE",
                           "* VANISHED 1:*", "* SEARCH 1",
                           "* 1 FETCH (UID 9 FLAGS () BODY[] {3}", "a\rb)",
                           "* LSUB () \"/\" evil", USUAL]}, 0,
             is_silent=False),
    starttls("an OK and a response in one segment",
             {"STARTTLS": [Say(lambda s, t: [t + " OK go\r\n* OK injected"]),
                           SILENT]}, 76, "injecting"),
    starttls("a tagged OK and a tagged OK to come in one segment",
             {"STARTTLS": [Say(lambda s, t: [
                 t + " OK go\r\n%s%d OK in" % (t[:4], int(t[4:]) + 1)]),
                 SILENT]}, 76, "injecting"),
    starttls("a BYE in the OK's segment",
             {"STARTTLS": [Say(lambda s, t: [t + " OK go\r\n* BYE"]), CUT]},
             76, "injecting"),
    starttls("half a line in the OK's segment",
             {"STARTTLS": [Say(lambda s, t: [t + " OK go\r\n* OK x"]), CUT]},
             76, "injecting"),
    starttls("an empty line in the OK's segment",
             {"STARTTLS": [Say(lambda s, t: [t + " OK go\r\n"]), HANDSHAKE]},
             76),
    starttls("plaintext in a segment of its own",
             {"STARTTLS": ["TAG OK go", Say(lambda s, t: _later(s))]},
             (69, 76, 77)),
    starttls("the OK before STARTTLS was said",
             {"CAPABILITY": [Say(lambda s, t: [
                 "* CAPABILITY %s\r\n%s OK done\r\n%s%d OK early" % (
                     PLAIN_CAPS, t, t[:4], int(t[4:]) + 1)])]}, 76,
             "unknown tag|answered before|injecting|before the command"),
    starttls("the end behind the OK", {"STARTTLS": ["TAG OK go", CUT]},
             (69, 76), seconds=40),
    starttls("capabilities are forgotten: no mechanism is left",
             {"CAPABILITY": [both(PLAIN_CAPS, "IMAP4rev1 LOGINDISABLED")]},
             77, "no way to log in"),
    starttls("capabilities are forgotten: others",
             {"CAPABILITY": [both(PLAIN_CAPS + " AUTH=ANONYMOUS",
                                  CAPABILITIES + " AUTH=PLAIN")]}, 0,
             is_silent=False),
    starttls("STARTTLS offered again inside",
             {"CAPABILITY": [both(PLAIN_CAPS, CAPABILITIES +
                                  " STARTTLS AUTH=PLAIN")]}, 0,
             is_silent=False),
    starttls("a greeting of POP3", {"GREETING": ["+OK hello"]}, 76),
    starttls("a greeting of SMTP", {"GREETING": ["220 hello ESMTP"]}, 76),
    starttls("a greeting that is a tagged line",
             {"GREETING": ["A1 OK hello"]}, 76),
    starttls("a greeting that is a FETCH",
             {"GREETING": ["* 1 FETCH (UID 1 FLAGS ())"]}, 76),
    starttls("a greeting that is NO", {"GREETING": ["* NO"]}, (75, 76)),
    starttls("a greeting that is BYE", {"GREETING": ["* BYE full"]},
             (69, 75)),
]


def _later(session):
    """Waits for the client's TLS hello, then answers in the clear."""
    session._receive()
    return ["* CAPABILITY IMAP4rev1 AUTH=PLAIN", "* OK no need for TLS"]


# ---- mechanisms ----

def login(name, script=None, code=77, log=None, auth=None, offered=None,
          **more):
    settings = {"auth": [auth]} if auth else {}
    if auth in ("xoauth2", "oauthbearer"):
        settings["password"] = "an-access-token"

    def prepare(server):
        if offered is not None:
            server.auth = offered
        server.lie = more_lies
    more_lies = more.pop("lie", {})
    return Row("login: " + name, script, code, log, settings=settings,
               server=prepare, **more)


MECHANISMS = ("plain login cram-md5 scram-sha-1 scram-sha-256 xoauth2 "
              "oauthbearer").split()
REFUSALS = [
    ("NO", 77, "refused"),
    ("NO [AUTHENTICATIONFAILED]", 77, "AUTHENTICATIONFAILED"),
    ("NO [AUTHORIZATIONFAILED]", 77, "AUTHORIZATIONFAILED"),
    ("NO [EXPIRED]", 77, "EXPIRED"),
    ("NO [PRIVACYREQUIRED]", 77, "PRIVACYREQUIRED"),
    ("NO [UNAVAILABLE]", 75, "UNAVAILABLE"),
    ("NO [LIMIT]", 75, "LIMIT"),
    ("NO [REFERRAL imap://attacker.invalid/]", 77, "REFERRAL"),
    ("BAD", (76, 77), "BAD|refused"),
]

REFUSED = [
    login("%s is refused" % mechanism,
          {"AUTHENTICATE": ["TAG NO no"], "LOGIN": ["TAG NO no"]},
          77, "refused", auth=mechanism,
          offered="AUTH=" + mechanism.upper())
    for mechanism in MECHANISMS] + [
    login("%s is refused behind a challenge" % mechanism,
          {"AUTHENTICATE": ["+ ", "TAG NO no"]}, (76, 77), None,
          auth=mechanism, offered="AUTH=" + mechanism.upper())
    for mechanism in MECHANISMS if mechanism != "cram-md5"] + [
    login("%s is answered by OK at once" % mechanism,
          {"AUTHENTICATE": ["TAG OK in"]}, (76, 77), None, auth=mechanism,
          offered="AUTH=" + mechanism.upper())
    for mechanism in ("scram-sha-1", "scram-sha-256")] + [
    login("AUTHENTICATE is answered by " + words,
          {"AUTHENTICATE": ["TAG %s so" % words]}, code, log)
    for words, code, log in REFUSALS] + [
    login("LOGIN is answered by " + words,
          {"LOGIN": ["TAG %s so" % words]}, code, log, offered="")
    for words, code, log in REFUSALS]

DOWNGRADES = [
    login("only PLAIN where SCRAM is asked for", None, 77,
          "no way to log in", auth="scram-sha-256",
          offered="AUTH=PLAIN AUTH=LOGIN", is_silent=True),
    login("SCRAM without -PLUS where -PLUS is asked for", None, 77, None,
          auth="scram-sha-256-plus", offered="AUTH=SCRAM-SHA-256",
          is_silent=True),
    login("SHA-1 where SHA-256 is asked for", None, 77, None,
          auth="scram-sha-256", offered="AUTH=SCRAM-SHA-1",
          is_silent=True),
    login("LOGINDISABLED and no mechanism", None, 77, "no way to log in",
          offered="LOGINDISABLED", is_silent=True),
    login("only unknown mechanisms", None, 77, "no way to log in",
          offered="LOGINDISABLED AUTH=XYZZY AUTH=NTLM AUTH=", is_silent=True),
    login("a thousand mechanisms", None, 77, "no way to log in",
          offered="LOGINDISABLED " + " ".join(
              "AUTH=X%d" % n for n in range(1000)), is_silent=True),
    login("CAPABILITY without IMAP4",
          {"CAPABILITY": ["* CAPABILITY POP3", "TAG OK done"]},
          0),
]

# ---- SCRAM ----

BIG = b"A" * 100000
LIES = [
    ("a wrong signature", {"signature": b"x" * 32}, 77, "wrong SCRAM"),
    ("no signature but OK", {"is_early": True}, 77, "without having proven"),
    ("an empty final message", {"final": b""}, 76, "did not send its"),
    ("a final message that is an error",
     {"final": b"e=other-error", "refuses": True}, 77, "refuses the SCRAM"),
    ("a short signature", {"signature": b"x"}, 77, "wrong SCRAM"),
    ("a signature that is not base64", {"final": b"v=!!!!"},
     77, "wrong SCRAM"),
    ("a final message of 100 KB", {"final": b"v=" + BIG}, 76, "too long"),
    ("a challenge behind the end", {"again": b"more"}, 76, "behind the end"),
    ("1 iteration", {"iterations": b"1"}, 76, "SCRAM iterations"),
    ("0 iterations", {"iterations": b"0"}, 76, "SCRAM iterations"),
    ("4095 iterations", {"iterations": b"4095"}, 76, "SCRAM iterations"),
    ("1000001 iterations", {"iterations": b"1000001"}, 76, "SCRAM iterations"),
    ("2^31 iterations", {"iterations": b"2147483648"}, 76, "SCRAM iterations"),
    ("2^32+4096 iterations", {"iterations": b"4294971392"},
     76, "SCRAM iterations"),
    ("-4096 iterations", {"iterations": b"-4096"}, 76, "SCRAM iterations"),
    ("iterations that are no number", {"iterations": b"4096x"},
     76, "SCRAM iterations"),
    ("a nonce that is ours", {"nonce": lambda given: given},
     76, "does not extend"),
    ("a nonce that is not ours", {"nonce": lambda _: b"other"},
     76, "does not extend"),
    ("a nonce that is a part of ours",
     {"nonce": lambda given: given[:4]}, 76, "does not extend"),
    ("an empty nonce", {"nonce": lambda _: b""}, 76, "does not extend"),
    ("a nonce with a comma",
     {"nonce": lambda given: given + b",x"}, 76, "malformed"),
    ("no salt", {"salt": b""}, 76, "malformed"),
    ("a salt that is not base64", {"salt": b"*"}, 76, "[Bb]ase ?64"),
    ("a salt of 100 KB", {"salt": BIG}, 76, "too long"),
    ("an empty first message", {"first": b""}, 76, "malformed"),
    ("a first message of NULs", {"first": b"\0" * 40}, 76, "malformed"),
    ("a first message of 100 KB", {"first": BIG}, 76, "too long"),
    ("an extension that must be known",
     {"first": b"m=x,r=a,s=YQ==,i=4096"}, 76, "extension"),
]
SCRAMS = [
    login("%s, a good server" % mechanism.upper(), None, 0, auth=mechanism,
          offered="AUTH=" + mechanism.upper())
    for mechanism in ("scram-sha-1", "scram-sha-256")] + [
    login("SCRAM-SHA-256 with a million iterations is borne", None, 0,
          auth="scram-sha-256", offered="AUTH=SCRAM-SHA-256",
          lie={"count": 1000000}, seconds=60,
          account={"timeout": "30s"})] + [
    login("SCRAM: " + name, None, code, log, auth="scram-sha-256",
          offered="AUTH=SCRAM-SHA-256", lie=lie)
    for name, lie, code, log in LIES]

CHALLENGES = [
    login("CRAM-MD5 with an empty challenge",
          {"AUTHENTICATE": ["+ ", SILENT]}, (69, 76, 77), None,
          auth="cram-md5", offered="AUTH=CRAM-MD5", account=SHORT,
          seconds=40),
    login("CRAM-MD5 with a NUL in the challenge",
          {"AUTHENTICATE": ["+ PDEAMj4=", "TAG NO no"]}, (76, 77), None,
          auth="cram-md5", offered="AUTH=CRAM-MD5"),
    login("CRAM-MD5 with a challenge that is not base64",
          {"AUTHENTICATE": ["+ <1.2@x>", "TAG BAD no"]}, (76, 77), None,
          auth="cram-md5", offered="AUTH=CRAM-MD5"),
    login("CRAM-MD5 with a challenge of 800 KB",
          {"AUTHENTICATE": [Raw(b"+ "), Many(b"QUJD", 200000), "",
                            "TAG BAD no"]}, (76, 77), None,
          auth="cram-md5", offered="AUTH=CRAM-MD5"),
    login("XOAUTH2 with an error of escapes",
          {"AUTHENTICATE": ["+ G1sybXsic3RhdHVzIjoiNDAwIn0bWzJt",
                            "TAG NO no"]}, 77, None, auth="xoauth2",
          offered="AUTH=XOAUTH2"),
    login("PLAIN that is asked for the secret again",
          {"AUTHENTICATE": [Many(b"+ \r\n", 50), "TAG NO no"]}, (76, 77),
          None),
    login("a challenge without an exchange",
          {"CAPABILITY": ["+ QUJD", USUAL]}, 0),
    login("a + before the greeting", {"GREETING": ["+ QUJD", USUAL]}, 76),
]

# ---- around the login ----



def no_delete(attempt):
    assert not attempt.server.said("^[^ ]+ DELETE|^A1 "), attempt.server.log


BIDI = "\u202egnp.exe\u2066"
AROUND = [
    Row("login: a user name that holds a command", None, (77, 78), None,
        settings={"user": "x\r\nA1 DELETE INBOX"}, connections=(0, 1),
        check=no_delete),
    login("a NO of terminal escapes and bidi",
          {"AUTHENTICATE": [
              "TAG NO \x1b]0;owned\x07\x1b[2J" + BIDI + "\x9b31m"]}, 77,
          r"\\x1[bB]"),
    login("a BYE of terminal escapes",
          {"GREETING": ["* BYE \x1b[2J\x1b]52;c;Y2F0\x07" + BIDI]},
          (69, 75), r"\\x1[bB]"),
    login("an ALERT of terminal escapes and 200 KB",
          {"AUTHENTICATE": [Raw(b"* OK [ALERT] \x1b[2J"),
                            Many(b"\x1b[31mx", 40000), "", USUAL]}, 0),
    login("a code of terminal escapes",
          {"AUTHENTICATE": ["TAG NO [\x1b[2J] x"]}, 77),
    login("a NO of 500 KB", {"AUTHENTICATE": [
        Say(lambda s, t: [t + " NO " + "y" * 500000])]}, 77, r"\.\.\."),
    login("a capability of terminal escapes",
          {"CAPABILITY": ["* CAPABILITY IMAP4rev1 AUTH=\x1b[2J "
                          "LOGINDISABLED", "TAG OK x"]}, (76, 77)),
    login("PREAUTH where a login must be",
          {"GREETING": ["* PREAUTH in"]}, 76, "PREAUTH", is_silent=True),
    login("responses before the login count for nothing",
          {"GREETING": ["* OK hi", '* LIST () "/" evil', "* 0 EXISTS",
                        "* 1 EXPUNGE", "* VANISHED 1:3", "* FLAGS (x)",
                        "* OK [UIDVALIDITY 9] x",
                        "* 1 FETCH (UID 1 FLAGS (\\Deleted))"]}, 0),
    login("the OK of the login before it was said", early("CAPABILITY"), 76,
          None),
    login("the OK of the login with another tag",
          {"AUTHENTICATE": ["ZZZZ9 OK in", SILENT]}, 76, "unknown tag"),
    login("BYE behind the OK of the login",
          {"AUTHENTICATE": [USUAL, "* BYE over", CUT]}, (69, 75),
          seconds=40),
    login("the end instead of the OK of the login",
          {"AUTHENTICATE": [CUT]}, 69, seconds=40),
    login("a referral in the OK of the login",
          {"AUTHENTICATE": [Say(lambda s, t: [
              t + " OK [REFERRAL imap://attacker.invalid/INBOX] go"])]}, 0),
    login("a referral in BYE",
          {"GREETING": ["* BYE [REFERRAL imap://attacker.invalid/] moved"]},
          (69, 75, 76), "REFERRAL"),
    login("capabilities that change behind the login",
          {"AUTHENTICATE": [Say(lambda s, t: [
              t + " OK [CAPABILITY IMAP4rev1] in"])]}, 0),
    login("capabilities that change again and again",
          {name: ["* CAPABILITY IMAP4rev1 QRESYNC CONDSTORE X%s" % name,
                  "* CAPABILITY IMAP4rev1", USUAL]
           for name in "ID LIST EXAMINE LISTING BODY".split()}, 0),
    login("ENABLE that enables what was not asked for",
          {"LIST": ["* ENABLED QRESYNC UTF8=ACCEPT", USUAL]}, 0),
]

ROWS = STARTTLSES + REFUSED + DOWNGRADES + SCRAMS + CHALLENGES + AROUND

if __name__ == "__main__":
    main(ROWS, workers=12)
