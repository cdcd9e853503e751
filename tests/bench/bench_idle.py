"""Many idle folders over TLS in one process, against bench_server."""

import os
import resource
import subprocess
import time

from common import cpu_of, say, status_of
from lab import certificates, dovecot, mirror

AN_ACCOUNT = 500   # folders; server_imap.c names them by this
SOFT_LIMIT = 256   # descriptors, as some systems give
QUIET = 5          # s without any work: what the start left to do is done


class LightServer:
    """bench_server in a process of its own."""

    def __init__(self, bench, folders=0, count=0):
        authority = certificates.make_authority(bench.top)
        certificates.make_certificate(bench.top, "server", authority,
                                      "DNS:localhost")
        self.authority = authority
        self.child = subprocess.Popen(
            (os.path.join(os.environ["BENCH_PROGRAMS"], "bench_server"), bench.top, str(folders), str(count)),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.port = int(self.child.stdout.readline())

    def idling(self):
        self.child.stdin.write("\n")
        self.child.stdin.flush()
        return int(self.child.stdout.readline().split()[0])

    def account(self, directory, number=0, **more):
        return {"name": "a%d" % number, "host": "localhost",
                "port": self.port, "tls_ca_file": self.authority,
                "user": dovecot.USER, "password": dovecot.PASSWORD,
                "maildir": "%s/Mail%d" % (directory, number), **more}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.child.stdin.close()
        self.child.stdout.close()
        self.child.wait()


def descriptors(pid):
    return len(os.listdir("/proc/%d/fd" % pid))


def soft_limit(pid):
    with open("/proc/%d/limits" % pid, encoding="ascii") as limits:
        for line in limits:
            if line.startswith("Max open files"):
                return int(line.split()[3])
    raise AssertionError("no limit of open files")


def wait_idling(server, daemon, count):
    """Until all are in IDLE; the limit of descriptors that it gave itself.

    One that leaves the limit as it is gets it raised when it comes close.
    """
    own_limit = None
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]

    def idling():
        nonlocal own_limit
        used = descriptors(daemon.pid)
        if used >= hard - 1:
            raise AssertionError("all %d descriptors are used, and %d of %d "
                                 "folders in IDLE" % (
                                     hard, server.idling(), count))
        if own_limit is None and used > SOFT_LIMIT - 40 \
                and soft_limit(daemon.pid) == SOFT_LIMIT:
            own_limit = SOFT_LIMIT
            resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, (hard, hard))
        return server.idling() >= count
    daemon.wait_until(idling, "%d folders in IDLE" % count, 60 + count / 10)
    return own_limit or soft_limit(daemon.pid)


def accounts_of(count):
    return (count + AN_ACCOUNT - 1) // AN_ACCOUNT


def wait_quiet(daemon, count):
    """Until it has done nothing for a while."""
    last = (None, 0)

    def is_quiet():
        nonlocal last
        used, now = cpu_of(daemon.pid), time.monotonic()
        if used != last[0]:
            last = (used, now)
        return now - last[1] > QUIET
    daemon.wait_until(is_quiet, "it to come to rest", 60 + count / 10)


def watch(bench, count, seconds, listed=None, names="f%03d-*"):
    """What COUNT idle folders cost: (KiB, CPU s, descriptors, limit)."""
    listed = listed or count
    directory = bench.directory("idle")
    bench.make(directory)
    with LightServer(bench, folders=listed) as server:
        accounts = [server.account(
            directory, number, folders=[names % number],
            max_connections=AN_ACCOUNT + 10)
            for number in range(accounts_of(listed))]
        mirrored = mirror.Mirror(directory, accounts, release=True,
                                 log_level="warning")
        begin = time.monotonic()
        daemon = mirror.Daemon(
            ["prlimit", "--nofile=%d:" % SOFT_LIMIT,
             *mirrored.command("run")], mirrored.environment)
        try:
            limit = wait_idling(server, daemon, count)
            say("  %d folders in IDLE after %.1f s" % (
                count, time.monotonic() - begin))
            wait_quiet(daemon, count)
            say("  at rest after %.1f s" % (time.monotonic() - begin))
            used = cpu_of(daemon.pid)
            time.sleep(seconds)
            result = (status_of(daemon.pid, "VmRSS"),
                      cpu_of(daemon.pid) - used, descriptors(daemon.pid),
                      limit)
            if server.idling() != count:
                raise AssertionError("%d of %d are still in IDLE" % (
                    server.idling(), count))
            if daemon.stop() != 0:
                raise AssertionError("run failed:\n" + daemon.text()[-2000:])
        finally:
            daemon.kill()
    say("  %d folders: %.1f MB, %.2f s of CPU in %g s, %d descriptors" % (
        count, result[0] / 1024, result[1], seconds, result[2]))
    return result


def run(bench):
    count, seconds = bench.scale.idle, bench.scale.idle_seconds
    one = watch(bench, 1, 1)
    # as many accounts, with one folder each
    few_count = accounts_of(count)
    few = watch(bench, few_count, 1, count, "f%03d-000")
    many = watch(bench, count, seconds)
    title = "%d idle folders, TLS: " % count
    table = bench.table
    table.bound(title + "RSS a folder", (many[0] - one[0]) / (count - 1),
                "KiB", 32)
    table.bound(title + "RSS", many[0] / 1024, "MB",
                330 if count == 10_000 else None)
    table.bound(title + "CPU in %g s" % seconds, many[1], "s", 0.01)
    # an account may keep one more connection, to ask with
    table.bound(title + "descriptors a folder",
                (many[2] - few[2] - few_count) / (count - few_count), "", 1)
    table.at_least(title + "limit of descriptors that it gave itself",
                   SOFT_LIMIT, many[3], count + 100)
