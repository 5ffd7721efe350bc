"""JSON lines files: blocks of text, an object in each line, parsed to typed columns."""

import json
from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.json as pj

from scripts.data.times import load_zone
from scripts.errors import InputError
from scripts.ingest.convert import Block, abbreviate, arrow_type, build_block, clean_texts, shorten, table_fits
from scripts.ingest.text_stream import BOM, TextStream, UnreadableBlock, check_text

HEAD_BYTES = 1 << 10


class NumberText(str):
    """A number as it is written in the file."""


class DuplicateField(ValueError):
    """An object has two fields of the same name."""


EXPECTED = {"number": (NumberText, "a number"), "integer": (NumberText, "an integer"), "boolean": (bool, "a boolean")}


def build_object(pairs: list[tuple]) -> dict:
    """Return the fields of an object as a dictionary. Raises DuplicateField."""
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise DuplicateField("an object with a duplicate field")
    return fields


def reject_constant(text: str) -> None:
    """Raise ValueError: NaN and Infinity are not JSON."""
    raise ValueError(text)


class JsonLinesFormat:
    """Format of JSON lines files. A block is parsed by pyarrow and, if that is not sure to be right, line by line."""

    def __init__(self, columns: dict[str, str], options: dict):
        self.columns, self.nulls, self.refuse_others = columns, options["null_values"], options["others"] == "refuse"
        self.trim, self.zone = options["trim"], load_zone(options["timezone"])
        self.dtypes = {name: dtype.partition(":")[0] for name, dtype in columns.items()}
        types = [(name, arrow_type(dtype) if dtype in EXPECTED else pa.string()) for name, dtype in self.dtypes.items()]
        self.parse_options = pj.ParseOptions(
            explicit_schema=pa.schema(types), unexpected_field_behavior="error" if self.refuse_others else "ignore"
        )

    def read_header(self, text: TextStream) -> tuple[list[str], int, int]:
        """Return the columns, and the byte and line from which on the first record of a file may start.

        Raises InputError if the file is a JSON array.
        """
        head = text.read(HEAD_BYTES)
        if head.removeprefix(BOM).lstrip().startswith(b"["):
            raise InputError(
                f"{text.name} is a JSON array; JSON lines were expected, an object in each line and no commas between "
                f"them: jq -c '.[]' {text.name} writes them"
            )
        return list(self.columns), len(BOM) if head.startswith(BOM) else 0, 1

    def record_starts(self, raw: bytes) -> np.ndarray:
        """Return the position of the first byte of each record of *raw*."""
        data = np.frombuffer(raw, np.uint8)
        found = np.append(0, np.flatnonzero(data == 10) + 1)
        found = found[found < len(raw)]
        empty = (data[found] == 10) | ((data[found] == 13) & (np.append(data, [10, 10])[found + 1] == 10))
        return found[~empty]

    def last_record_end(self, raw: bytes, careful: bool) -> int:
        """Return where the last complete record of *raw* ends."""
        return raw.rfind(b"\n") + 1

    def parse_block(self, raw: bytes, names: list[str], careful: bool, last: bool) -> Block:
        """Return the rows of *raw*. Raises UnreadableBlock."""
        check_text(raw)
        lines = raw.count(b"\n") + (not raw.endswith(b"\n"))
        # pyarrow accepts NaN and Infinity in fields that it ignores
        plain = b"NaN" not in raw and b"Infinity" not in raw
        if plain and raw.count(b"\n{") + raw.startswith(b"{") == lines:
            try:
                table = pj.read_json(
                    pa.BufferReader(raw),
                    read_options=pj.ReadOptions(use_threads=False, block_size=len(raw) + 1),
                    parse_options=self.parse_options,
                )
            except pa.ArrowInvalid:
                return self.parse_exact(raw)
            if len(table) == lines and table_fits(table):
                columns = {name: table[name].combine_chunks() for name in self.columns}
                texts = {
                    name: clean_texts(columns[name], self.nulls, self.trim)
                    for name in columns
                    if self.dtypes[name] not in EXPECTED
                }
                return build_block(columns | texts, self.columns, None, lines, {}, self.zone)
        return self.parse_exact(raw)

    def parse_exact(self, raw: bytes) -> Block:
        """Return the rows of *raw*, parsed line by line. Raises UnreadableBlock on a field that is to be refused."""
        fields: dict[str, list[str | None]] = {name: [] for name in self.columns}
        errors: dict[int, tuple[str, str]] = {}
        unreadable: Counter[str] = Counter()
        lines = [line for line in raw.split(b"\n") if line not in (b"", b"\r")]
        for row, line in enumerate(lines):
            value = self.parse_line(line)
            if isinstance(value, str):
                errors[row], value = ("", value), {}
                unreadable[""] += 1
            if self.refuse_others and (others := [name for name in value if name not in self.columns]):
                reason = (
                    f"a field {others[0]!r} that ingest.columns does not name; set ingest.others: drop to ignore it"
                )
                raise UnreadableBlock(raw.count(b"\n", 0, self.record_starts(raw)[row]), reason)
            for name, dtype in self.dtypes.items():
                text, reason = convert_field(value.get(name), dtype, self.nulls, self.trim)
                fields[name].append(text)
                if reason:
                    errors.setdefault(row, (name, reason))
                    unreadable[name] += 1
        columns = {name: pa.array(values, pa.string()) for name, values in fields.items()}
        return build_block(columns, self.columns, None, len(lines), errors, self.zone, unreadable)

    def parse_line(self, line: bytes) -> dict | str:
        """Return the object on a line, or what is wrong with the line."""
        try:
            value = json.loads(
                line,
                object_pairs_hook=build_object,
                parse_int=NumberText,
                parse_float=NumberText,
                parse_constant=reject_constant,
            )
        except DuplicateField as error:
            return str(error)
        except (ValueError, RecursionError) as error:
            return f"not JSON: {error}"
        return value if isinstance(value, dict) else "not a JSON object"


def convert_field(value: object, dtype: str, nulls: list[str], trim: bool) -> tuple[str | None, str]:
    """Return the text of a JSON value for a column of type *dtype* (None if missing), and what is wrong with it."""
    python_type, expected = EXPECTED.get(dtype, (str, "a text" if dtype == "text" else f"a {dtype} as text"))
    if value is None:
        return None, ""
    if not isinstance(value, python_type) or (python_type is str and isinstance(value, NumberText)):
        given = shorten(value) if isinstance(value, str) else abbreviate(json.dumps(value))
        return None, f"{given} is not {expected}"
    if python_type is str:
        value = value.strip() if trim else value
        if value in nulls:
            return None, ""
    try:
        str(value).encode()
    except UnicodeEncodeError:
        return None, f"{ascii(value)[:100]} is not {expected}"
    return str(value).lower() if python_type is bool else str(value), ""
