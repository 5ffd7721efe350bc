"""The splits compared by key or by whole rows: a row that is in two of them makes every measurement look too good."""

from pathlib import Path

from scripts.bundle.rows import files, types
from scripts.schema.repeats import duplicated, shared
from scripts.schema.tally import EXAMPLES


def by_split(tables: list[Path], windows: dict) -> dict[str, list[Path]]:
    """Return the files of each split.

    Each of *tables* (results/<case>/ingest/<span>/<split>) belongs to the splits whose window has its span.
    """
    parts: dict[str, list[Path]] = {}
    for split, spans in windows.items():
        held = [table for table in tables if table.parent.name in spans and table.name in (split, "all")]
        parts[split] = files(held)
    return parts


def shared_keys(tables: list[Path], key: list[str], windows: dict) -> list[dict]:
    """Return for each two splits how many values of *key* both have, and the first of them.

    Missing keys do not count.
    """
    return shared(by_split(tables, windows), key, EXAMPLES) if key else []


def shared_rows(tables: list[Path], columns: list[str], windows: dict) -> list[dict]:
    """Return for each two splits how many different rows of *columns* ("*": all) both have, and the first of them."""
    if not columns:
        return []
    names = sorted(types(tables)) if columns == ["*"] else columns
    found = duplicated(by_split(tables, windows), names, EXAMPLES)
    return [pair | {"columns": names} for pair in found]
