"""A program in a terminal, and what a person would see there."""

import fcntl
import os
import pty
import signal
import struct
import termios
import threading

import pyte

from lab import process


class Screen:
    """Runs the command in a new pseudo-terminal, as its foreground job.

    echoes: what is typed is shown, also ^C, which the kernel may write before
    what the program has to say of it or after.
    """

    def __init__(self, command, environment, columns=80, lines=24,
                 echoes=True):
        self.changed = threading.Condition()
        self.screen = pyte.HistoryScreen(columns, lines, history=100000)
        self.stream = pyte.ByteStream(self.screen)
        self.raw = b""
        self.code = None
        self.lines = lines
        self.columns = columns
        self.pid, self.master = pty.fork()
        if self.pid == 0:
            process.die_with_parent()
            self._set_size(0)
            if not echoes:
                self._be_silent(0)
            os.execve(command[0], command, environment)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _set_size(self, fd):
        fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack(
            "HHHH", self.lines, self.columns, 0, 0))

    @staticmethod
    def _be_silent(fd):
        settings = termios.tcgetattr(fd)
        settings[3] &= ~termios.ECHO
        termios.tcsetattr(fd, termios.TCSANOW, settings)

    def _read(self):
        while True:
            try:
                data = os.read(self.master, 65536)
            except OSError:
                data = b""
            with self.changed:
                if data:
                    self.raw += data
                    self.stream.feed(data)
                else:
                    self.code = os.waitstatus_to_exitcode(
                        os.waitpid(self.pid, 0)[1])
                self.changed.notify_all()
                if not data:
                    return

    def text(self):
        """All lines, also those that have gone up, without what is blank."""
        with self.changed:
            above = ["".join(line[column].data
                             for column in range(self.screen.columns))
                     for line in self.screen.history.top]
            lines = above + list(self.screen.display)
        return "\n".join(line.rstrip() for line in lines).rstrip()

    def wait(self, condition, what):
        """Until condition(), which is looked at whenever it was written to."""
        with self.changed:
            if not self.changed.wait_for(condition, process.PATIENCE):
                raise AssertionError("no %s on:\n%s" % (what, self.text()))

    def wait_text(self, part):
        self.wait(lambda: part in self.text(), part)

    def type(self, data):
        os.write(self.master, data)

    def resize(self, columns, lines):
        """As a window does it; the text is cut and not wrapped."""
        with self.changed:
            self.columns, self.lines = columns, lines
            self.screen.resize(lines, columns)
            self._set_size(self.master)

    def end(self):
        """Its exit code, once it has ended and all was shown."""
        self.wait(lambda: self.code is not None, "end")
        return self.code

    def close(self):
        if self.code is None:
            os.kill(self.pid, signal.SIGKILL)
        self.reader.join(process.PATIENCE)
        os.close(self.master)
