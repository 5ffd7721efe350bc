"""CSV files: the header, where records end, and blocks of text parsed to typed columns.

A block is parsed by pyarrow directly to the configured types. If that fails, or might give another result, it is parsed
again as text, which is converted column by column, so that errors are found for each field.
"""

from collections import Counter
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv

from scripts.column_types import FALSE, TRUE
from scripts.data.dialect import Dialect
from scripts.data.times import load_zone
from scripts.errors import InputError
from scripts.ingest import csv_scan
from scripts.ingest.convert import Block, arrow_type, build_block, clean_texts, table_fits
from scripts.ingest.text_stream import BOM, TextStream, UnreadableBlock, check_text

HEADER_CHUNK = 1 << 16  # bytes
MAX_RECORD = 64 << 20  # bytes of a record
BOOLEAN_SPELLINGS = [
    [form(word) for word in words for form in (str.lower, str.upper, str.title)] for words in (TRUE, FALSE)
]


def parse_csv(
    raw: bytes,
    names: list[str],
    types: dict[str, pa.DataType],
    dialect: Dialect,
    nulls: list[str],
    skip: Callable | None = None,
) -> pa.Table:
    """Return the records of *raw*, whose fields are called *names*, as the columns *types*; *nulls* are missing.

    *skip* is called for records with another number of fields. Raises ArrowInvalid on values that are not of their
    type and, without *skip*, on such records.
    """
    return pacsv.read_csv(
        pa.BufferReader(raw),
        read_options=pacsv.ReadOptions(use_threads=False, block_size=len(raw) + 1, column_names=names),
        parse_options=pacsv.ParseOptions(
            delimiter=dialect.separator,
            quote_char=dialect.quote or False,
            newlines_in_values=True,
            invalid_row_handler=skip,
        ),
        convert_options=pacsv.ConvertOptions(
            column_types=types,
            include_columns=list(types),
            check_utf8=False,  # checked before
            strings_can_be_null=True,
            quoted_strings_can_be_null=True,
            null_values=nulls,
            true_values=BOOLEAN_SPELLINGS[0],
            false_values=BOOLEAN_SPELLINGS[1],
        ),
    )


def check_columns(header: list[str], columns: dict[str, str], others: str, where: str) -> None:
    """Raise InputError unless *header* has the configured columns, each once, and others only if *others* is drop."""
    present = set(header)
    missing = [name for name in columns if name not in present]
    unknown = [name for name in header if name not in columns]
    repeated = sorted(name or "''" for name, count in Counter(header).items() if count > 1)
    if not all(header) and others == "refuse":
        raise InputError(
            f"{where}: column {header.index('') + 1} has no name, like an index that pandas wrote; write the file "
            "without it (index=False), or set ingest.others: drop to ignore it"
        )
    if missing or repeated or (unknown and others == "refuse"):
        text = f"{where} has {len(header)} columns"
        text += f", lacks {', '.join(missing)}" if missing else ""
        text += f", has {', '.join(unknown)} in addition" if unknown else ""
        text += f", has duplicates ({', '.join(repeated)})" if repeated else ""
        raise InputError(f"{text}; ingest.columns says {', '.join(columns)}: correct one of them")


def deduplicate_header(header: list[str]) -> list[str]:
    """Return a header in which only the first of equal names stays; a later one becomes "NAME (column NUMBER)"."""
    first: dict[str, int] = {}
    return [name if first.setdefault(name, at) == at else f"{name} (column {at + 1})" for at, name in enumerate(header)]


class CsvFormat:
    """Format of CSV files with the options of the section `ingest` of the configuration."""

    def __init__(self, columns: dict[str, str], options: dict):
        self.columns, self.nulls, self.others = columns, options["null_values"], options["others"]
        self.dialect, self.zone = Dialect.from_options(options), load_zone(options["timezone"])
        # dates and times in other formats than ISO 8601 are converted from text
        self.types = {name: pa.string() if ":" in dtype else arrow_type(dtype) for name, dtype in columns.items()}
        self.has_formats = any(":" in dtype for dtype in columns.values())
        self.text_types = dict.fromkeys(columns, pa.string())

    def read_header(self, text: TextStream) -> tuple[list[str], int, int]:
        """Return the columns of a file, and the byte and line from which on its first record may start.

        Raises InputError if there is no header, or if check_columns does.
        """
        head, ends, skipped = b"", [], self.dialect.skip_lines
        while len(ends) < skipped + 2 and len(head) < MAX_RECORD and (piece := text.read(max(HEADER_CHUNK, len(head)))):
            head += piece
            ends = csv_scan.line_ends(head)
        at = int(ends[skipped - 1]) + 1 if skipped and len(ends) >= skipped else 0
        at = max(at, len(BOM) if head.startswith(BOM) else 0)
        if (names := self.dialect.column_names) is not None:
            check_columns(names, self.columns, self.others, f"{text.name}: ingest.header")
            return names, at, skipped + 1
        starts = self.record_starts(head[at:]) + at
        if not len(starts):
            raise InputError(f"{text.name} is empty; a header line naming {', '.join(self.columns)} was expected")
        body = self.record_ends(head[starts[0] :])
        after = int(starts[0] + body[0]) + 1 if len(body) else len(head)
        line, header = int((ends < starts[0]).sum()) + 1, head[starts[0] : after]
        try:
            check_text(header)
        except UnreadableBlock as error:
            raise error.to_input_error(text.name, line, self.dialect.encoding) from error
        names = next(self.dialect.parse_records([str(header, "utf-8")]))
        names = deduplicate_header(names) if self.others == "drop" else names
        check_columns(names, self.columns, self.others, f"{text.name}: line {line}")
        return names, after, int((ends < after).sum()) + 1

    def record_ends(self, raw: bytes) -> np.ndarray:
        """Return the position of the last byte of each record of *raw* that ends with a line break."""
        return csv_scan.record_ends(raw, self.dialect.separator, self.dialect.quote)

    def record_starts(self, raw: bytes) -> np.ndarray:
        """Return the position of the first byte of each record of *raw*."""
        return csv_scan.record_starts(raw, self.dialect.separator, self.dialect.quote)

    def last_record_end(self, raw: bytes, careful: bool) -> int:
        """Return where the last complete record of *raw* ends: exactly if *careful*, else a guess to be checked."""
        if not careful:
            return raw.rfind(b"\n") + 1 or raw.rfind(b"\r", 0, -1) + 1
        ends = self.record_ends(raw)
        ends = ends[:-1] if len(ends) and raw.endswith(b"\r") else ends  # a \n may follow
        return int(ends[-1]) + 1 if len(ends) else 0

    def parse_block(self, raw: bytes, names: list[str], careful: bool, last: bool) -> Block | None:
        """Return the rows of *raw*, or None if it does not end with a record, which is checked unless *careful*.

        *last* means that the file ends with *raw*. Raises UnreadableBlock.
        """
        check_text(raw)
        table = self.parse_fast(raw, names)
        quote = self.dialect.quote.encode()
        doubtful = bool(quote) and quote in raw
        if doubtful and (last or not careful) and (table is None or not self.last_field_is_closed(table, names)):
            first, after = csv_scan.quoted_ranges(raw, self.dialect.separator, self.dialect.quote)
            if len(first) and after[-1] == len(raw) and raw.count(quote, first[-1]) % 2:
                if not last:
                    return None
                line = int((csv_scan.line_ends(raw) < first[-1]).sum())
                raise UnreadableBlock(
                    line, "a quoted field is never closed; if quotes are plain letters, set ingest.quote: ''"
                )
        if table is None:
            return self.parse_exact(raw, names)
        if self.types == dict(zip(table.column_names, table.schema.types, strict=True)) and not self.has_formats:
            return Block(table, len(table))
        columns = {name: table[name].combine_chunks() for name in self.columns}
        return build_block(columns, self.columns, None, len(table), {}, self.zone)

    def last_field_is_closed(self, table: pa.Table, names: list[str]) -> bool:
        """Return whether the last field of a block certainly has its closing quote."""
        if not len(table) or names[-1] not in self.columns:
            return False
        value = table[names[-1]][-1].as_py()
        return value is not None and not str(value).endswith(("\n", "\r"))

    def parse_fast(self, raw: bytes, names: list[str]) -> pa.Table | None:
        """Return the rows of *raw* as pyarrow reads them, None if parse_exact might read them otherwise."""
        types = self.types
        if self.dialect.trim:
            return None
        if pa.int64() in types.values() and csv_scan.has_hexadecimal(raw):
            types = {name: pa.string() if target == pa.int64() else target for name, target in types.items()}
        try:
            table = parse_csv(raw, names, types, self.dialect, self.nulls)
        except pa.ArrowInvalid:
            return None
        return table if table_fits(table) else None

    def parse_exact(self, raw: bytes, names: list[str]) -> Block:
        """Return the rows of *raw*, each field converted from its text."""
        errors: dict[int, tuple[str, str]] = {}

        def skip(row: pacsv.InvalidRow) -> str:
            errors[row.number - 1] = ("", f"{row.actual_columns} fields, expected {row.expected_columns}")
            return "skip"

        table = parse_csv(raw, names, self.text_types, self.dialect, [], skip)
        records = len(table) + len(errors)
        numbers = np.setdiff1d(np.arange(records), np.fromiter(errors, np.int64))
        texts = {name: table[name].combine_chunks() for name in self.columns}
        columns = {name: clean_texts(values, self.nulls, self.dialect.trim) for name, values in texts.items()}
        return build_block(columns, self.columns, numbers, records, errors, self.zone)
