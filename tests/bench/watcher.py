"""What people run today: a watcher in IDLE that starts mbsync at each change.

    watcher.py PORT AUTHORITY COMMAND...

Prints a line as soon as it watches and has run the command once; ends with its
standard input, after the command.
"""

import os
import re
import subprocess
import sys
import threading

from lab import client as imap
from lab import latency


def drain(bare):
    """What came meanwhile is covered by the run that follows."""
    while b"\r\n" in bare.buffer:
        bare.line()


def run(command, lock):
    with lock:
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL)


def end_with_input(lock):
    sys.stdin.read()
    with lock:
        os._exit(0)


def main():
    port, authority, *command = sys.argv[1:]
    lock = threading.Lock()
    threading.Thread(target=end_with_input, args=(lock,), daemon=True).start()
    bare = imap.Bare(int(port), latency.trusting(authority)).login()
    bare.sock.settimeout(None)
    bare.command(b"EXAMINE INBOX")
    bare.begin(b"IDLE")
    run(command, lock)
    print("watching", flush=True)
    while True:
        if re.match(rb"\* \d+ (EXISTS|EXPUNGE|FETCH)", bare.line()):
            drain(bare)
            run(command, lock)


if __name__ == "__main__":
    main()
