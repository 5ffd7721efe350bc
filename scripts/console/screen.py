"""Lines for people: on a terminal with colours and a last line that moves, elsewhere plain."""

import os
import shutil
from typing import TextIO

from scripts.console.wording import shorten

COLOURS = {
    "red": "31",
    "green": "32",
    "yellow": "33",
    "dim": "2",
    "bold": "1",
    "red bold": "1;31",
    "green bold": "1;32",
}
ERASE = "\r\x1b[K"  # back to the start of the line and clear it
NARROWEST = 20
ASCII = str.maketrans({"✓": "+", "✗": "x", "…": ".", "█": "#", "░": ".", "·": "-", "•": "-"})


class Screen:
    """A stream with a live last line. All methods must be called by one thread at a time."""

    def __init__(self, stream: TextIO, colour: bool = True):
        self.stream = stream
        dumb = os.environ.get("TERM", "dumb") in ("dumb", "")
        self.live = stream.isatty() and not dumb
        self.colour = self.live and colour and not os.environ.get("NO_COLOR")
        self.unicode = "utf" in (getattr(stream, "encoding", None) or "").lower()
        self.last = ""  # the live line as it stands there
        self.closed_by_reader = False

    @property
    def width(self) -> int:
        """Return the number of columns now: a terminal may be resized."""
        try:
            columns = os.get_terminal_size(self.stream.fileno()).columns
        except (OSError, ValueError):
            columns = 0
        return max(NARROWEST, columns or shutil.get_terminal_size((100, 24)).columns)

    def paint(self, text: str, colour: str) -> str:
        """Return *text* in a *colour* of COLOURS, where the terminal has colours."""
        return f"\x1b[{COLOURS[colour]}m{text}\x1b[0m" if self.colour and text else text

    def write(self, text: str) -> None:
        """Write *text* as it is; whoever closed the other end of the stream gets nothing more."""
        if self.closed_by_reader:
            return
        try:
            self.stream.write(text if self.unicode else text.translate(ASCII))
            self.stream.flush()
        except (BrokenPipeError, ValueError):
            self.closed_by_reader = True

    def print(self, line: str = "") -> None:
        """Write *line* above the live line."""
        last = self.last
        self.write(f"{ERASE if last else ''}{line}\n")
        if last:
            self.write(last)

    def show(self, line: str) -> None:
        """Replace the live line by *line*, which must not be wider than the terminal; nothing where there is none."""
        if self.live and line != self.last:
            self.write(ERASE + line if self.last or line else "")
            self.last = line

    def clear(self) -> None:
        """Remove the live line."""
        if self.last:
            self.write(ERASE)
            self.last = ""


def format_row(screen: Screen, symbol: str, name: str, text: str, end: str, width: int, colour: str = "") -> str:
    """Return the line of a job: *symbol*, *name* in *width* columns, *text*, and *end* at the right.

    On a terminal it takes one line: *text* is cut off, and a narrow terminal has no *end*.
    """
    head = f"{symbol} {name:<{width}}"
    if not screen.live:
        return f"{head}  {text}{'  ' if text else ''}({end})".rstrip() if end else f"{head}  {text}".rstrip()
    room = screen.width - 1
    if len(head) >= room:
        return shorten(f"{symbol} {name}", room)
    end = f"  {end:>8}" if room >= 60 and end else ""
    text = shorten(text, max(0, room - len(head) - 2 - len(end)))
    gap = " " * max(0, room - len(head) - 2 - len(text) - len(end)) if end else ""
    return f"{screen.paint(symbol, colour)}{head[len(symbol) :]}  {text}{gap}{screen.paint(end, 'dim')}".rstrip()
