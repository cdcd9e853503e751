"""When did a file become visible? inotify through the C library."""

import ctypes
import os
import struct
import time

_IN_MOVED_TO, _IN_CREATE = 0x80, 0x100
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
