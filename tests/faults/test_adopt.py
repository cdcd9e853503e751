#!/usr/bin/python3
"""kill -9 at every call by which a folder of mbsync's is taken over: the next
run ends as an undisturbed one does, and no message is downloaded.
"""

import os
import shutil
import signal

import faultline
import scenarios
from faultline import KILL_BEFORE
from lab import case, compare

KINDS = faultline.CHANGES | faultline.SYNCS


class Mbsyncs(scenarios.Scenario):
    """Folders as mbsync leaves them: names, UIDs, times and a header line of
    its own. One file of a folder is nobody's."""

    name = "mbsyncs"
    boxes = ("a",)


def leave_to_mbsync(place, name):
    """Makes a mirrored folder one of mbsync's."""
    folder = os.path.join(place.mail, name)
    uidvalidity = None
    pairs = []
    for near, (sub, old) in enumerate(sorted(compare.local_names(folder)), 1):
        base, _, letters = old.partition(":2,")
        uidvalidity = base.split(".V")[1].split(".")[0]
        pairs.append("%s %d %s\n" % (
            base.split(",U=")[1].split(",")[0], near,
            "".join(c for c in letters if c in "DFPRST")))
        with open(os.path.join(folder, sub, old), "rb") as f:
            head, empty, body = f.read().partition(b"\n\n")
        os.unlink(os.path.join(folder, sub, old))
        with open(os.path.join(folder, "cur" if "S" in letters else "new",
                               "9.1_%d.host,U=%d:2,%s" % (
                                   near, near, letters)), "wb") as f:
            f.write(head + b"\nX-TUID: Abc/+%07d" % near + empty + body)
    with open(os.path.join(folder, ".mbsyncstate"), "w") as f:
        # both of a second: what mbsync must not go on with afterwards
        f.write("FarUidValidity %s\nNearUidValidity %s\nMaxPulledUid 6\n"
                "MaxPushedUid 6\n\n%s" % (
                    uidvalidity, uidvalidity, "".join(pairs)))
    with open(os.path.join(folder, ".uidvalidity"), "w") as f:
        f.write("%s\n%d\n" % (uidvalidity, len(pairs)))


def adopt(place, environment=None):
    return place.mirror.call("adopt", "mbsync", "main", timeout=60,
                             environment=environment)


def kill_at(started, place, point):
    """One kill and the run after it: what was wrong; None: not killed."""
    place.restore(started.saved)
    place.line.begin(KINDS, *point)
    result = adopt(place, place.line.environment())
    if result.code != -signal.SIGKILL:
        return None if result.code == 0 else ["not killed, but %d: %s" % (
            result.code, result.err)]
    return started.run_again(place, 0)


class Adopt(scenarios.Faults):
    def test_killed_at_every_call(self):
        scenario = Mbsyncs()
        started = self.begin(scenario)
        origin = started.place("mbsync")
        self.addCleanup(origin.close)
        self.assert_code(origin.sync()[0], 0)
        for name in scenario.boxes:
            leave_to_mbsync(origin, scenario.box(name))
        shutil.rmtree(origin.state)
        started.saved = os.path.join(origin.top, "saved")
        faultline.copy(origin.disk, started.saved)
        origin.line.begin(KINDS)
        before = len(origin.relay.heard)
        self.assert_code(adopt(origin, origin.line.environment()), 0)
        self.assertEqual(origin.relay.bodies(before), 0)
        self.assertEqual(faultline.differences(
            faultline.snapshot(origin), started.end), [])
        points = [(KILL_BEFORE, call.number) for call in origin.line.calls()]
        killed, wrong = started.sweep(kill_at, points)
        print("killed at %d points of %d" % (killed, len(points)), flush=True)
        self.assert_all_right(wrong, killed, len(points) * 3 // 4)


if __name__ == "__main__":
    case.main()
