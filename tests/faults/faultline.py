"""Faults at one system call: how a test directs what faultline.c does.

A Place is where a mirror lives whose calls are counted: DIRECTORY/disk holds
its Maildir and its state; what is beside that does not count.
"""

import collections
import hashlib
import mmap
import os
import re
import shutil
import sqlite3
import struct
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "e2e"))

# pylint: disable=wrong-import-position
from lab import mirror, relay, rows

CHANGES, SYNCS, OPENS, NAMES = 1, 2, 4, 8
ALL = CHANGES | SYNCS | OPENS | NAMES
NOTHING, KILL_BEFORE, KILL_AFTER, STOP, FAIL, SHORT = range(6)

Call = collections.namedtuple("Call", "number name path")

_NAME = re.compile(
    r"^(-?\d+)\.V(\d+)\.[^,:/]+(?:,U=(\d+))?,S=(\d+)(?::2,[A-Za-z]*)?$")


def library():
    """The library to preload; a test without it fails."""
    path = os.environ.get("MAILMIRROR_FAULTLINE")
    if not path or not os.access(path, os.R_OK):
        raise AssertionError("MAILMIRROR_FAULTLINE=%r names no library" % path)
    return path


class Line:
    """The control file and the trace of one program at a time."""

    _FIELDS = ("kinds", "count", "at", "action", "hits")

    def __init__(self, directory, below):
        self.trace = os.path.join(directory, "trace")
        self.below = below
        self.file = os.path.join(directory, "control")
        with open(self.file, "wb") as f:
            f.write(bytes(4 * len(self._FIELDS)))
        with open(self.file, "r+b") as f:
            self.shared = mmap.mmap(f.fileno(), 4 * len(self._FIELDS))

    def _get(self, name):
        return struct.unpack_from("I", self.shared,
                                  4 * self._FIELDS.index(name))[0]

    def _set(self, name, value):
        struct.pack_into("I", self.shared, 4 * self._FIELDS.index(name), value)

    def begin(self, kinds, action=NOTHING, at=0):
        """Counts from one again; the action happens to call AT."""
        for name, value in (("at", 0), ("kinds", kinds), ("count", 0),
                            ("hits", 0), ("action", action), ("at", at)):
            self._set(name, value)
        if os.path.exists(self.trace):
            os.unlink(self.trace)

    def next(self, action, ahead=1):
        """The action happens AHEAD calls from now, at the number returned;
        the trace goes on."""
        self._set("at", 0)
        self._set("hits", 0)
        self._set("action", action)
        self._set("at", self.count() + ahead)
        return self._get("at")

    def count(self):
        return self._get("count")

    def hits(self):
        return self._get("hits")

    def environment(self):
        return {"LD_PRELOAD": library(), "FAULTLINE_CONTROL": self.file,
                "FAULTLINE_DIR": self.below, "FAULTLINE_TRACE": self.trace}

    def calls(self):
        """What was counted: [Call]."""
        calls = []
        try:
            with open(self.trace, encoding="utf-8") as f:
                for line in f:
                    number, name, path = line.rstrip("\n").split(" ", 2)
                    calls.append(Call(int(number), name, path))
        except FileNotFoundError:
            pass
        return calls

    def call(self, number):
        for call in self.calls():
            if call.number == number:
                return call
        return Call(number, "none", "")


class Place:
    """A mirror of the server's mailboxes that PATTERNS match."""

    def __init__(self, directory, server, patterns, disk=None, state=None,
                 **settings):
        self.top = directory
        self.disk = disk or os.path.join(directory, "disk")
        self.mail = os.path.join(self.disk, "Mail")
        self.state = state or os.path.join(self.disk, "state")
        os.makedirs(self.disk, exist_ok=True)
        self.relay = relay.Relay(server.port, records=True)
        self.line = Line(directory, self.disk)
        self.mirror = mirror.Mirror(directory, [mirror.account(
            server, self.mail, tls="none", folders=patterns,
            **{**settings, "port": self.relay.port})],
            release=True, state_dir=self.state)

    def close(self):
        self.relay.close()

    def restore(self, saved):
        """The directories as they were saved; None: there were none."""
        shutil.rmtree(self.disk)
        if saved is None:
            os.makedirs(self.disk)
        else:
            copy(saved, self.disk)

    def sync(self, **more):
        """Undisturbed; (Result, how many bodies the server gave)."""
        # what a connection of before still carries is not counted
        before = len(self.relay.heard)
        result = self.mirror.call("sync", timeout=60, **more)
        return result, self.relay.bodies(before)

    def sync_at(self, kinds, action=NOTHING, at=0, timeout=60):
        """With something happening to a call; Result."""
        self.line.begin(kinds, action, at)
        return self.mirror.call("sync", timeout=timeout,
                                environment=self.line.environment())


def copy(source, target):
    """Times and all: a mirror sees no difference."""
    subprocess.run(("cp", "-a", source, target), check=True)


# ---- what is on the disk ----

File = collections.namedtuple("File", "size mtime digest")


def maildirs(top):
    """The paths below TOP of all Maildirs."""
    found = []
    for directory, names, _ in os.walk(top):
        if "cur" in names:
            found.append(os.path.relpath(directory, top))
        names[:] = [name for name in names
                    if name not in ("cur", "new", "tmp")]
    return sorted(found)


def files(top):
    """All that is visible: {path below TOP: File}."""
    found = {}
    for folder in maildirs(top):
        for sub in ("new", "cur"):
            directory = os.path.join(top, folder, sub)
            if not os.path.isdir(directory):
                continue
            for name in os.listdir(directory):
                with open(os.path.join(directory, name), "rb") as f:
                    data = f.read()
                    info = os.fstat(f.fileno())
                found[os.path.join(folder, sub, name)] = File(
                    len(data), int(info.st_mtime),
                    hashlib.sha256(data).hexdigest())
    return found


def uid_of(path):
    """The UID that a file's name claims, or None."""
    match = _NAME.match(os.path.basename(path))
    return int(match.group(3)) if match and match.group(3) else None


def foreign(found, known):
    """What is wrong with files at any moment; known: see Scenario.known."""
    wrong = []
    digests = {message.lf for message in known.values()}
    for path, file in found.items():
        match = _NAME.match(os.path.basename(path))
        if not match:
            wrong.append("%s: not a message's name" % path)
        elif match.group(3) is None:
            if file.digest not in digests:
                wrong.append("%s: of %d bytes, no message" % (
                    path, file.size))
        else:
            message = known.get((int(match.group(2)), int(match.group(3))))
            if message is None:
                wrong.append("%s: unknown to the server" % path)
            elif (file.digest != message.lf or file.mtime != message.date
                  or int(match.group(4)) != message.size):
                wrong.append("%s: of %d bytes, the message of %d" % (
                    path, file.size, message.size))
    return wrong


def small_files(top):
    """What else makes a mirror: names in tmp, and files beside cur and new."""
    found = {}
    for folder in maildirs(top):
        for name in os.listdir(os.path.join(top, folder, "tmp")):
            found[os.path.join(folder, "tmp", name)] = ""
        for name in (".uidvalidity", "dovecot-keywords"):
            try:
                with open(os.path.join(top, folder, name),
                          encoding="utf-8") as f:
                    found[os.path.join(folder, name)] = f.read()
            except FileNotFoundError:
                pass
    return found


def claims(state):
    """What the state database, which must be sound, has: {path: {UID}}"""
    left = [name for name in os.listdir(state) if ".broken" in name]
    if left:
        raise AssertionError("the state database was put aside: %s" % left)
    with sqlite3.connect(os.path.join(state, "main.db")) as db:
        answer = db.execute("PRAGMA integrity_check").fetchall()
        if answer != [("ok",)]:
            raise AssertionError("the state database: %s" % answer)
        if not db.execute("SELECT 1 FROM sqlite_schema WHERE name = 'chunk'"
                          ).fetchall():
            return {}  # it was just made
        paths = dict(db.execute("SELECT id, path FROM folder"))
        found = {path: {} for path in paths.values()}
        for row, data in db.execute("SELECT id, data FROM chunk"):
            folder, number = row >> 24, row & 0xffffff
            if folder in paths:
                found[paths[folder]].update(rows.messages(number, data))
    db.close()
    return found


def snapshot(place):
    """All that two equal mirrors have in common."""
    return {"files": files(place.mail), "others": small_files(place.mail),
            "rows": claims(place.state)}


def differences(is_, should):
    """Of two snapshots, in words."""
    wrong = []
    for part, wanted in should.items():
        for key in sorted(set(wanted) | set(is_[part])):
            if wanted.get(key) != is_[part].get(key):
                wrong.append("%s: %s is %r, should be %r" % (
                    part, key, is_[part].get(key), wanted.get(key)))
    return wrong
