#!/usr/bin/python3
"""Random changes on a server while `mailmirror run` mirrors it: at rest the
mirror is exactly equal.

    test_random.py VARIANT [--seed N] [--operations N] [--logs DIRECTORY]

A seed makes the same operations in the same order, in epochs: some one by one
and some in bursts, some while the daemon is down, killed, cut off, or behind a
deaf line. After each epoch everything is compared. A failure says what was done
and how to do it again. Defaults are MAILMIRROR_SEED (1; "any": a new one) and
MAILMIRROR_OPERATIONS (2000), MAILMIRROR_PATIENCE (60 seconds, until "not at
rest"). MAILMIRROR_TAMPERS=1: files are also removed, flagged and read here, to
be put back; what is chosen depends on the moment.
"""

import argparse
import collections
import os
import random
import shutil
import signal
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "e2e"))

# pylint: disable=wrong-import-position
import atrest
import operations
import variants
from lab import client as imap
from lab import mirror, relay

PATIENCE = float(os.environ.get("MAILMIRROR_PATIENCE", "60"))
EPOCH = 80  # operations
TAMPERS = os.environ.get("MAILMIRROR_TAMPERS", "0") == "1"
# What happens before some operations, and how often.
EVENTS = {"": 52, "cut": 12, "deaf": 6, "away": 8, "terminate": 8, "kill": 14}

Step = collections.namedtuple("Step", "event returns at_once operations")


def plan(rng, model, count, events=None):
    """The next epoch: COUNT operations in steps."""
    events = events or EVENTS
    steps = []
    while count > 0:
        size = min(count, rng.choice((1, 3, 10, 30, 60)))
        steps.append(Step(
            event=rng.choices(tuple(events), events.values())[0],
            # is daemon or line back after the step, or at the epoch's end?
            returns=rng.random() < 0.6,
            at_once=rng.random() < 0.6,
            operations=[model.operation() for _ in range(size)]))
        count -= size
    return steps


def told(steps):
    """An epoch in words."""
    lines = []
    for step in steps:
        lines.append("[%s%s%s]" % (
            step.event or "-", "" if step.event in ("", "cut") else
            ", until the step's end" if step.returns else
            ", until another or the epoch's end",
            ", in one burst" if step.at_once else ""))
        lines += ["  " + operation.text for operation in step.operations]
    return "\n".join(lines)


class Run:
    """One variant's server, line, mirror and client."""

    tampers = TAMPERS
    most_folders = operations.MOST_FOLDERS

    def __init__(self, top, variant, rng, log_level, home=None):
        self.rng = rng
        self.home = home or top  # where the mirror has all it has
        self.model = operations.Model(rng, variant.dialect,
                                      self.most_folders)
        self.server = variant.make(os.path.join(top, "server")).start()
        self.line = relay.Relay(self.server.port)
        self.mirrored = mirror.Mirror(self.home, [self.account()],
                                      log_level=log_level)
        os.mkdir(os.path.join(self.home, "Mail"), 0o700)
        self.tree = atrest.Tree(os.path.join(self.home, "Mail"), self.model,
                                "localhost")
        self.writer = imap.Bare(self.server.port).login()
        self.daemon = None
        self.log = []  # of daemons that have ended
        self.chance = random.Random()
        self.chance.setstate(rng.getstate())
        self.tampered = []  # in this epoch

    def account(self, **more):
        """The account's settings."""
        settings = {"tls": "none", "port": self.line.port, "folders": ["*"],
                    "poll_interval": "1s", "delete_guard": "off",
                    # a server that hangs is noticed within the patience
                    "timeout": "20s", **more}
        return mirror.account(self.server, os.path.join(self.home, "Mail"),
                              **settings)

    # ---- daemon and line ----

    def start(self):
        self.daemon = self.mirrored.start()

    def end(self, kills):
        """Takes the daemon away, which must have been alive and well."""
        daemon = self.daemon
        if daemon is None:
            return
        self.daemon = None
        is_ready = "READY=1" in daemon.notes
        if kills:
            daemon.kill()
        code = daemon.stop()
        self.log += daemon.lines
        expected = [-signal.SIGKILL] if kills else [0]
        if not kills and not is_ready:
            expected.append(-signal.SIGTERM)
        if code not in expected:
            raise AssertionError("it ended with %d" % code)

    def happen(self, event):
        if event == "cut":
            self.line.cut()
        elif event == "deaf":
            self.line.freeze()
        elif event == "away":
            self.line.go_down()
        elif event:
            self.end(event == "kill")

    def restore(self):
        """Daemon and line are there again."""
        was_down = self.line.is_down
        self.line.thaw()
        self.line.come_up()
        if self.daemon is None:
            self.start()
        elif was_down:
            # What the kernel would tell it of a real line.
            self.daemon.wait_note("^READY=1$")
            if self.daemon.code is not None:
                raise AssertionError("it ended with %d" % self.daemon.code)
            self.daemon.signal(signal.SIGUSR1)

    # ---- a reader that thinks the mail is its own ----

    def tamper(self):
        """Removes a message's file, flags it, or reads it."""
        path = self.tree.any_file(self.chance)
        if path is None:
            return
        how = self.chance.choice(("remove", "flag", "read"))
        self.tampered.append("%s %s" % (how, path))
        try:
            if how == "remove":
                os.unlink(path)
                return
            base, name = os.path.split(path)
            name, _, letters = name.partition(":2,")
            if how == "flag":
                letters = "".join(sorted(set(letters) ^ set("FS")))
            os.rename(path, os.path.join(os.path.dirname(base), "cur",
                                         name + ":2," + letters))
        except FileNotFoundError:
            pass  # the mirror was faster

    # ---- epochs ----

    def epoch(self, steps):
        self.tampered = []
        for step in steps:
            if self.tampers and self.chance.random() < 0.5:
                self.tamper()
            self.happen(step.event)
            operations.perform(self.writer, step.operations, step.at_once)
            if step.returns:
                self.restore()
        self.restore()
        self.come_to_rest()

    def come_to_rest(self, every=False):
        # A session that knew a name keeps some of what had it before.
        client = imap.connect(self.server)
        try:
            self.tree.read_server(client, every)
        finally:
            client.shutdown()
        self.tree.wait(self.daemon, PATIENCE)
        self.tree.rest()

    def finish(self):
        """All is read again, and holds when the daemon has ended."""
        self.come_to_rest(every=True)
        self.end(kills=False)
        wrong = self.tree.problems()
        if wrong:
            raise AssertionError("after its end: %s" % wrong[:20])

    def close(self):
        if self.daemon is not None:
            self.daemon.kill()
            self.daemon.stop()
            self.log += self.daemon.lines
        self.writer.close()
        self.line.close()
        self.server.stop()


def show_failure(run, number, steps, why, repeat):
    print("\nFAILED in epoch %d: %s" % (number, why))
    print("repeat: %s %s" % (sys.argv[0], repeat))
    print("\nits operations:\n" + told(steps))
    print("\ntampered with:\n" + "\n".join(run.tampered) if run.tampered
          else "")
    try:
        wrong = run.tree.problems()
    except (KeyError, OSError) as error:
        wrong = [repr(error)]
    print("\n%d differences:" % len(wrong))
    print("\n".join(wrong[:40]))
    lines = run.log + (run.daemon.lines if run.daemon else [])
    print("\nthe log's end:\n" + "\n".join(lines[-60:]))
    sys.stdout.flush()


def go(options, top):
    """True if all went well."""
    rng = random.Random("%s/%s" % (options.variant, options.seed))
    run = Run(top, variants.VARIANTS[options.variant], rng,
              options.log_level)
    begin = time.monotonic()
    done, number, steps = 0, 0, []
    try:
        run.start()
        run.come_to_rest()
        while done < options.operations:
            number += 1
            count = min(EPOCH, options.operations - done)
            steps = plan(rng, run.model, count)
            run.epoch(steps)
            done += count
            if options.verbose:
                print("epoch %d at rest after %.1f s" % (
                    number, time.monotonic() - begin), flush=True)
        steps = []
        run.finish()
    except (AssertionError, OSError) as why:
        show_failure(run, number, steps, why, "%s --seed %s --operations %d" %
                     (options.variant, options.seed, options.operations))
        return False
    finally:
        run.close()
        if options.logs:
            keep(run, options, top)
    print("%s: %d operations in %d epochs, seed %s, %.1f s: exactly equal" % (
        options.variant, done, number, options.seed,
        time.monotonic() - begin))
    return True


def keep(run, options, top):
    os.makedirs(options.logs, exist_ok=True)
    stem = os.path.join(options.logs, "%s-%s" % (
        options.variant, options.seed))
    with open(stem + ".log", "w", encoding="utf-8") as f:
        f.write("\n".join(run.log) + "\n")
    shutil.rmtree(stem, ignore_errors=True)
    shutil.copytree(os.path.join(top, "Mail"), stem, symlinks=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("variant", choices=sorted(variants.VARIANTS))
    parser.add_argument("--seed", default=os.environ.get(
        "MAILMIRROR_SEED", "1"))
    parser.add_argument("--operations", type=int, default=int(os.environ.get(
        "MAILMIRROR_OPERATIONS", "2000")))
    parser.add_argument("--logs")
    parser.add_argument("--log-level", default="debug")
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    if options.seed == "any":
        options.seed = str(random.SystemRandom().randrange(1 << 32))
    # mail that is written and thrown away has no business on a disk
    directory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(
            prefix="mm-", dir=directory, ignore_cleanup_errors=True) as top:
        os.chmod(top, 0o755)
        return 0 if go(options, top) else 1


if __name__ == "__main__":
    sys.exit(main())
