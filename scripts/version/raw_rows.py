"""Rows of raw files as text, with the very text that each was read from: CSV, JSON lines, Parquet."""

import csv
import io
import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

from scripts.data.formats import PACKED, format_of


def opened(path: Path, encoding: str, mode: str = "r") -> TextIO:
    """Return the text of the file at *path*, unpacked, for reading or writing; bytes of no character survive."""
    import pyarrow as pa

    how = {"compression": PACKED.get(path.suffix)}
    raw = pa.input_stream(str(path), **how) if mode == "r" else pa.output_stream(str(path), **how)
    return io.TextIOWrapper(raw, encoding=encoding, errors="surrogateescape", newline="")


def text(value: Any) -> str:
    """Return a cell as text: missing is empty, what is no text is JSON."""
    if value is None or isinstance(value, str):
        return value or ""
    return json.dumps(value, sort_keys=True, default=str, ensure_ascii=False)


def records(path: Path, ingest: dict) -> Iterator[tuple[Any, dict[str, str] | None]]:
    """Yield each record of *path* as it stands there and as text by column; headers, comments and such have no row.

    *ingest* is that section of the configuration. A record of Parquet is a dictionary of values.
    """
    form = format_of(path, ingest["format"])
    if form == "parquet":
        import pyarrow.parquet as pq

        for batch in pq.ParquetFile(path).iter_batches():
            for record in batch.to_pylist():
                yield record, {name: text(value) for name, value in record.items()}
        return
    with opened(path, ingest["encoding"]) as file:
        yield from json_lines(file, ingest) if form == "jsonl" else csv_rows(file, ingest)


def json_lines(file: TextIO, ingest: dict) -> Iterator[tuple[str, dict[str, str] | None]]:
    """Yield the lines of JSON text; one that holds no object has a single column without name."""
    for line in file:
        if not line.strip() or (ingest["comment"] and line.startswith(ingest["comment"])):
            yield line, None
            continue
        try:
            value = json.loads(line.removeprefix("\ufeff"))
        except ValueError:
            value = line
        yield line, {str(k): text(item) for k, item in value.items()} if isinstance(value, dict) else {"": line}


def csv_rows(file: TextIO, ingest: dict) -> Iterator[tuple[str, dict[str, str] | None]]:
    """Yield the rows of CSV text, which may go over several lines; a field too many is column +1, +2, ..."""
    csv.field_size_limit(1 << 30)
    taken: list[str] = []
    for line in islice(file, ingest["skip_lines"]):
        yield line, None

    def lines() -> Iterator[str]:
        for line in file:
            taken.append(line)
            passed = len(taken) == 1 and ingest["comment"] and line.startswith(ingest["comment"])
            yield "\n" if passed else line  # like a blank line

    header = None if ingest["header"] is True else ingest["header"]
    quoted = {"quotechar": ingest["quote"]} if ingest["quote"] else {"quoting": csv.QUOTE_NONE}
    for fields in csv.reader(lines(), delimiter=ingest["separator"], **quoted):
        record = "".join(taken)
        taken.clear()
        fields = [field.strip() for field in fields] if ingest["trim"] else fields
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
