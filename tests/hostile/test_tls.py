#!/usr/bin/python3
"""TLS: certificates that prove nothing, versions too old, and truncation.

test_tls.py and test_exit_codes.py of tests/e2e show a few of these with a
Dovecot, and a pin in each of its forms.
"""

import atexit
import os
import shutil
import ssl
import subprocess
import tempfile
import warnings

from table import Row, main
from lab import certificates
from server import CLOSE, CUT, SILENT, USUAL, Many, Raw, Say, Server

# Old versions are what this is about.
warnings.simplefilter("ignore", DeprecationWarning)

STORE = tempfile.mkdtemp(prefix="mm-hostile-")
atexit.register(shutil.rmtree, STORE, ignore_errors=True)
HOST = "imap.example.org"  # by a hosts file of the case's own
HOSTS = os.path.join(STORE, "hosts")
KEY = os.path.join(STORE, "key")
SHORT = {"timeout": "1s"}

with open(HOSTS, "w", encoding="ascii") as hosts:
    hosts.write("127.0.0.1 localhost %s a.%s example.org\n" % (HOST, HOST))

# Names are looked up in a mount namespace with that file over /etc/hosts.
WITH_HOSTS = ("unshare", "--mount", "--propagation", "private", "/bin/sh",
              "-c", 'mount --bind "$0" /etc/hosts && exec "$@"', HOSTS)


def openssl(*arguments):
    subprocess.run(("openssl",) + arguments, check=True, timeout=60,
                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                   stderr=subprocess.PIPE)


AUTHORITY = certificates.make_authority(STORE)
OTHER = certificates.make_authority(STORE, "other")
# A leaf of the authority that plays one: it may not.
FALSE = certificates.make_certificate(STORE, "false", AUTHORITY,
                                      "DNS:" + HOST)
openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", KEY)


def make(number, alt="IP:127.0.0.1", subject="server", authority=AUTHORITY,
         begin="20200101000000Z", end="20990101000000Z",
         usage="serverAuth", digest="sha256", rsa=None, extra=""):
    """A certificate and its key, as one PEM file."""
    stem = os.path.join(STORE, "leaf%d" % number)
    key = KEY
    if rsa:
        key = stem + ".key"
        openssl("genrsa", "-out", key, str(rsa))
    with open(stem + ".conf", "w", encoding="ascii") as f:
        f.write("[ca]\ndefault_ca=it\n[it]\nnew_certs_dir=%s\n"
                "database=%s.index\nrand_serial=yes\npolicy=any\n"
                "[any]\ncommonName=optional\n[more]\n"
                "%sextendedKeyUsage=%s\n%s\n" % (
                    STORE, stem, "subjectAltName=%s\n" % alt if alt else "",
                    usage, extra))
    open(stem + ".index", "w", encoding="ascii").close()
    openssl("req", "-new", "-key", key, "-subj", "/CN=" + subject, "-out",
            stem + ".csr")
    openssl("ca", "-batch", "-notext", "-config", stem + ".conf",
            "-extensions", "more", "-md", digest, "-startdate", begin,
            "-enddate", end, "-cert", authority, "-keyfile",
            authority[:-4] + ".key", "-in", stem + ".csr", "-out",
            stem + ".crt")
    return _pem(stem, key, authority if authority == FALSE else None)


def self_signed(number, alt="IP:127.0.0.1"):
    stem = os.path.join(STORE, "leaf%d" % number)
    openssl("req", "-x509", "-key", KEY, "-days", "9", "-subj", "/CN=self",
            "-addext", "subjectAltName=" + alt, "-out", stem + ".crt")
    return _pem(stem, KEY, None)


def _pem(stem, key, chain):
    with open(stem + ".pem", "w", encoding="ascii") as out:
        for name in (stem + ".crt", key, chain):
            if name:
                with open(name, encoding="ascii") as part:
                    out.write(part.read())
    return stem + ".pem"


GOOD = make(0)


def context(pem, **limits):
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if "ciphers" in limits:
        made.set_ciphers(limits.pop("ciphers"))
    made.load_cert_chain(pem)
    for name, value in limits.items():
        setattr(made, name, value)
    return made


count = [0]


def show(name, code, log=None, host="127.0.0.1", pin=None, pem=None,
         limits=None, script=None, ca=AUTHORITY, fresh=True, **certificate):
    """A server with this certificate; what the client makes of it."""
    count[0] += 1
    pem = pem or make(count[0], **certificate)
    account = {"tls": "implicit", "host": host}
    if ca:
        account["tls_ca_file"] = ca
    if pin:
        account["tls_fingerprint"] = pin(pem)
    is_good = 0 in (code if isinstance(code, tuple) else (code,))
    return Row("tls: " + name, script, code, log, account=account,
               fresh=fresh, has=[1, 2, 3, 4] if is_good else [],
               heals=None, is_silent=not is_good and fresh,
               prefix=WITH_HOSTS if host[0].isalpha() else (),
               make_server=lambda: Server(context(pem, **(limits or {}))))


def raw_san(name):
    name = name.encode()
    return "DER:" + ":".join("%02x" % byte for byte in bytes(
        [0x30, len(name) + 2, 0x82, len(name)]) + name)


def right_pin(pem):
    return certificates.fingerprint(pem)


def wrong_pin(pem):
    return "ab" * 32


REFUSED = "certificate refused: "
NOT_FOR = "is not for this host"
NAMES = [
    show("a good certificate for an address", 0),
    show("a good certificate for a name", 0, host=HOST, alt="DNS:" + HOST),
    show("a name in capitals", 0, host=HOST, alt="DNS:IMAP.Example.ORG"),
    show("another host's", 77, NOT_FOR, host=HOST, alt="DNS:example.org"),
    show("a name behind the name", 77, NOT_FOR, host=HOST,
         alt="DNS:%s.evil.org" % HOST),
    show("a name in front of the name", 77, NOT_FOR, host=HOST,
         alt="DNS:evil" + HOST),
    show("the name and a NUL and another", 77, NOT_FOR, host=HOST,
         alt=raw_san(HOST + "\0.evil.org")),
    show("the name as the common name alone", 77, NOT_FOR, host=HOST,
         alt=None, subject=HOST),
    show("the name as the common name beside another", 77, NOT_FOR,
         host=HOST, alt="DNS:example.org", subject=HOST),
    show("the name as a mail address and a URI", 77, NOT_FOR, host=HOST,
         alt="email:x@%s,URI:imap://%s" % (HOST, HOST)),
    show("an address as the common name", 77, NOT_FOR, alt=None,
         subject="127.0.0.1"),
    show("an address as a DNS name", 77, NOT_FOR, alt="DNS:127.0.0.1"),
    show("another address", 77, NOT_FOR, alt="IP:127.0.0.2"),
    show("the address where the name must be", 77, NOT_FOR, host=HOST,
         alt="IP:127.0.0.1"),
    show("the name where the address must be", 77, NOT_FOR,
         alt="DNS:localhost"),
    show("a wildcard that fits", 0, host=HOST, alt="DNS:*.example.org"),
    show("a wildcard for two labels", 77, NOT_FOR, host="a." + HOST,
         alt="DNS:*.example.org"),
    show("a wildcard for no label", 77, NOT_FOR, host="example.org",
         alt="DNS:*.example.org"),
    show("a wildcard for a top level", 77, NOT_FOR, host="example.org",
         alt="DNS:*.org"),
    show("a wildcard for all", 77, NOT_FOR, host=HOST, alt="DNS:*"),
    show("a wildcard within a label", 77, NOT_FOR, host=HOST,
         alt="DNS:im*.example.org"),
    show("a wildcard behind a label", 77, NOT_FOR, host=HOST,
         alt="DNS:*ap.example.org"),
    show("a wildcard in the middle", 77, NOT_FOR, host=HOST,
         alt="DNS:imap.*.org"),
    show("a wildcard for an address", 77, NOT_FOR, alt="DNS:*.0.0.1"),
]

CHAINS = [
    show("expired", 77, "expired", end="20210101000000Z"),
    show("not yet valid", 77, "not valid|not yet", begin="20800101000000Z"),
    show("self-signed", 77, "self-signed", pem=self_signed(9001)),
    show("self-signed, no authority set", 77, "self-signed",
         pem=self_signed(9002), ca=None),
    show("an unknown authority", 77, "unknown authority", authority=OTHER),
    show("no authority set", 77, "unknown authority", ca=None),
    show("a leaf that plays the authority", 77, REFUSED, authority=FALSE),
    show("for clients alone", 77, REFUSED, usage="clientAuth"),
    show("for code signing alone", 77, REFUSED, usage="codeSigning"),
    show("an RSA key of 1024 bits", 77, REFUSED, rsa=1024,
         limits={"ciphers": "ALL:@SECLEVEL=0"}),
    show("signed by SHA-1", 77, REFUSED, digest="sha1",
         limits={"ciphers": "ALL:@SECLEVEL=0"}),
    show("an unknown critical extension", 77, REFUSED,
         extra="1.2.3.4.5=critical,ASN1:UTF8String:x"),
    show("terminal escapes in the name", 77, r"\\x1[bB]", host=HOST,
         alt=raw_san("\x1b[2J\x07.example.org")),
    show("expired, for another host, and pinned", 0,
         end="20210101000000Z", alt="DNS:other", pin=right_pin),
    show("self-signed and pinned", 0, pem=self_signed(9003), ca=None,
         pin=right_pin),
    show("good but not the pinned one", 77, "not the pinned",
         pin=wrong_pin),
]

OLD = {"ciphers": "ALL:@SECLEVEL=0",
       "minimum_version": ssl.TLSVersion.TLSv1,
       "maximum_version": ssl.TLSVersion.TLSv1_1}
VERSIONS = [
    show("TLS 1.1 alone", 77, "TLS 1.2 or newer", pem=GOOD, limits=OLD),
    show("TLS 1.0 alone", 77, "TLS 1.2 or newer", pem=GOOD,
         limits={**OLD, "maximum_version": ssl.TLSVersion.TLSv1}),
    show("TLS 1.2 alone is enough", 0, pem=GOOD,
         limits={"maximum_version": ssl.TLSVersion.TLSv1_2}),
    show("ciphers without authentication alone", (69, 76, 77), pem=GOOD,
         limits={"ciphers": "aNULL:@SECLEVEL=0",
                 "maximum_version": ssl.TLSVersion.TLSv1_2}),
    show("plain IMAP", 76, "does not speak TLS", pem=GOOD,
         script={"SECURE": ["* OK hello", "* BYE x", SILENT]}),
    show("plain PREAUTH", 76, "does not speak TLS", pem=GOOD,
         script={"SECURE": ["* PREAUTH hello", SILENT]}),
    show("random bytes", (69, 76), pem=GOOD,
         script={"SECURE": [Raw(bytes(range(128, 256)) * 8), CUT]}),
    show("a record of 64 KB", (69, 76, 77), pem=GOOD,
         script={"SECURE": [Raw(b"\x16\x03\x03\xff\xff"),
                            Many(b"\0", 65535), CUT]}),
    show("an alert", (69, 76, 77), pem=GOOD,
         script={"SECURE": [Raw(b"\x15\x03\x03\0\x02\x02\x28"), CUT]}),
    show("the end instead of a handshake", 69, pem=GOOD,
         script={"SECURE": [CUT]}),
]


def half(session, tag):
    line = session.fetch_line(4, session.selected.messages[4],
                              session.rest.partition(" ")[2])
    return [line[:len(line) // 2]]


def truncated(name, steps, code, moment="BODY", **more):
    row = show(name, code, pem=GOOD, script={moment: steps}, fresh=False)
    row.has = [1, 2, 3, 4] if code == 0 else [1, 2, 3]
    row.heals, row.seconds, row.is_silent = 0, 40, False
    for key, value in more.items():
        setattr(row, key, value)
    return row


ENDS = [
    truncated("the end inside a literal, without close_notify",
              [Say(half), CUT], 69),
    truncated("the end inside a literal, with close_notify",
              [Say(half), CLOSE], 69),
    truncated("the end inside a literal, and then a good server",
              [Say(half), CUT], 0, first=1),
    truncated("the end inside a listing, without close_notify",
              ["* 1 FETCH (UID 1 FLAGS (\\Seen))", CUT], 69,
              moment="LISTING"),
    truncated("the end behind an answer, without close_notify",
              [USUAL, CUT], 69, moment="LISTING"),
    truncated("the end behind LOGOUT, without close_notify",
              [CUT], 0, moment="LOGOUT"),
    truncated("plaintext in the middle of TLS",
              [Say(lambda s, t: s.smuggle(b"* 1 EXPUNGE\r\n"))], (69, 76),
              moment="LISTING"),
    truncated("silence in a handshake", [SILENT], 69, moment="SECURE",
              is_silent=True),
]
ENDS[-1].settings = SHORT

ROWS = NAMES + CHAINS + VERSIONS + ENDS

if __name__ == "__main__":
    main(ROWS, workers=12)
