#!/usr/bin/python3
"""The control socket: status, sync-now, pause, resume, reload, metrics."""

import json
import os
import pwd
import socket
import stat
import subprocess

from lab import case, compare, messages, process
from lab import client as imap

FOLDERS = ("INBOX", "Lists", "日本語")


class Running(case.Case):
    def setUp(self):
        super().setUp()
        self.server = self.dovecot()
        self.other = self.client(self.server)
        for name in FOLDERS:
            imap.fill(self.server, name, [(messages.make(1), "", None)])
        self.socket = self.path("run", "control")
        self.mirrored = self.mirror(
            self.server, top=dict({"control_socket": self.socket},
                                  **self.settings()),
            folders=["*"])

    def settings(self):
        """More of them."""
        return {}

    def start(self):
        daemon = self.mirrored.start()
        self.addCleanup(daemon.kill)
        daemon.wait_note("^READY=1$")
        for name in FOLDERS:
            self.wait_alike(daemon, self.other, name,
                            self.mirrored.folder(name))
        return daemon

    def ask(self, *arguments, code=0):
        result = self.mirrored.call(*arguments)
        self.assert_code(result, code)
        return result

    def status(self):
        return json.loads(self.ask("status", "--json").out)

    def account_state(self):
        return self.status()["accounts"][0]["state"]

    def wait_state(self, daemon, words):
        daemon.wait_until(lambda: words in self.account_state(),
                          "the state %r" % words)


class Status(Running):
    def test_json_tells_of_each_account_and_folder(self):
        daemon = self.start()
        self.wait_state(daemon, "watching ")
        status = self.status()
        self.assertEqual(status["pid"], daemon.pid)
        account, = status["accounts"]
        self.assertEqual(account["name"], "main")
        self.assertEqual(account["messages"], 3)
        self.assertIsNone(account["error"])
        self.assertGreater(account["bytes"], 500)
        folders = {folder["name"]: folder for folder in account["folders"]}
        self.assertEqual(set(folders), set(FOLDERS))
        for name in FOLDERS:
            folder = folders[name]
            self.assertEqual(folder["path"], name)
            self.assertIn(folder["watch"], ("NOTIFY", "IDLE"))
            self.assertEqual(folder["state"], "watched")
            self.assertEqual((folder["messages"], folder["fetched"],
                              folder["behind"]), (1, 1, 0))
            self.assertGreaterEqual(folder["last_check"], status["since"])
            self.assertGreaterEqual(folder["last_change"], status["since"])
            self.assertIs(folder["held"], False)

    def test_the_table_names_folders_and_fits_no_terminal(self):
        daemon = self.start()
        self.wait_state(daemon, "watching")
        out = self.ask("status").out
        self.assertRegex(out, r"(?m)^mailmirror .*, process %d, for \d+ s$"
                         % daemon.pid)
        self.assertRegex(out, r"(?m)^main: watching \d folders? by (NOTIFY|IDLE)")
        for name in FOLDERS:
            self.assertRegex(
                out, r"(?m)^  %s +(NOTIFY|IDLE) +1  \d+ s +\d+ s +watched$" % name)
        self.assertNotIn("\033", out)

    def test_what_is_wrong_is_said_and_when_it_is_tried_again(self):
        daemon = self.start()
        self.server.stop()
        self.wait_state(daemon, "waiting ")
        account, = self.status()["accounts"]
        self.assertRegex(account["state"], "^waiting [0-9]+ s: .")
        self.assertIsNotNone(account["error"])
        self.assertIsNotNone(account["retry_at"])

    def test_follow_tells_again_whenever_something_changes(self):
        daemon = self.start()
        self.wait_state(daemon, "watching")
        with subprocess.Popen(
                self.mirrored.command("status", "--follow", "--json"),
                env=self.mirrored.environment, stdout=subprocess.PIPE,
                text=True) as follower:
            self.addCleanup(follower.kill)
            first = json.loads(follower.stdout.readline())
            self.assertEqual(first["accounts"][0]["messages"], 3)
            imap.fill(self.server, "INBOX", [(messages.make(2), "", None)])
            for line in follower.stdout:
                if json.loads(line)["accounts"][0]["messages"] == 4:
                    break
            else:
                self.fail("the stream ended")
            self.assertEqual(daemon.stop(), 0)
            follower.stdout.read()
            self.assertEqual(follower.wait(process.PATIENCE), 69)

    def test_without_a_daemon_it_says_so(self):
        for command in (("status",), ("sync-now",), ("pause", "main"),
                        ("resume", "main"), ("reload",)):
            result = self.ask(*command, code=69)
            self.assertIn(self.socket, result.err)
            self.assertIn("mailmirror run", result.err)

    def test_wrong_words_are_a_matter_of_usage(self):
        self.start()
        for command, what in (
                (("status", "x"), 'unexpected argument "x"'),
                (("pause",), "an ACCOUNT is missing"),
                (("pause", "nobody"), 'no account "nobody"'),
                (("pause", "main/INBOX"), "takes an account"),
                (("sync-now", "main/Nowhere"), 'no folder "Nowhere"'),
                (("run", "--json"), 'no option "--json"'),
                (("status", "--offline"), 'no option "--offline"')):
            self.assertIn(what, self.ask(*command, code=64).err)


class Orders(Running):
    def test_a_paused_account_rests_until_it_is_resumed(self):
        daemon = self.start()
        self.ask("pause", "main")
        self.wait_state(daemon, "paused")
        daemon.wait_until(
            lambda: self.status()["accounts"][0]["connections"] == 0,
            "its connections to end")
        imap.fill(self.server, "INBOX", [(messages.make(2), "", None)])
        self.assertIn("resume main", self.ask(
            "sync-now", "main", code=75).err)
        self.assertEqual(len(compare.local_names(self.mirrored.folder())), 1)
        self.ask("pause", "main")
        self.ask("resume", "main")
        self.wait_alike(daemon, self.other, "INBOX", self.mirrored.folder())
        self.ask("resume", "main")
        self.assertEqual(daemon.stop(), 0)

    def test_a_paused_account_outlives_a_reload_of_the_same(self):
        daemon = self.start()
        self.ask("pause", "main")
        self.ask("reload")
        self.assertEqual(self.account_state(), "paused")
        self.assertEqual(daemon.stop(), 0)

    def test_reload_takes_the_new_configuration_or_says_why_not(self):
        daemon = self.start()
        self.mirrored.write("accounts = (")
        self.assertIn("syntax error", self.ask("reload", code=78).err)
        self.mirrored.configure(
            [dict(self.account(self.server), folders=["INBOX"])],
            control_socket=self.socket)
        self.ask("reload")
        daemon.wait_until(
            lambda: len(self.status()["accounts"][0]["folders"]) == 1,
            "INBOX alone")

    def test_sync_now_has_one_folder_or_all_looked_at(self):
        daemon = self.start()
        self.wait_state(daemon, "watching")
        imap.ok(self.other.append("Lists", None, None, messages.make(2)))
        self.ask("sync-now", "main/Lists")
        self.wait_alike(daemon, self.other, "Lists",
                        self.mirrored.folder("Lists"))
        for targets in ((), ("main",), ("main/日本語", "main/INBOX")):
            self.ask("sync-now", *targets)
        self.wait_state(daemon, "watching")


class Socket(Running):
    def test_it_is_the_users_own(self):
        self.start()
        mode = os.stat(self.socket).st_mode
        self.assertTrue(stat.S_ISSOCK(mode))
        self.assertEqual(stat.S_IMODE(mode), 0o600)
        self.assertEqual(
            stat.S_IMODE(os.stat(self.path("run")).st_mode), 0o700)

    def test_another_user_is_not_answered(self):
        daemon = self.start()
        os.chmod(self.socket, 0o666)
        for directory in (self.path("run"), self.path()):
            os.chmod(directory, 0o755)
        nobody = pwd.getpwnam("nobody").pw_uid
        result = subprocess.run(
            ["/usr/bin/python3", "-c",
             "import socket,sys\n"
             "s = socket.socket(socket.AF_UNIX)\n"
             "s.connect(sys.argv[1])\n"
             "s.sendall(b'{\"command\": \"status\"}\\n')\n"
             "sys.exit(len(s.recv(100)))", self.socket],
            user=nobody, stderr=subprocess.PIPE, check=False)
        self.assertNotIn(b'"ok"', result.stderr)
        daemon.wait_line("another user's")

    def test_it_goes_with_the_daemon_and_a_dead_ones_is_replaced(self):
        daemon = self.start()
        daemon.kill()
        daemon.stop()
        self.assertTrue(os.path.exists(self.socket))
        daemon = self.start()
        self.status()
        self.assertEqual(daemon.stop(), 0)
        self.assertFalse(os.path.exists(self.socket))

    def test_nonsense_is_refused_and_harms_nobody(self):
        self.start()
        for line, what in ((b"nonsense\n", "no JSON"),
                           (b"[]\n", "command"),
                           (b'{"command": "eat"}\n', "unknown command"),
                           (b'{"command": "pause", "targets": 5}\n', "list"),
                           (b'{"command": "pause", "targets": [5]}\n',
                            "list")):
            with socket.socket(socket.AF_UNIX) as peer:
                peer.connect(self.socket)
                peer.sendall(line)
                answer = json.loads(peer.makefile().readline())
                self.assertIs(answer["ok"], False)
                self.assertIn(what, answer["error"])
                self.assertEqual(answer["code"], 64)
        with socket.socket(socket.AF_UNIX) as peer:
            peer.connect(self.socket)
            try:
                while True:
                    peer.sendall(b"x" * 4096)  # without an end
            except (BrokenPipeError, ConnectionResetError):
                pass
        self.status()


class Metrics(Running):
    def settings(self):
        return {"metrics_file": self.path("mailmirror.prom")}

    def assert_metrics(self, text):
        self.assertRegex(text, r'(?m)^mailmirror_folder_messages\{account='
                               r'"main",folder="日本語"\} 1$')
        self.assertRegex(
            text, r'(?m)^mailmirror_account_failing\{account="main"\} 0$')
        families = set()
        for line in text.splitlines():
            if line.startswith("# TYPE "):
                name = line.split()[2]
                self.assertNotIn(name, families)
                families.add(name)
            elif not line.startswith("#"):
                self.assertIn(line.split("{")[0].split()[0], families)

    def test_prometheus_is_told_by_the_command_and_in_the_file(self):
        daemon = self.start()
        self.wait_state(daemon, "watching")
        self.assert_metrics(self.ask("status", "--prometheus").out)
        self.assertEqual(daemon.stop(), 0)
        path = self.path("mailmirror.prom")
        with open(path, encoding="utf-8") as file:
            self.assert_metrics(file.read())
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o644)
        self.assertFalse(os.path.exists(path + ".tmp"))


if __name__ == "__main__":
    case.main()
