#!/usr/bin/python3
"""The demonstration that tests/demo runs."""

import os
import shutil
import sys
import tempfile
import time

from lab import client as imap
from lab import compare, dovecot, inotify, messages, mirror

FOLDERS = {"INBOX": 200, "Lists/announce": 120, "Entwürfe": 5}
NEWS = (b"From: A Friend <friend@example.org>\r\n"
        b"To: mirror@example.net\r\n"
        b"Subject: Are you there?\r\n"
        b"Message-ID: <demo@example.org>\r\n"
        b"\r\n"
        b"This message was pushed.\r\n")


def say(text=""):
    print(text, flush=True)


def main():
    top = tempfile.mkdtemp(prefix="mailmirror-demo-")
    os.chmod(top, 0o755)
    try:
        with dovecot.Dovecot(top + "/server") as server:
            show(top, server)
    finally:
        shutil.rmtree(top, ignore_errors=True)


def show(top, server):
    say("A private Dovecot listens on port %d of this machine (TLS)." %
        server.tls_port)
    number = 0
    for name, count in FOLDERS.items():
        imap.fill(server, name, [
            (messages.make(n), messages.flags(n), messages.date(n))
            for n in range(number, number + count)])
        number += count
        say("  %-16s %4d messages" % (name, count))
    mirrored = mirror.Mirror(top, [mirror.account(
        server, top + "/Mail", name="demo", folders=["*"])])
    say("\nThe configuration:\n")
    with open(mirrored.file, encoding="utf-8") as f:
        say("  " + f.read().strip().replace("; ", ";\n    ").replace(
            "\n", "\n  "))
    say("\n$ mailmirror run")
    begin = time.monotonic()
    with mirrored.start() as daemon:
        other = imap.connect(server)
        for name in FOLDERS:
            there = compare.server_mailbox(other, name)
            daemon.wait_until(
                lambda n=name, t=there: compare.is_alike(
                    t, mirrored.folder(n)), name)
        say("%d messages are in the Maildirs after %.2f s. Every byte: %s" % (
            number, time.monotonic() - begin, verdict(other, mirrored)))
        deliver(other, mirrored)
        other.logout()
    say("mailmirror and Dovecot have ended; nothing is left.")


def verdict(other, mirrored):
    wrong = []
    for name in FOLDERS:
        wrong += compare.differences(compare.server_mailbox(other, name),
                                     mirrored.folder(name), "localhost")
    if wrong:
        sys.exit("not the same as on the server:\n" + "\n".join(wrong[:20]))
    return "as on the server."


def deliver(other, mirrored):
    folder = mirrored.folder() + "/new"
    watch = inotify.Watch(folder)
    # what the copy set in motion has come to rest
    time.sleep(1)
    say("\nAnother client delivers a message to INBOX ...")
    begin = time.monotonic()
    imap.append(other, "INBOX", NEWS)
    moment, name = watch.next()
    watch.close()
    say("It was there after %.0f ms (of which Dovecot waits about 500 before "
        "it tells anybody):\n" % (1000 * (moment - begin)))
    say("  Mail/INBOX/new/" + name)
    with open(os.path.join(folder, name), encoding="utf-8") as f:
        say("  | " + f.read().strip().replace("\n", "\n  | ") + "\n")


if __name__ == "__main__":
    main()
