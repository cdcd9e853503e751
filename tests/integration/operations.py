"""What a user's other programs do to a mailbox: chosen by a seed, said in IMAP.

A Model knows names and UIDs, as a server must number them, and nothing else; so
the same seed makes the same commands whatever the server or the mirror do.
"""

import collections

from lab import client as imap
from lab import messages

Operation = collections.namedtuple("Operation", "text commands")

SYSTEM = ("\\Seen", "\\Answered", "\\Flagged", "\\Draft", "\\Deleted")
KEYWORDS = ("$Forwarded", "$MDNSent", "$Junk", "work", "home", "later",
            "Label_1", "Label_2")
WEIGHTS = {"append": 26, "flags": 24, "keywords": 12, "expunge": 12,
           "copy": 8, "move": 7, "create": 4, "rename": 4, "delete": 3}
MOST_FOLDERS, MOST_MESSAGES, MOST_LEVELS = 9, 60, 3
SIZES = (60, 300, 900, 2500, 9000)
LARGE = 40_000  # more than one piece for whoever takes them in pieces


class Dialect:
    """How one server wants to be spoken to."""

    def __init__(self, delimiter="/", prefix="", names=(), literal_plus=True,
                 has_move=True, reuses_names=True, renames_to_used=True,
                 deletes_parents=True, known_by="UIDVALIDITY",
                 counts_late=False, weights=None):
        self.delimiter = delimiter
        self.prefix = prefix
        self.names = names
        self.literal_plus = literal_plus
        self.has_move = has_move
        # Some give a new mailbox of an old name the old UIDVALIDITY.
        self.reuses_names = reuses_names
        # Dovecot leaves directories behind that were open when they went.
        self.renames_to_used = renames_to_used
        self.deletes_parents = deletes_parents
        self.weights = {**WEIGHTS, **(weights or {})}
        # Some give UIDs only when they look, in an order of their own.
        self.counts_late = counts_late
        # What stays the same when a mailbox is renamed.
        self.known_by = known_by


class Folder:
    """A mailbox of the server, whatever it is called at the moment."""

    def __init__(self):
        self.name = None
        self.uids = []
        self.next_uid = 1
        self.is_deleted = False
        self.is_changed = False  # since the last rest
        self.name_at_rest = None  # None: it is younger than that

    def add(self, count=1):
        self.uids += range(self.next_uid, self.next_uid + count)
        self.next_uid += count
        self.is_changed = True

    def remove(self, uids):
        self.uids = [uid for uid in self.uids if uid not in set(uids)]
        self.is_changed = True


class Model:
    """The folders, and the source of operations."""

    # Whether a name that was given up is used again before the next rest. In
    # thousands of operations a session of Dovecot's that knew the old one says
    # of the new one that it was deleted under it, or loses what comes to it.
    recreates = True

    def __init__(self, rng, dialect, most_folders=MOST_FOLDERS):
        self.rng = rng
        self.dialect = dialect
        self.most_folders = most_folders
        self.folders = {}
        self.bearers = {}  # name -> all that had it since the last rest
        self.number = 0
        self._name(Folder(), "INBOX")

    def rest(self):
        """Client and mirror agree: what comes now is the next epoch's."""
        self.bearers = {name: {folder}
                        for name, folder in self.folders.items()}
        for folder in self.folders.values():
            folder.is_changed = False
            folder.name_at_rest = folder.name

    def _name(self, folder, name):
        folder.name = name
        self.folders[name] = folder
        self.bearers.setdefault(name, set()).add(folder)

    def operation(self, kind=None):
        """The next one; the model has seen it already."""
        weights = self.dialect.weights
        kind = kind or self.rng.choices(tuple(weights), weights.values())[0]
        return getattr(self, "_" + kind)()

    def numbered(self, folder, uids, next_uid):
        """What the server has; the same, or it is one that counts late."""
        if self.dialect.counts_late:
            folder.uids, folder.next_uid = uids, next_uid
        elif folder.uids != uids:
            raise AssertionError("%s: the server has %s, the model %s" % (
                folder.name, uids, folder.uids))

    # ---- choosing ----

    def _any(self, filled=False):
        """Some folder; filled: with messages, or None."""
        names = sorted(name for name, folder in self.folders.items()
                       if folder.uids or not filled)
        # As with people, one has most of the traffic.
        if "INBOX" in names and self.rng.random() < 0.25:
            return self.folders["INBOX"]
        return self.folders[self.rng.choice(names)] if names else None

    def _some(self, folder):
        count = self.rng.choice((1, 1, 1, 2, 5, 20))
        return sorted(self.rng.sample(folder.uids,
                                      min(count, len(folder.uids))))

    def _other(self, folder):
        """A folder to copy to that has room, or None."""
        names = sorted(name for name, other in self.folders.items()
                       if other is not folder
                       and len(other.uids) < MOST_MESSAGES)
        return self.folders[self.rng.choice(names)] if names else None

    def _new_name(self, without=None):
        """A name that is free, not below WITHOUT; None if there is none."""
        dialect = self.dialect
        for _ in range(20):
            name = self.rng.choice(dialect.names)
            if not dialect.reuses_names:
                self.number += 1
                name += " %d" % self.number
            parents = [parent for parent in sorted(self.folders)
                       if parent != "INBOX"
                       and parent.count(dialect.delimiter) < MOST_LEVELS
                       and not (without and self._is_at(parent, without))]
            if parents and self.rng.random() < 0.4:
                name = self.rng.choice(parents) + dialect.delimiter + name
            else:
                name = dialect.prefix + name
            if any(self._is_at(other, name) for other in self.folders):
                continue
            if without and not dialect.renames_to_used or (
                    not self.recreates and name in self.bearers):
                self.number += 1
                name += " %d" % self.number
            if without and self._is_at(name, without):
                continue
            return name
        return None

    def _is_at(self, name, top):
        return name == top or name.startswith(top + self.dialect.delimiter)

    # ---- wording ----

    @staticmethod
    def _quoted(name):
        return imap.quote(name).encode()

    def _select(self, folder):
        return b"SELECT " + self._quoted(folder.name)

    # ---- messages ----

    def _append(self):
        folder = self._any()
        if len(folder.uids) >= MOST_MESSAGES:
            return self._remove(folder, folder.uids[::2])
        self.number += 1
        rng = self.rng
        # now and then the same one again
        number = (self.number if rng.random() < 0.95
                  else rng.randint(1, self.number))
        size = LARGE if rng.random() < 0.02 else rng.choice(SIZES)
        message = messages.make(number, size)
        flags = messages.flags(rng.randrange(64))
        if rng.random() < 0.2:
            flags = (flags + " " + rng.choice(KEYWORDS)).strip()
        date = messages.date(number) + " " if rng.random() < 0.8 else ""
        folder.add()
        return Operation(
            "append %s: UID %d, %d bytes, (%s)" % (
                folder.name, folder.uids[-1], len(message), flags),
            [b"APPEND %s (%s) %s{%d%s}\r\n%s" % (
                self._quoted(folder.name), flags.encode(), date.encode(),
                len(message), b"+" if self.dialect.literal_plus else b"",
                message)])

    def _store(self, words):
        folder = self._any(filled=True)
        if folder is None:
            return self._append()
        uids = self._some(folder)
        how = self.rng.choice(("+", "+", "-", ""))
        chosen = " ".join(self.rng.sample(words, self.rng.randint(1, 3)))
        folder.is_changed = True
        return Operation(
            "store %s: %s %sFLAGS (%s)" % (folder.name, uids, how, chosen),
            [self._select(folder), b"UID STORE %s %sFLAGS.SILENT (%s)" % (
                imap.as_set(uids).encode(), how.encode(), chosen.encode())])

    def _flags(self):
        return self._store(SYSTEM)

    def _keywords(self):
        return self._store(KEYWORDS)

    def _removal(self, uids):
        uids = imap.as_set(uids).encode()
        return [b"UID STORE %s +FLAGS.SILENT (\\Deleted)" % uids,
                b"UID EXPUNGE " + uids]

    def _remove(self, folder, uids):
        folder.remove(uids)
        return Operation("expunge %s: %s" % (folder.name, uids),
                         [self._select(folder)] + self._removal(uids))

    def _expunge(self):
        folder = self._any(filled=True)
        if folder is None:
            return self._append()
        return self._remove(folder, self._some(folder))

    def _copy(self, moves=False):
        source = self._any(filled=True)
        target = self._other(source) if source else None
        if target is None:
            return self._append()
        uids = self._some(source)
        words = (imap.as_set(uids).encode(), self._quoted(target.name))
        commands = [self._select(source)]
        target.add(len(uids))
        if moves:
            source.remove(uids)
        if moves and self.dialect.has_move:
            commands.append(b"UID MOVE %s %s" % words)
        else:
            commands.append(b"UID COPY %s %s" % words)
            commands += self._removal(uids) if moves else []
        return Operation("%s %s: %s to %s from UID %d" % (
            "move" if moves else "copy", source.name, uids, target.name,
            target.next_uid - len(uids)), commands)

    def _move(self):
        return self._copy(moves=True)

    # ---- folders ----

    def _create(self):
        name = (self._new_name() if len(self.folders) < self.most_folders
                else None)
        if name is None:
            return self._append()
        self._name(Folder(), name)
        return Operation("create " + name,
                         [b"CREATE " + self._quoted(name)])

    def _named(self):
        """Any but INBOX, or None."""
        names = sorted(set(self.folders) - {"INBOX"})
        return self.folders[self.rng.choice(names)] if names else None

    def _rename(self):
        folder = self._named()
        name = self._new_name(folder.name) if folder else None
        if name is None:
            return self._create()
        before = folder.name
        for old in sorted(self.folders):
            if self._is_at(old, before):
                self._name(self.folders.pop(old), name + old[len(before):])
        # nothing of it may be selected, by the rules of some
        return Operation("rename %s to %s" % (before, name), [
            b"SELECT INBOX", b"RENAME %s %s" % (
                self._quoted(before), self._quoted(name))])

    def _delete(self):
        folder = self._named()
        if folder and not self.dialect.deletes_parents:
            # the last in order of those at or below it has nothing below
            folder = self.folders[max(
                name for name in self.folders
                if self._is_at(name, folder.name))]
        if folder is None:
            return self._create()
        del self.folders[folder.name]
        folder.is_deleted = True
        return Operation("delete " + folder.name, [
            b"SELECT INBOX", b"DELETE " + self._quoted(folder.name)])


def perform(bare, operations, at_once):
    """Has a client do them; at_once: all written before any answer is read."""
    commands = [(operation, command) for operation in operations
                for command in operation.commands]
    size = len(commands) if at_once else 1
    for start in range(0, len(commands), size):
        _pipeline(bare, commands[start:start + size])


def _pipeline(bare, commands):
    waiting, data = {}, []
    for operation, command in commands:
        bare.tag += 1
        tag = b"B%d" % bare.tag
        waiting[tag] = (operation, command)
        data.append(b"%s %s\r\n" % (tag, command))
    bare.send(b"".join(data))
    # Dovecot answers a CREATE before the STORE that was sent before it.
    while waiting:
        try:
            line = bare.line()
        except OSError as why:
            raise AssertionError("%s: %r" % (
                why, [command for _, command in waiting.values()])) from why
        tag, _, reply = line.partition(b" ")
        if tag not in waiting:
            continue
        operation, command = waiting.pop(tag)
        if not reply.startswith(b"OK"):
            raise AssertionError("%s: %r: %r" % (
                operation.text, command[:200], reply))
