#!/usr/bin/python3
"""Both units under a real systemd. (Release build; root; tests/with-systemd.)

Here: what systemd-analyze says of them; then, install into a directory and boot
a system with it. What is then tested stands in inside_systemd.py.
"""

import os
import shutil
import subprocess

from lab import case, mirror

HERE = os.path.dirname(os.path.abspath(__file__))

# The exposure that systemd-analyze computes, times ten. It takes the user unit
# for one that runs as root, which counts for 4.
SYSTEM_EXPOSURE = 15
USER_EXPOSURE = 18


def build():
    return os.path.dirname(os.path.dirname(mirror.binary(release=True)))


class Exposure(case.Case):
    def analyze(self, unit, instance, limit):
        """systemd-analyze knows no template, but its instances."""
        path = self.path(instance)
        shutil.copy(os.path.join(build(), "systemd", unit), path)
        done = subprocess.run(
            ("systemd-analyze", "security", "--no-pager", "--offline=true",
             "--threshold=%d" % limit, path),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            check=False)
        # an unknown setting, or group of system calls, is only warned of
        self.assertEqual(done.stderr, "")
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_the_system_unit_is_closed(self):
        self.analyze("mailmirror@.service", "mailmirror@alice.service",
                     SYSTEM_EXPOSURE)

    def test_the_user_unit_is_closed_as_far_as_it_can_be(self):
        self.analyze("mailmirror.service", "mailmirror.service",
                     USER_EXPOSURE)


class Systemd(case.Case):
    def test_the_units(self):
        layer = self.path("layer")
        subprocess.run(("cmake", "--install", build()), check=True,
                       stdout=subprocess.DEVNULL,
                       env={**os.environ, "DESTDIR": layer})
        shutil.copytree(HERE, layer + "/opt/e2e",
                        ignore=shutil.ignore_patterns("__pycache__"))
        subprocess.run(
            (os.path.join(HERE, "..", "with-systemd"), "run", "-l", layer,
             "/usr/bin/python3", "/opt/e2e/inside_systemd.py"), check=True,
            timeout=600)


if __name__ == "__main__":
    case.main()
