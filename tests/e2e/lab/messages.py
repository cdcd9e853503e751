"""Messages as real mailboxes have them, the same ones in every run."""

import random

_WORDS = ("meeting invoice re draft Grüße report läuft build lists holiday "
          "weekly résumé tickets agenda minutes 会議 счёт").split()


def make(number, size=None, seed=0):
    """The bytes (CRLF) of message NUMBER; SIZE: about that long."""
    rng = random.Random("%d/%d" % (seed, number))
    subject = " ".join(rng.choices(_WORDS, k=rng.randint(1, 6)))
    lines = [
        "Return-Path: <sender%d@example.org>" % number,
        "From: Sender %d <sender%d@example.org>" % (number, number),
        "To: mirror@example.net",
        "Subject: %s" % subject,
        "Message-ID: <%d.%d@example.org>" % (seed, number),
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=utf-8",
        "",
    ]
    wanted = size if size is not None else rng.choice(
        (60, 300, 900, 2500, 9000))
    length = sum(len(line.encode()) + 2 for line in lines)
    while length < wanted:
        line = " ".join(rng.choices(_WORDS, k=rng.randint(0, 11)))
        line = rng.choice(("", ".", "From ", "* 1 EXISTS", "{99}", "")) + line
        lines.append(line)
        length += len(line.encode()) + 2
    return "\r\n".join(lines).encode() + rng.choice((b"", b"\r\n"))


def flags(number):
    """Flags that go with the number; every combination comes up."""
    names = ("\\Seen", "\\Answered", "\\Flagged", "\\Draft", "\\Deleted")
    return " ".join(name for bit, name in enumerate(names)
                    if number >> bit & 1 and number % 3)


def date(number):
    """An INTERNALDATE in some time zone, of 1999 to 2026."""
    rng = random.Random(number)
    month = rng.choice("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov".split())
    return '"%2d-%s-%d %02d:%02d:%02d %s"' % (
        rng.randint(1, 28), month, rng.randint(1999, 2026),
        rng.randint(0, 23), rng.randint(0, 59), rng.randint(0, 59),
        rng.choice(("+0000", "-0700", "+0530", "+1245", "-0330")))
