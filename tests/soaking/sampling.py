"""What a process holds: memory, descriptors by kind, threads, processor time."""

import collections
import os
import statistics
import threading
import time

Sample = collections.namedtuple("Sample", "at rss descriptors threads cpu")

INTERVAL = 0.5
SETTLED = 3
_KINDS = {"socket:": "sockets", "pipe:": "pipes"}


def descriptors(pid):
    """How many are open: a Counter of kinds."""
    found = collections.Counter()
    top = "/proc/%d/fd" % pid
    for name in os.listdir(top):
        try:
            target = os.readlink(os.path.join(top, name))
        except FileNotFoundError:
            continue
        found[_kind(target)] += 1
    return found


def _kind(target):
    for start, kind in _KINDS.items():
        if target.startswith(start):
            return kind
    if target.startswith("anon_inode:"):
        return target[len("anon_inode:"):].strip("[]")
    if os.path.isdir(target):
        return "directories"
    return "files"


def cpu_seconds(pid):
    """Processor time so far, to the nanosecond: its clock, by clockid_t."""
    return time.clock_gettime((~pid << 3) | 2)


def sample(pid):
    values = {}
    with open("/proc/%d/status" % pid, encoding="utf-8") as f:
        for line in f:
            key, _, value = line.partition(":")
            values[key] = value
    return Sample(time.monotonic(), int(values["VmRSS"].split()[0]),
                  descriptors(pid), int(values["Threads"]), cpu_seconds(pid))


def settle(pid, wanted=None, patience=60):
    """Until its descriptors are WANTED, or did not change for a while."""
    end = time.monotonic() + patience
    last, since = None, 0.0
    while time.monotonic() < end:
        now = descriptors(pid)
        if now != last:
            last, since = now, time.monotonic()
        if now == wanted or (wanted is None
                             and time.monotonic() - since > SETTLED):
            return
        time.sleep(0.1)


class Sampler:
    """Samples a daemon until it is told to stop."""

    def __init__(self, daemon):
        self.daemon = daemon
        self.samples = []
        self.longest_silence = 0.0  # between two of WATCHDOG=1
        self.is_over = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        beats, since = 0, time.monotonic()
        while not self.is_over.wait(INTERVAL) and self.daemon.code is None:
            try:
                self.samples.append(sample(self.daemon.pid))
            except (FileNotFoundError, ProcessLookupError, KeyError, OSError):
                return  # it has just ended
            now = time.monotonic()
            seen = self.daemon.notes.count("WATCHDOG=1")
            if seen != beats:
                beats, since = seen, now
            self.longest_silence = max(self.longest_silence, now - since)

    def stop(self):
        self.is_over.set()
        self.thread.join()

    def thirds(self, value):
        """The medians of the first, middle and last third."""
        values = [value(one) for one in self.samples]
        size = max(1, len(values) // 3)
        return [statistics.median(part) for part in (
            values[:size], values[size:-size] or values, values[-size:])]
