#!/usr/bin/python3
"""kill -9 at every call that changes a file: what is visible is whole, and the
next run ends as an undisturbed one does.
"""

import signal

import faultline
import scenarios
from faultline import KILL_AFTER, KILL_BEFORE
from lab import case

# Where after the call is not before the next one: another thread may be at
# work between them.
NAMED = ("rename", "renameat", "renameat2", "unlink", "unlinkat", "linkat",
         "mkdir", "mkdirat")
KINDS = faultline.CHANGES | faultline.SYNCS


def kill_at(started, place, point):
    """One kill and the run after it: what was wrong; None: not killed."""
    place.restore(started.saved)
    result = place.sync_at(KINDS, *point)
    if result.code != -signal.SIGKILL:
        # some runs have a call less than others
        return None if result.code == 0 else ["not killed, but %d: %s" % (
            result.code, result.err)]
    found = faultline.files(place.mail)
    return faultline.foreign(found, started.known) + started.run_again(
        place, started.missing(found))


class Kill(scenarios.Swept, scenarios.Faults):
    def sweep(self, scenario):
        started = self.begin(scenario)
        points = []
        for call in started.list_calls(KINDS):
            points.append((KILL_BEFORE, call.number))
            if call.name in NAMED:
                points.append((KILL_AFTER, call.number))
        killed, wrong = started.sweep(kill_at, points)
        print("%s: killed at %d points of %d" % (
            scenario.name, killed, len(points)), flush=True)
        self.assert_all_right(wrong, killed, len(points) * 3 // 4)


if __name__ == "__main__":
    case.main()
