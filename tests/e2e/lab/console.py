"""`mailmirror imap --json`: asks it lines, reads what it prints."""

import json
import os
import queue
import subprocess
import threading

from lab import mirror, process


class Console:
    """A session of lines. Use as a context manager, which ends it."""

    def __init__(self, mirrored, *arguments):
        command = ([mirrored.binary, "imap", "--json", *arguments]
                   if "--host" in arguments else
                   mirrored.command("imap", "--json", *arguments))
        self.code = None
        self.errors = []
        self.answers = queue.Queue()
        self.child = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, env=mirrored.environment,
            preexec_fn=process.die_with_parent)
        for target in (self._read_answers, self._read_errors):
            threading.Thread(target=target, daemon=True).start()

    def _read_answers(self):
        with self.child.stdout as pipe:
            for line in pipe:
                self.answers.put(json.loads(line))
        self.answers.put(None)

    def _read_errors(self):
        with self.child.stderr as pipe:
            for line in pipe:
                self.errors.append(line.decode("utf-8", "replace"))

    def say(self, line):
        """Sends a line (str or bytes) and waits for nothing."""
        data = line if isinstance(line, bytes) else line.encode()
        self.child.stdin.write(data + b"\n")
        self.child.stdin.flush()

    def next(self):
        """The next thing that it prints."""
        try:
            answer = self.answers.get(timeout=process.PATIENCE)
        except queue.Empty:
            answer = None
        if answer is None:
            raise AssertionError("it prints no more: " + "".join(self.errors))
        return answer

    def ask(self, line):
        """Sends a line; its result."""
        self.say(line)
        return self.next()

    def ok(self, line):
        """Sends a line, which must be OK; its untagged responses."""
        answer = self.ask(line)
        if answer["type"] != "OK":
            raise AssertionError("%s: %r" % (line, answer))
        return answer["untagged"]

    def end(self):
        """Closes its input; the exit code."""
        if self.code is None:
            try:
                self.child.stdin.close()
            except OSError:
                pass
            try:
                self.code = self.child.wait(process.PATIENCE)
            finally:
                self.child.kill()
        return self.code

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()


def once(mirrored, *arguments):
    """One command; the exit code and what is printed, a list."""
    result = mirror.execute(
        [mirrored.binary, "imap", "--json", *arguments]
        if "--host" in arguments else
        mirrored.command("imap", "--json", *arguments),
        300, mirrored.environment)
    return result, [json.loads(line) for line in result.out.splitlines()]


def data(untagged, name):
    """The data of each response of that name."""
    return [one["data"] for one in untagged if one["name"] == name]


def owned(path, text):
    """A file of the test, for @FILE; its path."""
    with open(path, "wb") as f:
        f.write(text)
    os.chmod(path, 0o600)
    return path
