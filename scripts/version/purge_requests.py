"""Remove rows by key from the request log of a case, and from all that came of it: labels, actions, tables, figures.

A row of a request goes with its score and its labels; the others keep their positions. Lines are overwritten where they
are, so that a server may go on writing, and they go last: an interrupted purge finds them again and is completed by the
next one. A torn line goes if it holds all values of a key.
"""

import csv
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from itertools import product
from pathlib import Path
from typing import Any

from scripts.data.pseudonyms import hide_text
from scripts.data.times import DATE_FORMAT, load_zone, parse_time
from scripts.provenance.canonical import write_bytes
from scripts.provenance.run_job import echo, remove
from scripts.version.raw_rows import cell_text

QUOTING = ("realised", "label_queue", "shadow", "feedback.json", "record.json")  # results that may name requests
Places = dict[str, set[int]]  # positions of rows, by request


def normalize(text: str, dtype: str, zone: str) -> str:
    """Return *text*, a raw value of a column of type *dtype*, so that equal values are equal: 5.0 is 5."""
    base, _, form = dtype.partition(":")
    if base in ("number", "integer"):
        try:
            return str(Decimal(text.strip()).normalize())
        except InvalidOperation:
            return text
    if base in ("date", "time"):
        forms = [form or (DATE_FORMAT if base == "date" else ""), ""]  # as in raw data, and ISO 8601 as in the log
        found = [moment for each in forms if (moment := parse_time(text, each, load_zone(zone)))]
        return found[0].isoformat() if found else text
    return text.strip()


@dataclass
class RowKeys:
    """The *values* of the columns *names* that rows to purge have; *types* and *zone* say which values are equal."""

    names: list[str]
    values: set[tuple[str, ...]]
    types: list[str]
    zone: str
    secret: bytes | None  # of the pseudonyms in the log

    def __post_init__(self):
        self.texts = [[self.list_forms(*pair) for pair in zip(key, self.types, strict=True)] for key in self.values]
        self.wanted = {form for texts in self.texts for form in product(*texts)}

    def list_forms(self, text: str, dtype: str) -> list[str]:
        """Return what the log may have for *text*, a raw value of a column of type *dtype*."""
        return [normalize(text, dtype, self.zone), *([hide_text(text.strip(), self.secret)] if self.secret else [])]

    def is_known(self, row: Any) -> bool:
        """Return whether *row* of a request has all columns of the key."""
        return isinstance(row, dict) and all(row.get(name) is not None for name in self.names)

    def are_of(self, row: Any) -> bool:
        """Return whether *row* of a request has one of these keys."""
        pairs = zip(self.names, self.types, strict=True)
        return self.is_known(row) and (
            tuple(normalize(cell_text(row[name]), dtype, self.zone) for name, dtype in pairs) in self.wanted
        )

    def are_in(self, line: bytes) -> bool:
        """Return whether a torn *line* holds all values of one of these keys."""
        text = line.decode(errors="replace")
        return any(all(any(form in text for form in forms) for forms in texts) for texts in self.texts)


def read_lines(path: Path) -> Iterator[tuple[int, bytes, dict | None]]:
    """Yield offset and text of each complete line of a log, and its entry, None for a torn line."""
    offset = 0
    with open(path, "rb") as file:
        for line in file:
            if not line.endswith(b"\n"):
                return
            if line.strip():
                try:
                    entry = json.loads(line)
                except ValueError:
                    entry = None
                yield offset, line, entry if isinstance(entry, dict) else None
            offset += len(line)


def find_places(entry: dict, keys: RowKeys) -> list[int]:
    """Return at which indices the rows of *entry* have one of the *keys*."""
    rows = entry.get("rows")
    return [index for index, row in enumerate(rows) if keys.are_of(row)] if isinstance(rows, list) else []


def list_positions(entry: dict) -> list[int]:
    """Return the positions that the rows of *entry* had in their request."""
    return entry.get("positions", [*range(len(entry["rows"]))])


def without_rows(entry: dict, places: list[int]) -> bytes:
    """Return the line of *entry* without its rows at the indices *places*, an empty one without any row."""
    kept = [index for index in range(len(entry["rows"])) if index not in places]
    if not kept:
        return b"\n"
    parts = {"rows": entry["rows"], "scores": entry["scores"], "positions": list_positions(entry)}
    entry = entry | {name: [values[index] for index in kept] for name, values in parts.items()}
    return json.dumps(entry, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def overwrite_line(path: Path, offset: int, old: bytes, new: bytes) -> None:
    """Put the line *new* in place of *old* at *offset* of a log, filled with spaces; at the end if it is longer."""
    file = os.open(path, os.O_RDWR)
    try:
        if len(new) > len(old):
            append = os.open(path, os.O_WRONLY | os.O_APPEND)
            os.write(append, b"\n" + new)  # a line of its own, even after half a line
            os.close(append)
            new = b"\n"
        os.pwrite(file, new[:-1].ljust(len(old) - 1) + b"\n", offset)
        os.fsync(file)
    finally:
        os.close(file)


def purge_csv(path: Path, removed: Places, confirm: bool) -> int:
    """Remove the lines of a CSV file of labels or actions that are of rows that are *removed*; return their number."""
    lines = path.read_bytes().splitlines(keepends=True)
    texts = [line.decode("utf-8-sig", errors="surrogateescape") for line in lines]
    header = next(csv.reader(texts[:1]), [])
    if "request" not in header:
        return 0
    kept = []
    for line, text in zip(lines, texts, strict=True):
        row = dict(zip(header, next(csv.reader([text]), []), strict=False))
        position = row.get("position", "").strip() or "0"
        if not (position.isdecimal() and int(position) in removed.get(row.get("request", ""), ())):
            kept.append(line)
    if confirm and len(kept) < len(lines):
        write_bytes(path, b"".join(kept))
    return len(lines) - len(kept)


def purge_requests(serving: Path, labels: Path, results: Path, keys: RowKeys, confirm: bool) -> int:
    """Remove the rows that have one of *keys* from the log in *serving* (serving/<case>); return their number.

    With them go their *labels* and actions (data/<case>/feedback) and what was made of them in *results*. Without
    *confirm*, only report what would go.
    """
    removed: Places = {}
    changes: list[tuple[Path, int, bytes, bytes]] = []
    count, unknown = 0, 0
    for path in sorted(serving.glob("requests/*.jsonl")):
        for offset, line, entry in read_lines(path):
            if entry is None:
                if keys.are_in(line):
                    changes.append((path, offset, line, b"\n"))
                    count += 1
                continue
            if places := find_places(entry, keys):
                positions = list_positions(entry)
                removed.setdefault(entry["request"], set()).update(positions[index] for index in places)
                changes.append((path, offset, line, without_rows(entry, places)))
                count += len(places)
            rows = entry.get("rows")
            unknown += sum(not keys.is_known(row) for row in rows) if isinstance(rows, list) else 0
    if unknown:
        echo(
            f"{unknown} rows of the request log lack {', '.join(keys.names)} (version.key), so nobody knows whose they "
            "are; feedback.retention_days deletes them"
        )
    shadows = [
        (path, offset, line, b"\n")
        for path in sorted(serving.glob("shadow/*.jsonl"))
        for offset, line, entry in read_lines(path)
        if entry is not None and entry.get("request") in removed
    ]
    files = sorted(path for kind in ("labels", "actions") for path in (labels / kind).glob("*.csv"))
    lines = sum(purge_csv(path, removed, confirm) for path in files) if removed else 0
    if not changes:
        return 0
    what = "are purged" if confirm else "would be purged"
    echo(f"{serving}/requests: {count} rows {what}, with {lines} labels and actions")
    if confirm:
        days = {path.stem for path, *_ in changes}
        for place in [*(Path("requests", day) for day in sorted(days)), *map(Path, QUOTING)]:
            remove(results / "feedback" / place)
        for change in [*shadows, *changes]:
            overwrite_line(*change)
    return count
