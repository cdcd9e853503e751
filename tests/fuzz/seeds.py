#!/usr/bin/python3
"""Makes what a fuzz target begins with from the tests' server lines.

usage: seeds.py TARGET DIRECTORY
"""

import hashlib
import pathlib
import re
import sys

TRANSCRIPTS = pathlib.Path(__file__).resolve().parent.parent / "transcripts"
E2E = TRANSCRIPTS.parent / "e2e"
CORPUS = pathlib.Path(__file__).resolve().parent / "corpus"
EXAMPLES = TRANSCRIPTS.parent.parent / "conf/examples"
FILES = (b"1795411235.V7.imap.example.org,U=4,S=9067:2,FSab",
         b"-5.V7.imap.example.org,U=4294967295,S=0:2,",
         b"1.M2P3.host,S=4,W=5,U=6:2,S", b",U=1,U=2:2,", b"a,U=x,2:1,e")
REQUESTS = (b'{"command": "status"}\n',
            b'{"command": "status", "follow": true}\n',
            b'{"command": "sync-now", "targets": ["a", "a/b"]}\n',
            b'{"command": "pause", "targets": ["\\u00e9"]}\n',
            b'{"command": "reload"}\n', b'{"command": 7}\n', b'[]\n')
ESCAPES = {b"r": b"\r", b"n": b"\n", b"0": b"\0", b"\\": b"\\"}
PREAUTH = b"* PREAUTH [CAPABILITY IMAP4rev1 IDLE LITERAL+] hi\r\n"
# A reply counts once its command was written, and that is between pieces.
COMPRESSED = (b"* OK [CAPABILITY IMAP4rev1 COMPRESS=DEFLATE] hi\r\n"
              b"AAAA1 NO a reply that is longer than the longest piece\r\n"
              b"AAAA2 OK a reply that is longer than the longest piece\r\n"
              b"AAAA3 OK a reply that is longer than the longest piece\r\n"
              b"* 3 EXISTS\r\nAAAA4 OK done\r\n")
# Behind the kind of proxy: neither, a login, CONNECT.
PROXIES = (b"\0\3\5\0\5\0\0\1abcdef", b"\1\3\5\2\1\0\5\0\0\3\2abcd",
           b"\1\1\5\2\1\1", b"\0\2\5\0\5\5",
           b"\2\2HTTP/1.1 102 Wait\r\nA: b\r\n\r\n"
           b"HTTP/1.1 200 OK\r\nA: b\r\n\r\n* OK hello\r\n",
           b"\2\1HTTP/1.0 407 Login\r\n\r\n", b"\2\5* OK hello\r\n")
THREADS = b"* THREAD (2)(3 6 (4 23)(44 7 96))((1)(5))\r\n"
# Bits of the targets' first bytes: see choose_config() in fuzz_session.c.
SETTINGS = {"preauth": 1, "starttls": 2, "cleartext": 4, "token": 8,
            "enable": 16, "id": 32, "disable": 64, "both": 128,
            "compress": 1 << 8}
TRACED, MANUAL, COMPRESS = 32, 64, 128


def plain(line):
    """What escapes stand for, in their place."""
    return re.sub(
        rb"\\(x[0-9a-f]{2}|[rn0\\])",
        lambda m: ESCAPES.get(m[1]) or (b"\0" if m[1] == b"0" else
                                        bytes([int(m[1][1:], 16)])),
        line)


def unescape(line):
    """The bytes of a server's line, CRLF added if it does not end in one
    backslash."""
    text = plain(line)
    joined = re.search(rb"(?<!\\)(\\\\)*\\$", line)
    return text[:-1] if joined else text + b"\r\n"


def server_lines(path):
    """What the server says, as segments, and the settings."""
    said, settings = [], 0
    for line in path.read_bytes().splitlines():
        match = re.match(rb"S(?:~|\*(\d+))?: ?(.*)", line)
        if match:
            text = re.sub(rb"^A(?=\d)", b"AAAA", match[2])
            said.append(unescape(text) * min(int(match[1] or 1), 200))
        elif line.startswith(b"! "):
            settings |= SETTINGS.get(line.split()[1].decode(), 0)
    return b"".join(said), settings


def parser_texts():
    for path in sorted(TRANSCRIPTS.glob("*.imap")):
        yield server_lines(path)[0]
    for path in sorted(TRANSCRIPTS.glob("*/*.imap")):
        yield server_lines(path)[0]


def seeds_of_sessions():
    for path in sorted(TRANSCRIPTS.glob("*/*.imap")):
        text, settings = server_lines(path)
        asks = COMPRESS if settings & SETTINGS["compress"] else 0
        for more, way in ((7, 0), (7 | TRACED, 2), (7 | MANUAL, 2)):
            yield bytes([settings & 255, 255, more | asks, way]) + text
        for way in range(3, 19) if "compress" in path.name else ():
            yield bytes([settings & 255, 255, 7 | asks, way]) + text
    for way in range(3, 19):
        yield bytes([0, 255, MANUAL, way]) + COMPRESSED
    for path in sorted(TRANSCRIPTS.glob("*.imap")):
        text = PREAUTH + server_lines(path)[0]
        yield bytes([1, 255, 7, 0]) + text
        yield bytes([1, 255, 7 | TRACED | MANUAL, 0]) + text


def foreign_configurations():
    """Those of tests/e2e/test_import.py, behind the reader's number."""
    source = (E2E / "test_import.py").read_text(encoding="utf-8")
    for text in re.findall(r'(?s)^[A-Z]+ = r"""(.*?)"""', source, re.M):
        for reader in range(3):
            yield bytes([reader]) + text.replace("%%", "%").encode()


def words(pattern):
    found = set()
    for text in parser_texts():
        found.update(re.findall(pattern, text))
    return sorted(found)


def seeds(target):
    if target == "frame":
        return [bytes([i % 4, i % 5]) + text
                for i, text in enumerate(parser_texts())]
    if target == "response":
        return [bytes([inline]) + text
                for text in parser_texts() for inline in (8, 255)]
    if target == "values":
        return [bytes([inline, way]) + text + THREADS
                for text in parser_texts()
                for inline, way in ((8, 0), (255, 6), (0, 11))]
    if target == "session":
        return list(seeds_of_sessions())
    if target == "uidset":
        sets = words(rb"[0-9][0-9:,]+[0-9]") + words(rb"SEARCH ([0-9 ]+)")
        return [bytes([3 * (b" " in one), 9]) + one + b"\0" + two
                for one, two in zip(sets, sets[1:])]
    names = words(rb'"([^"\r\n]+)"') + [b"&AOk-t&AOk-", b"&U,BTFw-", b"a&-b"]
    if target == "utf7":
        return names
    if target == "name":
        return [bytes([i % 4]) + one + b"\0" + two
                for i, (one, two) in enumerate(zip(names, names[1:]))]
    if target == "proxy":
        return list(PROXIES)
    if target == "settings":
        return [path.read_bytes() for path in sorted(EXAMPLES.glob("*.conf"))]
    if target == "file":
        return [b"\x07imap.example.org\0" + name for name in FILES]
    if target == "chunk":
        return [bytes(3 + 20), bytes(3 + 12) + b"\1\0\3" + bytes(8)]
    if target == "state":
        return [b"\0\0\0\x12\2", b"\1SQLite format 3\0" + bytes(84), b"\1"]
    if target == "control":
        return [bytes([way]) + b"".join(REQUESTS) for way in range(4)]
    if target == "import":
        return list(foreign_configurations())
    if target == "mbsync":
        return [b"FarUidValidity 7\n\n1 2 FS\n"]
    raise SystemExit(f"no such target: {target}")


def kept(target):
    """What earlier fuzzing has found to be worth keeping: see keep."""
    path = CORPUS / f"{target}.txt"
    return [plain(line) for line in path.read_bytes().splitlines()]


def main():
    target, directory = sys.argv[1], pathlib.Path(sys.argv[2])
    directory.mkdir(parents=True, exist_ok=True)
    made = seeds(target) + kept(target)
    if not made:
        raise SystemExit(f"no seeds for {target}")
    for seed in made:
        name = hashlib.sha1(seed).hexdigest()
        (directory / name).write_bytes(seed)


main()
