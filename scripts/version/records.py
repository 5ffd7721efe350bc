"""Rows of raw files as text, with the very text that each was read from: CSV, JSON lines, Parquet."""

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

PACKED = {".gz": "gzip", ".zst": "zstd", ".bz2": "bz2"}


def form_of(path: Path) -> str:
    """Return the ending of a file's name that tells its format, that of compression left out."""
    return (path.with_suffix("") if path.suffix in PACKED else path).suffix


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
    """Yield each record of *path* as it stands there and as text by column; headers and blank lines have no row.

    *ingest* is that section of the configuration. A record of Parquet is a dictionary of values.
    """
    if form_of(path) == ".parquet":
        import pyarrow.parquet as pq

        for batch in pq.ParquetFile(path).iter_batches():
            for record in batch.to_pylist():
                yield record, {name: text(value) for name, value in record.items()}
        return
    with opened(path, ingest["encoding"]) as file:
        yield from json_lines(file) if form_of(path) in (".jsonl", ".ndjson") else csv_rows(file, path, ingest)


def json_lines(file: TextIO) -> Iterator[tuple[str, dict[str, str] | None]]:
    """Yield the lines of JSON text; one that holds no object has a single column without name."""
    for line in file:
        try:
            value = json.loads(line) if line.strip() else {}
        except ValueError:
            value = line
        row = {str(name): text(item) for name, item in value.items()} if isinstance(value, dict) else {"": line}
        yield line, row or None


def csv_rows(file: TextIO, path: Path, ingest: dict) -> Iterator[tuple[str, dict[str, str] | None]]:
    """Yield the rows of CSV text, which may go over several lines; a field too many is column +1, +2, ..."""
    csv.field_size_limit(1 << 30)
    taken: list[str] = []

    def lines() -> Iterator[str]:
        for line in file:
            taken.append(line)
            yield line

    header = None if ingest.get("header", True) is True else list(ingest["columns"])
    separator = "\t" if form_of(path) == ".tsv" else ingest["separator"]
    for fields in csv.reader(lines(), delimiter=separator, quotechar=ingest.get("quote") or '"'):
        record = "".join(taken)
        taken.clear()
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
