"""pyarrow's parser for a block of CSV that ends with a record.

The columns that a raw file names, held against those of the configuration.

CSV: blocks of records to rows, by pyarrow's own types where they fit, else column by column from text."""

import csv
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from scripts.errors import BadInput
from scripts.ingest import csv_scan
from scripts.ingest.convert import FALSE, TRUE, Block, arrow_type, clean, read, without
from scripts.ingest.text_stream import BOM, Text, Unreadable, check_text

WORDS = [[form(word) for word in words for form in (str.lower, str.upper, str.title)] for words in (TRUE, FALSE)]


def parsed(
    raw: bytes, names: list[str], types: dict[str, pa.DataType], options: dict, skip: Callable | None = None
) -> pa.Table:
    """Return the records of *raw*, whose fields are called *names*, as the columns *types*. Raises ArrowInvalid.

    *skip* takes the records with another number of fields; without it they raise.
    """
    return pacsv.read_csv(
        pa.BufferReader(raw),
        read_options=pacsv.ReadOptions(use_threads=False, block_size=len(raw) + 1, column_names=names),
        parse_options=pacsv.ParseOptions(
            delimiter=options["separator"],
            quote_char=options["quote"] or False,
            newlines_in_values=True,
            invalid_row_handler=skip,
        ),
        convert_options=pacsv.ConvertOptions(
            column_types=types,
            include_columns=list(types),
            check_utf8=False,  # checked before
            strings_can_be_null=True,
            quoted_strings_can_be_null=True,
            null_values=options["null_values"] if skip is None else [],
            true_values=WORDS[0],
            false_values=WORDS[1],
        ),
    )


def check_columns(found: list[str], columns: dict[str, str], options: dict, where: str) -> None:
    """Raise BadInput unless *found* are the configured columns and, where `others` says so, further ones."""
    missing = [name for name in columns if name not in found]
    unknown = [name for name in found if name not in columns]
    twice = sorted({name for name in found if found.count(name) > 1})
    if missing or twice or (unknown and options["others"] == "refuse"):
        text = f"{where} has {len(found)} columns"
        text += f", lacks {', '.join(missing)}" if missing else ""
        text += f", has {', '.join(unknown)} beside" if unknown else ""
        text += f", names one twice ({', '.join(twice)})" if twice else ""
        raise BadInput(f"{text}; ingest.columns says {', '.join(columns)}: correct the one or the other")


def firsts(found: list[str]) -> list[str]:
    """Return the names of a header with the later ones of a repeated name made others: the first counts."""
    return [name if name not in found[:at] else f"{name} (column {at + 1})" for at, name in enumerate(found)]


HEAD = 1 << 16  # bytes
LONGEST = 64 << 20  # bytes of a record


class Csv:
    """The records of CSV files. A block is read twice only if something in it is not plain."""

    def __init__(self, columns: dict[str, str], options: dict):
        self.columns, self.options = columns, options
        # formats other than ISO's are read from text
        self.types = {name: pa.string() if ":" in kind else arrow_type(kind) for name, kind in columns.items()}
        self.formats = any(":" in kind for kind in columns.values())
        self.texts = dict.fromkeys(columns, pa.string())

    def start(self, text: Text) -> tuple[list[str], int, int]:
        """Return the columns of a file, and on which byte and line its first record may start.

        Raises BadInput unless the header names all columns of the table and, but for `others: drop`, no other.
        """
        head, ends, skipped = b"", [], self.options["skip_lines"]
        while len(ends) < skipped + 2 and len(head) < LONGEST and (piece := text.read(max(HEAD, len(head)))):
            head += piece
            ends = csv_scan.line_ends(head)
        at = int(ends[skipped - 1]) + 1 if skipped and len(ends) >= skipped else 0
        at = max(at, len(BOM) if head.startswith(BOM) else 0)
        if isinstance(self.options["header"], list):
            check_columns(self.options["header"], self.columns, self.options, f"{text.name}: ingest.header")
            return self.options["header"], at, skipped + 1
        starts = self.starts(head[at:]) + at
        if not len(starts):
            raise BadInput(f"{text.name} is empty; a header line naming {', '.join(self.columns)} was expected")
        body = self.ends(head[starts[0] :])
        after = int(starts[0] + body[0]) + 1 if len(body) else len(head)
        line, header = int((ends < starts[0]).sum()) + 1, head[starts[0] : after]
        try:
            check_text(header)
        except Unreadable as error:
            raise error.at(text.name, line, self.options["encoding"]) from error
        quote = {"quotechar": self.options["quote"]} if self.options["quote"] else {"quoting": csv.QUOTE_NONE}
        found = next(csv.reader([str(header, "utf-8")], delimiter=self.options["separator"], **quote))
        found = [field.strip() for field in found] if self.options["trim"] else found
        found = firsts(found) if self.options["others"] == "drop" else found
        check_columns(found, self.columns, self.options, f"{text.name}: line {line}")
        return found, after, int((ends < after).sum()) + 1

    def ends(self, raw: bytes) -> np.ndarray:
        """Return the position of the last byte of each record of *raw* that has a line break."""
        return csv_scan.record_ends(raw, self.options["separator"], self.options["quote"])

    def starts(self, raw: bytes) -> np.ndarray:
        """Return the position of the first byte of each record of *raw*."""
        return csv_scan.starts(raw, self.options["separator"], self.options["quote"])

    def end(self, raw: bytes, careful: bool) -> int:
        """Return where the last whole record of *raw* ends: exactly, or by a guess that `block` checks."""
        if not careful:
            return raw.rfind(b"\n") + 1 or raw.rfind(b"\r", 0, -1) + 1
        ends = self.ends(raw)
        ends = ends[:-1] if len(ends) and raw.endswith(b"\r") else ends  # its \n may follow
        return int(ends[-1]) + 1 if len(ends) else 0

    def block(self, raw: bytes, names: list[str], careful: bool, last: bool) -> Block | None:
        """Return the rows of *raw*, None where it does not end with a record (only if not *careful*).

        *last* says that the file ends with it. Raises Unreadable.
        """
        check_text(raw)
        table = self.plain(raw, names)
        doubtful = bool(self.options["quote"]) and self.options["quote"].encode() in raw
        if doubtful and (last or not careful) and (table is None or not self.closed(table, names)):
            first, after = csv_scan.quoted(raw, self.options["separator"], self.options["quote"])
            if len(first) and after[-1] == len(raw) and raw.count(self.options["quote"].encode(), first[-1]) % 2:
                if not last:
                    return None
                line = int((csv_scan.line_ends(raw) < first[-1]).sum())
                raise Unreadable(line, "a quoted field is never closed; where quotes are letters, say ingest.quote: ''")
        if table is None:
            return self.exact(raw, names)
        if self.types == dict(zip(table.column_names, table.schema.types, strict=True)) and not self.formats:
            return Block(table, len(table))
        columns = {name: table[name].combine_chunks() for name in self.columns}
        return read(columns, self.columns, None, len(table), {})

    def closed(self, table: pa.Table, names: list[str]) -> bool:
        """Return whether the last field of a block is sure to have its closing quote."""
        if not len(table) or names[-1] not in self.columns:
            return False
        value = table[names[-1]][-1].as_py()
        return value is not None and not str(value).endswith(("\n", "\r"))

    def plain(self, raw: bytes, names: list[str]) -> pa.Table | None:
        """Return the rows of *raw* as pyarrow reads them, None where that may not be what `exact` reads."""
        types = self.types
        if self.options["trim"]:
            return None
        if pa.int64() in types.values() and csv_scan.hexadecimal(raw):
            types = {name: pa.string() if kind == pa.int64() else kind for name, kind in types.items()}
        try:
            table = parsed(raw, names, types, self.options)
        except pa.ArrowInvalid:
            return None
        return table if clean(table) else None

    def exact(self, raw: bytes, names: list[str]) -> Block:
        """Return the rows of *raw*, each field read from its text."""
        bad: dict[int, tuple[str, str]] = {}

        def skip(row: pacsv.InvalidRow) -> str:
            bad[row.number - 1] = ("", f"{row.actual_columns} fields, expected {row.expected_columns}")
            return "skip"

        table = parsed(raw, names, self.texts, self.options, skip)
        records = len(table) + len(bad)
        numbers = np.setdiff1d(np.arange(records), np.fromiter(bad, np.int64))
        columns = {name: self.text(table[name].combine_chunks(), kind) for name, kind in self.columns.items()}
        return read(columns, self.columns, numbers, records, bad)

    def text(self, values: pa.Array, kind: str) -> pa.Array:
        """Return the fields of a column as they are to be converted."""
        if self.options["trim"]:
            values = pc.utf8_trim_whitespace(values)
        return without(values, self.options["null_values"])
