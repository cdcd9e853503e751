"""What may happen to a mirror in a week, and how to do it to one that runs.

It is the random test's machinery with a daemon that never ends and with other
events; the memory, descriptors and threads of one process tell what leaks.
"""

import collections
import os
import shutil
import signal

import operations
import test_random
from lab import client as imap
from lab import compare, disk, mirror

FOLDERS = 12
DISK = 64  # MiB
WATCHDOG = 1  # seconds between two of its beats

# What happens before some operations, and how often.
EVENTS = {"": 40, "cut": 8, "deaf": 3, "deaf until noticed": 2, "away": 4,
          "server restarted": 3, "network changed": 5, "reloaded": 4,
          "reconfigured": 7, "misconfigured": 2, "disk full": 6}

# A day's waits in a minute.
LIVELY = {"poll_interval": "1s", "idle_refresh": "2s", "timeout": "3s",
          "burst_interval": "20ms", "burst_max_wait": "200ms"}
# The default: from one event to the next hardly anything happens.
QUIET = {"poll_interval": "5m"}

# What a reload changes; each value is the default for somebody.
CHOICES = {
    "tls": ("starttls", "none"),
    "max_connections": (1, 2, 5, 8),
    "disable_extensions": ([], ["NOTIFY"], ["CONDSTORE", "QRESYNC"],
                           ["NOTIFY", "LIST-STATUS"], ["UIDPLUS", "ESEARCH"],
                           ["NOTIFY", "IDLE"]),
    "compress": ("on", "off"),
    "burst_interval": ("0ms", "20ms", "100ms"),
    "idle_refresh": ("1s", "2s", "9m"),
    "fsync": (True, False),
}


class Week(test_random.Run):
    """One server, one daemon, and all that happens to them."""

    tampers = True
    most_folders = FOLDERS

    def __init__(self, top, variant, rng, log_level="info"):
        self.log_level = log_level
        self.disk = disk.Disk(os.path.join(top, "disk"), DISK)
        # Courier has no TLS here
        self.choices = dict(CHOICES) if variant.dialect.has_move else {
            **CHOICES, "tls": ("none",)}
        self.settings = {"tls": self.choices["tls"][0], "fsync": False}
        # from the start: the sandbox lets no other Maildir in later
        self.has_second = True
        self.counts = collections.Counter()
        super().__init__(top, variant, rng, log_level, home=self.disk.path)
        self.model.recreates = False
        self.happenings = {
            "cut": self.line.cut, "deaf": self.line.freeze,
            "deaf until noticed": self.be_deaf, "away": self.line.go_down,
            "server restarted": self.restart_server,
            "network changed": self.change_network,
            "reloaded": self.reload, "reconfigured": self.reconfigure,
            "misconfigured": self.misconfigure, "disk full": self.fill_disk,
        }

    # ---- the daemon ----

    def start(self):
        self.configure(QUIET)
        self.daemon = self.mirrored.start(
            WATCHDOG_USEC=str(2_000_000 * WATCHDOG))

    def configure(self, pace):
        accounts = [self.account(**{**pace, **self.settings})]
        if self.has_second:
            accounts.append(self.account(**{
                **pace, **self.settings, "name": "second",
                "maildir": self.second, "folders": ["INBOX"]}))
        self.mirrored.configure(accounts, log_level=self.log_level)

    def account(self, **more):
        maildir = more.pop("maildir", os.path.join(self.home, "Mail"))
        settings = {"port": self.line.port, "folders": ["*"],
                    "delete_guard": "off", **more}
        return mirror.account(self.server, maildir, **settings)

    @property
    def second(self):
        return os.path.join(self.home, "Second")

    def reload(self, result="configuration reloaded"):
        lines, notes = len(self.daemon.lines), len(self.daemon.notes)
        self.daemon.signal(signal.SIGHUP)
        self.daemon.wait_line(result, since=lines)
        self.daemon.wait_note("^READY=1$", since=notes)

    def reconfigure(self):
        self.disk.free()
        name = self.chance.choice(sorted(self.choices) + ["second"])
        if name == "second":
            self.has_second = not self.has_second
        else:
            self.settings[name] = self.chance.choice(self.choices[name])
        self.configure(LIVELY)
        self.reload()

    def misconfigure(self):
        self.disk.free()
        with open(self.mirrored.file, encoding="utf-8") as f:
            good = f.read()
        self.mirrored.write(good.replace("user =", "usr ="))
        self.reload("going on with .* before")
        self.mirrored.write(good)

    def become(self, pace, **settings):
        """Has one account, with these settings."""
        self.has_second = False
        self.settings = {"tls": self.choices["tls"][0], "fsync": False,
                         **settings}
        self.configure(pace)
        self.reload()

    # ---- line, server, disk ----

    def be_deaf(self):
        """Until the daemon gives a connection up and makes another."""
        if self.line.is_down:
            self.line.come_up()
            self.change_network()
        accepted = self.line.accepted
        self.line.freeze()
        self.daemon.wait_until(lambda: self.line.accepted > accepted,
                               "it to notice a deaf line")

    def restart_server(self):
        self.writer.close()
        self.server.stop()
        self.server.start()
        self.writer = imap.Bare(self.server.port).login()

    def change_network(self):
        self.daemon.signal(signal.SIGUSR1)

    def fill_disk(self):
        self.disk.fill(self.chance.choice((0, 20_000, 100_000)))

    def happen(self, event):
        if event:
            self.counts[event] += 1
            self.happenings[event]()

    def restore(self):
        """Line and disk are there again; the daemon is told, or finds out."""
        is_better = self.line.is_down or self.disk.is_filled
        self.line.thaw()
        self.line.come_up()
        self.disk.free()
        if self.daemon.code is not None:
            raise AssertionError("it ended with %d" % self.daemon.code)
        if is_better and self.chance.random() < 0.7:
            self.change_network()

    # ---- epochs ----

    def fill(self):
        """A dozen folders, and something in them."""
        steps = [self.model.operation("append") for _ in range(100)]
        self.even_out()
        operations.perform(self.writer, steps, at_once=True)

    def even_out(self):
        """As many folders as there were: each may cost a descriptor."""
        while len(self.model.folders) < FOLDERS:
            operations.perform(self.writer, [self.model.operation("create")],
                               at_once=True)

    def plan(self, count):
        return test_random.plan(self.rng, self.model, count, EVENTS)

    def come_to_rest(self, every=False):
        super().come_to_rest(every)
        if self.has_second:
            inbox = self.tree.there[self.model.folders["INBOX"]]
            self.daemon.wait_until(
                lambda: not self._differences_of_second(inbox),
                "the second account to be at rest")
        self._tidy_up()

    def _differences_of_second(self, inbox):
        try:
            return compare.differences(
                inbox, os.path.join(self.second, "INBOX"), "localhost")
        except FileNotFoundError:
            return ["changed while it was read"]

    def _tidy_up(self):
        """Somebody removes the Maildirs of folders that are long gone."""
        for path, names in sorted(self.tree.kept.items()):
            if names is None:
                continue
            for sub in ("cur", "new", "tmp"):
                shutil.rmtree(self.tree.path(path, sub), ignore_errors=True)
            del self.tree.kept[path]

    def quiet(self):
        """Nothing happens, and the default settings hold."""
        self.even_out()
        self.come_to_rest(every=True)
        since = len(self.daemon.notes)
        self.become(QUIET)
        # to the last folder: each says once that it is as it should be
        self.daemon.wait_note("^STATUS=.* 0 being synced; [0-9]+ messages$",
                              since=since)
        self.come_to_rest()

    def close(self):
        super().close()
        self.disk.close()
