"""Is the whole tree what the server has? And waiting, by events, until it is.

Besides what lab.compare says of each folder: a folder that is gone from the
server is kept as it was, one that was empty goes, one that was renamed there
was renamed here.
"""

import os
import time

from lab import client as imap
from lab import compare, inotify, process

# False: a renamed folder may leave its old Maildir behind, an empty one that
# is gone from the server may stay.
FOLLOWS = os.environ.get("MAILMIRROR_FOLLOWS", "1") == "1"

_AWKWARD = {"cur": "%63ur", "new": "%6Eew", "tmp": "%74mp"}


def path_of(name, delimiter):
    """The path of a mailbox below a Maildir of layout nested."""
    parts = []
    for part in name.split(delimiter):
        part = part.replace("%", "%25").replace("/", "%2F")
        if part.startswith("."):
            part = "%2E" + part[1:]
        parts.append(_AWKWARD.get(part, part))
    return os.path.join(*parts)


def maildirs(top):
    """The paths of all Maildirs below TOP."""
    found = set()
    for directory, names, _ in os.walk(top):
        if "cur" in names:
            found.add(os.path.relpath(directory, top))
        names[:] = [name for name in names if name not in _AWKWARD]
    return found


class Tree:
    """The mirror's Maildir and what is to be expected of it."""

    def __init__(self, top, model, host):
        self.top = top
        self.model = model
        self.host = host
        self.there = {}  # Folder -> Mailbox, as last read from the server
        self.local = {}  # path -> the names in it at the last rest
        self.kept = {}  # path of a folder that is gone -> names; None: any
        self.touched = set()  # paths where somebody did, since the last rest

    def path(self, *names):
        return os.path.join(self.top, *names)

    def any_file(self, rng):
        """A message's file in some live folder, to be touched, or None."""
        files = sorted((path, sub, name)
                       for path, names in self.local.items()
                       for sub, name in names)
        if not files:
            return None
        path, sub, name = rng.choice(files)
        self.touched.add(path)
        return self.path(path, sub, name)

    def _path_of(self, name):
        return path_of(name, self.model.dialect.delimiter)

    def _names(self, path):
        return frozenset(compare.local_names(self.path(path)))

    # ---- the server's side ----

    def read_server(self, client, every=False):
        """Reads what changed since the last rest, or every folder."""
        folders = self.model.folders
        listed = _listed(client)
        wanted = {imap.quote(name) for name in folders}
        if listed != wanted:
            raise AssertionError("the server lists %s, the model %s" % (
                sorted(listed), sorted(wanted)))
        for folder in folders.values():
            if not every and not folder.is_changed and folder in self.there:
                continue
            mailbox = compare.server_mailbox(client, folder.name)
            uids = sorted(mailbox.messages)
            self.model.numbered(folder, uids, max(uids, default=0) + 1)
            self.there[folder] = mailbox

    # ---- differences ----

    def problems(self, quickly=False):
        """What is wrong, in words; quickly: perhaps not all of it."""
        wrong = self._wrong_paths()
        for name, folder in sorted(self.model.folders.items()):
            if quickly and wrong:
                return wrong
            path = self._path_of(name)
            if quickly and not compare.is_alike(
                    self.there[folder], self.path(path)):
                return ["%s differs" % path]
            wrong += ["%s: %s" % (path, text)
                      for text in self._differences(folder, path)]
        return wrong

    def _differences(self, folder, path):
        try:
            wrong = compare.differences(self.there[folder], self.path(path),
                                        self.host)
            # Courier's empty ones have another UIDVALIDITY each second
            if not (self.model.dialect.known_by
                    or self.there[folder].messages):
                wrong = [text for text in wrong
                         if not text.startswith(".uidvalidity is")]
            return wrong
        except FileNotFoundError as why:
            return [str(why)]

    def _wrong_paths(self):
        """Maildirs that should not be there, and the other way round."""
        wrong = []
        live = {self._path_of(name) for name in self.model.folders}
        found = maildirs(self.top)
        may, must = self._gone()
        for path in sorted(found - live):
            if path not in may:
                wrong.append("%s: a Maildir that should not be there" % path)
            elif may[path] is not None and self._names(path) != may[path]:
                wrong.append("%s, gone from the server, has changed: %s" % (
                    path, sorted(self._names(path) ^ may[path])))
        wrong += ["%s: gone from the server, and not kept" % path
                  for path in sorted(must - live - found)]
        return wrong

    def _gone(self):
        """Paths of Maildirs without a mailbox: {may be: names}, {must be}."""
        may = dict(self.kept)
        must = {path for path, names in self.kept.items() if names}
        for name, bearers in self.model.bearers.items():
            path = self._path_of(name)
            gone = [folder for folder in bearers
                    if not self._is_followed(folder)]
            if path in self.kept:
                # what is kept there may have been seen to live again
                must.discard(path)
                may[path] = None
                continue
            if not gone and FOLLOWS:
                continue
            # what was taken from one that went cannot be put back
            if path not in self.touched and all(
                    self._is_as_it_was(folder) for folder in bearers):
                names = self.local[path]
                if names:
                    must.add(path)
                if names or not FOLLOWS:
                    may[path] = names
            else:
                may[path] = None
        return may, must

    @staticmethod
    def _is_as_it_was(folder):
        """Deleted, and nothing else happened to it?"""
        return (folder.is_deleted and not folder.is_changed
                and folder.name_at_rest == folder.name)

    def _is_followed(self, folder):
        """Does the mirror know it by whatever name it has?"""
        if folder.is_deleted:
            return False
        path = self._path_of(folder.name)
        if path in self.kept or (path in self.local
                                 and folder.name != folder.name_at_rest):
            return False  # the place is taken, or was: it may be filled anew
        # one that was also changed since may be taken for a new one: what is
        # under its old name then stays, as of any that is gone
        return self.model.dialect.known_by and not folder.is_changed

    def rest(self):
        """Everything was right: what is to be expected from here on."""
        live = {self._path_of(name) for name in self.model.folders}
        may, _ = self._gone()
        kept = {}
        for path in set(may) - live:
            if path in self.kept or may[path] is not None:
                if os.path.isdir(self.path(path, "cur")):
                    kept[path] = self._names(path)
            else:
                # the mirror may not be done with it
                kept[path] = None
        self.kept = kept
        self.touched = set()
        self.local = {path: self._names(path) for path in live}
        alive = set(self.model.folders.values())
        self.there = {folder: mailbox for folder, mailbox in
                      self.there.items() if folder in alive}
        self.model.rest()

    # ---- waiting ----

    def wait(self, daemon, timeout):
        """Until nothing is wrong; looks again whenever something happened."""
        deadline = time.monotonic() + timeout
        with inotify.Tree(self.top) as watch:
            while True:
                watch.refresh()
                try:
                    if not self.problems(quickly=True):
                        return
                except FileNotFoundError:
                    continue  # renamed while it was read
                left = deadline - time.monotonic()
                if left <= 0 or daemon.code is not None:
                    raise AssertionError("not at rest after %.0f s" % timeout
                                         if daemon.code is None else
                                         "it ended with %d" % daemon.code)
                watch.wait(min(left, 1))


def _listed(client):
    """The quoted names of the mailboxes that can be selected."""
    names = set()
    for line in imap.ok(client.list('""', "*")):
        if isinstance(line, tuple):
            raise AssertionError("a literal: %r" % (line,))
        attributes, _, rest = line.decode("ascii")[1:].partition(") ")
        if {"\\noselect", "\\nonexistent"} & set(
                attributes.lower().split()):
            continue
        name = rest.split(" ", 1)[1]
        names.add(name if name.startswith('"') else '"%s"' % name)
    return names
