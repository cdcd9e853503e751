#!/usr/bin/python3
"""The units at work. Runs as root inside the system that test_systemd.py boots."""

import json
import os
import pwd
import signal
import subprocess
import time
import unittest

from lab import case, compare, messages, mirror, process
from lab import client as imap

USER = "alice"

# What a password command finds: it has the limits of the unit.
PROBE = """\
import ctypes, errno, json, os, resource

libc = ctypes.CDLL(None, use_errno=True)

def call(name, *arguments):
    if getattr(libc, name)(*arguments) >= 0:
        return "done"
    return errno.errorcode[ctypes.get_errno()]

def is_writable(directory):
    try:
        os.close(os.open(directory, os.O_TMPFILE | os.O_WRONLY))
        return True
    except OSError:
        return False

landlock_create_ruleset = 444
clone_newns = 0x20000
with open("/proc/self/status", encoding="ascii") as f:
    status = dict(line.rstrip().split(":\\t", 1) for line in f if ":\\t" in line)
json.dump({
    "writable": [path for path in (
        "/", "/etc", "/usr/local", "/opt", "/var", "/root", os.environ["HOME"],
        "/run/user/%d" % os.getuid(), "/tmp") if is_writable(path)],
    "status": status,
    "core": resource.getrlimit(resource.RLIMIT_CORE),
    "landlock": call("syscall", landlock_create_ruleset, None, 0, 1),
    "namespace": call("unshare", clone_newns),
    "inotify": call("inotify_init1", os.O_CLOEXEC),
}, open(os.environ["HOME"] + "/found", "w", encoding="ascii"))
"""


def run(*command, check=True):
    done = subprocess.run(command, text=True, capture_output=True, timeout=90)
    if check and done.returncode != 0:
        raise AssertionError("%s: %s%s" % (
            " ".join(command), done.stdout, done.stderr))
    return done.stdout


def setUpModule():
    run("useradd", "--create-home", "--shell", "/bin/sh", USER)
    run("loginctl", "enable-linger", USER)
    run("systemctl", "start", "user@%d.service" % uid())


def uid():
    return pwd.getpwnam(USER).pw_uid


class Unit(case.Case):
    """What holds for both; each of them says how it is talked to."""

    unit = None

    def systemctl(self, *arguments, check=True):
        raise NotImplementedError

    def journalctl(self, *arguments):
        """What the journal has of the unit."""
        raise NotImplementedError

    def setUp(self):
        super().setUp()
        self.server = self.dovecot()
        imap.fill(self.server, "INBOX", [
            (messages.make(n), messages.flags(n), messages.date(n))
            for n in range(30)])
        self.other = self.client(self.server)
        self.home = "/home/" + USER
        self.mail = self.home + "/Mail"
        config = self.home + "/.config/mailmirror"
        secret = self.home + "/secret"
        with open(secret, "w", encoding="ascii") as f:
            f.write("correct horse battery\n")
        os.makedirs(config, exist_ok=True)
        self.write_config(config)
        for path in (self.home + "/.config", config, secret):
            os.chown(path, uid(), uid())
        os.chmod(secret, 0o600)
        self.drop_in("WatchdogSec=3s\nRestartSec=100ms\n")
        self.addCleanup(run, "rm", "-rf", self.mail, self.home + "/changes")
        self.addCleanup(self.systemctl, "reset-failed", self.unit,
                        check=False)
        self.addCleanup(self.systemctl, "stop", self.unit, check=False)

    def write_config(self, directory):
        account = self.account(
            self.server, maildir="~/Mail", password=None,
            password_command="cat ~/secret",
            on_change="echo $MAILMIRROR_NEW >>~/changes",
            tls_ca_file="/usr/local/share/ca.pem")
        run("cp", self.server.authority, "/usr/local/share/ca.pem")
        mirrored = mirror.Mirror(directory, [account],
                                 binary_path="/usr/local/bin/mailmirror")
        with open(mirrored.file, encoding="utf-8") as f:
            text = f.read()
        # the unit's own default is what counts here
        mirrored.write("\n".join(line for line in text.split("\n")
                                 if not line.startswith("state_dir")))
        os.chown(mirrored.file, uid(), uid())

    def drop_in(self, text):
        os.makedirs(self.drop_ins, exist_ok=True)
        with open(self.drop_ins + "/test.conf", "w", encoding="ascii") as f:
            f.write("[Service]\n" + text)
        self.systemctl("daemon-reload")

    def show(self, name):
        return self.systemctl("show", "--value", "-p", name, self.unit).strip()

    def pid(self):
        return int(self.show("MainPID"))

    def records(self, *matches):
        """What the journal has of the unit as it runs now."""
        printed = self.journalctl("-o", "json", "_PID=%d" % self.pid(),
                                  *matches)
        return [json.loads(line) for line in printed.splitlines()]

    def assert_fields(self):
        """Of the first mirroring, and of a message that arrives then."""
        process.wait_until(lambda: self.records("ACCOUNT=main", "FOLDER=INBOX"),
                           "the folder in the journal")
        first = self.records("FOLDER=INBOX")[0]
        self.assertEqual(first["MESSAGE"], "main/INBOX: the same as the "
                         "server: 30 messages")
        self.assertEqual(first["PRIORITY"], "6")
        self.assertEqual(first["_TRANSPORT"], "journal")
        uid = imap.append(self.other, "INBOX", messages.make(99))
        process.wait_until(lambda: self.records("UID=%d" % uid),
                           "the message in the journal")
        burst, = self.records("UID=%d" % uid)
        self.assertNotEqual(burst["MESSAGE_ID"], first["MESSAGE_ID"])

    def assert_explained(self):
        """By the catalog, what assert_fields() found."""
        said = self.journalctl("-x", "FOLDER=INBOX")
        self.assertIn("INBOX of main is the same as on the server", said)
        self.assertIn("INBOX of main has followed the server", said)
        self.assertIn("Defined-By: mailmirror", said)

    def changes(self):
        """What on_change was told."""
        try:
            with open(self.home + "/changes", encoding="ascii") as f:
                return f.read().split()
        except FileNotFoundError:
            return []

    def wait_mirrored(self):
        there = compare.server_mailbox(self.other, "INBOX")
        process.wait_until(
            lambda: compare.is_alike(there, self.mail + "/INBOX"),
            lambda: "the mirror; " + self.systemctl("status", self.unit,
                                                    check=False))

    def test_start_status_push_and_stop(self):
        self.systemctl("start", self.unit)
        self.wait_mirrored()
        process.wait_until(lambda: self.show("StatusText"), "a STATUS line")
        status = self.systemctl("status", self.unit)
        print(status)
        self.assertIn("active (running)", status)
        self.assertIn("Status: \"", status)
        process.wait_until(lambda: self.changes() == ["30"], self.changes)
        imap.append(self.other, "INBOX", messages.make(99))
        self.wait_mirrored()
        process.wait_until(lambda: self.changes() == ["30", "1"],
                           self.changes)
        begin = time.monotonic()
        self.systemctl("stop", self.unit)
        self.assertLess(time.monotonic() - begin, 5)
        self.assertEqual(self.show("ActiveState"), "inactive")
        self.assertEqual(self.show("Result"), "success")
        self.assert_exact(self.other, "INBOX", self.mail + "/INBOX")
        self.assertEqual(os.stat(self.mail).st_uid, uid())

    def test_reload(self):
        self.systemctl("start", self.unit)
        self.wait_mirrored()
        before = self.pid()
        self.systemctl("reload", self.unit)
        imap.append(self.other, "INBOX", messages.make(99))
        self.wait_mirrored()
        self.assertEqual(self.pid(), before)
        self.assertEqual(self.show("ActiveState"), "active")

    def test_the_watchdog_restarts_a_stopped_process(self):
        self.systemctl("start", self.unit)
        self.wait_mirrored()
        before = self.pid()
        os.kill(before, signal.SIGSTOP)
        process.wait_until(
            lambda: self.show("NRestarts") not in ("", "0")
            and self.show("ActiveState") == "active"
            and self.pid() not in (0, before), "the restart")
        imap.append(self.other, "INBOX", messages.make(99))
        self.wait_mirrored()

    def test_a_patted_watchdog_lets_it_live(self):
        self.systemctl("start", self.unit)
        self.wait_mirrored()
        before = self.pid()
        time.sleep(7)
        self.assertEqual(self.pid(), before)

    def found(self):
        """What the probe says of the unit, run by its password command."""
        with open(self.home + "/probe.py", "w", encoding="ascii") as f:
            f.write(PROBE)
        self.set_command("python3 ~/probe.py && cat ~/secret")
        self.systemctl("start", self.unit)
        self.wait_mirrored()
        with open(self.home + "/found", encoding="ascii") as f:
            return json.load(f)

    def set_command(self, command):
        path = self.home + "/.config/mailmirror/mailmirror.conf"
        with open(path, encoding="utf-8") as f:
            text = f.read()
        with open(path, "w", encoding="utf-8") as f:
            f.write(text.replace("cat ~/secret", command))

    def test_a_password_command_has_the_limits_of_the_unit(self):
        found = self.found()
        self.assertEqual(found["writable"], [
            self.home, "/run/user/%d" % uid(), "/tmp"])
        self.assertEqual(found["status"]["NoNewPrivs"], "1")
        self.assertEqual(found["status"]["Seccomp"], "2")
        self.assertEqual(int(found["status"]["CapBnd"], 16), 0)
        self.assertEqual(found["core"], [0, 0])
        self.assertEqual(found["namespace"], "EPERM")
        self.assertEqual(found["inotify"], "done")
        # a kernel without it says ENOSYS; the unit would say EPERM
        self.assertNotEqual(found["landlock"], "EPERM")

    def test_a_broken_configuration_is_not_tried_again(self):
        with open(self.home + "/.config/mailmirror/mailmirror.conf", "a",
                  encoding="ascii") as f:
            f.write("bogus = 1;\n")
        self.systemctl("start", self.unit, check=False)
        process.wait_until(lambda: self.show("ActiveState") == "failed",
                           lambda: "failed; " + self.show("ActiveState"))
        self.assertEqual(self.show("ExecMainStatus"), "78")
        time.sleep(1)
        self.assertEqual(self.show("NRestarts"), "0")


class UserUnit(Unit):
    unit = "mailmirror.service"
    drop_ins = "/etc/systemd/user/mailmirror.service.d"

    def as_user(self, *command, check=True):
        return run("runuser", "-u", USER, "--", "env",
                   "XDG_RUNTIME_DIR=/run/user/%d" % uid(), "HOME=/home/" +
                   USER, *command, check=check)

    def systemctl(self, *arguments, check=True):
        return self.as_user("systemctl", "--user", "--no-pager", *arguments,
                            check=check)

    def journalctl(self, *arguments):
        return self.as_user("journalctl", "--user", "-u", self.unit,
                            *arguments)

    def test_enabled_it_starts_with_the_user_manager_and_logs_fields(self):
        self.systemctl("enable", self.unit)
        self.addCleanup(self.systemctl, "disable", self.unit)
        run("systemctl", "restart", "user@%d.service" % uid())
        self.wait_mirrored()
        self.assert_fields()
        run("journalctl", "--update-catalog")
        self.assert_explained()


class SystemUnit(Unit):
    unit = "mailmirror@%s.service" % USER
    drop_ins = "/etc/systemd/system/mailmirror@.service.d"

    def systemctl(self, *arguments, check=True):
        return run("systemctl", "--no-pager", *arguments, check=check)

    def test_it_runs_as_its_user_without_privileges(self):
        self.systemctl("start", self.unit)
        self.wait_mirrored()
        with open("/proc/%d/status" % self.pid(), encoding="ascii") as f:
            status = dict(line.split(":\t", 1) for line in f if ":\t" in line)
        self.assertEqual(set(status["Uid"].split()), {str(uid())})
        self.assertEqual(int(status["CapBnd"], 16), 0)
        self.assertEqual(status["NoNewPrivs"].strip(), "1")
        self.assertEqual(os.stat("/var/lib/mailmirror/" + USER).st_uid, uid())
        self.assertTrue(os.listdir("/var/lib/mailmirror/" + USER))

    def journalctl(self, *arguments):
        return run("journalctl", "-u", self.unit, *arguments)

    def test_the_journal_has_fields_and_explanations(self):
        self.systemctl("start", self.unit)
        self.wait_mirrored()
        self.assert_fields()
        run("journalctl", "--update-catalog")
        self.assert_explained()
        listed = run("journalctl", "--list-catalog")
        self.assertEqual(listed.count(" mailmirror: "), 20)

    def test_a_credential_that_only_root_can_read(self):
        path = self.home + "/.config/mailmirror/mailmirror.conf"
        with open(path, encoding="utf-8") as f:
            text = f.read()
        with open(path, "w", encoding="utf-8") as f:
            f.write(text.replace('password_command = "cat ~/secret"',
                                 'credential = "imap-password"'))
        os.unlink(self.home + "/secret")
        os.makedirs("/etc/mailmirror", exist_ok=True)
        secret = "/etc/mailmirror/%s.password" % USER
        with open(secret, "w", encoding="ascii") as f:
            f.write("correct horse battery")
        os.chmod(secret, 0o600)
        self.drop_in("LoadCredential=imap-password:"
                     "/etc/mailmirror/%i.password\n")
        self.systemctl("start", self.unit)
        self.wait_mirrored()


def load_tests(loader, *_):
    return unittest.TestSuite(loader.loadTestsFromTestCase(case_)
                              for case_ in (UserUnit, SystemUnit))


if __name__ == "__main__":
    case.main()
