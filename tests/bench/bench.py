#!/usr/bin/python3
"""The measurements of tests/bench/run."""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

from lab import client as imap
from lab import certificates, compare, dovecot, latency, messages, mirror

SERVER_SIDE = "maildir:~/Maildir:LAYOUT=fs"
LETTERS = ("S", "", "RS", "FS", "S", "S", "DS", "")


def say(text):
    print(text, flush=True)


def settle():
    """What one contender left to write is not the next one's burden."""
    os.sync()


# ---- the first copy of a large mailbox ----

def mailbox(count):
    """(message, letters, seconds): sizes as in a mailbox of real mail."""
    sizes = (2000, 3500, 5000, 8000, 12_000, 60_000, 4000, 2500)
    for n in range(count):
        yield (messages.make(n, size=sizes[n % 8]), LETTERS[n % 8],
               1_500_000_000 + 977 * n)


def mbsync(server, directory):
    """One run of mbsync into an empty Maildir; its time."""
    config = directory + "/mbsyncrc"
    with open(config, "w", encoding="utf-8") as f:
        f.write("FSync yes\n"
                "IMAPStore there\nHost localhost\nPort %d\nUser %s\n"
                'Pass "%s"\nSSLType IMAPS\nCertificateFile %s\n\n'
                "MaildirStore here\nPath %s/Mail/\nInbox %s/Mail/INBOX\n\n"
                "Channel all\nFar :there:\nNear :here:\nPatterns INBOX\n"
                "Sync Pull\nCreate Near\nCopyArrivalDate yes\n"
                "SyncState *\n" % (
                    server.tls_port, dovecot.USER, dovecot.PASSWORD,
                    server.authority, directory, directory))
    os.chmod(config, 0o600)
    os.makedirs(directory + "/Mail")
    begin = time.monotonic()
    subprocess.run(("mbsync", "-q", "-c", config, "all"), check=True,
                   env={"HOME": directory, "PATH": "/usr/bin:/bin"})
    return time.monotonic() - begin


def mbsync_faults(there, directory):
    """Its names are its own: contents and dates are compared as multisets."""
    ours = sorted((message.date, message.size)
                  for message in there.messages.values())
    theirs = []
    for sub, name in compare.local_names(directory + "/Mail/INBOX"):
        path = os.path.join(directory, "Mail/INBOX", sub, name)
        with open(path, "rb") as f:
            text = f.read()
        lines = [line for line in text.split(b"\n")
                 if not line.startswith(b"X-TUID: ")]
        theirs.append((int(os.stat(path).st_mtime),
                       sum(len(line) + 2 for line in lines) - 2))
    return [] if ours == sorted(theirs) else ["other sizes or dates"]


def ours(server, directory):
    mirrored = mirror.Mirror(directory, [mirror.account(
        server, directory + "/Mail", fsync=True)], release=True)
    return mirrored.sync(timeout=3600).seconds


def our_faults(there, directory):
    return compare.differences(there, directory + "/Mail/INBOX", "localhost")


def copy(arguments, top):
    with dovecot.Dovecot(top + "/server", location=SERVER_SIDE) as server:
        imap.seed_maildir(server, server.path("mail", dovecot.USER, "Maildir"),
                          mailbox(arguments.messages))
        there = compare.server_mailbox(imap.connect(server), "INBOX")
        say("copy: %d messages, %.0f MB, TLS, fsync; %d rounds in turn" % (
            len(there.messages),
            sum(m.size for m in there.messages.values()) / 1e6,
            arguments.rounds))
        contenders = {"mbsync": (mbsync, mbsync_faults),
                      "mailmirror": (ours, our_faults)}
        times = {name: [] for name in contenders}
        for round_ in range(arguments.rounds):
            for name, (run, faults) in contenders.items():
                directory = os.path.join(arguments.dir or top,
                                         "bench-%s-%d" % (name, round_))
                os.makedirs(directory)
                settle()
                times[name].append(run(server, directory))
                wrong = faults(there, directory)
                shutil.rmtree(directory)
                if wrong:
                    sys.exit("%s is not exact:\n%s" % (
                        name, "\n".join(wrong[:20])))
                say("  %-10s %7.2f s, exact" % (name, times[name][-1]))
    median = {name: statistics.median(t) for name, t in times.items()}
    for name, value in median.items():
        say("copy: %-10s median %7.2f s (%.2f to %.2f)" % (
            name, value, min(times[name]), max(times[name])))
    say("copy: mailmirror to mbsync %.2f" % (
        median["mailmirror"] / median["mbsync"]))


# ---- a lone message ----

def push_from(title, port, authority, directory, count):
    os.makedirs(directory)
    mirrored = mirror.Mirror(directory, [{
        "name": "main", "host": "localhost", "port": port,
        "tls_ca_file": authority, "user": dovecot.USER,
        "password": dovecot.PASSWORD, "maildir": directory + "/Mail"}],
        release=True)
    context = latency.trusting(authority)
    with imap.Bare(port, context) as other, mirrored.start() as daemon:
        other.login()
        daemon.wait_until(lambda: os.path.exists(
            mirrored.folder() + "/.uidvalidity"), "the first sync")
        say(latency.measure(port, context, mirrored.folder(), count,
                            other.append).text("push, " + title))


def push(arguments, top):
    authority = certificates.make_authority(top)
    certificates.make_certificate(top, "server", authority, "DNS:localhost")
    with subprocess.Popen((sys.executable, "-m", "lab.fake", top), text=True,
                          stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE) as fake:
        push_from("announced at once", int(fake.stdout.readline()), authority,
                  top + "/at-once", 100)
    with dovecot.Dovecot(top + "/dovecot") as server:
        push_from("Dovecot", server.tls_port, server.authority,
                  top + "/from-dovecot", 100)


def main():
    parser = argparse.ArgumentParser(prog="tests/bench/run")
    parser.add_argument("what", nargs="*", choices=("copy", "push", []))
    parser.add_argument("--messages", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--dir")
    arguments = parser.parse_args()
    top = tempfile.mkdtemp(prefix="mailmirror-bench-")
    os.chmod(top, 0o755)
    try:
        for what in arguments.what or ("copy", "push"):
            {"copy": copy, "push": push}[what](arguments, top)
    finally:
        shutil.rmtree(top, ignore_errors=True)


if __name__ == "__main__":
    main()
