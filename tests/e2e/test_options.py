#!/usr/bin/python3
"""Options that every command has, and settings that no other test is about."""

import re

from lab import case, messages, mirror


class Config(case.Case):
    def test_config_in_its_forms_and_places(self):
        path = self.path("elsewhere.conf")
        with open(path, "w", encoding="ascii") as f:
            f.write("bogus = 1;\n")
        for words in (("-c", path, "check"), ("check", "-c", path),
                      ("check", "-c" + path), ("check", "--config", path),
                      ("--config=" + path, "check")):
            with self.subTest(words=words):
                result = mirror.execute(
                    [mirror.binary(), *words, "--offline"], 60,
                    {"PATH": "/bin", "HOME": self.top})
                self.assert_code(result, 78)
                self.assertIn("elsewhere.conf:1: ", result.err)

    def test_config_without_its_argument_is_64(self):
        result = mirror.execute([mirror.binary(), "check", "--config"], 60,
                                {"PATH": "/bin"})
        self.assert_code(result, 64)
        self.assertIn("--config", result.err)


class Verbosity(case.Fake):
    def shapes(self, level, *options):
        """What one sync says, without its figures, and its summary."""
        mirrored = self.mirrored()
        mirrored.configure(mirrored.accounts, log_level=level)
        result = mirrored.sync(*options)
        return {re.sub("[0-9a-f]*[0-9][0-9a-f]*", "0", line)
                for line in result.err.splitlines()}, result.out

    def test_verbose_is_levels_from_log_level(self):
        self.serve(3)
        self.mirrored().sync()
        info, summary = self.shapes("info")
        debug, _ = self.shapes("debug")
        self.assertLess(len(info), len(debug))
        self.assertEqual(self.shapes("info", "--verbose")[0], debug)
        self.assertEqual(self.shapes("notice", "-vv")[0], debug)
        self.assertIn("main", summary)

    def test_quiet_leaves_all_out_but_warnings_and_errors(self):
        self.serve(1)
        self.assertEqual(self.shapes("trace", "--quiet"), (set(), ""))
        refused = self.mirrored(password="wrong").call("sync", "-q")
        self.assert_code(refused, mirror.EX_NOPERM)
        self.assertIn("login refused", refused.err)
        for line in refused.err.splitlines():
            self.assertRegex(line, "^mailmirror: (warning|error): main")


class Burst(case.Fake):
    def test_a_burst_ends_after_its_longest_time(self):
        self.serve(1)
        mirrored, daemon = self.watching(burst_interval="1h",
                                         burst_max_wait="1s")
        for uids in ([1, 2], [1, 2, 3], [1, 2, 3, 4]):
            self.server.deliver(messages.make(uids[-1]))
            self.wait_uids(daemon, mirrored, uids)


if __name__ == "__main__":
    case.main()
