"""A version of raw data without some of its rows; all others keep their bytes."""

import csv
from pathlib import Path

from scripts.spine.formats import format_of
from scripts.spine.job import BadInput
from scripts.version.place import bring, walk
from scripts.version.records import opened, records, text


def read_keys(path: Path, key: list[str]) -> set[tuple[str, ...]]:
    """Return the keys of rows in the CSV file at *path*, whose header names the columns of *key*."""
    if not key:
        raise BadInput("version.key names no columns, so no row can be named; set it, or purge a whole span")
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path}: {error}; rows= takes a CSV file with the columns {', '.join(key)}") from error
    if not rows or set(key) - set(rows[0]):
        raise BadInput(f"{path}: a header with the columns {', '.join(key)} (version.key) and a row for each is needed")
    return {tuple(row[name] or "" for name in key) for row in rows}


def clean(raw: Path, target: Path, ingest: dict, key: list[str], keys: set) -> int:
    """Write the files of the folder *raw* without the rows of *keys* to the folder *target*; return how many those are.

    Raises BadInput where a file lacks a column of the key.
    """
    removed = 0
    for name, path in sorted(walk(raw)):
        count = hits(path, ingest, key, keys)
        removed += count
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        if not count:
            bring(path, target / name)
        elif format_of(path, ingest["format"]) == "parquet":
            clean_parquet(path, target / name, key, keys)
        else:
            with opened(target / name, ingest["encoding"], "w") as file:
                for record, row in records(path, ingest):
                    if named(row, key) not in keys:
                        file.write(record)
    return removed


def named(row: dict[str, str] | None, key: list[str]) -> tuple[str, ...] | None:
    """Return the key of *row*, None where it is no row or lacks a column of the key."""
    return tuple(row[part] for part in key) if row is not None and all(part in row for part in key) else None


def hits(path: Path, ingest: dict, key: list[str], keys: set) -> int:
    """Return how many rows of the file at *path* have one of *keys*."""
    count = 0
    for number, (_, row) in enumerate(records(path, ingest), 1):
        found = named(row, key)
        if row is not None and found is None and format_of(path, ingest["format"]) != "jsonl":
            raise BadInput(f"{path.name}, record {number}: not all columns of version.key ({', '.join(key)}) are there")
        count += found in keys
    return count


def clean_parquet(path: Path, target: Path, key: list[str], keys: set) -> None:
    """Write the Parquet file at *path* without the rows of *keys* to *target*, row group by row group."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    file = pq.ParquetFile(path)
    with pq.ParquetWriter(target, file.schema_arrow, compression="zstd") as writer:
        for number in range(file.num_row_groups):
            table = file.read_row_group(number)
            columns = [table[part].to_pylist() for part in key]
            kept = [tuple(map(text, values)) not in keys for values in zip(*columns, strict=True)]
            writer.write_table(table.filter(pa.array(kept, pa.bool_())))
