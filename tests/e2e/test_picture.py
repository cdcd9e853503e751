#!/usr/bin/python3
"""The pictures of README.md: what tests/picture records is what they show.

Needs root: they are recorded in a network of their own.
"""

import os
import re
import shutil
import subprocess
import tempfile
import unittest

from lab import case, svg

TREE = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
COMMITTED = os.path.join(TREE, "tests", "pictures")
NAMES = ["demo.svg", "status.svg"]


def text(folder, name):
    with open(os.path.join(folder, name), encoding="utf-8") as f:
        return f.read()


def layout(picture):
    """Its lines, in any order, with numbers, ages and sizes blanked."""
    units = r"(?: (?:s|min|h|d|bytes|kB|MB)\b)?"
    return sorted(re.sub(r"#(?: \+ #)+", "#", re.sub(
        r"\d+(?:\.\d+)*" + units, "#", " ".join(line.split())))
        for line in svg.lines(picture))


class Picture(unittest.TestCase):
    """Recorded once."""

    maxDiff = 4000

    @classmethod
    def setUpClass(cls):
        cls.fresh = tempfile.mkdtemp(prefix="mm-")
        cls.addClassCleanup(shutil.rmtree, cls.fresh)
        subprocess.run((os.path.join(TREE, "tests", "picture"), cls.fresh),
                       check=True, stdin=subprocess.DEVNULL, timeout=500)

    def assert_shows(self, name, *patterns):
        """Lines that match, in this order."""
        self.assertRegex("\n".join(svg.lines(text(self.fresh, name))),
                         r"(?m)^" + r"\n(?:.*\n)*?".join(patterns) + "$")

    def test_the_demo_shows_a_copy_and_a_pushed_message(self):
        self.assert_shows(
            "demo.svg", r"\$ mailmirror sync",
            "home: 3 folders, 325 messages: 325 new, .*",
            r"\$ mailmirror imap home append INBOX .*",
            r"OK \[APPENDUID .*", r"'\d+\.V\d+\.mail\.example\.org,U=201,S=90'",
            "This message was pushed.")

    def test_status_is_shown_before_and_after_a_server_went_down(self):
        self.assert_shows(
            "status.svg", r"\$ mailmirror status",
            r"home: watching \d folders by NOTIFY, 1 by IDLE",
            r"INBOX +IDLE +201 .* watched",
            "work: watching 1 folder by IDLE, 2 by polling",
            r"mailmirror \S+, process \d+, for .*",
            r"INBOX +IDLE +202 .* watched",
            r"work: waiting \d+ s: imap\.example\.com:993: "
            "connection refused")

    def test_trouble_is_coloured_and_prompts_are_bold(self):
        self.assertRegex(text(self.fresh, "status.svg"),
                         'class="red" xml:space="preserve">waiting ')
        self.assertRegex(text(self.fresh, "demo.svg"),
                         r'class="bold" xml:space="preserve">\$<')

    def test_the_committed_ones_have_the_words_of_a_fresh_recording(self):
        self.assertEqual(sorted(os.listdir(COMMITTED)), NAMES)
        for name in NAMES:
            self.assertEqual(layout(text(COMMITTED, name)),
                             layout(text(self.fresh, name)),
                             "record them again with tests/picture")

    def test_they_are_small_and_do_nothing(self):
        for name in NAMES:
            picture = text(COMMITTED, name)
            self.assertLess(len(picture), 60000)
            self.assertNotRegex(picture, r"<script|\bon\w+=|href|url\(|@import")

    def test_readme_shows_each_of_them(self):
        with open(os.path.join(TREE, "README.md"), encoding="utf-8") as f:
            shown = re.findall(r"tests/pictures/([\w.]+)", f.read())
        self.assertEqual(sorted(set(shown)), NAMES)


if __name__ == "__main__":
    case.main()
