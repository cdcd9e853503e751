#!/usr/bin/python3
"""Which mailboxes are mirrored, and where they are on disk."""

import os
import shutil

from lab import case, compare, fake, messages, mirror
from lab import client as imap

# name on the server -> path below the Maildir, nested and maildir++
PATHS = {
    "INBOX": ("INBOX", ""),
    "Lists/c": ("Lists/c", ".Lists.c"),
    "Lists/c/old": ("Lists/c/old", ".Lists.c.old"),
    "Entwürfe": ("Entwürfe", ".Entwürfe"),
    "日本語/メール": ("日本語/メール", ".日本語.メール"),
    "A & B": ("A & B", ".A & B"),
    "50%": ("50%25", ".50%25"),
    "v1.2": ("v1.2", ".v1%2E2"),
    "cur": ("%63ur", ".%63ur"),
    "Lists/tmp": ("Lists/%74mp", ".Lists.%74mp"),
    "Archive/.hidden": ("Archive/%2Ehidden", ".Archive.%2Ehidden"),
}


def few(first):
    return [(messages.make(n), messages.flags(n), messages.date(n))
            for n in range(first, first + 3)]


class Paths(case.Case):
    def fill_all(self):
        server = self.dovecot()
        for number, name in enumerate(PATHS):
            imap.fill(server, name, few(10 * number))
        return server

    def check_all(self, server, column, **more):
        mirror = self.mirror(server, folders=["*"], **more)
        mirror.sync()
        client = self.client(server)
        for name, paths in PATHS.items():
            with self.subTest(name=name):
                self.assert_exact(client, name,
                                  self.path("Mail", paths[column]))

    def test_nested(self):
        self.check_all(self.fill_all(), 0)

    def test_maildir_plus_plus(self):
        self.check_all(self.fill_all(), 1, layout="maildir++")


class Selection(case.Case):
    def setUp(self):
        super().setUp()
        self.server = self.dovecot()
        for number, name in enumerate(("INBOX", "Lists/a", "Lists/b",
                                       "Lists/a/deep", "Sent", "Trash")):
            imap.fill(self.server, name, few(10 * number))

    def mirrored(self, *arguments, **more):
        """The names that are Maildirs after a sync."""
        self.mirror(self.server, **more).sync(*arguments)
        found = set()
        for top, names, _ in os.walk(self.path("Mail")):
            if "cur" in names:
                found.add(os.path.relpath(top, self.path("Mail")))
        return found

    def test_the_default_is_inbox_alone(self):
        self.assertEqual(self.mirrored(), {"INBOX"})

    def test_a_star_matches_every_level(self):
        self.assertEqual(self.mirrored(folders=["Lists/*"]),
                         {"Lists/a", "Lists/b", "Lists/a/deep"})

    def test_a_percent_sign_matches_one_level(self):
        self.assertEqual(self.mirrored(folders=["Lists/%", "inbox"]),
                         {"Lists/a", "Lists/b", "INBOX"})

    def test_exclude_takes_out(self):
        self.assertEqual(
            self.mirrored(folders=["*"], exclude=["Lists/a*", "Trash"]),
            {"INBOX", "Lists/b", "Sent"})

    def test_special_use_selects(self):
        self.assertEqual(self.mirrored(folders=["INBOX", "\\Sent"]),
                         {"INBOX", "Sent"})

    def test_a_command_line_names_one_folder(self):
        self.assertEqual(self.mirrored("main/Lists/a", folders=["*"]),
                         {"Lists/a"})

    def test_a_command_line_names_one_account(self):
        self.assertEqual(self.mirrored("main", folders=["INBOX", "Sent"]),
                         {"INBOX", "Sent"})


class Obstacles(case.Case):
    def test_a_link_in_a_folders_place_fails_alone(self):
        server = self.dovecot()
        imap.fill(server, "INBOX", few(0))
        imap.fill(server, "Box", few(10))
        mirror = self.mirror(server, folders=["*"])
        os.makedirs(self.path("elsewhere"))
        os.makedirs(self.path("Mail"))
        os.symlink(self.path("elsewhere"), self.path("Mail", "Box"))
        self.assert_code(mirror.call("sync"), 74)
        self.assertEqual(os.listdir(self.path("elsewhere")), [])
        self.assert_exact(self.client(server), "INBOX", mirror.folder())


class AtRest(case.Case):
    """Many folders, and what the process holds while nothing happens."""

    COUNT = 40
    OWN = 21  # descriptors that it has without any folder

    def begin(self, **more):
        self.server = fake.Server()
        self.addCleanup(self.server.close)
        self.names = ["INBOX"] + ["box%d" % n for n in range(1, self.COUNT)]
        for number, name in enumerate(self.names):
            self.server.mailboxes.setdefault(name, fake.Mailbox())
            self.server.deliver(messages.make(number), mailbox=name)
        self.mirrored = mirror.Mirror(self.top, [{
            "name": "main", "host": "127.0.0.1", "tls": "none",
            "port": self.server.port, "user": "mirror", "folders": ["*"],
            "password": "correct horse battery",
            "maildir": self.path("Mail"), **more}])
        self.daemon = self.mirrored.start("-v")
        self.addCleanup(self.daemon.kill)
        for name in self.names:
            self.arrives(name, 1)
        self.wait_at_rest()

    def arrives(self, name, count):
        folder = self.mirrored.folder(name)
        self.daemon.wait_until(
            lambda: os.path.isdir(folder) and
            len(compare.local_uids(folder)) == count,
            "%d messages in %s" % (count, name))

    def held(self):
        """What its descriptors are."""
        directory = "/proc/%d/fd" % self.daemon.pid
        found = []
        for name in os.listdir(directory):
            try:
                found.append(os.readlink(os.path.join(directory, name)))
            except FileNotFoundError:
                pass
        return found

    def wait_at_rest(self):
        """Until no Maildir is open; not more than its sockets are either."""
        inside = self.path("Mail") + "/"
        lock = inside + ".mailmirror.lock"

        def is_at_rest():
            held = self.held()
            # a connection may be there before the server knows of it
            return len(held) <= len(self.server.sessions) + self.OWN and \
                not [path for path in held
                     if path.startswith(inside) and path != lock]
        self.daemon.wait_until(
            is_at_rest, lambda: "%d sessions' process to let go of %s" % (
                len(self.server.sessions), "\n".join(self.held())))

    def test_one_that_idles_has_its_connection(self):
        self.begin(max_connections=50)
        self.daemon.wait_until(
            lambda: len(self.server.said(" IDLE$")) >= self.COUNT, "IDLE")
        self.wait_at_rest()
        self.server.deliver(messages.make(100), mailbox="box7")
        self.arrives("box7", 2)
        self.wait_at_rest()

    def test_one_that_is_polled_has_nothing(self):
        self.begin(max_connections=2, poll_interval="1s")
        self.server.deliver(messages.make(100), mailbox="box33")
        self.arrives("box33", 2)
        self.wait_at_rest()

    def test_one_whose_files_somebody_touches_lets_go_again(self):
        self.begin(max_connections=50)
        folder = self.mirrored.folder("box7")
        before = set(compare.local_names(folder))
        ((sub, name),) = before
        os.remove(os.path.join(folder, sub, name))
        self.daemon.wait_until(
            lambda: set(compare.local_names(folder)) == before,
            "it to be fetched again")
        self.wait_at_rest()

    def test_a_directory_that_goes_at_rest_is_noticed(self):
        self.begin(max_connections=50)
        for name, replaces in (("box7", False), ("box8", True)):
            folder = self.mirrored.folder(name)
            os.rename(folder, self.path("away-" + name))
            if replaces:
                shutil.copytree(self.path("away-" + name), folder)
            # a look at its files may come first
            self.daemon.wait_line(
                "main/%s: (.* was removed or moved away|cannot open)" % name)
            self.arrives(name, 1)
            self.server.deliver(messages.make(100), mailbox=name)
            self.arrives(name, 2)
            self.assertEqual(
                len(compare.local_uids(self.path("away-" + name))), 1)
        self.wait_at_rest()


if __name__ == "__main__":
    case.main()
