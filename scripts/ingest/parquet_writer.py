"""Writer of Parquet parts whose bytes depend on nothing but the rows."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

PART_RECORDS = 1 << 20  # raw records of a part
GROUP_ROWS = 1 << 17  # rows of a row group


def writer_options(schema: pa.Schema) -> dict:
    """Return the options of pyarrow's ParquetWriter for a table of *schema*.

    They were chosen by measurement: plain numbers are the fastest, dictionaries save the most space for text.
    """
    texts = [field.name for field in schema if pa.types.is_string(field.type)]
    whole = [field.name for field in schema if pa.types.is_integer(field.type) or pa.types.is_temporal(field.type)]
    return {
        "compression": "none",
        "use_dictionary": texts,
        "dictionary_pagesize_limit": 1 << 16,
        "column_encoding": dict.fromkeys(whole, "DELTA_BINARY_PACKED"),
        "write_statistics": False,
    }


class PartWriter:
    """Writes the parts of one split into *folder*, in row groups of *group* rows.

    Part k has those rows that are among the raw records k * PART_RECORDS to (k + 1) * PART_RECORDS - 1 of the span.
    """

    def __init__(self, folder: Path, schema: pa.Schema, group: int):
        self.folder, self.schema, self.group = folder, schema, group
        self.writer: pq.ParquetWriter | None = None
        self.buffered: list[pa.Table] = []
        self.buffered_rows = self.rows = 0
        folder.mkdir(parents=True, exist_ok=True)

    def start_part(self, number: int) -> None:
        """Close the open part, if any, and start part *number*."""
        self.close()
        path = self.folder / f"part-{number:05}.parquet"
        self.writer = pq.ParquetWriter(path, self.schema, **writer_options(self.schema))

    def add(self, rows: pa.Table) -> None:
        """Append *rows* to the open part."""
        self.buffered.append(rows)
        self.buffered_rows += len(rows)
        self.rows += len(rows)
        if self.buffered_rows >= self.group:
            self.flush(self.buffered_rows // self.group * self.group)

    def flush(self, count: int) -> None:
        """Write the first *count* buffered rows in row groups."""
        rows = pa.concat_tables(self.buffered)
        for start in range(0, count, self.group):
            self.writer.write_table(rows.slice(start, min(self.group, count - start)).combine_chunks(), self.group)
        self.buffered = [rows.slice(count)] if count < self.buffered_rows else []
        self.buffered_rows -= count

    def close(self) -> None:
        """Close the open part, if any."""
        if self.writer:
            if self.buffered_rows:
                self.flush(self.buffered_rows)
            self.writer.close()
            self.writer = None
