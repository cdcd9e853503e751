"""What the figures must be, and all of them as a Markdown table."""

import collections

import week

Rule = collections.namedtuple("Rule", "what value limit holds")

# Memory of the last third of the time beside that of the third before.
SHARE, SLACK = 1.05, 1024  # KiB
CPU = 0.01  # seconds a second, while nothing happens
SILENCE = 5 * week.WATCHDOG
# Lines at level info: what each operation and each disturbance may cost.
LINES_EACH, LINES_DISTURBED = 0.5, 20


def rules(figures):
    """What is asserted of the whole; FIGURES are those of soak.Soak."""
    first, middle, last = figures["rss"]
    most = middle * SHARE + SLACK
    before, after = figures["quiet"]
    lines = int(figures["operations"] * LINES_EACH
                + figures["disturbances"] * LINES_DISTURBED)
    found = [
        Rule("descriptors at rest", _counted(after.descriptors),
             _counted(before.descriptors),
             after.descriptors == before.descriptors),
        Rule("threads at rest", after.threads, before.threads,
             after.threads == before.threads),
        Rule("CPU at rest", "%.2f %%" % (100 * figures["cpu"]),
             "%.0f %%" % (100 * CPU), figures["cpu"] <= CPU),
        Rule("log lines at rest", figures["quiet_lines"], 0,
             figures["quiet_lines"] == 0),
        Rule("longest silence to the watchdog",
             "%.1f s" % figures["silence"], "%d s" % SILENCE,
             figures["silence"] <= SILENCE),
    ]
    if figures["log_level"] == "info":
        found.append(Rule("log lines", figures["lines"], lines,
                          figures["lines"] <= lines))
    # A sanitiser keeps what is freed for a while; it finds leaks by itself.
    if not figures["is_sanitised"]:
        found.insert(0, Rule("RSS of the last third", _memory(last),
                             _memory(most), last <= most))
    return found


def show(options, figures, found):
    """The summary."""
    first, middle, last = figures["rss"]
    before, after = figures["quiet"]
    print("## %s, seed %s: %d minutes\n" % (
        options.variant, options.seed, round(figures["seconds"] / 60)))
    rows = [
        ("duration", "%.0f s" % figures["seconds"]),
        ("epochs, exactly equal after each", figures["epochs"]),
        ("operations", figures["operations"]),
        ("connections made", figures["connections"]),
        *sorted(figures["events"].items()),
        ("files touched by a reader", figures["tampered"]),
        ("RSS, thirds", ", ".join(map(_memory, (first, middle, last)))),
        ("RSS at rest, before and after", "%s, %s" % (
            _memory(before.rss), _memory(after.rss))),
        ("descriptors, threads at most", "%d, %d" % figures["most"]),
        ("log lines an hour", "%.0f" % (
            figures["lines"] * 3600 / figures["seconds"])),
        ("CPU", "%.1f s" % after.cpu),
    ]
    print("| what | figure |\n| --- | --- |")
    for row in rows:
        print("| %s | %s |" % row)
    print("\n| rule | is | may be | |\n| --- | --- | --- | --- |")
    for rule in found:
        print("| %s | %s | %s | %s |" % (
            rule.what, rule.value, rule.limit,
            "" if rule.holds else "BROKEN"))


def _memory(kib):
    return "%.1f MB" % (kib / 1024)


def _counted(kinds):
    return "%d (%s)" % (sum(kinds.values()), ", ".join(
        "%d %s" % (count, kind) for kind, count in sorted(kinds.items())))
