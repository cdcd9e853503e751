"""Where bytes are in the memory of running processes. (Root.)"""

import collections
import os

from lab import process

Copy = collections.namedtuple("Copy", "pid address needle around flags")


def family(pid):
    """A process and all that descend from it."""
    found = [pid]
    for parent in found:
        try:
            for task in os.listdir("/proc/%d/task" % parent):
                with open("/proc/%d/task/%s/children" % (parent, task),
                          encoding="ascii") as f:
                    found += [int(word) for word in f.read().split()]
        except OSError:
            continue  # it has ended
    return found


def _areas(pid):
    """What it can write to: [(begin, end, the kernel's flags)]."""
    areas = []
    with open("/proc/%d/smaps" % pid, encoding="utf-8") as smaps:
        for line in smaps:
            words = line.split()
            if "-" in words[0] and not words[0].endswith(":"):
                begin, end = (int(n, 16) for n in words[0].split("-"))
                is_writable = "w" in words[1]
            elif words[0] == "VmFlags:" and is_writable:
                areas.append((begin, end, words[1:]))
    return areas


def copies(pid, needles):
    """Every place in the process's own memory that holds one of the needles."""
    found = []
    with open("/proc/%d/mem" % pid, "rb", buffering=0) as memory:
        for begin, end, flags in _areas(pid):
            try:
                memory.seek(begin)
                data = memory.read(end - begin)
            except OSError:
                continue  # unmapped since, or the kernel's own
            for needle in needles:
                at = data.find(needle)
                while at >= 0:
                    found.append(Copy(
                        pid, begin + at, needle,
                        data[max(0, at - 32):at + len(needle) + 32], flags))
                    at = data.find(needle, at + 1)
    return found


def family_copies(pid, needles):
    """The same of a process and its descendants."""
    return [copy for member in family(pid)
            for copy in _copies_if_alive(member, needles)]


def _copies_if_alive(pid, needles):
    try:
        return copies(pid, needles)
    except OSError:
        return []


def wait_for_copies(pid, needles, count):
    """Until a family that comes to rest holds so many; these."""
    found = []

    def is_so():
        found[:] = family_copies(pid, needles)
        return len(found) == count
    process.wait_until(
        is_so, lambda: "%d copies, there are %r" % (count, found), 20)
    return found
