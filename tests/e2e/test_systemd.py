#!/usr/bin/python3
"""Both units under a real systemd. (Release build; root; tests/with-systemd.)

Here: install into a directory and boot a system with it. What is then tested
stands in inside_systemd.py.
"""

import os
import shutil
import subprocess

from lab import case, mirror

HERE = os.path.dirname(os.path.abspath(__file__))


class Systemd(case.Case):
    def test_the_units(self):
        build = os.path.dirname(os.path.dirname(mirror.binary(release=True)))
        layer = self.path("layer")
        subprocess.run(("cmake", "--install", build), check=True,
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
