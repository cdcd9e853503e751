#!/usr/bin/python3
"""on_change: the command that is run after a folder changed."""

import collections
import os
import re
import signal
import subprocess

from lab import case, compare, dovecot, messages, process
from lab import client as imap

HERE = os.path.dirname(os.path.abspath(__file__))
MANUAL = os.path.join(HERE, "..", "..", "conf", "mailmirror.conf.5")

# What a run was told. Nobody sees it before it is complete; while there is a
# gate, the run ends when somebody comes through.
HOOK = """\
#!/bin/sh
top=${0%/*}
echo begin >>$top/order
mkdir $top/new
env -0 >$top/new/environment
cat >$top/new/stdin
mv $top/new $top/runs/$(ls $top/runs | wc -l)
[ ! -p $top/gate ] || read -r _ <$top/gate
echo end >>$top/order
"""

# Longer than a machine under load takes between two deliveries.
BURST = {"burst_interval": "3s", "burst_max_wait": "60s"}

Run = collections.namedtuple("Run", "environment stdin")


def examples():
    """The commands that the manual gives as examples."""
    with open(MANUAL, encoding="utf-8") as f:
        found = re.findall(r"^\.Dl on_change = \\\(dq(.*)\\\(dq;$", f.read(),
                           re.M)
    return [line.replace("\\e", "\\").replace("\\(dq", '"').replace(
        '\\"', '"') for line in found]


class Hooked(case.Case):
    def setUp(self):
        super().setUp()
        os.mkdir(self.path("runs"))
        self.hook = self.path("hook")
        with open(self.hook, "w", encoding="ascii") as f:
            f.write(HOOK)
        os.chmod(self.hook, 0o755)
        self.server = self.dovecot()
        imap.fill(self.server, "INBOX", [
            (messages.make(n), messages.flags(n), messages.date(n))
            for n in range(5)])
        self.other = self.client(self.server)
        self.other.select("INBOX")

    def runs(self):
        """Of all commands so far, in their order."""
        found = []
        for number in range(len(os.listdir(self.path("runs")))):
            def read(name, number=number):
                with open(self.path("runs", str(number), name),
                          encoding="utf-8") as f:
                    return f.read()
            pairs = read("environment").rstrip("\0").split("\0")
            found.append(Run(dict(pair.split("=", 1) for pair in pairs),
                             read("stdin").splitlines()))
        return found

    def counts(self):
        """(folder, new, removed, flagged) of each run."""
        return [tuple(run.environment["MAILMIRROR_" + name] for name in (
            "FOLDER", "NEW", "REMOVED", "FLAGGED")) for run in self.runs()]

    def wait_counts(self, daemon, wanted):
        daemon.wait_until(lambda: len(self.runs()) >= len(wanted),
                          "%d runs" % len(wanted))
        self.assertEqual(self.counts(), wanted)

    def start(self, mirrored, **environment):
        """A daemon whose first runs, one a folder, are over and forgotten."""
        daemon = mirrored.start(**environment)
        self.addCleanup(daemon.kill)
        return daemon

    def settled(self, mirrored):
        daemon = self.start(mirrored)
        daemon.wait_line(r"INBOX: on_change has ended")
        for number in range(len(os.listdir(self.path("runs")))):
            os.rename(self.path("runs", str(number)),
                      self.path("before%d" % number))
        return daemon

    def hooked(self, **more):
        return self.mirror(self.server, **{
            "on_change": self.hook, "top": {"log_level": "debug"},
            **more})

    def close_gate(self):
        os.mkfifo(self.path("gate"))

    def open_gate(self):
        """Lets one run through, and those that come later."""
        os.rename(self.path("gate"), self.path("way"))
        with open(self.path("way"), "w", encoding="ascii") as f:
            f.write("\n")

    def wait_uids(self, daemon, mirrored, count):
        daemon.wait_until(
            lambda: len(compare.local_uids(mirrored.folder())) == count,
            "%d messages" % count)


class Told(Hooked):
    """What a command is told, by `sync`, which waits for it."""

    def test_a_first_sync_names_every_file(self):
        imap.fill(self.server, "Größe & mehr", [
            (messages.make(n), "", messages.date(n)) for n in range(100)])
        mirrored = self.hooked(folders=["INBOX", "Größe & mehr"])
        mirrored.sync()
        runs = {run.environment["MAILMIRROR_FOLDER"]: run
                for run in self.runs()}
        self.assertEqual(sorted(self.counts()), [
            ("Größe & mehr", "100", "0", "0"), ("INBOX", "5", "0", "0")])
        for name, run in runs.items():
            folder = mirrored.folder(name)
            self.assertEqual(sorted(run.stdin), sorted(
                os.path.join(folder, sub, file)
                for sub, file in compare.local_names(folder)))
            self.assertEqual(run.environment["MAILMIRROR_PATH"], folder)
            self.assertEqual(run.environment["MAILMIRROR_ACCOUNT"], "main")

    def test_changes_are_counted_each_for_what_it_is(self):
        mirrored = self.hooked()
        mirrored.sync()
        imap.append(self.other, "INBOX", messages.make(9))
        self.other.select("INBOX")
        imap.store(self.other, [1, 2], "+", "\\Flagged")
        imap.store(self.other, [1, 2], "+", "\\Answered")
        imap.expunge(self.other, [3])
        mirrored.sync()
        self.assertEqual(self.counts()[1:], [("INBOX", "1", "1", "2")])
        self.assertRegex(self.runs()[1].stdin[0], ",U=6,")
        mirrored.sync()
        self.assertEqual(len(self.runs()), 2, "nothing had changed")

    def test_a_renamed_folder_has_changed(self):
        imap.fill(self.server, "old", [
            (messages.make(n), "", messages.date(n)) for n in range(3)])
        mirrored = self.hooked(folders=["*"])
        mirrored.sync()
        imap.ok(self.other.rename("old", "renamed"))
        mirrored.sync()
        self.assertEqual(self.counts()[2:], [("renamed", "0", "0", "0")])
        self.assertEqual(self.runs()[2].environment["MAILMIRROR_PATH"],
                         mirrored.folder("renamed"))

    def test_the_environment_is_ours_without_ways_to_secrets(self):
        ways = {"CREDENTIALS_DIRECTORY": self.top, "WATCHDOG_USEC": "9000000",
                "NOTIFY_SOCKET": "@nobody", "LISTEN_FDS": "0"}
        mirrored = self.hooked()
        mirrored.sync(environment={**ways, "KEPT": "kept"})
        environment = self.runs()[0].environment
        self.assertEqual(environment["KEPT"], "kept")
        self.assertEqual(set(ways) & set(environment), set())
        self.assertNotIn(dovecot.PASSWORD, " ".join(environment.values()))
        self.assertNotIn("SQLITE_TMPDIR", environment)

    def test_a_failing_command_is_a_warning_with_what_it_said(self):
        mirrored = self.hooked(
            on_change="echo one; echo two >&2; echo; exit 3",
            top={"log_level": "info"})
        said = mirrored.sync().err
        for line in ("on_change failed with exit status 3", "on_change: one",
                     "on_change: two"):
            self.assertIn("warning: main/INBOX: %s\n" % line, said)

    def test_what_a_good_command_says_is_for_debugging(self):
        mirrored = self.hooked(on_change="echo one; echo two >&2")
        self.assertIn("debug: main/INBOX: on_change: two\n",
                      mirrored.sync().err)
        mirrored = self.hooked(on_change="echo one", top={},
                               maildir=self.path("Again"))
        self.assertNotIn("on_change", mirrored.sync().err)


class Turn(Hooked):
    """When a command is run."""

    def test_a_burst_is_one_run(self):
        mirrored = self.hooked(**BURST)
        daemon = self.settled(mirrored)
        for n in range(10, 20):
            imap.append(self.other, "INBOX", messages.make(n))
        self.wait_counts(daemon, [("INBOX", "10", "0", "0")])
        self.assertEqual(len(self.runs()[0].stdin), 10)
        daemon.stop()
        self.assertEqual(len(self.runs()), 1)

    def test_while_one_runs_all_changes_are_mirrored_and_summed_up(self):
        mirrored = self.hooked()
        daemon = self.settled(mirrored)
        self.close_gate()
        imap.append(self.other, "INBOX", messages.make(10))
        self.wait_counts(daemon, [("INBOX", "1", "0", "0")])
        for n in range(11, 15):
            imap.append(self.other, "INBOX", messages.make(n))
            self.wait_uids(daemon, mirrored, n - 4)
        self.other.select("INBOX")
        imap.expunge(self.other, [7])
        self.wait_uids(daemon, mirrored, 9)
        self.open_gate()
        self.wait_counts(daemon, [("INBOX", "1", "0", "0"),
                                  ("INBOX", "3", "0", "0")])

    def test_paths_are_those_of_when_the_command_begins(self):
        mirrored = self.hooked()
        daemon = self.settled(mirrored)
        self.close_gate()
        imap.append(self.other, "INBOX", messages.make(10))
        self.wait_counts(daemon, [("INBOX", "1", "0", "0")])
        imap.append(self.other, "INBOX", messages.make(11))
        self.wait_uids(daemon, mirrored, 7)
        folder = mirrored.folder()
        name = next(name for sub, name in compare.local_names(folder)
                    if ",U=7," in name)
        read = os.path.join(folder, "cur", name + ":2,S")
        os.rename(os.path.join(folder, "new", name), read)
        self.open_gate()
        daemon.wait_until(lambda: len(self.runs()) == 2, "the second run")
        # the mirror may be undoing it
        self.assertEqual(self.runs()[1].environment["MAILMIRROR_NEW"], "1")
        self.assertIn(",U=7,", self.runs()[1].stdin[0])
        self.assertIn("/cur/", self.runs()[1].stdin[0])

    def test_one_at_a_time_whatever_the_folder(self):
        for name in "abc":
            imap.fill(self.server, name, [
                (messages.make(1), "", messages.date(1))])
        mirrored = self.hooked(folders=["*"])
        mirrored.sync()
        self.assertEqual(sorted(folder for folder, *_ in self.counts()),
                         ["INBOX", "a", "b", "c"])
        with open(self.path("order"), encoding="ascii") as f:
            self.assertEqual(f.read().split(), ["begin", "end"] * 4)


class End(Hooked):
    """What becomes of a command when the program or its account ends."""

    def test_one_that_hangs_is_ended_soon_after_the_program_is_told_to(self):
        stubborn = "trap 'echo >%s' TERM; (echo $$ >%s.new; mv %s.new %s); " \
            "while :; do sleep 60; done" % (
                self.path("asked"), *[self.path("pid")] * 3)
        daemon = self.start(self.hooked(on_change=stubborn))
        process.wait_until(lambda: os.path.exists(self.path("pid")),
                           "the command")
        with open(self.path("pid"), encoding="ascii") as f:
            pid = int(f.read())
        self.assertEqual(daemon.stop(), 0)
        process.wait_until(lambda: not process.group_members(pid),
                           "the end of its group")
        self.assertTrue(os.path.exists(self.path("asked")))
        self.assertNotIn("did not come to rest", daemon.text())

    def test_a_reload_changes_the_command_and_lets_the_old_one_end(self):
        mirrored = self.hooked()
        daemon = self.settled(mirrored)
        self.close_gate()
        imap.append(self.other, "INBOX", messages.make(10))
        self.wait_counts(daemon, [("INBOX", "1", "0", "0")])
        mirrored.configure([dict(mirrored.accounts[0], on_change=(
            "echo $MAILMIRROR_NEW >%s" % self.path("other")))],
            log_level="debug")
        daemon.signal(signal.SIGHUP)
        daemon.wait_line("configuration reloaded")
        imap.append(self.other, "INBOX", messages.make(11))
        self.wait_uids(daemon, mirrored, 7)
        self.assertFalse(os.path.exists(self.path("other")))
        self.open_gate()
        process.wait_until(lambda: os.path.exists(self.path("other")),
                           "the other command")
        self.assertEqual(len(self.runs()), 1)
        self.assertEqual(daemon.stop(), 0)
        with open(self.path("order"), encoding="ascii") as f:
            self.assertEqual(f.read().split()[-1], "end")

    def test_an_account_that_is_taken_away_is_told_of_to_the_end(self):
        mirrored = self.hooked()
        daemon = self.settled(mirrored)
        self.close_gate()
        imap.append(self.other, "INBOX", messages.make(10))
        self.wait_counts(daemon, [("INBOX", "1", "0", "0")])
        imap.append(self.other, "INBOX", messages.make(11))
        self.wait_uids(daemon, mirrored, 7)
        mirrored.configure([self.account(self.server, name="other")],
                           log_level="debug")
        daemon.signal(signal.SIGHUP)
        daemon.wait_line("other/INBOX: .*the same as the server")
        self.open_gate()
        self.wait_counts(daemon, [("INBOX", "1", "0", "0")] * 2)
        self.assertEqual(daemon.stop(), 0)


class Examples(Hooked):
    """The manual's, with the real programs."""

    def test_notmuch_finds_what_was_pushed(self):
        command, _ = examples()
        config = self.path("notmuch-config")
        with open(config, "w", encoding="ascii") as f:
            f.write("[database]\npath=%s\n[user]\nname=a\n"
                    "primary_email=a@example.org\n" % self.path("Mail"))
        environment = {"NOTMUCH_CONFIG": config}
        daemon = self.start(self.hooked(on_change=command), **environment)

        def search(text):
            return subprocess.run(
                ("notmuch", "search", "--output=files", text),
                stdout=subprocess.PIPE, text=True, check=False, env={
                    **os.environ, **environment}).stdout.split()
        daemon.wait_line("INBOX: on_change has ended")
        self.assertEqual(len(search("*")), 5)
        imap.append(self.other, "INBOX", b"From: a@example.org\r\n"
                    b"Subject: unheard of\r\nMessage-ID: <n@example.org>\r\n"
                    b"\r\nBody.\r\n")
        daemon.wait_until(lambda: search("subject:unheard"),
                          "the message in notmuch")
        self.assertEqual(daemon.stop(), 0)

    def test_the_desktop_is_notified_of_new_mail_alone(self):
        _, command = examples()
        with subprocess.Popen(
                ("dbus-run-session", "--", "/usr/bin/python3",
                 os.path.join(HERE, "lab", "desktop.py")), text=True,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                preexec_fn=process.die_with_parent) as desktop:
            address = desktop.stdout.readline().strip()
            daemon = self.start(
                self.hooked(on_change=command, **BURST),
                DBUS_SESSION_BUS_ADDRESS=address)
            self.assertEqual(desktop.stdout.readline(),
                             "INBOX: 5 new messages\n")
            imap.store(self.other, [1], "+", "\\Flagged")
            daemon.wait_line("on_change has ended", since=self.after(
                daemon, "1 with other flags"))
            imap.append(self.other, "INBOX", messages.make(9))
            self.assertEqual(desktop.stdout.readline(),
                             "INBOX: 1 new messages\n")
            self.assertEqual(daemon.stop(), 0)
            desktop.stdin.close()
            self.assertEqual(desktop.stdout.read(), "")

    @staticmethod
    def after(daemon, pattern):
        """The index of the line behind the one that matches."""
        daemon.wait_line(pattern)
        return 1 + max(n for n, line in enumerate(daemon.lines)
                       if re.search(pattern, line))


if __name__ == "__main__":
    case.main()
