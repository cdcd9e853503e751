"""A terminal's screen as a still picture, and the words in such a picture."""

import itertools
import re
import xml.etree.ElementTree
from xml.sax.saxutils import escape

_WIDTH, _HEIGHT = 8.4, 18  # of a character
_MARGIN, _CAPTION = 12, 26
_SPACE = "{http://www.w3.org/2000/svg}"

# class: the colour by day, and by night
_COLOURS = {
    "black": ("#24292f", "#8b949e"), "red": ("#cf222e", "#ff7b72"),
    "green": ("#116329", "#7ee787"), "brown": ("#8a5c00", "#e3b341"),
    "blue": ("#0550ae", "#79c0ff"), "magenta": ("#8250df", "#d2a8ff"),
    "cyan": ("#1b7c83", "#76e3ea"), "white": ("#57606a", "#f0f6fc"),
}

_HEAD = """\
<svg xmlns="http://www.w3.org/2000/svg" width="%(width)d" height="%(height)d"
     viewBox="0 0 %(width)d %(height)d" role="img">
<title>%(title)s</title>
<style>
  rect { fill: #ffffff; stroke: #d0d7de }
  text { fill: #1f2328; white-space: pre; font: 14px ui-monospace,
    "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace }
  .bold { font-weight: bold }
  .caption { fill: #59636e; font: 13px sans-serif }
%(day)s
  @media (prefers-color-scheme: dark) {
    rect { fill: #0d1117; stroke: #30363d }
    text { fill: #e6edf3 }
    .caption { fill: #9198a1 }
%(night)s
  }
</style>
"""


def _style(which, used):
    return "\n".join("  .%s { fill: %s }" % (name, _COLOURS[name][which])
                     for name in sorted(used & set(_COLOURS)))


def _look(cell):
    """The classes of a cell."""
    name = re.sub("^bright", "", cell.fg)
    names = [name] if name in _COLOURS else []
    return " ".join(names + ["bold"] * cell.bold)


def _runs(row):
    """[(column, text, columns, classes)] of cells that look alike."""
    at = 0
    for look, cells in itertools.groupby(row, _look):
        cells = [cell.data for cell in cells]
        yield at, "".join(cells), len(cells), look
        at += len(cells)


def rows(screen):
    """The lines of a terminal's screen, to the last that is not empty."""
    taken = [[screen.buffer[y][x] for x in range(screen.columns)]
             for y in range(screen.lines)]
    while taken and not "".join(cell.data for cell in taken[-1]).strip():
        taken.pop()
    return taken


def _text(row, y):
    for column, text, columns, look in _runs(row):
        cut = len(text) - len(text.rstrip())
        if cut == len(text):
            continue
        # fonts differ in width, columns must not
        yield ('<text x="%.1f" y="%d" textLength="%.1f"%s xml:space="preserve"'
               '>%s</text>' % (
                   _MARGIN + column * _WIDTH, y, (columns - cut) * _WIDTH,
                   ' class="%s"' % look if look else "",
                   escape(text.rstrip())))


def picture(title, columns, screens):
    """The SVG text of screens below each other: [(caption, rows)]."""
    used = {name for _, screen in screens for row in screen for cell in row
            for name in _look(cell).split()}
    body, top = [], 0
    for caption, screen in screens:
        body.append('<text x="4" y="%d" class="caption">%s</text>' % (
            top + 17, escape(caption)))
        top += _CAPTION
        height = len(screen) * _HEIGHT + 2 * _MARGIN
        body.append('<rect x="0.5" y="%.1f" width="%d" height="%d" rx="6"/>' % (
            top + 0.5, columns * _WIDTH + 2 * _MARGIN - 1, height - 1))
        for number, row in enumerate(screen):
            body += _text(row, top + _MARGIN + number * _HEIGHT + 13)
        top += height
    head = _HEAD % {
        "width": columns * _WIDTH + 2 * _MARGIN, "height": top,
        "title": escape(title), "day": _style(0, used),
        "night": _style(1, used)}
    return head + "\n".join(body) + "\n</svg>\n"


def lines(text):
    """The lines of such a picture; ParseError if it is no XML."""
    shown = {}
    for element in xml.etree.ElementTree.fromstring(text).iter(
            _SPACE + "text"):
        if element.get("class") != "caption":
            shown.setdefault(int(element.get("y")), []).append(element)
    return [" ".join(element.text.strip() for element in sorted(
        line, key=lambda element: float(element.get("x"))))
            for _, line in sorted(shown.items())]
