"""The first copy of a large mailbox over TLS, with fsync and without."""

import contenders
from common import demand_exact, here, in_turn, mixed, say
from lab import compare
from lab import client as imap

SERVER_SIDE = "maildir:~/Maildir:LAYOUT=fs"
FLOOR, FILES, OURS, MBSYNC = (cls.name for cls in (
    contenders.Floor, contenders.Files, contenders.Mailmirror,
    contenders.Mbsync))


def copies(bench, server, there, fsync, classes):
    """{name: [Cost]}, each from an empty directory."""
    def runner(cls):
        def run(_):
            directory = bench.directory(cls.name)
            contender = cls(server, directory, fsync)
            try:
                contender.expect(there)
                cost = contender.run()
                demand_exact(contender, there)
            finally:
                bench.remove(directory)
            say("  %-18s %8.2f s, %6.2f s of CPU" % (cls.name, *cost))
            return cost
        return run
    return in_turn({cls.name: runner(cls) for cls in classes
                    if fsync in cls.has_fsync}, bench.scale.rounds,
                   once=[cls.name for cls in classes if cls.is_slow])


def seconds(costs):
    return [cost.seconds for cost in costs]


def cpu(costs):
    return [cost.cpu for cost in costs]


def tell(table, costs, count, fsync):
    title = "initial %d, fsync %s: " % (count, "on" if fsync else "off")
    ours = costs.pop(OURS)
    floor = costs.pop(FLOOR)
    files = costs.pop(FILES, None)
    for name, theirs in costs.items():
        limits = {"least": 5, "goal": 8} if fsync and name == MBSYNC else {}
        table.faster(title + "time to " + name, seconds(theirs),
                     seconds(ours), "s", **limits)
    table.at_most(title + "time to " + FLOOR, seconds(floor), seconds(ours),
                  "s", **({"most": 1.7} if fsync else
                          {"most": 1.25, "goal": 1.1}))
    for name, theirs in [*costs.items(), (FLOOR, floor)]:
        limits = {"most": 0.6} if not fsync and name == MBSYNC else {}
        table.at_most(title + "client CPU to " + name, cpu(theirs), cpu(ours),
                      "s", **limits)
    if files and MBSYNC in costs:
        table.at_most(title + "client CPU of mbsync to that of " + FILES,
                      cpu(files), cpu(costs[MBSYNC]), "s")
    if files:
        table.at_most(title + "client CPU to " + FILES, cpu(files),
                      cpu(ours), "s")


def run(bench):
    count = bench.scale.initial
    classes = here(contenders.Floor, contenders.Files, contenders.Mailmirror,
                   *contenders.PEERS)
    with bench.server(location=SERVER_SIDE) as server:
        imap.seed_maildir(server, server.path("mail", "mirror", "Maildir"),
                          mixed(count))
        there = compare.server_mailbox(imap.connect(server), "INBOX")
        for fsync in (True, False):
            say("initial: %d messages, %.0f MB, fsync %s" % (
                count, sum(m.size for m in there.messages.values()) / 1e6,
                fsync))
            tell(bench.table, copies(bench, server, there, fsync, classes),
                 count, fsync)
