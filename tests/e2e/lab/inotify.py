"""When did a file become visible, or anything change? inotify through the C
library.
"""

import ctypes
import os
import select
import struct
import time

_IN_MOVED_TO, _IN_CREATE = 0x80, 0x100
# written and closed, moved, created, deleted
_ANYTHING = 0x8 | 0x40 | _IN_MOVED_TO | _IN_CREATE | 0x200
_libc = ctypes.CDLL(None, use_errno=True)


class Watch:
    """Arrivals in some directories, in order, with their times."""

    def __init__(self, *directories):
        self.descriptor = _libc.inotify_init1(os.O_CLOEXEC)
        if self.descriptor < 0:
            raise OSError(ctypes.get_errno(), "inotify_init1")
        for directory in directories:
            if _libc.inotify_add_watch(self.descriptor,
                                       os.fsencode(directory),
                                       _IN_MOVED_TO | _IN_CREATE) < 0:
                raise OSError(ctypes.get_errno(), "inotify_add_watch")
        self.ready = []

    def next(self):
        """Blocks for the next arrival: (monotonic time, name)."""
        while not self.ready:
            data = os.read(self.descriptor, 65536)
            now = time.monotonic()
            at = 0
            while at < len(data):
                length = struct.unpack_from("iIII", data, at)[3]
                name = data[at + 16:at + 16 + length].rstrip(b"\0")
                self.ready.append((now, os.fsdecode(name)))
                at += 16 + length
        return self.ready.pop(0)

    def close(self):
        os.close(self.descriptor)


class Tree:
    """Whatever happens to names in a tree of directories."""

    def __init__(self, top):
        self.top = top
        self.descriptor = _libc.inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK)
        if self.descriptor < 0:
            raise OSError(ctypes.get_errno(), "inotify_init1")

    def refresh(self):
        """Watches every directory that is there now.

        What came into a new one before that is seen by who looks after it.
        """
        for directory, _, _ in os.walk(self.top):
            _libc.inotify_add_watch(
                self.descriptor, os.fsencode(directory), _ANYTHING)

    def wait(self, timeout):
        """Until something happened since the last call, or time is up."""
        if not select.select([self.descriptor], [], [], timeout)[0]:
            return False
        try:
            while os.read(self.descriptor, 1 << 16):
                pass
        except BlockingIOError:
            pass
        return True

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self.descriptor)
