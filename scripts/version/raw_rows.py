"""Rows of raw files (CSV, JSON lines, Parquet) as text, each with the exact text that it was read from."""

import csv
import io
import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

from scripts.data.dialect import Dialect
from scripts.data.formats import COMPRESSIONS, format_of


def open_text(path: Path, encoding: str, mode: str = "r") -> TextIO:
    """Open the file at *path*, (de)compressed by its suffix, as text; bytes that cannot be decoded survive a copy."""
    import pyarrow as pa

    how = {"compression": COMPRESSIONS.get(path.suffix)}
    raw = pa.input_stream(str(path), **how) if mode == "r" else pa.output_stream(str(path), **how)
    return io.TextIOWrapper(raw, encoding=encoding, errors="surrogateescape", newline="")


def cell_text(value: Any) -> str:
    """Return a cell as text: missing is empty, and anything but text is JSON."""
    if value is None or isinstance(value, str):
        return value or ""
    return json.dumps(value, sort_keys=True, default=str, ensure_ascii=False)


def read_records(path: Path, ingest: dict) -> Iterator[tuple[Any, dict[str, str] | None]]:
    """Yield each record of *path* as it is in the file, and as text by column: None for headers, comments, blank lines.

    *ingest* is that section of the configuration. A record of Parquet is a dictionary of values.
    """
    form = format_of(path, ingest["format"])
    if form == "parquet":
        import pyarrow.parquet as pq

        for batch in pq.ParquetFile(path).iter_batches():
            for record in batch.to_pylist():
                yield record, {name: cell_text(value) for name, value in record.items()}
        return
    dialect = Dialect.from_options(ingest)
    with open_text(path, dialect.encoding) as file:
        yield from jsonl_records(file, dialect.comment) if form == "jsonl" else csv_records(file, dialect)


def jsonl_records(file: TextIO, comment: str) -> Iterator[tuple[str, dict[str, str] | None]]:
    """Yield the lines of JSON text; a line that is not an object has a single column, whose name is empty."""
    for line in file:
        if not line.strip() or (comment and line.startswith(comment)):
            yield line, None
            continue
        try:
            value = json.loads(line.removeprefix("\ufeff"))
        except ValueError:
            value = line
        yield line, {str(k): cell_text(item) for k, item in value.items()} if isinstance(value, dict) else {"": line}


def csv_records(file: TextIO, dialect: Dialect) -> Iterator[tuple[str, dict[str, str] | None]]:
    """Yield the records of CSV text, which may have several lines each; surplus fields are columns +1, +2, ..."""
    csv.field_size_limit(1 << 30)
    record_lines: list[str] = []
    for line in islice(file, dialect.skip_lines):
        yield line, None

    def lines() -> Iterator[str]:
        for line in file:
            record_lines.append(line)
            passed = len(record_lines) == 1 and dialect.comment and line.startswith(dialect.comment)
            yield "\n" if passed else line  # a comment counts as a blank line

    header = dialect.column_names
    for fields in dialect.parse_records(lines()):
        record = "".join(record_lines)
        record_lines.clear()
        if not fields:
            yield record, None
        elif header is None:
            header = [fields[0].removeprefix("\ufeff"), *fields[1:]]
            yield record, None
        elif len(fields) == len(header):
            yield record, dict(zip(header, fields, strict=True))
        else:
            surplus = [f"+{number + 1}" for number in range(len(fields) - len(header))]
            yield record, dict.fromkeys(header, "") | dict(zip([*header, *surplus], fields, strict=False))
