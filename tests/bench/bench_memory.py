"""Memory: one large message, and a mailbox with very many."""

import random
import time

import contenders
from bench_idle import LightServer
from common import filled, say, status_of
from lab import client as imap
from lab import compare, messages, mirror
from watching import At, Ours

MEGABYTE = 1024


def large_message(bench):
    size = bench.scale.large_message
    body = messages.make(1, size=1000) + b"\r\n" + (
        b"0123456789abcdef" * 4 + b"\r\n") * (size // 66)
    title = "a message of %d MB: peak RSS by " % (size // 1_000_000)
    with filled(bench, 10) as server:
        at = At(server.tls_port, server.authority)
        client = Ours(at, bench.directory("pushed"))
        imap.fill(server, "INBOX", [(body, "\\Seen", None)])
        client.daemon.wait_until(lambda: len(compare.local_uids(
            client.folder)) == 11, "the large message")
        pushed = client.daemon.peak_rss()
        client.stop()
        directory = bench.directory("synced")
        bench.make(directory)
        mirrored = mirror.Mirror(directory, [mirror.account(
            server, directory + "/Mail")], release=True)
        synced = mirrored.sync_peak_rss()
        there = compare.server_mailbox(imap.connect(server), "INBOX")
        for folder in (client.folder, mirrored.folder()):
            faults = compare.differences(there, folder, "localhost")
            if faults:
                raise contenders.Failed("\n".join(faults[:20]))
    for name, peak in (("push", pushed), ("sync", synced)):
        bench.table.bound(title + name, peak / MEGABYTE, "MB", 20)


# ---- very many messages ----

def check(folder, count):
    """All are there, and those that are looked into are right."""
    if compare.local_uids(folder) != list(range(1, count + 1)):
        raise contenders.Failed("not the UIDs 1 to %d" % count)
    names = compare.local_names(folder)
    for sub, name in random.Random(3).sample(names, min(100, count)):
        uid = int(name.partition(",U=")[2].partition(",")[0])
        with open("%s/%s/%s" % (folder, sub, name), "rb") as f:
            if not f.read().endswith(b"\n\nThe text of %d.\n" % uid):
                raise contenders.Failed("%s is not message %d" % (name, uid))


def watch(server, mirrored, timeout):
    """A start until IDLE: (seconds, KiB at rest, KiB at the peak)."""
    begin = time.monotonic()
    daemon = mirrored.start()
    try:
        # the first flight of all has an IDLE, too
        daemon.wait_line("the same as the server", timeout)
        daemon.wait_until(lambda: server.idling() == 1, "IDLE", timeout)
        seconds = time.monotonic() - begin
        daemon.wait_note("^READY=1$", timeout)
        time.sleep(2)
        result = (seconds, status_of(daemon.pid, "VmRSS"), daemon.peak_rss())
        if daemon.stop() != 0:
            raise contenders.Failed("run failed:\n" + daemon.text()[-2000:])
    finally:
        daemon.kill()
    return result


def mailbox(bench, count):
    """(first start, second start), each as watch() tells."""
    directory = bench.directory("mailbox")
    bench.make(directory)
    with LightServer(bench, count=count) as server:
        mirrored = mirror.Mirror(directory, [server.account(
            directory, fsync=False)], release=True)
        first = watch(server, mirrored, 300 + count / 200)
        say("  %d messages: first %.1f s, %.1f MB at rest, %.1f at peak" % (
            count, first[0], first[1] / MEGABYTE, first[2] / MEGABYTE))
        check(mirrored.folder(), count)
        second = watch(server, mirrored, 300)
        say("  %d messages: then %.2f s, %.1f MB at rest, %.1f at peak" % (
            count, second[0], second[1] / MEGABYTE, second[2] / MEGABYTE))
        check(mirrored.folder(), count)
    bench.remove(directory)
    return first, second


def many_messages(bench):
    count = bench.scale.mailbox
    empty = mailbox(bench, 0)
    full = mailbox(bench, count)
    for title, none, some in zip(("first copy", "nothing changed"), empty,
                                 full):
        title = "mailbox of %d, %s: " % (count, title)
        for name, at, most in (("at rest", 1, 16), ("at peak", 2, 32)):
            bench.table.bound(
                title + "RSS a message above an empty one " + name,
                max(0, some[at] - none[at]) * 1024 / count, "bytes", most)
    bench.table.bound("mailbox of %d: start to IDLE with nothing changed "
                      "(peer: an empty one)" % count, full[1][0], "s", 1,
                      peer=empty[1][0])


def run(bench):
    large_message(bench)
    many_messages(bench)
