"""Which rows a model has seen: those that it was trained or chosen on, and those of the versions that it started from.

The contract of a bundle lists them under "seen": [{"trained": ["<span>/<split>", ...], "chosen": [...], "rule": ...}],
the own ones first. The split is "all" if the span is not divided; "rule" says how rows are divided (ingest.split with
its key), null if no span is.
"""

from collections.abc import Iterable
from pathlib import Path


def name_rows(tables: Iterable[Path]) -> list[str]:
    """Return the names of ingested *tables* (results/<case>/ingest/<span>/<split>) in "seen"."""
    return [f"{table.parent.name}/{table.name}" for table in tables]


def division_rule(split: dict, columns: dict[str, str]) -> dict | None:
    """Return what *split* (ingest.split) says about a row with these *columns*, None if it divides no rows."""
    if split["column"]:
        return {"column": split["column"], "values": split["values"]}
    return {"key": split["key"] or list(columns), "buckets": split["buckets"]} if split["buckets"] else None


def find_seen(
    rows: Iterable[str], rule: dict | None, seen: list[dict], kinds: tuple[str, ...] = ("trained", "chosen")
) -> list[str]:
    """Return those of *rows*, divided by *rule*, of which a model with this "seen" may have seen some, as *kinds* say.

    Rows of a span that was divided otherwise, or not at all, cannot be told apart and count as seen.
    """
    found = []
    for name in rows:
        span, _, split = name.rpartition("/")
        for part in seen:
            known = [other.rpartition("/") for kind in kinds for other in part[kind]]
            splits = {other for name_of_span, _, other in known if name_of_span == span}
            same_division = split != "all" and "all" not in splits and part["rule"] == rule
            if split in splits or (splits and not same_division):
                found.append(name)
                break
    return found
