#!/usr/bin/python3
"""The measurements of tests/bench/run: runs workloads, prints their table."""

import argparse
import importlib
import os
import resource
import shutil
import signal
import sys
import tempfile
import traceback

from common import LARGE, QUICK, Bench, Disk, Scale, say
from contenders import Failed
from table import Table

WORKLOADS = ("initial", "unchanged", "changes", "push", "burst", "distance",
             "idle", "memory")
DESCRIPTORS = 65536


def parse_arguments():
    parser = argparse.ArgumentParser(prog="tests/bench/run")
    parser.add_argument("workloads", nargs="*", metavar="WORKLOAD",
                        help="of %s; all without one" % ", ".join(WORKLOADS))
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_true",
                      help="small sizes: shows that it works, no figures")
    size.add_argument("--large", action="store_true",
                      help="10,000 idle folders, a mailbox of 1,000,000")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--messages", type=int,
                        help="of the initial copy")
    parser.add_argument("--dir", help="where the Maildirs are made, instead "
                        "of on a file system made for it")
    arguments = parser.parse_args()
    for name in arguments.workloads:
        if name not in WORKLOADS:
            parser.error("there is no workload %r" % name)
    return arguments


def scale_of(arguments):
    scale = QUICK if arguments.quick else LARGE if arguments.large else Scale()
    scale.rounds = arguments.rounds or scale.rounds
    scale.initial = arguments.messages or scale.initial
    return scale


def measure(arguments, top, disk):
    table = Table(say)
    bench = Bench(top, disk, scale_of(arguments), table)
    try:
        for name in arguments.workloads or WORKLOADS:
            say("== " + name)
            try:
                importlib.import_module("bench_" + name).run(bench)
            except (Failed, AssertionError):
                traceback.print_exc()
                table.failed(name)
    finally:
        print(table.text(), flush=True)
    return table


def raise_limit():
    """Room for thousands of descriptors in whom we start, where we may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, max(hard,
                                                              DESCRIPTORS)))
    except ValueError:
        say("at most %d descriptors a process" % hard)


def main():
    arguments = parse_arguments()
    raise_limit()
    # What was mounted and started has to be undone.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: sys.exit(1))
    top = tempfile.mkdtemp(prefix="mailmirror-bench-", dir="/var/tmp")
    os.chmod(top, 0o755)
    try:
        if arguments.dir:
            disk = tempfile.mkdtemp(prefix="mailmirror-bench-",
                                    dir=arguments.dir)
            os.chmod(disk, 0o755)
            try:
                table = measure(arguments, top, disk)
            finally:
                shutil.rmtree(disk, ignore_errors=True)
        else:
            with Disk(top, 24 if arguments.large else 8) as disk:
                table = measure(arguments, top, disk)
    finally:
        shutil.rmtree(top, ignore_errors=True)
    sys.exit(0 if table.is_met or arguments.quick else 1)


if __name__ == "__main__":
    main()
