"""A small file system that can be full. Needs root."""

import ctypes
import os
import subprocess

_CLONE_NEWNS = 0x00020000
_CHUNK = 1 << 16


def unshare_mounts():
    """What this process mounts from now on ends with it, unseen by others."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWNS) != 0:
        raise OSError(ctypes.get_errno(), "unshare: run this as root")
    subprocess.run(("mount", "--make-rprivate", "/"), check=True)


class Disk:
    """A file system of a few megabytes, at PATH."""

    def __init__(self, path, megabytes):
        self.path = path
        self.ballast = path + "/ballast"
        self.is_filled = False
        os.makedirs(path)
        subprocess.run(("mount", "-t", "tmpfs", "-o", "size=%dm,mode=700" %
                        megabytes, "tmpfs", path), check=True)

    def enlarge(self, megabytes=100):
        subprocess.run(("mount", "-o", "remount,size=%dm" % megabytes,
                        self.path), check=True)

    def fill(self, room):
        """Leaves ROOM bytes, or less if somebody takes them meanwhile."""
        with open(self.ballast, "ab", buffering=0) as f:
            info = os.statvfs(self.path)
            left = info.f_bavail * info.f_frsize - room
            self.is_filled = True
            while left > 0:
                try:
                    left -= f.write(b"x" * min(left, _CHUNK))
                except OSError:
                    return

    def free(self):
        if self.is_filled:
            self.is_filled = False
            os.unlink(self.ballast)

    def close(self):
        subprocess.run(("umount", "-l", self.path), check=True)
