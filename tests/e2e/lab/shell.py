"""A terminal in which somebody works."""

import re

from lab import screen

# It sets the window's title to the number of the command that it waits for:
# that is how the end of the one before is known.
PROMPT = r"\[\e[1m\]$ \[\e[0m\e]0;\#\a\]"


class Shell(screen.Screen):
    def __init__(self, environment, directory, **more):
        super().__init__(
            ("/usr/bin/env", "-C", directory, "bash", "--noprofile", "--norc",
             "-i"),
            {**environment, "TERM": "xterm-256color", "PS1": PROMPT,
             "HISTFILE": "", "INPUTRC": "/dev/null"}, **more)
        self.count = 1
        self._wait_prompt()

    def _wait_prompt(self):
        self.wait(lambda: self.screen.title == str(self.count), "prompt")

    def run(self, command):
        """Types a command and waits for its end."""
        self.begin(command)
        self._wait_prompt()

    def begin(self, command):
        """Types a command that goes on."""
        self.count += 1
        self.type(command.encode() + b"\n")

    def leave(self):
        """Ctrl-C for the command that goes on."""
        self.type(b"\x03")
        self._wait_prompt()

    def look(self, rows, pattern=""):
        """rows(screen) as soon as what is to be seen matches."""
        with self.changed:
            self.wait(lambda: re.search(pattern, "\n".join(
                line.rstrip() for line in self.screen.display)), pattern)
            return rows(self.screen)
