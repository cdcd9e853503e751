"""Runs a command and writes its peak RSS (KiB) to a file: `peak.py FILE CMD...`

A process's peak counts what its parent had when it forked, so the parent has
to be small: this program imports next to nothing.
"""

import os
import sys

if __name__ == "__main__":
    child = os.posix_spawn(sys.argv[2], sys.argv[2:], os.environ)
    status, usage = os.wait4(child, 0)[1:]
    with open(sys.argv[1], "w", encoding="ascii") as report:
        report.write(str(usage.ru_maxrss))
    sys.exit(os.waitstatus_to_exitcode(status))
