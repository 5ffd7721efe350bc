"""Warnings in the log of a job: one for each place that warns, and at the end how many more there were.

Python shows a warning again if its text differs, by a number for example, and some libraries show every one.
"""

from __future__ import annotations

import sys
import warnings

TYPE_CHECKING = False  # every job starts with this module: it imports little
if TYPE_CHECKING:
    from typing import TextIO


class WarningLog:
    """Shows the first warning of each category and line of code on stderr, and counts the others."""

    def __init__(self) -> None:
        self.counts: dict[tuple[str, str, int], int] = {}

    def show(
        self, message: Warning | str, category: type, filename: str, lineno: int, file: TextIO | None = None, line=None
    ) -> None:
        """Show a warning as warnings.showwarning() does, if it is the first of its place."""
        place = category.__name__, filename, lineno
        self.counts[place] = self.counts.get(place, 0) + 1
        if self.counts[place] == 1:
            print(warnings.formatwarning(message, category, filename, lineno, line), end="", file=file or sys.stderr)

    def summarize(self) -> None:
        """Say how many warnings were not shown."""
        for (category, filename, lineno), count in self.counts.items():
            if count > 1:
                print(f"{filename}:{lineno}: {category}, {count - 1} more times", file=sys.stderr, flush=True)
