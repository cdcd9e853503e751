#!/usr/bin/python3
"""The package at work: installed, upgraded, removed, purged.

Runs as root inside the system that test_package.py boots. alice has her user
manager's service, bob the system's, and carol is there without either.
"""

import os
import pwd
import subprocess

from inside_systemd import run
from lab import case, compare, dovecot, messages, process
from lab import client as imap

DEB = "/opt/packages/mailmirror.deb"
NEWER = "/opt/packages/newer.deb"
AUTHORITY = "/usr/local/share/ca.pem"
USERS = ("alice", "bob", "carol")

# README.md's, with a port and an authority, which only a test needs.
CONFIGURATION = """\
accounts = (
  {
    name = "home";
    host = "localhost";
    port = %d;
    tls_ca_file = "%s";
    user = "%s";
    password_file = "~/.config/mailmirror/home.password";
    maildir = "~/Mail/home";
    folders = [ "INBOX", "Lists/*", "\\\\Sent" ];
  }
);
"""

# The user that the package makes, and mailmirror(1)'s way for it.
SYSTEM_USER = "mailmirror"
SYSTEM_STATE = "/var/lib/mailmirror/mailmirror"
SYSTEM_UNIT = "mailmirror@mailmirror.service"
SYSTEM_CREDENTIAL = """[Service]
LoadCredential=imap-password:/etc/mailmirror/%i.password
"""
SYSTEM_CONFIGURATION = CONFIGURATION.replace(
    'password_file = "~/.config/mailmirror/home.password"',
    'credential = "imap-password"').replace("~/Mail", SYSTEM_STATE + "/Mail")


def setUpModule():
    for user in USERS:
        run("useradd", "--create-home", "--shell", "/bin/bash", user)
        run("loginctl", "enable-linger", user)
        run("systemctl", "start", "user@%d.service" % uid(user))


def uid(user):
    return pwd.getpwnam(user).pw_uid


def shell(user, command, typed=""):
    """What somebody types, logged in as USER; what it prints."""
    done = subprocess.run(
        ("runuser", "-u", user, "--", "env", "-i", "HOME=/home/" + user,
         "PATH=/usr/bin:/bin", "LC_ALL=C.UTF-8",
         "XDG_RUNTIME_DIR=/run/user/%d" % uid(user), "bash", "-c", command),
        input=typed, cwd="/home/" + user, text=True, timeout=90,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if done.returncode != 0:
        raise AssertionError("%s: %s" % (command, done.stdout))
    return done.stdout


def write(path, text, mode=0o644):
    """What root writes, and the directory for it."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="ascii") as f:
        os.fchmod(f.fileno(), mode)
        f.write(text)


def install(package):
    """There is no network; what the package depends on is there."""
    run("env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-y",
        "--no-install-recommends", "install", package)


def programs():
    """The main process of whose service runs: {user: pid}."""
    found = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/comm" % pid, encoding="ascii") as f:
                name = f.read().strip()
            with open("/proc/%s/stat" % pid, encoding="ascii") as f:
                parent = f.read().rpartition(")")[2].split()[1]
            with open("/proc/%s/comm" % parent, encoding="ascii") as f:
                is_main = f.read().strip() == "systemd"
            if name == "mailmirror" and is_main:
                owner = os.stat("/proc/" + pid).st_uid
                found[pwd.getpwuid(owner).pw_name] = pid
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


class Package(case.Case):
    def setUp(self):
        super().setUp()
        self.server = self.dovecot()
        run("cp", self.server.authority, AUTHORITY)
        imap.fill(self.server, "INBOX", [
            (messages.make(n), messages.flags(n), messages.date(n))
            for n in range(5)])
        self.other = self.client(self.server)
        self.addCleanup(run, "userdel", SYSTEM_USER)
        self.addCleanup(run, "dpkg", "--purge", "mailmirror")

    def configure(self, user):
        shell(user, "mkdir -p ~/.config/mailmirror")
        shell(user, "cat >~/.config/mailmirror/mailmirror.conf",
              CONFIGURATION % (self.server.tls_port, AUTHORITY, dovecot.USER))
        shell(user, "(umask 077; cat >~/.config/mailmirror/home.password)",
              dovecot.PASSWORD + "\n")
        self.addCleanup(run, "rm", "-rf", "/home/%s/.config" % user,
                        "/home/%s/Mail" % user)

    def configure_system(self):
        """For the package's own user: what is its is not in its home."""
        drop_in = "/etc/systemd/system/%s.d/override.conf" % SYSTEM_UNIT
        self.addCleanup(run, "rm", "-rf", "/etc/mailmirror", SYSTEM_STATE,
                        os.path.dirname(drop_in))
        write("/etc/mailmirror/mailmirror.conf", SYSTEM_CONFIGURATION % (
            self.server.tls_port, AUTHORITY, dovecot.USER))
        write("/etc/mailmirror/mailmirror.password", dovecot.PASSWORD + "\n",
              0o600)
        write(drop_in, SYSTEM_CREDENTIAL)
        run("systemctl", "daemon-reload")

    def inbox(self, user):
        if user == SYSTEM_USER:
            return SYSTEM_STATE + "/Mail/home/INBOX"
        return "/home/%s/Mail/home/INBOX" % user

    def wait_mirrored(self, user):
        there = compare.server_mailbox(self.other, "INBOX")
        process.wait_until(
            lambda: compare.is_alike(there, self.inbox(user)),
            lambda: "%s's mirror; %s" % (user, run(
                "journalctl", "-n", "50", "--no-pager", check=False)))

    def start_both(self):
        """alice's service and bob's, at work; their processes."""
        install(DEB)
        self.configure("alice")
        self.configure("bob")
        shell("alice", "systemctl --user enable --now mailmirror")
        run("systemctl", "enable", "--now", "mailmirror@bob")
        self.wait_mirrored("alice")
        self.wait_mirrored("bob")
        running = programs()
        self.assertEqual(sorted(running), ["alice", "bob"])
        return running

    def test_the_newcomers_commands(self):
        """As README.md has them: apt, mkdir, two files, check, systemctl."""
        install(DEB)
        self.configure("alice")
        self.assertIn("INBOX", shell("alice", "mailmirror check"))
        shell("alice", "systemctl --user enable --now mailmirror")
        self.wait_mirrored("alice")
        imap.append(self.other, "INBOX", messages.make(99))
        self.wait_mirrored("alice")
        self.assertIn("active (running)",
                      shell("alice", "systemctl --user status mailmirror"))

    def test_the_packages_own_user_mirrors_for_the_system(self):
        install(DEB)
        entry = pwd.getpwnam(SYSTEM_USER)
        self.assertEqual((entry.pw_dir, entry.pw_shell),
                         ("/var/lib/mailmirror", "/usr/sbin/nologin"))
        self.assertLess(entry.pw_uid, 1000)
        self.configure_system()
        run("systemctl", "start", SYSTEM_UNIT)
        self.wait_mirrored(SYSTEM_USER)
        self.assertEqual(list(programs()), [SYSTEM_USER])
        imap.append(self.other, "INBOX", messages.make(99))
        self.wait_mirrored(SYSTEM_USER)
        self.assertIn("INBOX", run(
            "env", "RUNTIME_DIRECTORY=/run/mailmirror/mailmirror",
            "mailmirror", "status"))
        # as Debian has it: the user outlives the package, and so does mail
        run("dpkg", "--purge", "mailmirror")
        self.assertEqual(programs(), {})
        self.assertEqual(pwd.getpwnam(SYSTEM_USER), entry)
        self.assert_exact(self.other, "INBOX", self.inbox(SYSTEM_USER))
        install(DEB)
        self.assertEqual(pwd.getpwnam(SYSTEM_USER), entry)

    def test_installing_starts_nothing(self):
        self.configure("alice")
        install(DEB)
        self.assertEqual(programs(), {})
        for user in USERS:
            self.assertEqual(shell(
                user, "systemctl --user is-enabled mailmirror || true"),
                "disabled\n")
        self.assertEqual(run("systemctl", "is-enabled", "mailmirror@bob",
                             check=False), "disabled\n")

    def test_an_upgrade_restarts_what_runs_and_nothing_else(self):
        before = self.start_both()
        install(NEWER)
        after = programs()
        self.assertEqual(sorted(after), ["alice", "bob"])
        self.assertNotEqual(before["alice"], after["alice"])
        self.assertNotEqual(before["bob"], after["bob"])
        imap.append(self.other, "INBOX", messages.make(99))
        self.wait_mirrored("alice")
        self.wait_mirrored("bob")

    def test_an_upgrade_obeys_policy_rc_d(self):
        before = self.start_both()
        policy = "/usr/sbin/policy-rc.d"
        write(policy, "#!/bin/sh\nexit 101\n", 0o755)
        self.addCleanup(os.unlink, policy)
        install(NEWER)
        self.assertEqual(programs(), before)

    def test_a_removal_stops_it_and_a_purge_leaves_the_mail_alone(self):
        self.start_both()
        run("dpkg", "--remove", "mailmirror")
        self.assertEqual(programs(), {})
        self.assertTrue(os.listdir("/var/lib/mailmirror/bob"))
        # a Maildir of bob's, as near to the state as one can have it
        run("cp", "-a", self.inbox("bob"), "/var/lib/mailmirror/bob/INBOX")
        run("dpkg", "--purge", "mailmirror")
        self.assertEqual(os.listdir("/var/lib/mailmirror/bob"), ["INBOX"])
        run("rm", "-r", "/var/lib/mailmirror")
        for folder in (self.inbox("alice"), self.inbox("bob")):
            self.assert_exact(self.other, "INBOX", folder)
        self.assertFalse(os.path.lexists(
            "/etc/systemd/system/multi-user.target.wants/"
            "mailmirror@bob.service"))


if __name__ == "__main__":
    case.main()
