#!/usr/bin/python3
"""Power loss: the file systems as they are on their devices at many moments of
a run. What was not flushed is not there, and the next run is exact.

The Maildir and the state have a device each, so that what one of them claims
cannot be saved by the journal of the other. Needs root: they are mounted in a
mount namespace of the test.
"""

import collections
import os
import shutil
import signal
import subprocess

import faultline
import scenarios
from lab import case, disk, process

KINDS = faultline.CHANGES | faultline.SYNCS
NAMES = ("rename", "renameat", "renameat2", "unlink", "unlinkat", "linkat")
DEVICES = (("Mail", 16), ("state", 8))  # MiB

# The journal is written by fsync() alone, and it promises nothing about data:
# what the program does not ask for does not happen.
OPTIONS = "loop,data=writeback,noauto_da_alloc,commit=3000"

Point = collections.namedtuple("Point", "images number call path")


def setUpModule():
    disk.unshare_mounts()


def run(*command):
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)


def mount(images, place):
    for name, _ in DEVICES:
        path = os.path.join(place.disk, name)
        os.makedirs(path, exist_ok=True)
        run("mount", "-o", OPTIONS, os.path.join(images, name), path)


def unmount(place):
    for name, _ in DEVICES:
        run("umount", os.path.join(place.disk, name))


def make_devices(directory):
    os.makedirs(directory)
    for name, size in DEVICES:
        path = os.path.join(directory, name)
        with open(path, "wb") as f:
            f.truncate(size << 20)
        run("mkfs.ext4", "-q", "-F", "-b", "1024", "-m", "0",
            "-E", "root_owner=%d:%d" % (os.getuid(), os.getgid()), path)


def fill_devices(images, place, saved):
    """The mirror as it was, on its devices."""
    make_devices(images)
    mount(images, place)
    for name, _ in DEVICES:
        path = os.path.join(place.disk, name)
        os.rmdir(os.path.join(path, "lost+found"))
        if saved is not None:
            run("cp", "-a", os.path.join(saved, name) + "/.", path)
        run("sync", "-f", path)


def copy_devices(images, target):
    """As they are at this moment: nothing is flushed."""
    os.makedirs(target)
    for name, _ in DEVICES:
        run("cp", "--sparse=always", os.path.join(images, name), target)


def commit_journal(place):
    """All names are on the device, whether or not what they name is."""
    path = os.path.join(place.disk, "Mail", ".other")
    with open(path, "wb") as f:
        f.write(b"*")
        os.fsync(f.fileno())
    os.unlink(path)


class Machine:
    """A sync that stands still before each call that is of interest."""

    def __init__(self, place, images, target, every, commits):
        self.place = place
        self.images = images
        self.target = target
        self.every = every
        self.commits = commits
        self.others = 0
        self.points = []

    def run(self):
        """Up to its end; all the moments: [Point]."""
        line = self.place.line
        line.begin(KINDS, faultline.STOP, 1)
        # pylint: disable-next=consider-using-with
        child = subprocess.Popen(
            self.place.mirror.command("sync"), stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            env={**self.place.mirror.environment, **line.environment()},
            preexec_fn=process.die_with_parent)
        while True:
            _, status = os.waitpid(child.pid, os.WUNTRACED)
            if not os.WIFSTOPPED(status):
                break
            self._look()
            line.next(faultline.STOP)
            os.kill(child.pid, signal.SIGCONT)
        child.returncode = os.waitstatus_to_exitcode(status)
        with child.stderr:
            text = child.stderr.read()
        if child.returncode != 0:
            raise AssertionError(text.decode())
        return self.points

    def _look(self):
        call = self.place.line.calls()[-1]
        is_point = call.name in NAMES or "sync" in call.name
        if not is_point:
            self.others += 1
            is_point = self.others % self.every == 0
        if not is_point:
            return
        if self.commits:
            commit_journal(self.place)
        target = os.path.join(self.target, str(len(self.points)))
        copy_devices(self.images, target)
        self.points.append(Point(target, call.number, call.name, call.path))


def ahead(started, place):
    """Rows of messages that the server still has and the Maildir has not."""
    copied = os.path.join(place.top, "copied")
    shutil.copytree(place.state, copied)
    try:
        rows = (faultline.claims(copied)
                if os.path.exists(os.path.join(copied, "main.db")) else {})
    finally:
        shutil.rmtree(copied)
    have = {}
    for path in faultline.files(place.mail):
        folder = os.path.dirname(os.path.dirname(path))
        have.setdefault(folder, set()).add(faultline.uid_of(path))
    return ["the state database claims UID %d of %s" % (uid, folder)
            for folder, uids in rows.items() for uid in uids
            if uid in started.end["rows"].get(folder, ())
            and uid not in have.get(folder, ())]


def recover(started, place, point):
    """What was wrong after the power came back, in words."""
    mount(point.images, place)
    try:
        found = faultline.files(place.mail)
        problems = faultline.foreign(found, started.known)
        if started.scenario.name != "renamed":
            problems += ahead(started, place)
        return problems + started.run_again(place, started.missing(found))
    except AssertionError as why:
        return [str(why)]
    finally:
        unmount(place)
        shutil.rmtree(point.images)


class Power(scenarios.Swept, scenarios.Faults):
    def sweep(self, scenario, every=4, commits=False):
        started = self.begin(scenario)
        place = started.place("machine")
        self.addCleanup(place.close)
        images = os.path.join(place.top, "images")
        fill_devices(images, place, started.saved)
        try:
            points = Machine(place, images, os.path.join(place.top, "moments"),
                             every, commits).run()
        finally:
            unmount(place)
        visited, wrong = started.sweep(recover, points)
        print("%s: power lost at %d moments" % (scenario.name, visited),
              flush=True)
        self.assert_all_right(wrong, visited, 15)

    def test_the_first_run_with_all_names_on_the_disk(self):
        self.sweep(scenarios.First("-named"), commits=True)

    def test_changes_with_all_names_on_the_disk(self):
        self.sweep(scenarios.Changes("-named"), commits=True)


if __name__ == "__main__":
    case.main()
