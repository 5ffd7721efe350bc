"""The splits compared by key: a row that is in two of them makes every measurement look too good."""

from pathlib import Path

from scripts.bundle.rows import files
from scripts.schema.repeats import shared
from scripts.schema.tally import EXAMPLES


def shared_keys(tables: list[Path], key: list[str], windows: dict) -> list[dict]:
    """Return for each two splits how many values of *key* both have, and the first of them. Missing keys do not count.

    Each of *tables* (results/<case>/ingest/<span>/<split>) belongs to the splits whose window has its span.
    """
    parts: dict[str, list[Path]] = {}
    for split, spans in windows.items():
        held = [table for table in tables if table.parent.name in spans and table.name in (split, "all")]
        parts[split] = files(held)
    return shared(parts, key, EXAMPLES) if key else []
