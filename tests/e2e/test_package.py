#!/usr/bin/python3
"""What cpack makes of the release build: the .deb and the source archive.

Here: what is in them. What an installed one does stands in inside_package.py,
in a Debian that is booted for it. (Root; tests/with-systemd.)
"""

import glob
import os
import re
import shutil
import subprocess
import tempfile
import unittest

from lab import case, mirror

HERE = os.path.dirname(os.path.abspath(__file__))
TREE = os.path.dirname(os.path.dirname(HERE))

FILES = """\
-rw-r--r-- ./lib/systemd/system/mailmirror@.service
-rwxr-xr-x ./usr/bin/mailmirror
-rw-r--r-- ./usr/lib/systemd/catalog/mailmirror.catalog
-rw-r--r-- ./usr/lib/systemd/user/mailmirror.service
-rw-r--r-- ./usr/lib/sysusers.d/mailmirror.conf
-rwxr-xr-x ./usr/libexec/mailmirror/complete
-rw-r--r-- ./usr/share/bash-completion/completions/mailmirror
-rw-r--r-- ./usr/share/doc/mailmirror/changelog.Debian.gz
-rw-r--r-- ./usr/share/doc/mailmirror/copyright
-rw-r--r-- ./usr/share/fish/vendor_completions.d/mailmirror.fish
-rw-r--r-- ./usr/share/man/man1/mailmirror.1.gz
-rw-r--r-- ./usr/share/man/man5/mailmirror.conf.5.gz
-rw-r--r-- ./usr/share/zsh/vendor-completions/_mailmirror
""".splitlines()
EXAMPLES = "./usr/share/doc/mailmirror/examples/"
MAINTAINER = "Alice Packager <alice@debian.org>"
HOMEPAGE = "https://www.debian.org/mailmirror"


def output(*command, **more):
    done = subprocess.run(command, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, check=False,
                          **more)
    if done.returncode != 0:
        raise AssertionError("%s: %s%s" % (
            " ".join(command), done.stdout, done.stderr))
    return done.stdout


def build():
    return os.path.dirname(os.path.dirname(mirror.binary(release=True)))


def pack(directory, config=None, umask=0o022, zone="UTC", more=()):
    """Runs cpack there; the file that it made."""
    if config is None:
        config = os.path.join(build(), "CPackConfig.cmake")
    output("cpack", "--config", config, "-B", directory, *more,
           env={**os.environ, "TZ": zone}, umask=umask)
    shutil.rmtree(os.path.join(directory, "_CPack_Packages"))
    [made] = glob.glob(os.path.join(directory, "mailmirror[-_]*"))
    return made


def field(package, name):
    return output("dpkg-deb", "-f", package, name).strip()


def lintian(package):
    """What it has to say, at the levels that it shows by itself."""
    return output("lintian", "--allow-root", "--fail-on", "error,warning",
                  package)


def build_id(program):
    return re.search("Build ID: ([0-9a-f]{40})",
                     output("readelf", "-n", program)).group(1)


def newer(package, directory):
    """The same package, as if it were of a later version."""
    tree = os.path.join(directory, "tree")
    output("dpkg-deb", "-R", package, tree)
    control = os.path.join(tree, "DEBIAN", "control")
    with open(control, encoding="utf-8") as f:
        text = f.read()
    with open(control, "w", encoding="utf-8") as f:
        f.write(text.replace("\nVersion: ", "\nVersion: 9:"))
    output("dpkg-deb", "--build", "-Znone", tree,
           os.path.join(directory, "newer.deb"))
    shutil.rmtree(tree)


class Package(unittest.TestCase):
    """The .deb, made once."""

    maxDiff = 4000

    @classmethod
    def setUpClass(cls):
        cls.top = tempfile.mkdtemp(prefix="mm-")
        cls.addClassCleanup(shutil.rmtree, cls.top)
        cls.deb = pack(cls.top)

    def files(self, package):
        """Mode, owner and name of everything in it."""
        return [line.split(None, 5) for line in output(
            "dpkg-deb", "-c", package).splitlines()]

    def test_lintian_has_nothing_to_say(self):
        self.assertEqual(lintian(self.deb), "")

    def test_each_file_is_where_debian_wants_it(self):
        files = self.files(self.deb)
        self.assertEqual({owner for _, owner, *_ in files}, {"root/root"})
        plain = [mode + " " + name for mode, *_, name in files
                 if not name.endswith("/")]
        self.assertEqual([line for line in plain if EXAMPLES not in line],
                         FILES)
        self.assertEqual(
            sorted(line for line in plain if EXAMPLES in line),
            sorted("-rw-r--r-- " + EXAMPLES + name for name in os.listdir(
                os.path.join(TREE, "conf", "examples"))))

    def test_it_has_the_version_of_the_program(self):
        said = output(mirror.binary(release=True), "--version").split()[1]
        self.assertEqual(field(self.deb, "Version").split("-")[0], said)

    def test_it_depends_on_what_the_program_links_and_what_makes_users(self):
        depends = field(self.deb, "Depends").split(", ")
        self.assertEqual(
            depends.pop(0),
            "systemd | systemd-standalone-sysusers | systemd-sysusers")
        self.assertEqual({part.split()[0] for part in depends}, {
            "libc6", "libconfig9", "libedit2", "libgsasl18", "libjansson4",
            "libsqlite3-0", "libssl3", "libsystemd0", "zlib1g"})

    def test_what_is_installed_is_the_build_stripped_and_knows_its_place(self):
        tree = os.path.join(self.top, "tree")
        output("dpkg-deb", "-x", self.deb, tree)
        program = os.path.join(tree, "usr/bin/mailmirror")
        self.assertNotIn(".symtab", output("readelf", "-SW", program))
        self.assertEqual(build_id(program),
                         build_id(mirror.binary(release=True)))
        for unit in ("lib/systemd/system/mailmirror@.service",
                     "usr/lib/systemd/user/mailmirror.service"):
            with open(os.path.join(tree, unit), encoding="utf-8") as f:
                self.assertIn("\nExecStart=/usr/bin/mailmirror run\n",
                              f.read())

    def test_packed_again_it_has_the_same_bytes(self):
        again = pack(os.path.join(self.top, "again"), zone="Asia/Tokyo")
        with open(self.deb, "rb") as one, open(again, "rb") as other:
            self.assertTrue(one.read() == other.read())

    def test_a_narrow_umask_changes_no_mode_in_it(self):
        narrow = pack(os.path.join(self.top, "narrow"), umask=0o077)
        self.assertEqual(self.files(narrow), self.files(self.deb))

    def test_at_work_in_a_system(self):
        layer = os.path.join(self.top, "layer")
        packages = os.path.join(layer, "opt", "packages")
        os.makedirs(packages)
        shutil.copy(self.deb, os.path.join(packages, "mailmirror.deb"))
        newer(self.deb, packages)
        shutil.copytree(HERE, layer + "/opt/e2e",
                        ignore=shutil.ignore_patterns("__pycache__"))
        subprocess.run(
            (os.path.join(HERE, "..", "with-systemd"), "run", "-l", layer,
             "/usr/bin/python3", "/opt/e2e/inside_package.py"), check=True,
            timeout=600)


class Source(unittest.TestCase):
    """The source archive, unpacked and configured as a distributor would."""

    @classmethod
    def setUpClass(cls):
        cls.top = tempfile.mkdtemp(prefix="mm-")
        cls.addClassCleanup(shutil.rmtree, cls.top)
        cls.archive = pack(
            os.path.join(cls.top, "source"),
            os.path.join(build(), "CPackSourceConfig.cmake"))
        output("tar", "-x", "-C", cls.top, "-f", cls.archive)
        [cls.tree] = glob.glob(os.path.join(cls.top, "mailmirror-*"))
        cls.content = set(os.listdir(cls.tree))
        output("cmake", "--preset", "release", "-DBUILD_TESTING=OFF",
               "-DMAILMIRROR_MAINTAINER=" + MAINTAINER,
               "-DMAILMIRROR_HOMEPAGE=" + HOMEPAGE, cwd=cls.tree)

    def configured(self, name):
        return os.path.join(self.tree, "build", "release", name)

    def test_it_has_all_that_a_build_needs_and_no_builds(self):
        self.assertEqual(
            self.content - {".clang-format", ".clang-tidy", ".gitignore"},
            {"CMakeLists.txt", "CMakePresets.json", "LICENSE", "README.md",
             "conf", "daemon", "libclient", "systemd", "tests"})
        # ninja finds every source file, and compiles the first floor
        output("ninja", "-C", "build/release", "-n", cwd=self.tree)
        output("cmake", "--build", "--preset", "release", "--target",
               "settings", cwd=self.tree)

    def test_packed_elsewhere_out_of_itself_it_has_the_same_bytes(self):
        again = pack(os.path.join(self.top, "again"),
                     self.configured("CPackSourceConfig.cmake"),
                     umask=0o077, zone="Asia/Tokyo")
        with open(self.archive, "rb") as one, open(again, "rb") as other:
            self.assertTrue(one.read() == other.read())

    def test_a_distributor_is_named_in_the_package(self):
        deb = pack(os.path.join(self.top, "theirs"),
                   self.configured("CPackConfig.cmake"), more=(
                       "-D", "CPACK_INSTALL_CMAKE_PROJECTS=%s;mailmirror;"
                       "ALL;/" % build()))
        self.assertEqual(field(deb, "Maintainer"), MAINTAINER)
        self.assertEqual(field(deb, "Homepage"), HOMEPAGE)
        self.assertEqual(lintian(deb), "")
        tree = os.path.join(self.top, "installed")
        output("dpkg-deb", "-x", deb, tree)
        self.assertNotIn("example.org", output(
            "zcat", tree + "/usr/share/doc/mailmirror/changelog.Debian.gz"))


if __name__ == "__main__":
    case.main()
