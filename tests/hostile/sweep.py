"""The end of the connection at the bytes of a whole session.

Many accounts of one process are on one server, which ends the first
connection of each at a byte of its own and is good to those that follow.
"""

import os
import shutil
import tempfile

from table import expected  # first: it finds the lab
from lab import compare, dovecot, messages, mirror
from server import Server

ACCOUNTS = 300  # of one process


def _positions(session):
    """Every byte near a line's end, and every third of the others."""
    for i in range(1, len(session)):
        if i % 3 == 0 or b"\n" in session[max(0, i - 3):i + 2]:
            yield i


class Sweep:
    """A case of the table, for a slice of the positions."""

    seconds = 60

    def __init__(self, part, parts):
        self.name = "the end at a session's bytes, part %d of %d" % (
            part + 1, parts)
        self.part = part
        self.parts = parts

    def run(self):
        self.server = Server()
        for number in range(3):
            self.server.deliver(messages.make(number, size=200),
                                ("", "\\Seen", "\\Flagged")[number].split())
        try:
            self._batch([None], False)
            positions = list(_positions(self.server.recorded))[
                self.part::self.parts]
            for begin in range(0, len(positions), ACCOUNTS):
                self._batch(positions[begin:begin + ACCOUNTS],
                            begin // ACCOUNTS % 2 == 1)
        finally:
            self.server.close()

    def _batch(self, positions, is_release):
        top = tempfile.mkdtemp(prefix="mm-hostile-")
        try:
            with self.server.lock:
                self.server.cuts = {
                    self.server.accepted + 1 + i: position
                    for i, position in enumerate(positions) if position}
            mirrored = mirror.Mirror(top, [{
                "name": "a%d" % i, "host": "127.0.0.1", "tls": "none",
                "port": self.server.port, "user": dovecot.USER,
                "password": dovecot.PASSWORD, "timeout": "20s", "fsync": False,
                "maildir": os.path.join(top, "Mail%d" % i)}
                for i in range(len(positions))], release=is_release)
            result = mirrored.call("sync", timeout=60)
            if result.code not in (0, 69):
                raise AssertionError("ended with %d:\n%s" % (
                    result.code, result.err[-3000:]))
            self._verify(mirrored, positions, True)
            mirrored.sync(timeout=60)
            self._verify(mirrored, positions, False)
        finally:
            shutil.rmtree(top, ignore_errors=True)

    def _verify(self, mirrored, positions, is_partial):
        there = expected(self.server)
        for i, position in enumerate(positions):
            folder = mirrored.folder(number=i)
            if is_partial and not os.path.exists(folder):
                continue
            wrong = compare.differences(there, folder, "127.0.0.1",
                                        partial=is_partial)
            if wrong:
                raise AssertionError("cut at byte %s, %s: %s" % (
                    position, "then" if is_partial else "afterwards",
                    wrong[:5]))
