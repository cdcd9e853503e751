#!/usr/bin/python3
"""Which mailboxes are mirrored, and where they are on disk."""

import os

from lab import case, messages
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


if __name__ == "__main__":
    case.main()
