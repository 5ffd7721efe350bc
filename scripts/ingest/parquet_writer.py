"""Rows of a span to folders of Parquet parts whose bytes depend on nothing but the rows."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

PART = 1 << 20  # raw records of a part
GROUP = 1 << 17  # rows of a row group


def settings(schema: pa.Schema) -> dict:
    """Return how parts are written: measured, plain numbers are the fastest, dictionaries save the most on text."""
    texts = [field.name for field in schema if pa.types.is_string(field.type)]
    whole = [field.name for field in schema if pa.types.is_integer(field.type) or pa.types.is_temporal(field.type)]
    return {
        "compression": "none",
        "use_dictionary": texts,
        "dictionary_pagesize_limit": 1 << 16,
        "column_encoding": dict.fromkeys(whole, "DELTA_BINARY_PACKED"),
        "write_statistics": False,
    }


class Parts:
    """Writes the parts of one split into *folder*: part k has the rows among the records [k PART, (k + 1) PART)."""

    def __init__(self, folder: Path, schema: pa.Schema, group: int):
        self.folder, self.schema, self.group = folder, schema, group
        self.writer: pq.ParquetWriter | None = None
        self.waiting: list[pa.Table] = []
        self.length = self.rows = 0
        folder.mkdir(parents=True, exist_ok=True)

    def open(self, number: int) -> None:
        """End the part begun, if any, and begin part *number*."""
        self.close()
        path = self.folder / f"part-{number:05}.parquet"
        self.writer = pq.ParquetWriter(path, self.schema, **settings(self.schema))

    def add(self, rows: pa.Table) -> None:
        """Append rows to the part begun."""
        self.waiting.append(rows)
        self.length += len(rows)
        self.rows += len(rows)
        if self.length >= self.group:
            self.flush(self.length // self.group * self.group)

    def flush(self, most: int) -> None:
        """Write the first *most* rows that wait, in row groups."""
        rows = pa.concat_tables(self.waiting)
        for start in range(0, most, self.group):
            self.writer.write_table(rows.slice(start, min(self.group, most - start)).combine_chunks(), self.group)
        self.waiting = [rows.slice(most)] if most < self.length else []
        self.length -= most

    def close(self) -> None:
        """End the part begun, if any."""
        if self.writer:
            if self.length:
                self.flush(self.length)
            self.writer.close()
            self.writer = None
