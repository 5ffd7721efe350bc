"""Read ingested tables: folders of Parquet parts, one folder for each span and split."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from scripts.arrow_types import ARROW_TYPES

DTYPES = {arrow_type: dtype for dtype, arrow_type in ARROW_TYPES.items()}
BATCH = 8192  # rows, fewer if they are wide
CELLS = 1 << 24  # at most, in a dense batch of features


def part_files(tables: list[Path]) -> list[Path]:
    """Return the parts of *tables* (results/<case>/ingest/<span>/<split>) in order."""
    return [path for table in tables for path in sorted(table.glob("part-*.parquet"))]


def column_types(tables: list[Path]) -> dict[str, str]:
    """Return the type of each column of *tables* as the configuration names it (number, integer, ...)."""
    return {field.name: DTYPES[field.type] for field in pq.read_schema(part_files(tables)[0])}


def read_table(tables: list[Path], columns: list[str] | None = None) -> pa.Table:
    """Return all rows of *tables*, with all columns or only *columns*."""
    return pa.concat_tables(pq.read_table(path, columns=columns) for path in part_files(tables))


def empty_table(table: Path, columns: list[str]) -> pa.Table:
    """Return a table without rows whose *columns* have the types that they have in *table*."""
    schema = pq.read_schema(part_files([table])[0])
    return pa.schema([schema.field(name) for name in columns]).empty_table()


def row_groups(tables: list[Path], columns: list[str] | None = None) -> Iterator[pa.Table]:
    """Yield the rows of *tables*, one row group (at most 2^17 rows) at a time."""
    for path in part_files(tables):
        with pq.ParquetFile(path) as file:
            for index in range(file.num_row_groups):
                yield file.read_row_group(index, columns)


def iter_batches(tables: list[Path], columns: list[str], width: int = 1) -> Iterator[pa.Table]:
    """Yield the rows of *tables* in batches, the smaller the larger *width*, the number of dense features."""
    size = max(1, min(BATCH, CELLS // max(1, width)))
    for rows in row_groups(tables, columns):
        for start in range(0, len(rows), size):
            yield rows.slice(start, size)


def span_names(tables: list[Path]) -> str:
    """Return the names of the spans of *tables*, separated by commas, for messages."""
    return ", ".join(dict.fromkeys(path.parent.name for path in tables))
