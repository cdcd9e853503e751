"""Child processes that never outlive the test, free ports, bounded waits."""

import ctypes
import os
import random
import signal
import socket
import time

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)

# How long anything may take before a test is called broken. It bounds a hang; no
# test passes or fails by how fast the machine is.
PATIENCE = 60.0


def dying_with_parent(command, environment):
    """A command that ends with the test, and its environment; what is preloaded
    is so into the command alone. Costs no fork of all that Python holds.
    """
    environment = dict(environment)
    preload = environment.pop("LD_PRELOAD", None)
    if preload:
        command = ["/usr/bin/env", "LD_PRELOAD=" + preload, *command]
    return ["/usr/bin/setpriv", "--pdeathsig", "TERM", *command], environment


def die_with_parent():
    """For preexec_fn: a test that is killed leaves nothing running."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def wait_until(condition, what, timeout=PATIENCE, step=0.005):
    """The condition's first true value; AssertionError when time is up."""
    deadline = time.monotonic() + timeout
    while True:
        begin = time.thread_time()
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(
                "waited %.0f s in vain for %s" % (
                    timeout, what() if callable(what) else what))
        # who looks all the time leaves nothing to what is waited for
        time.sleep(max(step, 3 * (time.thread_time() - begin)))


_given = set()  # ports: nobody may listen there yet


def free_port():
    """A loopback port outside the range that outgoing connections use."""
    for _ in range(1000):
        port = random.randrange(20000, 32000)
        if port in _given:
            continue
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                _given.add(port)
                return port
            except OSError:
                continue
    raise AssertionError("no free port")


def accepts(port):
    """True if something listens on the port and greets."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as peer:
            return bool(peer.recv(1))
    except OSError:
        return False


def group_members(group):
    """The living processes of a process group: [(pid, name, state)]."""
    members = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            with open("/proc/%s/stat" % entry, encoding="ascii",
                      errors="replace") as stat:
                text = stat.read()
        except OSError:
            continue
        name = text[text.index("(") + 1:text.rindex(")")]
        state, _, pgrp = text[text.rindex(")") + 2:].split()[:3]
        if int(pgrp) == group and state != "Z":
            members.append((int(entry), name, state))
    return members
