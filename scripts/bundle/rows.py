"""The rows of ingested tables: folders of parts, one folder for each span and split."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from scripts.bundle.label import classes_of


def files(tables: list[Path]) -> list[Path]:
    """Return the parts of *tables* (results/<case>/ingest/<span>/<split>) in their order."""
    return [path for table in tables for path in sorted(table.glob("part-*.parquet"))]


def read(tables: list[Path], columns: list[str] | None = None) -> pa.Table:
    """Return all rows of *tables*; only *columns* where they are named."""
    return pa.concat_tables(pq.read_table(path, columns=columns) for path in files(tables))


def groups(tables: list[Path], columns: list[str] | None = None) -> Iterator[pa.Table]:
    """Yield the rows of *tables* by row group (at most 2^17 rows each)."""
    for path in files(tables):
        with pq.ParquetFile(path) as file:
            for index in range(file.num_row_groups):
                yield file.read_row_group(index, columns)


def labelled(tables: list[Path], label: dict) -> tuple[pa.Table, list[str]]:
    """Return the rows of *tables* whose label belongs to a class, and the class of each."""
    rows = read(tables)
    names = classes_of(rows[label["column"]].to_pylist(), label["classes"])
    known = pa.array([name is not None for name in names], pa.bool_())
    return rows.filter(known), [name for name in names if name is not None]


def spans(tables: list[Path]) -> str:
    """Return the names of the spans of *tables* for a message."""
    return ", ".join(dict.fromkeys(path.parent.name for path in tables))
