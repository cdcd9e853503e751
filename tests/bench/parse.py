#!/usr/bin/python3
"""The speed of understanding recorded responses, beside Python's imaplib.

    parse.py PROGRAM [--rounds N] [--bodies MEGABYTES]

PROGRAM is tests/bench/parse.c, built. Both sides have the recorded bytes in
memory, so that neither pays for a network; imaplib reads them as it reads a
connection, through io.BufferedReader. It gives lines as they came, our "reply"
gives trees of values, our "typed" events with numbers, flags and dates.
"""

import argparse
import gc
import imaplib
import io
import os
import subprocess
import sys
import tempfile
import time

MESSAGES = 100_000
FLAGS = (r"\Seen", "", r"\Answered \Seen", r"\Flagged \Seen", r"\Seen",
         r"\Seen $Label1", r"\Deleted \Seen", r"\Seen NonJunk")
MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
SIZES = (2000, 3500, 5000, 8000, 12_000, 60_000, 4000, 2500)


def lines():
    """UID FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE), as Dovecot says."""
    return b"".join(
        b'* %d FETCH (UID %d FLAGS (%s) INTERNALDATE '
        b'"%02d-%s-%d %02d:%02d:%02d +0%d00" RFC822.SIZE %d)\r\n' % (
            n, 3 * n + 1000, FLAGS[n % 8].encode(), n % 28 + 1,
            MONTHS[n % 12].encode(), 2000 + n % 26, n % 24, n % 60, n * 7 % 60,
            n % 3, 1500 + n * 7919 % 90_000)
        for n in range(1, MESSAGES + 1))


def bodies(file, size):
    """UID FETCH 1:* BODY.PEEK[]: sizes as in a mailbox of real mail."""
    line = b"The quick brown fox jumps over the lazy dog, and back again.\r\n"
    text = line * (max(SIZES) // len(line) + 1)
    written = n = 0
    while written < size:
        n += 1
        body = text[:SIZES[n % len(SIZES)]]
        written += len(body)
        file.write(b"* %d FETCH (UID %d BODY[] {%d}\r\n%s)\r\n" % (
            n, n, len(body), body))


class Recorded(io.RawIOBase):
    """A connection's place: the greeting and the login, then the bytes."""

    def __init__(self, recorded):
        self.parts = [memoryview(b"* PREAUTH [CAPABILITY IMAP4rev1] hello\r\n")]
        self.recorded = memoryview(recorded)

    def readable(self):
        return True

    def readinto(self, buffer):
        if not self.parts:
            return 0
        count = min(len(buffer), len(self.parts[0]))
        buffer[:count] = self.parts[0][:count]
        self.parts[0] = self.parts[0][count:]
        if not self.parts[0]:
            self.parts.pop(0)
        return count

    def command(self, line):
        tag, name = line.split()[:2]
        if name == b"UID":
            self.parts.append(self.recorded)
        elif name == b"CAPABILITY":
            self.parts.append(memoryview(b"* CAPABILITY IMAP4rev1\r\n"))
        self.parts.append(memoryview(tag + b" OK done\r\n"))


class Client(imaplib.IMAP4):
    def __init__(self, recorded):
        self.recorded = recorded
        super().__init__()
        self.state = "SELECTED"

    def open(self, *_, **__):
        self.raw = Recorded(self.recorded)
        self.file = io.BufferedReader(self.raw)

    def send(self, data):
        self.raw.command(data)

    def shutdown(self):
        self.file.close()


def theirs(name, rounds):
    """The best of imaplib's times, and how many answers it gave."""
    with open(name, "rb") as file:
        recorded = file.read()
    times = []
    for _ in range(rounds):
        client = Client(recorded)
        gc.collect()
        begin = time.process_time()
        answer = client.uid("FETCH", "1:*", "(UID)")[1]
        times.append(time.process_time() - begin)
        count = sum(1 for part in answer if part != b")")
        del answer, client
    return min(times), count


def ours(program, mode, name, rounds):
    output = subprocess.run((program, mode, name, str(rounds)), check=True,
                            stdout=subprocess.PIPE, text=True).stdout
    times, counts, _ = zip(*(line.split() for line in output.splitlines()))
    return min(map(float, times)), int(counts[0])


def compare(program, title, name, rounds, floor):
    size = os.path.getsize(name)
    there, count = theirs(name, rounds)
    print("parse, %s: %d responses, %.1f MB" % (title, count, size / 1e6))
    print("  %-8s %9.1f ms %8.0f MB/s %8.0f ns each" % (
        "imaplib", there * 1e3, size / there / 1e6, there / count * 1e9))
    for mode in ("typed", "reply"):
        here, our_count = ours(program, mode, name, rounds)
        if our_count != count:
            sys.exit("%s gives %d responses, imaplib %d" % (
                mode, our_count, count))
        print("  %-8s %9.1f ms %8.0f MB/s %8.0f ns each, %.1f times imaplib "
              "(%d wanted)" % (mode, here * 1e3, size / here / 1e6,
                               here / count * 1e9, there / here, floor),
              flush=True)


def main():
    parser = argparse.ArgumentParser(prog="tests/bench/run parse")
    parser.add_argument("program")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--bodies", type=int, default=500)
    arguments = parser.parse_args()
    print("parse: imaplib of Python %s; the best of %d rounds, "
          "in processor time, on every side" % (
        sys.version.split()[0], arguments.rounds))
    with tempfile.TemporaryDirectory(prefix="mailmirror-bench-") as top:
        with open(top + "/lines", "wb") as file:
            file.write(lines())
        compare(arguments.program, "lines", top + "/lines", arguments.rounds,
                20)
        with open(top + "/bodies", "wb") as file:
            bodies(file, arguments.bodies * 1_000_000)
        compare(arguments.program, "bodies", top + "/bodies",
                arguments.rounds, 5)


if __name__ == "__main__":
    main()
