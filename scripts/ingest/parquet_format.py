"""Parquet files: blocks of rows cast to the configured column types."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from scripts.data.times import load_zone
from scripts.errors import InputError
from scripts.ingest.convert import Block, build_block, cast_column
from scripts.ingest.csv_format import check_columns

BATCH_ROWS = 1 << 16  # rows


def open_parquet(path: Path, name: str) -> pq.ParquetFile:
    """Return the Parquet file at *path*, called *name* in messages. Raises InputError if it is not one."""
    try:
        return pq.ParquetFile(path, pre_buffer=False, buffer_size=1 << 20)
    except (pa.ArrowInvalid, OSError) as error:
        raise InputError(
            f"{name} is not a Parquet file, or is truncated: {error}; get it again, or see ingest.format"
        ) from error


def read_blocks(
    path: Path, name: str, columns: dict[str, str], options: dict, start: int, end: int | None
) -> Iterator[tuple[int, Block]]:
    """Yield the rows number *start* to *end* (exclusive; None: all) of a file in blocks, each with its first number.

    Raises InputError on columns or column types that do not fit the configuration, and on damaged files.
    """
    file = open_parquet(path, name)
    header = file.schema_arrow.names
    check_columns(header, columns, options["others"], name)
    at, groups, first = 0, [], None
    for group in range(file.num_row_groups):
        length = file.metadata.row_group(group).num_rows
        if at + length > start and (end is None or at < end):
            first = at if first is None else first
            groups.append(group)
        at += length
    at = first or 0
    try:
        for batch in file.iter_batches(BATCH_ROWS, groups, list(columns)):
            low, high = max(start - at, 0), len(batch) if end is None else min(end - at, len(batch))
            if low < high:
                yield at + low, convert_batch(batch.slice(low, high - low), name, columns, options)
            at += len(batch)
    except (pa.ArrowInvalid, OSError) as error:
        raise InputError(f"{name} is damaged or truncated: {error}; get the file again") from error


def convert_batch(batch: pa.RecordBatch, name: str, columns: dict[str, str], options: dict) -> Block:
    """Return the rows of *batch*, a batch of the file *name*. Raises InputError."""
    raw, zone = {}, load_zone(options["timezone"])
    for column, dtype in columns.items():
        try:
            values = batch.column(column)
            raw[column] = cast_column(values, dtype, column, options["null_values"], options["trim"], zone)
        except InputError as error:
            raise InputError(f"{name}: {error}") from error
    return build_block(raw, columns, None, len(batch), {}, zone)
