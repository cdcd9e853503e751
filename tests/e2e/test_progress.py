#!/usr/bin/python3
"""Bars on a terminal: there while mail comes, and gone without a trace."""

import os
import re
import signal
import threading

from lab import case, fake, messages, screen

COUNT = 40
LOG = "mailmirror: (info|notice|warning|error): "


class Progress(case.Fake):
    def setUp(self):
        super().setUp()
        self.serve(hook=self.hold_back)
        self.held = {"INBOX"}
        self.gate = threading.Semaphore(0)
        self.addCleanup(self.let_through, 10 * COUNT)
        for name in ("INBOX", "Small"):
            self.server.mailboxes.setdefault(name, fake.Mailbox())
            for number in range(COUNT):
                self.server.deliver(messages.make(number, size=2000),
                                    mailbox=name)
        self.mirror = self.mirrored(folders=["*"], max_connections=2,
                                    timeout="10m")

    def hold_back(self, session, tag, name, rest):
        """Bodies of a held mailbox come as the gate lets them."""
        uids, _, items = rest.partition(" ")
        if name != "UID_FETCH" or "BODY.PEEK[]" not in items or \
                session.selected not in [self.server.mailboxes[held]
                                         for held in self.held]:
            return None
        for uid in session._in_set(uids):
            self.gate.acquire()
            session.send(session.fetch_line(
                uid, session.selected.messages[uid], items))
        return [tag + " OK done"]

    def let_through(self, count):
        for _ in range(count):
            self.gate.release()

    def show(self, *arguments, columns=200, **environment):
        shown = screen.Screen(
            self.mirror.command(*arguments),
            {**self.mirror.environment, "TERM": "xterm", **environment},
            columns=columns, echoes=False)
        self.addCleanup(shown.close)
        return shown

    def show_halfway(self, *arguments, **more):
        """Small is here, and half of INBOX."""
        shown = self.show(*arguments, **more)
        shown.wait_text("Small: the same as the server")
        self.let_through(COUNT // 2)
        shown.wait(lambda: re.search(
            r" 20/40 .*\n.* 60/80 .* 1/2 folders", shown.text()),
            "half of it")
        return shown

    def finish(self, shown, code=0):
        self.let_through(COUNT)
        self.assertEqual(shown.end(), code, shown.text())

    def assert_lines(self, shown, *patterns):
        """Nothing but whole lines that match, and the cursor below them."""
        lines = shown.text().splitlines()
        for line in lines:
            self.assertRegex(line, "^(%s)$" % "|".join(patterns))
        self.assertEqual(shown.screen.cursor.x, 0)
        return lines

    def assert_clean(self, shown):
        """The log and the summary, as if there had been no bars."""
        lines = self.assert_lines(shown, LOG + ".*", "main: .*")
        self.assertEqual([line for line in lines if "the same as" in line], [
            "mailmirror: info: main/%s: the same as the server: %d messages"
            % (name, COUNT) for name in ("Small", "INBOX")])
        self.assertEqual(lines[-1], "main: 2 folders, 80 messages: 80 new, "
                                    "0 removed, 0 with other flags")

    def test_bars_come_below_the_log_and_leave_nothing_behind(self):
        shown = self.show_halfway("sync")
        *log, inbox, whole = shown.text().splitlines()
        self.assertRegex(inbox, r"^INBOX +\[#+-+\] +(49|50)% +20/40 +[\d.]+ kB/")
        self.assertRegex(whole, r"^all +\[#+-+\] +7[45]% +60/80 .* 1/2 fold")
        self.assertRegex(log[-1], "^" + LOG)
        self.finish(shown)
        self.assert_clean(shown)
        self.assertIn(b"\033[32m", shown.raw)

    def test_a_flood_of_log_lines_stays_whole_above_the_bars(self):
        shown = self.show_halfway("sync", "-vvv")
        self.finish(shown)
        lines = self.assert_lines(
            shown, "mailmirror: [a-z]+: .*", "main: 2 folders.*")
        self.assertIn("mailmirror: debug: main/INBOX: FETCHING -> "
                      "COMMITTING (FETCHED)", lines)
        self.assertEqual(shown.raw.count(b"mailmirror: "), len(lines) - 1)

    def test_what_is_interrupted_leaves_a_clean_line(self):
        shown = self.show_halfway("sync")
        shown.type(b"\x03")
        self.assertEqual(shown.end(), 128 + signal.SIGINT, shown.text())
        lines = self.assert_lines(shown, LOG + ".*", "main: .*")
        self.assertIn("mailmirror: info: ending on signal 2", lines)

    def test_a_window_that_is_made_smaller_or_larger(self):
        shown = self.show_halfway("sync")
        for columns, pattern in (
                (24, r"^all +\[#*-*\] +\d+%$"),
                (12, "^mailmirror:"),
                (70, r"^all +\[#*-*\] +\d+%  60/80  ")):
            shown.resize(columns, 24)
            shown.wait(lambda: re.search(
                pattern, shown.text().splitlines()[-1]), pattern)
        self.finish(shown)
        self.assertEqual(shown.text().count("["), 0)
        self.assertIn("main: 2 folders, 80 messages", shown.text())

    def test_without_colour(self):
        shown = self.show_halfway("sync", NO_COLOR="1")
        self.finish(shown)
        self.assert_clean(shown)
        self.assertNotRegex(shown.raw, rb"\033\[\d*m")

    def test_a_terminal_that_cannot_move_its_cursor_gets_lines(self):
        self.held = set()
        shown = self.show("sync", TERM="dumb")
        self.finish(shown)
        self.assertNotIn(b"\033", shown.raw)
        self.assertIn("main: 2 folders, 80 messages", shown.text())

    def test_quiet_shows_nothing_that_is_well(self):
        self.held = set()
        shown = self.show("sync", "-q")
        self.finish(shown)
        self.assertEqual(shown.raw, b"")

    def test_what_is_no_terminal_gets_lines(self):
        self.held = set()
        result = self.mirror.sync(environment={"TERM": "xterm"})
        for line in result.err.splitlines():
            self.assertRegex(line, "^" + LOG)
        self.assertRegex(result.out, "^main: 2 folders, 80 messages: .*\n$")

    def test_run_shows_its_first_sync_alone(self):
        shown = self.show_halfway("run")
        self.let_through(COUNT - COUNT // 2)
        shown.wait_text("INBOX: the same as the server")
        # they come back below the last line, and then go for good
        shown.wait(lambda: re.search(
            rb"INBOX: the same [^\n]*\n.*all .*\r\033\[J$", shown.raw, re.S),
            "end of the bars")
        before = len(shown.raw)
        for name in ("INBOX", "Small"):
            self.server.deliver(messages.make(COUNT, size=2000),
                                mailbox=name)
        shown.wait_text("Small: 1 new")
        self.let_through(1)
        shown.wait_text("INBOX: 1 new")
        os.kill(shown.pid, signal.SIGTERM)
        self.assertEqual(shown.end(), 0, shown.text())
        self.assert_lines(shown, LOG + ".*")
        self.assertNotIn(b"\033", shown.raw[before:])

    def test_suspended_it_leaves_the_shell_a_clean_line(self):
        shown = screen.Screen(
            ["/bin/bash", "--norc", "--noediting", "-i"],
            {**self.mirror.environment, "TERM": "xterm", "PS1": "$ "},
            echoes=False)
        self.addCleanup(shown.close)
        shown.wait_text("$")
        shown.type((" ".join(self.mirror.command("sync")) + "\n").encode())
        shown.wait_text("all ")
        shown.type(b"\x1a")
        shown.wait(lambda: re.search(r"\n\$$", shown.text()), "prompt")
        self.assertNotIn("[-", shown.text())
        shown.type(b"fg\n")
        shown.wait_text("all ")
        self.let_through(COUNT)
        shown.wait(lambda: re.search(r"\nmain: 2 folders.*\n\$$",
                                     shown.text()), "summary and a prompt")
        self.assertNotIn("[#", shown.text())


if __name__ == "__main__":
    case.main()
