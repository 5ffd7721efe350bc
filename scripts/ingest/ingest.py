"""Stream a raw CSV file into a typed Parquet table; rows that cannot be read are set aside with line and reason."""

import csv
import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from scripts.ingest.columns import Bad, schema_of, typed
from scripts.spine.job import BadInput, main, say

csv.field_size_limit(sys.maxsize)
BLOCK = 8 << 20  # bytes of raw text held at once


def without_mark(encoding: str) -> str:
    """Return the name of *encoding* for reading as text: a byte order mark is no part of the first column's name."""
    return "utf-8-sig" if encoding.lower() in ("utf-8", "utf8") else encoding


def in_order(data: Path, columns: dict[str, str], separator: str, encoding: str) -> dict[str, str]:
    """Return *columns* in the order of the header of *data*. Raises BadInput unless it names exactly these."""
    try:
        with open(data, newline="", encoding=without_mark(encoding)) as file:
            header = next(csv.reader(file, delimiter=separator), None)
    except (UnicodeDecodeError, LookupError) as error:
        raise BadInput(f"{data}: line 1 cannot be read as {encoding}: {error}; see ingest.encoding") from error
    if not header:
        raise BadInput(f"{data} is empty; a header line naming {', '.join(columns)} was expected")
    missing = [name for name in columns if name not in header]
    unknown = [name for name in header if name not in columns]
    if missing or unknown or len(header) != len(set(header)):
        text = f"{data}: line 1 has {len(header)} columns"
        text += f", lacks {', '.join(missing)}" if missing else ""
        text += f", has {', '.join(unknown)} beside" if unknown else ""
        text += ", names one twice" if len(header) != len(set(header)) else ""
        raise BadInput(f"{text}; ingest.columns says {', '.join(columns)}: correct the one or the other")
    return {name: columns[name] for name in header}


class WholeBreaks(io.FileIO):
    """A file whose blocks never end between the two signs of a line break, which pyarrow would take apart."""

    def read(self, size: int = -1) -> bytes:
        block = super().read(size)
        if len(block) > 1 and block.endswith(b"\r"):
            self.seek(-1, io.SEEK_CUR)
            return block[:-1]
        return block


def batches(data: Path, columns: dict[str, str], separator: str, encoding: str, nulls: list[str], bad: Bad) -> Iterator:
    """Yield the rows of the file in batches of text; rows with another number of fields go to *bad*."""

    def skip(row: pacsv.InvalidRow) -> str:
        # the parser counts from 1, the header among them
        bad.skip(row.number - 2, f"{row.actual_columns} fields, expected {row.expected_columns}")
        return "skip"

    return pacsv.open_csv(
        pa.PythonFile(WholeBreaks(data), mode="r"),
        read_options=pacsv.ReadOptions(use_threads=False, block_size=BLOCK, encoding=encoding),
        parse_options=pacsv.ParseOptions(delimiter=separator, newlines_in_values=True, invalid_row_handler=skip),
        convert_options=pacsv.ConvertOptions(
            column_types=dict.fromkeys(columns, pa.string()),
            include_columns=list(columns),
            strings_can_be_null=True,
            quoted_strings_can_be_null=True,
            null_values=nulls,
        ),
    )


def lines(data: Path, rows: dict, separator: str, encoding: str) -> dict[int, int]:
    """Return the line (from 1) on which each of the data *rows* starts; fields may hold line breaks."""
    found, before = {}, 0
    with open(data, newline="", encoding=without_mark(encoding)) as file:
        reader = csv.reader(file, delimiter=separator)
        index = -1
        for fields in reader:
            if fields and index in rows:
                found[index] = before + 1
            before = reader.line_num
            index += bool(fields)
    return found


def ingest(
    raw: Path,
    tables: list[Path],
    quarantine: Path,
    columns: dict,
    separator: str,
    encoding: str,
    null_values: list,
    max_quarantined: float,
) -> None:
    """Write the rows of the CSV file in *raw* as the first of *tables*, unreadable ones to *quarantine* (JSON lines).

    Raises BadInput on a wrong header or where more than the share *max_quarantined* of the rows is unreadable.
    """
    (data,) = (path for path in raw.iterdir() if path.name[0] != ".")  # Snakemake keeps a hidden file there
    for folder in tables:
        folder.mkdir()
    table = tables[0] / "part-00000.parquet"
    columns = in_order(data, columns, separator, encoding)
    bad, kept, parsed = Bad(), 0, 0
    try:
        with pq.ParquetWriter(table, schema_of(columns), compression="zstd") as writer:
            for batch in batches(data, columns, separator, encoding, null_values, bad):
                part = typed(batch, columns, parsed, bad)
                writer.write_table(part)
                parsed += len(batch)
                kept += len(part)
    except (pa.ArrowInvalid, UnicodeDecodeError) as error:
        raise BadInput(f"{data}: {error}") from error
    where = lines(data, bad.rows, separator, encoding) if bad.rows else {}
    name = data.name
    with open(quarantine, "w", encoding="utf-8") as file:
        for row, (column, reason) in sorted(bad.rows.items()):
            entry = {"file": name, "line": where.get(row), "column": column, "reason": reason}
            file.write(json.dumps(entry, ensure_ascii=False) + "\n")
    total = kept + len(bad.rows)
    say(f"{name}: {kept} rows, {len(bad.rows)} set aside")
    if len(bad.rows) > max_quarantined * total:
        row, (column, reason) = min(bad.rows.items())
        raise BadInput(
            f"{name}: {len(bad.rows)} of {total} rows cannot be read, more than ingest.max_quarantined "
            f"({max_quarantined:g}) allows; first: line {where.get(row)}, column {column or '-'}: {reason}"
        )


if __name__ == "__main__":
    main(ingest)
