"""Parquet files to rows."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from scripts.errors import BadInput
from scripts.ingest.convert import Block, plain, read
from scripts.ingest.csv_format import check_columns

BATCH = 1 << 16  # rows


def opened(path: Path, name: str) -> pq.ParquetFile:
    """Return the Parquet file at *path*. Raises BadInput."""
    try:
        return pq.ParquetFile(path, pre_buffer=False, buffer_size=1 << 20)
    except (pa.ArrowInvalid, OSError) as error:
        raise BadInput(
            f"{name} is no Parquet file, or is cut off: {error}; get it again, or see ingest.format"
        ) from error


def blocks(
    path: Path, name: str, columns: dict[str, str], options: dict, start: int, end: int | None
) -> Iterator[tuple[int, Block]]:
    """Yield the rows from number *start* to before *end* of a file in blocks, each with the number of its first.

    Raises BadInput on other columns, or types that do not fit them.
    """
    file = opened(path, name)
    found = file.schema_arrow.names
    check_columns(found, columns, options, name)
    at, groups, first = 0, [], None
    for group in range(file.num_row_groups):
        length = file.metadata.row_group(group).num_rows
        if at + length > start and (end is None or at < end):
            first = at if first is None else first
            groups.append(group)
        at += length
    at = first or 0
    try:
        for batch in file.iter_batches(BATCH, groups, list(columns)):
            low, high = max(start - at, 0), len(batch) if end is None else min(end - at, len(batch))
            if low < high:
                yield at + low, block(batch.slice(low, high - low), name, columns, options)
            at += len(batch)
    except (pa.ArrowInvalid, OSError) as error:
        raise BadInput(f"{name} is damaged or cut off: {error}; get the file again") from error


def block(batch: pa.RecordBatch, name: str, columns: dict[str, str], options: dict) -> Block:
    """Return the rows of *batch*."""
    raw = {}
    for column, kind in columns.items():
        try:
            raw[column] = plain(batch.column(column), kind, column, options["null_values"])
        except BadInput as error:
            raise BadInput(f"{name}: {error}") from error
    return read(raw, columns, None, len(batch), {})
