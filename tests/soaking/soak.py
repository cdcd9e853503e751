"""See tests/soak."""

import argparse
import os
import random
import shutil
import sys
import tempfile
import time

import report
import sampling
import test_random
import variants
import week
from lab import disk, mirror

EPOCH = 80  # operations
QUIET = 10  # seconds in which nothing happens


class Soak:
    """One run: a rest, a week, a rest."""

    def __init__(self, options, top):
        self.options = options
        rng = random.Random("%s/%s" % (options.variant, options.seed))
        self.run = week.Week(top, variants.VARIANTS[options.variant], rng,
                             options.log_level)
        self.sampler = None
        self.steps = []
        self.figures = {"epochs": 0, "operations": 0, "tampered": 0,
                        "log_level": options.log_level,
                        "is_sanitised": _is_sanitised(mirror.binary())}

    def rest(self, wanted=None):
        """Nothing happens: what it holds, its processor's share, its lines.

        WANTED: the descriptors that it should come back to.
        """
        run = self.run
        run.quiet()
        sampling.settle(run.daemon.pid, wanted)
        before = sampling.sample(run.daemon.pid)
        lines = len(run.daemon.lines)
        run.daemon.wait_until(
            lambda: time.monotonic() > before.at + QUIET, "time to pass")
        after = sampling.sample(run.daemon.pid)
        return (after, (after.cpu - before.cpu) / (after.at - before.at),
                len(run.daemon.lines) - lines)

    def live(self, seconds):
        """Epoch after epoch."""
        run, figures = self.run, self.figures
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            figures["epochs"] += 1
            self.steps = run.plan(EPOCH)
            run.epoch(self.steps)
            figures["operations"] += EPOCH
            figures["tampered"] += len(run.tampered)
            if self.options.verbose:
                print("epoch %d: %s" % (figures["epochs"], sampling.sample(
                    run.daemon.pid)), file=sys.stderr, flush=True)
        self.steps = []

    def go(self):
        run, figures = self.run, self.figures
        begin = time.monotonic()
        run.fill()
        run.start()
        first, _, _ = self.rest()
        run.become(week.LIVELY)
        self.sampler = sampling.Sampler(run.daemon)
        accepted, lines = run.line.accepted, len(run.daemon.lines)
        self.live(self.options.minutes * 60)
        self.sampler.stop()
        figures["lines"] = len(run.daemon.lines) - lines
        figures["connections"] = run.line.accepted - accepted
        last, figures["cpu"], figures["quiet_lines"] = self.rest(
            first.descriptors)
        run.finish()
        figures["seconds"] = time.monotonic() - begin
        figures["quiet"] = first, last
        self.judge()

    def judge(self):
        figures, samples = self.figures, self.sampler.samples
        figures["rss"] = self.sampler.thirds(lambda one: one.rss)
        figures["silence"] = self.sampler.longest_silence
        figures["most"] = (
            max(sum(one.descriptors.values()) for one in samples),
            max(one.threads for one in samples))
        figures["events"] = self.run.counts
        figures["disturbances"] = sum(self.run.counts.values())


def _is_sanitised(path):
    with open(path, "rb") as f:
        return b"__asan_init" in f.read()


def keep(soak, directory):
    """Its log, and the state as it is at the end."""
    shutil.copytree(os.path.join(soak.run.home, "state"),
                    os.path.join(directory, "state"), dirs_exist_ok=True)
    with open(os.path.join(directory, "soak.log"), "w",
              encoding="utf-8") as f:
        f.write("\n".join(soak.run.log) + "\n")


def soak_in(options, top):
    """The exit code."""
    soak = Soak(options, top)
    try:
        soak.go()
    except (AssertionError, OSError) as why:
        test_random.show_failure(
            soak.run, soak.figures["epochs"], soak.steps, why,
            "--variant %s --seed %s --minutes %s" % (
                options.variant, options.seed, options.minutes))
        return 1
    finally:
        soak.run.end(kills=True)
        if options.logs:
            keep(soak, options.logs)
        soak.run.close()
    found = report.rules(soak.figures)
    report.show(options, soak.figures, found)
    return 0 if all(rule.holds for rule in found) else 1


def main():
    parser = argparse.ArgumentParser(prog="tests/soak")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", default="1")
    parser.add_argument("--variant", choices=sorted(variants.VARIANTS),
                        default="dovecot_plugins")
    parser.add_argument("--logs")
    parser.add_argument("--log-level", default="info")
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    disk.unshare_mounts()
    directory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(
            prefix="mm-", dir=directory, ignore_cleanup_errors=True) as top:
        os.chmod(top, 0o755)
        return soak_in(options, top)


if __name__ == "__main__":
    sys.exit(main())
