"""The figures of a run as one Markdown table."""

import statistics

HEAD = ("what", "peer", "ours", "ratio", "wanted", "met")


def number(value, unit=""):
    """Three digits that matter, with the unit."""
    if unit == "B":
        text = "{:,.0f}".format(value)
    elif value == int(value):
        text = "%d" % value
    elif abs(value) >= 100:
        text = "%.0f" % value
    elif abs(value) >= 10:
        text = "%.1f" % value
    else:
        text = "%.2f" % value if abs(value) >= 0.1 else "%.3f" % value
    return (text + " " + unit).rstrip()


def spread(values, unit=""):
    """The median, and from where to where the values go."""
    median = number(statistics.median(values), unit)
    if len(values) == 1:
        return median
    ends = [number(end, unit).partition(" ")[0]
            for end in (min(values), max(values))]
    return median if ends[0] == ends[1] else "%s (%s to %s)" % (median, *ends)


def percentile(values, share):
    """The value that SHARE (0 to 1) of all do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


class Table:
    def __init__(self, say):
        self.say = say
        self.rows = []
        self.is_met = True

    def _add(self, what, peer, ours, ratio, wanted, is_met):
        met = {True: "yes", False: "NO", None: ""}[is_met]
        self.rows.append((what, peer, ours, ratio, wanted, met))
        self.is_met = self.is_met and is_met is not False
        self.say("| " + " | ".join(self.rows[-1]) + " |")

    def faster(self, what, peer, ours, unit, least=None, goal=None):
        """How many times better (less) ours is; lists of one value a round."""
        ratio = _median(peer) / max(_median(ours), 1e-9)
        wanted = "" if least is None else "at least %s" % number(least)
        if goal:
            wanted += ", goal %s" % number(goal)
        self._add(what, _shown(peer, unit), _shown(ours, unit),
                  number(ratio) + "x less", wanted,
                  None if least is None else ratio >= least)

    def at_most(self, what, peer, ours, unit, most=None, goal=None):
        """Ours as a share of the peer's or a floor's."""
        ratio = _median(ours) / max(_median(peer), 1e-9)
        wanted = "" if most is None else "at most %s" % number(most)
        if goal:
            wanted += ", goal %s" % number(goal)
        self._add(what, _shown(peer, unit), _shown(ours, unit), number(ratio),
                  wanted, None if most is None else ratio <= most)

    def bound(self, what, ours, unit, most=None, peer=None):
        """A figure of ours with a limit of its own."""
        value = _median(ours)
        self._add(what, "" if peer is None else _shown(peer, unit),
                  _shown(ours, unit), "",
                  "" if most is None else "at most " + number(most, unit),
                  None if most is None else value <= most)

    def at_least(self, what, peer, ours, least):
        """A count of ours that has to be so large."""
        self._add(what, number(peer), number(ours), "",
                  "at least " + number(least), ours >= least)

    def failed(self, what):
        self._add(what + " did not come to its end", "", "", "", "", False)

    def text(self):
        lines = ["| " + " | ".join(HEAD) + " |",
                 "|" + " --- |" * len(HEAD)]
        lines += ["| " + " | ".join(row) + " |" for row in self.rows]
        return "\n".join(lines)


def _median(value):
    return statistics.median(value) if isinstance(value, list) else value


def _shown(value, unit):
    return spread(value, unit) if isinstance(value, list) \
        else number(value, unit)
