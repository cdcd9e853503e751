"""What the workloads share: their sizes, places, and contenders in turn."""

import dataclasses
import os
import shutil
import subprocess
import sys

import contenders
from lab import dovecot, messages
from lab import client as imap

LETTERS = ("S", "", "RS", "FS", "S", "S", "DS", "")


@dataclasses.dataclass
class Scale:
    """How much of everything."""

    rounds: int = 3
    initial: int = 20_000
    unchanged: tuple = (1_000, 10_000, 100_000)
    changes_in: tuple = (10_000, 100_000)
    changes: tuple = (1_000, 1_000, 200)  # flags, expunges, new
    push: int = 100
    push_peer: int = 30
    burst: int = 2_000
    distance_initial: int = 2_000
    distance_unchanged: int = 10_000
    distance_push: int = 10
    idle: int = 1_000
    idle_seconds: float = 30
    large_message: int = 50_000_000
    mailbox: int = 100_000


QUICK = Scale(rounds=2, initial=400, unchanged=(100, 1_000),
              changes_in=(400, 2_000), changes=(50, 50, 20), push=10,
              push_peer=4, burst=100, distance_initial=200,
              distance_unchanged=500, distance_push=2, idle=50,
              idle_seconds=3, large_message=5_000_000, mailbox=5_000)
LARGE = Scale(idle=10_000, mailbox=1_000_000)


def say(text):
    print(text, file=sys.stderr, flush=True)


def settle():
    """What one contender left to write is not the next one's burden."""
    os.sync()


class Bench:
    """Where things are, how much of them, and the table to fill."""

    def __init__(self, top, disk, scale, table):
        self.top = top
        self.disk = disk
        self.scale = scale
        self.table = table
        self.count = 0

    def directory(self, name):
        """A new path for a contender, on the disk that is measured."""
        self.count += 1
        return os.path.join(self.disk, "%s-%d" % (
            name.replace(" ", "-"), self.count))

    def server(self, **more):
        """A private Dovecot, not started, with the mechanisms of a default one.

        Others need more round trips and CPU by their nature.
        """
        self.count += 1
        more.setdefault("mechanisms", "plain login")
        return dovecot.Dovecot(os.path.join(
            self.top, "server-%d" % self.count), **more)

    @staticmethod
    def make(directory):
        os.makedirs(directory)

    @staticmethod
    def remove(directory):
        shutil.rmtree(directory)


def here(*classes):
    """Those of the contenders that can be run; the others are named."""
    for missing in classes:
        if not missing.is_here():
            say("%s is not installed: left out" % missing.name)
    return [cls for cls in classes if cls.is_here()]


def in_turn(runs, rounds, once=()):
    """{name: [result]} of {name: function(round)}, one after the other.

    ONCE: the names of those that are slow, and run in the first round only. A
    peer that fails is left out from then on; that we fail is the end.
    """
    results = {name: [] for name in runs}
    failed = set()
    for round_ in range(rounds):
        for name, run in runs.items():
            if name in failed or (round_ and name in once):
                continue
            settle()
            try:
                results[name].append(run(round_))
            except contenders.Failed as failure:
                if name == contenders.Mailmirror.name:
                    raise
                say("%s is left out: %s" % (name, failure))
                failed.add(name)
                del results[name]
    return results


def demand_exact(contender, there):
    """After each run: what is wrong ends ours, and leaves a peer out."""
    faults = contender.faults(there)
    if faults:
        raise contenders.Failed("not what the server has:\n" +
                                "\n".join(faults[:20]))


def small(count, first=0):
    """Small messages with a body each, for APPEND: (message, flags, date)."""
    return ((messages.make(n, size=400), messages.flags(n * 3).replace(
        "\\Deleted", "").strip(), messages.date(n))
            for n in range(first, first + count))


def mixed(count):
    """(message, letters, seconds): sizes as in a mailbox of real mail."""
    sizes = (2000, 3500, 5000, 8000, 12_000, 60_000, 4000, 2500)
    for n in range(count):
        yield (messages.make(n, size=sizes[n % 8]), LETTERS[n % 8],
               1_500_000_000 + 977 * n)


def filled(bench, count):
    """A started Dovecot with small messages."""
    server = bench.server(location="mdbox:~/mdbox").start()
    say("filling a mailbox with %d messages" % count)
    imap.fill(server, "INBOX", small(count))
    return server


def cpu_of(pid):
    """CPU seconds of a process and of the children it waited for."""
    with open("/proc/%d/stat" % pid, encoding="ascii") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return sum(int(field) for field in fields[11:15]) / os.sysconf(
        "SC_CLK_TCK")


def status_of(pid, name):
    """A line of /proc/PID/status, in KiB."""
    with open("/proc/%d/status" % pid, encoding="ascii") as status:
        for line in status:
            if line.startswith(name + ":"):
                return int(line.split()[1])
    raise AssertionError("no " + name)


class Disk:
    """A file system with a journal and no other writers, where we may make one.

    A context manager: the path. Elsewhere than as root it is a plain directory.
    """

    def __init__(self, top, gigabytes):
        self.path = os.path.join(top, "disk")
        self.image = os.path.join(top, "disk.ext4")
        self.gigabytes = gigabytes
        self.is_mounted = False

    def __enter__(self):
        os.mkdir(self.path)
        if os.getuid() == 0:
            with open(self.image, "wb") as f:
                f.truncate(self.gigabytes << 30)
            self.is_mounted = self._run(
                "mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0",
                "-i", "8192", self.image) and self._run(
                    "mount", "-o", "loop", self.image, self.path)
        if not self.is_mounted:
            say("no file system of our own: figures with fsync are those of "
                + self.path)
        os.chmod(self.path, 0o755)
        return self.path

    @staticmethod
    def _run(*command):
        return subprocess.run(command, stdin=subprocess.DEVNULL,
                              check=False).returncode == 0

    def __exit__(self, *_):
        if self.is_mounted and not self._run("umount", self.path):
            self._run("umount", "--lazy", self.path)
