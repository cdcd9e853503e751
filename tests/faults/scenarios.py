"""What is interrupted: a mirror as it was, and what the server has by then.

Every scenario has mailboxes of its own on one server, so that all of them
stand still while their mirrors are interrupted at one call after another.
"""

import collections
import concurrent.futures
import os
import tempfile

import faultline
from lab import case, compare, dovecot, messages
from lab import client as imap

# Where nobody waits for a disk. A crash of the process alone loses nothing
# that the kernel has.
MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None

# They wait for the server most of the time.
WORKERS = 2 * (os.cpu_count() or 1)

# How much of what is wrong is worth reading.
SHOWN = int(os.environ.get("MAILMIRROR_SHOWN", "5"))

# What a worker has to know of the server.
Reach = collections.namedtuple("Reach", "port tls_port authority")


def mail(numbers):
    """Of all kinds of flags; some have a keyword."""
    return [(messages.make(n, size=700), (messages.flags(n) + (
        " work" if n % 4 == 1 else "")).strip(), messages.date(n))
            for n in numbers]


class Scenario:
    """One of them. `name` is the root of its mailboxes."""

    name = None
    settings = {}
    boxes = ("a", "b")

    def __init__(self, again=""):
        self.root = self.name + again

    def box(self, name):
        return "%s/%s" % (self.root, name)

    def prepare(self, server, client):
        """The server's side of the mirror as it was."""
        for number, name in enumerate(self.boxes):
            imap.fill(server, self.box(name),
                      mail(range(100 * number, 100 * number + 6)))

    def change(self, server, client):
        """What happens on the server; None: the mirror begins with it."""

    @property
    def begins_empty(self):
        return type(self).change is Scenario.change

    def left(self):
        """The mailboxes that there are in the end."""
        return [self.box(name) for name in self.boxes]


class First(Scenario):
    """Nothing is there yet."""

    name = "first"


class Changes(Scenario):
    """New messages, other flags, removed ones."""

    name = "changes"

    def change(self, server, client):
        for name in self.boxes:
            imap.fill(server, self.box(name), mail(
                range(20 + ord(name), 23 + ord(name))), create=False)
        imap.ok(client.select(self.box("a")))
        imap.store(client, [1, 2], "+", "\\Flagged later")
        imap.store(client, [3], "", "")
        imap.expunge(client, [4, 5])
        imap.ok(client.close())


class Renamed(Scenario):
    """A mailbox and the one in it have other names."""

    name = "renamed"
    boxes = ("a", "a/deep")

    def change(self, server, client):
        imap.ok(client.rename(self.box("a"), self.box("z")))

    def left(self):
        return [self.box("z"), self.box("z/deep")]


class Generation(Scenario):
    """Another UIDVALIDITY: the messages have other numbers."""

    name = "generation"
    boxes = ("a",)

    def change(self, server, client):
        imap.ok(client.delete(self.box("a")))
        imap.fill(server, self.box("a"), mail((4, 2, 0, 3, 1, 77)))


class Archive(Scenario):
    """What is removed on the server moves to a local folder."""

    name = "archive"
    settings = {"on_expunge": "archive", "archive_folder": "Archive"}
    boxes = ("a",)

    def change(self, server, client):
        imap.ok(client.select(self.box("a")))
        imap.expunge(client, [1, 2, 5])
        imap.ok(client.close())
        imap.fill(server, self.box("a"), mail((30,)), create=False)


class Faults(case.Case):
    """A server and the places beside it."""

    @classmethod
    def setUpClass(cls):
        cls.memory = tempfile.TemporaryDirectory(prefix="mm-", dir=MEMORY)
        cls.addClassCleanup(cls.memory.cleanup)
        cls.server = dovecot.Dovecot(os.path.join(cls.memory.name, "server"))
        os.chmod(cls.memory.name, 0o755)
        cls.addClassCleanup(cls.server.stop)
        cls.server.start()

    def begin(self, scenario):
        """Brings the server to where it stays; the Case of the scenario."""
        client = self.client(self.server)
        known = {}

        def learn(names):
            for name in names:
                box = compare.server_mailbox(client, name)
                known.update({(box.uidvalidity, uid): message
                              for uid, message in box.messages.items()})

        self.started = Started(scenario, Reach(
            self.server.port, self.server.tls_port, self.server.authority),
            self.memory.name, known)
        place = self.started.place("origin")
        self.addCleanup(place.close)
        scenario.prepare(self.server, client)
        learn(scenario.box(name) for name in scenario.boxes)
        if not scenario.begins_empty:
            self.assert_code(place.sync()[0], 0)
            self.started.saved = os.path.join(place.top, "saved")
            faultline.copy(place.disk, self.started.saved)
            scenario.change(self.server, client)
            learn(scenario.left())
        result, self.started.bodies = place.sync()
        self.assert_code(result, 0)
        for name in scenario.left():
            self.assert_exact(client, name, os.path.join(place.mail, name))
        self.started.end = faultline.snapshot(place)
        return self.started


    def assert_all_right(self, wrong, count, least):
        """What a sweep found, and that it was one."""
        lines = ["%s %s\n  %s" % (" ".join(map(str, call)), point,
                                  "\n  ".join(problems))
                 for (call, point), problems in wrong.items()]
        if lines:
            self.fail("%d points are wrong\n%s" % (
                len(lines), "\n".join(lines[:SHOWN])))
        self.assertGreater(count, least)


class Started:
    """A scenario whose server stands still; workers get a copy."""

    def __init__(self, scenario, server, top, known):
        self.scenario = scenario
        self.server = server
        self.top = os.path.join(top, scenario.root)
        self.known = known  # {(UIDVALIDITY, UID): Message}
        self.saved = None  # the directories before it; None: there were none
        self.bodies = 0  # how many an undisturbed run asks for
        self.end = None  # the snapshot that all have to come to

    def place(self, name, **more):
        top = os.path.join(self.top, name)
        os.makedirs(top)
        return faultline.Place(top, self.server, [self.scenario.root + "/*"],
                               **{**self.scenario.settings, **more})

    def list_calls(self, kinds):
        """The calls of an undisturbed run: [faultline.Call]."""
        place = self.place("list-%d" % kinds)
        try:
            place.restore(self.saved)
            result = place.sync_at(kinds)
            if result.code != 0:
                raise AssertionError(result.err)
            return place.line.calls()
        finally:
            place.close()

    def missing(self, found):
        """How many messages of the end are not among these files, at most as
        many as an undisturbed run asks for."""
        wanted = {file.digest for path, file in self.end["files"].items()}
        return min(len(wanted - {file.digest for file in found.values()}),
                   self.bodies)

    def run_again(self, place, most=None):
        """The undisturbed run behind a fault: what is wrong then, in words.

        MOST: how many bodies it may ask for.
        """
        result, bodies = place.sync()
        if result.code != 0:
            return ["the next run: %d, %s" % (result.code, result.err)]
        problems = []
        if most is not None and bodies > most:
            problems.append("%d bodies were asked for, at most %d are "
                            "missing" % (bodies, most))
        try:
            return problems + faultline.differences(faultline.snapshot(place),
                                                    self.end)
        except AssertionError as why:
            return problems + [str(why)]

    def sweep(self, visit, points, **more):
        """visit(started, place, point) -> problems or None, at every point.

        Returns how many were visited (None: that one was not) and what was
        wrong, {(call, point): problems}.
        """
        visited, wrong = 0, {}
        with concurrent.futures.ProcessPoolExecutor(WORKERS) as pool:
            for done in [pool.submit(_work, self, visit, points[n::WORKERS],
                                     "%s%d" % (visit.__name__, n), more)
                         for n in range(WORKERS)]:
                visited += done.result()[0]
                wrong.update(done.result()[1])
        return visited, wrong


def _work(started, visit, points, name, more):
    place = started.place(name, **more)
    visited, wrong = 0, {}
    try:
        for point in points:
            problems = visit(started, place, point)
            visited += problems is not None
            if problems:
                wrong[place.line.call(point[1])[1:], point] = problems
    finally:
        place.close()
    return visited, wrong


class Swept:
    """What every sweep goes over."""

    def test_the_first_run(self):
        self.sweep(First())

    def test_new_removed_and_with_other_flags(self):
        self.sweep(Changes())

    def test_a_renamed_folder(self):
        self.sweep(Renamed())

    def test_another_uidvalidity(self):
        self.sweep(Generation())

    def test_what_is_archived(self):
        self.sweep(Archive())
