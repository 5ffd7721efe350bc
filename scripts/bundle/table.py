"""The rows of ingested tables: folders of parts, one folder for each span and split."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

TYPES = {
    "double": "number",
    "int64": "integer",
    "bool": "boolean",
    "string": "text",
    "date32[day]": "date",
    "timestamp[us]": "time",
}
BATCH = 8192  # rows, unless they are wide
CELLS = 1 << 24  # of a dense batch of features


def files(tables: list[Path]) -> list[Path]:
    """Return the parts of *tables* (results/<case>/ingest/<span>/<split>) in their order."""
    return [path for table in tables for path in sorted(table.glob("part-*.parquet"))]


def types(tables: list[Path]) -> dict[str, str]:
    """Return the type of each column of *tables* by the word of the configuration."""
    return {field.name: TYPES[str(field.type)] for field in pq.read_schema(files(tables)[0])}


def read(tables: list[Path], columns: list[str] | None = None) -> pa.Table:
    """Return all rows of *tables*; only *columns* where they are named."""
    return pa.concat_tables(pq.read_table(path, columns=columns) for path in files(tables))


def empty(table: Path, columns: list[str]) -> pa.Table:
    """Return a table without rows that has *columns* with the types that they have in *table*."""
    schema = pq.read_schema(files([table])[0])
    return pa.schema([schema.field(name) for name in columns]).empty_table()


def groups(tables: list[Path], columns: list[str] | None = None) -> Iterator[pa.Table]:
    """Yield the rows of *tables* by row group (at most 2^17 rows each)."""
    for path in files(tables):
        with pq.ParquetFile(path) as file:
            for index in range(file.num_row_groups):
                yield file.read_row_group(index, columns)


def batches(tables: list[Path], columns: list[str], width: int = 1) -> Iterator[pa.Table]:
    """Yield the rows of *tables* in batches that are small enough for *width* dense features."""
    size = max(1, min(BATCH, CELLS // max(1, width)))
    for rows in groups(tables, columns):
        for start in range(0, len(rows), size):
            yield rows.slice(start, size)


def spans(tables: list[Path]) -> str:
    """Return the names of the spans of *tables* for a message."""
    return ", ".join(dict.fromkeys(path.parent.name for path in tables))
