#!/usr/bin/python3
"""What the daemon may do is what it needs: it writes below its directories
and runs nothing; a helper process without mail or connections runs commands.

Needs a kernel with Landlock.
"""

import os
import shutil
import signal

from lab import case, messages, process


def status(pid, name):
    """A line of /proc/PID/status."""
    with open("/proc/%d/status" % pid, encoding="ascii") as f:
        return dict(line.rstrip("\n").split(":\t", 1) for line in f)[name]


def children(pid):
    with open("/proc/%d/task/%d/children" % (pid, pid),
              encoding="ascii") as f:
        return [int(word) for word in f.read().split()]


def is_alive(pid):
    try:
        return status(pid, "State")[0] not in "ZX"
    except FileNotFoundError:
        return False


class Sandbox(case.Fake):
    """In here, and there is a directory outside."""

    def setUp(self):
        super().setUp()
        self.serve(3)
        os.makedirs(self.path("outside"))

    def outside(self):
        """The files that are there: {name: bytes}."""
        files = {}
        for name in os.listdir(self.path("outside")):
            with open(self.path("outside", name), "rb") as f:
                files[name] = f.read()
        return files

    def lead_out(self, **top):
        """A Mirror whose database is a link to a file outside, and the
        bytes of that."""
        mirrored = self.mirrored()
        mirrored.configure(mirrored.accounts, **top)
        mirrored.sync()
        shutil.move(self.path("state", "main.db"), self.path("outside"))
        os.symlink(self.path("outside", "main.db"),
                   self.path("state", "main.db"))
        self.server.deliver(messages.make(50))
        return mirrored, self.outside()

    def reload(self, daemon, mirrored, accounts, **top):
        """A reload; what is said of it."""
        mirrored.configure(accounts, **top)
        lines, notes = len(daemon.lines), len(daemon.notes)
        daemon.signal(signal.SIGHUP)
        daemon.wait_note("^READY=1$", since=notes)
        daemon.wait_line("going on with the configuration before", since=lines)
        return "\n".join(daemon.lines[lines:])

    def still_mirrors(self, daemon, mirrored):
        self.server.deliver(messages.make(50))
        self.wait_uids(daemon, mirrored, self.uids())
        self.assertEqual(daemon.stop(), 0)


class Files(Sandbox):
    def test_nothing_is_written_outside(self):
        mirrored, before = self.lead_out()
        self.assert_code(mirrored.call("sync"), 74)
        self.assertEqual(self.outside(), before)

    def test_without_the_sandbox_it_would_be(self):
        mirrored, before = self.lead_out(sandbox=False)
        mirrored.sync()
        self.assertNotEqual(self.outside(), before)

    def test_links_to_the_directories_themselves_are_followed(self):
        for name in ("Mail", "state"):
            os.makedirs(self.path("outside", name))
            os.symlink(self.path("outside", name), self.path(name))
        mirrored = self.mirrored()
        mirrored.sync()
        self.assert_uids(mirrored, self.uids())

    def test_missing_parents_are_made(self):
        mirrored = self.mirrored(maildir=self.path("a", "b", "c"))
        mirrored.sync()
        self.assert_uids(mirrored, self.uids())

    def test_no_program_of_it_gets_privileges(self):
        _, daemon = self.watching()
        self.assertEqual(status(daemon.pid, "NoNewPrivs"), "1")

    def test_a_directory_that_was_replaced_ends_it_to_be_started_again(self):
        mirrored, daemon = self.watching()
        os.rename(self.path("Mail"), self.path("away"))
        os.makedirs(self.path("Mail"))
        os.rename(self.path("away", "INBOX"), self.path("away", "other"))
        daemon.wait_line("ending, to be started again")
        self.assertEqual(daemon.wait_end(), 75)
        mirrored.sync()
        self.assert_uids(mirrored, self.uids())


class Reload(Sandbox):
    def test_of_another_maildir_asks_for_a_restart(self):
        mirrored, daemon = self.watching()
        before = mirrored.accounts
        said = self.reload(daemon, mirrored, [
            *before, {**before[0], "name": "second",
                      "maildir": self.path("Mail2")}])
        self.assertIn("second: restart mailmirror to have it write to " +
                      self.path("Mail2"), said)
        self.assertFalse(os.path.exists(self.path("Mail2")))
        self.still_mirrors(daemon, mirrored)

    def test_of_a_link_that_leads_elsewhere_asks_for_a_restart(self):
        os.symlink(self.path("outside"), self.path("Mail"))
        mirrored, daemon = self.watching()
        os.makedirs(self.path("other"))
        os.unlink(self.path("Mail"))
        os.symlink(self.path("other"), self.path("Mail"))
        said = self.reload(daemon, mirrored,
                           [{**mirrored.accounts[0], "timeout": "7s"}])
        self.assertIn("restart mailmirror to have it write to", said)
        self.assertEqual(os.listdir(self.path("other")), [])
        self.assertEqual(daemon.stop(), 0)

    def test_of_another_state_directory_asks_for_a_restart(self):
        mirrored, daemon = self.watching()
        said = self.reload(daemon, mirrored, mirrored.accounts,
                           state_dir=self.path("state2"))
        self.assertIn("restart mailmirror to have it write to " +
                      self.path("state2"), said)
        self.still_mirrors(daemon, mirrored)

    def test_of_a_tunnel_asks_for_a_restart(self):
        mirrored, daemon = self.watching()
        said = self.reload(daemon, mirrored, [
            *mirrored.accounts, {"name": "second", "tunnel": "true",
                                 "maildir": self.path("Mail", "second")}])
        self.assertIn("restart mailmirror to use a tunnel", said)
        self.still_mirrors(daemon, mirrored)


class Helper(Sandbox):
    def commanded(self, command):
        """A Mirror whose password a command gives."""
        mirrored = self.mirrored()
        account = dict(mirrored.accounts[0], password_command=command)
        del account["password"]
        mirrored.configure([account])
        return mirrored

    def helper(self, daemon):
        (pid,) = children(daemon.pid)
        return pid

    def test_it_has_neither_mail_nor_connections(self):
        _, daemon = self.watching()
        directory = "/proc/%d/fd" % self.helper(daemon)
        opened = {fd: os.readlink(os.path.join(directory, fd))
                  for fd in os.listdir(directory)}
        for fd in "0", "1":
            self.assertEqual(opened.pop(fd), "/dev/null")
        del opened["2"]
        sockets = [where for where in opened.values()
                   if where.startswith("socket:")]
        self.assertEqual(len(sockets), 1)
        self.assertEqual([where for where in opened.values()
                          if where.startswith("/")], [])

    def test_a_command_may_write_where_the_daemon_may_not(self):
        self.commanded("echo x >%s; echo 'correct horse battery'" %
                        self.path("outside", "file")).sync()
        self.assertEqual(self.outside(), {"file": b"x\n"})

    def test_it_goes_with_a_daemon_that_is_killed_and_so_does_its_command(
            self):
        daemon = self.start(self.commanded(
            "echo $$ >%s; exec sleep 300" % self.path("pid")))
        daemon.wait_until(lambda: os.path.exists(self.path("pid")) and
                          os.path.getsize(self.path("pid")), "the command")
        with open(self.path("pid"), encoding="ascii") as f:
            pids = [self.helper(daemon), int(f.read())]
        daemon.kill()
        process.wait_until(lambda: not any(map(is_alive, pids)),
                           "their end")

    def test_signals_are_not_for_it(self):
        mirrored, daemon = self.watching()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP,
                       signal.SIGUSR1):
            os.kill(self.helper(daemon), number)
        self.still_mirrors(daemon, mirrored)

    def test_without_it_the_daemon_ends_and_says_why(self):
        _, daemon = self.watching()
        os.kill(self.helper(daemon), signal.SIGKILL)
        self.assertEqual(daemon.wait_end(), 70)
        self.assertIn("the process that runs commands was killed by signal 9",
                      daemon.text())

    def test_nothing_of_it_is_left_at_the_end(self):
        _, daemon = self.watching()
        pid = self.helper(daemon)
        self.assertEqual(daemon.stop(), 0)
        self.assertFalse(is_alive(pid))


if __name__ == "__main__":
    case.main()
