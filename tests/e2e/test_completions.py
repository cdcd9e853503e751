#!/usr/bin/python3
"""What the Tab key offers in bash, zsh and fish, as it is installed.

All that is offered comes from one program, `complete`; its own tests are in
Complete, and each shell has to hand on what that says.
"""

import os
import pty
import re
import select
import shutil
import signal
import subprocess
import tempfile
import unittest

from lab import case, mirror, process

CONFIGURATION = """\
# name = "commented";
accounts = (
  { name = "work"; host = "imap.example.org"; user = "name"; },
  {
    name : "home-2"; maildir = "name";
  }
);
"""

BASH = """\
source "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
_mailmirror
printf '%s\\n' "${COMPREPLY[@]}"
"""


class Installed(unittest.TestCase):
    """The release build, installed once into a directory of its own."""

    @classmethod
    def setUpClass(cls):
        cls.top = tempfile.mkdtemp(prefix="mm-")
        cls.addClassCleanup(shutil.rmtree, cls.top)
        build = os.path.dirname(os.path.dirname(mirror.binary(release=True)))
        subprocess.run(("cmake", "--install", build, "--prefix", cls.top),
                       check=True, stdout=subprocess.DEVNULL)
        config = os.path.join(cls.top, ".config", "mailmirror")
        os.makedirs(config)
        with open(os.path.join(config, "mailmirror.conf"), "w",
                  encoding="ascii") as f:
            f.write(CONFIGURATION)
        cls.environment = {
            "HOME": cls.top, "LC_ALL": "C.UTF-8", "TERM": "dumb",
            "PATH": os.path.join(cls.top, "bin") + ":/usr/bin:/bin"}

    def path(self, *names):
        return os.path.join(self.top, *names)

    def run_in(self, *command):
        done = subprocess.run(command, env=self.environment, cwd=self.top,
                              stdin=subprocess.DEVNULL, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              check=False, timeout=process.PATIENCE)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout.splitlines()


class Complete(Installed):
    def candidates(self, *words):
        """{candidate: what it is}"""
        return dict(line.partition("\t")[::2] for line in self.run_in(
            self.path("libexec/mailmirror/complete"), "mailmirror", *words))

    def offered(self, *words):
        return sorted(self.candidates(*words))

    def help(self):
        return "\n".join(self.run_in("mailmirror", "--help"))

    def test_every_command_is_offered_with_its_description(self):
        offered = self.candidates("")
        # a command is refused by name, unless the program knows it
        for name in ("run", "sync", "check", "status", "sync-now", "pause",
                     "resume", "reload", "imap"):
            self.assertIn(name, offered)
        for name, description in offered.items():
            self.assertRegex(description, "[a-z]", name)
            self.assertNotIn("unknown command", subprocess.run(
                ("mailmirror", name, "--json", "--offline"), text=True,
                stderr=subprocess.PIPE, env=self.environment,
                check=False).stderr)

    def test_every_option_that_the_help_has_is_offered_to_some_command(self):
        offered = set()
        for name in self.offered(""):
            offered |= set(self.offered(name, "-"))
        self.assertEqual(offered, set(re.findall("--[a-z][a-z-]*",
                                                 self.help())))

    def test_a_commands_options_are_its_own_and_everybodys(self):
        everybodys = self.offered("run", "-")
        self.assertIn("--config", everybodys)
        self.assertEqual(
            set(self.offered("sync", "--")) - set(everybodys),
            {"--accept-deletes"})
        self.assertEqual(
            set(self.offered("status", "-")) - set(everybodys),
            {"--json", "--follow", "--prometheus"})

    def test_accounts_are_those_of_the_configuration_file(self):
        for command in ("sync", "check", "sync-now", "pause", "imap"):
            self.assertEqual(self.offered(command, ""), ["home-2", "work"])

    def test_a_second_account_is_offered_where_it_may_stand(self):
        self.assertEqual(self.offered("pause", "work", ""),
                         ["home-2", "work"])
        self.assertEqual(self.offered("reload", ""), [])

    def test_another_configuration_file_has_other_accounts(self):
        other = self.path("other.conf")
        with open(other, "w", encoding="ascii") as f:
            f.write('accounts = ( { name = "third"; } );\n')
        for option in (("-c", other), ("--config", other),
                       ("--config=" + other,), ("-c", "~/other.conf")):
            self.assertEqual(self.offered("sync", *option, ""), ["third"])
            self.assertEqual(self.offered(*option, "sync", ""), ["third"])

    def test_an_option_with_an_argument_offers_what_that_may_be(self):
        self.assertEqual(self.offered("sync", "--config", ""), ["@files"])
        self.assertEqual(self.offered("imap", "--password-file", ""),
                         ["@files"])
        self.assertEqual(self.offered("imap", "--tls", ""),
                         ["implicit", "none", "starttls"])

    def test_the_argument_of_an_option_is_no_command(self):
        self.assertIn("sync", self.offered("-c", "check", ""))


class Bash(Installed):
    def complete(self, *words):
        return self.run_in(
            "bash", "--norc", "-c", BASH, "bash", self.path(
                "share/bash-completion/completions/mailmirror"),
            "mailmirror", *words)

    def test_a_command(self):
        self.assertEqual(self.complete("sy"), ["sync", "sync-now"])

    def test_an_option(self):
        self.assertEqual(self.complete("check", "--off"), ["--offline"])

    def test_an_account(self):
        self.assertEqual(self.complete("sync", "h"), ["home-2"])

    def test_a_file(self):
        self.assertEqual(self.complete("-c", self.path("libex")),
                         [self.path("libexec")])


class Zsh(Installed):
    """zsh completes at a terminal alone."""

    def complete(self, typed):
        """What stands in the line after Tab."""
        child, terminal = pty.fork()
        if child == 0:
            os.chdir(self.top)
            os.execve("/usr/bin/zsh", ("zsh", "-f", "-i"),
                      {**self.environment, "PS1": "first> "})
        self.addCleanup(os.close, terminal)
        self.addCleanup(os.waitpid, child, 0)
        self.addCleanup(os.kill, child, signal.SIGKILL)
        self.expect(terminal, "first> ")
        os.write(terminal, (
            "PS1='ready''> '; fpath=(%s $fpath); autoload compinit;"
            " compinit -u -D; bindkey '^I' complete-word\n" % self.path(
                "share/zsh/site-functions")).encode())
        self.expect(terminal, "ready> ")
        os.write(terminal, typed.encode() + b"\t\x01print -r -- 'got'' \x05'\n")
        said = self.expect(terminal, "got .*\n")
        return re.search("got (.*)\r", said).group(1).strip()

    def expect(self, terminal, pattern):
        text = ""
        while not re.search(pattern, text):
            ready, _, _ = select.select([terminal], [], [], process.PATIENCE)
            self.assertTrue(ready, "no %r in %r" % (pattern, text))
            text += os.read(terminal, 4096).decode("utf-8", "replace")
        return text

    def test_the_file_is_well_formed(self):
        self.run_in("zsh", "-n", self.path(
            "share/zsh/site-functions/_mailmirror"))

    def test_a_command_an_option_and_an_account(self):
        self.assertEqual(self.complete("mailmirror che"), "mailmirror check")
        self.assertEqual(self.complete("mailmirror check --off"),
                         "mailmirror check --offline")
        self.assertEqual(self.complete("mailmirror sync h"),
                         "mailmirror sync home-2")


class Fish(Installed):
    def complete(self, typed):
        """The candidates, each with what it is."""
        script = self.path("share/fish/vendor_completions.d/mailmirror.fish")
        return self.run_in("fish", "--no-config", "-c",
                           "source %s; complete -C '%s'" % (script, typed))

    def test_the_file_is_well_formed(self):
        self.run_in("fish", "--no-execute", self.path(
            "share/fish/vendor_completions.d/mailmirror.fish"))

    def test_a_command_an_option_and_an_account(self):
        self.assertEqual(
            [line.split("\t")[0] for line in self.complete("mailmirror sy")],
            ["sync", "sync-now"])
        self.assertEqual(self.complete("mailmirror check --off"),
                         ["--offline\tcheck the configuration only"])
        self.assertEqual(self.complete("mailmirror sync h"),
                         ["home-2\taccount"])


def load_tests(loader, *_):
    return unittest.TestSuite(loader.loadTestsFromTestCase(case_)
                              for case_ in (Complete, Bash, Zsh, Fish))


if __name__ == "__main__":
    case.main()
