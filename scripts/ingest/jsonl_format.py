"""JSON lines: blocks of objects, one a line, to rows."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.json as pj

from scripts.ingest.convert import Block, arrow_type, brief, clean, read, without
from scripts.ingest.text_stream import BOM, Text, Unreadable, check_text


class Literal(str):
    """A number as it is written."""


class Twice(ValueError):
    """An object names a field twice."""


EXPECTED = {"number": (Literal, "a number"), "integer": (Literal, "an integer"), "boolean": (bool, "a boolean")}


def pairs(found: list[tuple]) -> dict:
    """Return the fields of an object. Raises Twice."""
    fields = dict(found)
    if len(fields) < len(found):
        raise Twice("an object that names a field twice")
    return fields


def no_number(text: str) -> None:
    """Raise ValueError: NaN and Infinity are no JSON."""
    raise ValueError(text)


class JsonLines:
    """The records of files of JSON lines. A block is read twice only if something in it is not plain."""

    def __init__(self, columns: dict[str, str], options: dict):
        self.columns, self.nulls, self.refuse = columns, options["null_values"], options["others"] == "refuse"
        self.words = {name: kind.partition(":")[0] for name, kind in columns.items()}
        types = [(name, arrow_type(word) if word in EXPECTED else pa.string()) for name, word in self.words.items()]
        self.parse = pj.ParseOptions(
            explicit_schema=pa.schema(types), unexpected_field_behavior="error" if self.refuse else "ignore"
        )

    def start(self, text: Text) -> tuple[list[str], int, int]:
        """Return the columns, and on which byte and line of a file its first record may start."""
        return list(self.columns), len(BOM) if text.read(len(BOM)) == BOM else 0, 1

    def starts(self, raw: bytes) -> np.ndarray:
        """Return the position of the first byte of each record of *raw*."""
        data = np.frombuffer(raw, np.uint8)
        found = np.append(0, np.flatnonzero(data == 10) + 1)
        found = found[found < len(raw)]
        empty = (data[found] == 10) | ((data[found] == 13) & (np.append(data, [10, 10])[found + 1] == 10))
        return found[~empty]

    def end(self, raw: bytes, careful: bool) -> int:
        """Return where the last whole record of *raw* ends."""
        return raw.rfind(b"\n") + 1

    def block(self, raw: bytes, names: list[str], careful: bool, last: bool) -> Block:
        """Return the rows of *raw*. Raises Unreadable."""
        check_text(raw)
        lines = raw.count(b"\n") + (not raw.endswith(b"\n"))
        # pyarrow lets NaN and Infinity pass in fields that it drops
        plain = b"NaN" not in raw and b"Infinity" not in raw
        if plain and raw.count(b"\n{") + raw.startswith(b"{") == lines:
            try:
                table = pj.read_json(
                    pa.BufferReader(raw),
                    read_options=pj.ReadOptions(use_threads=False, block_size=len(raw) + 1),
                    parse_options=self.parse,
                )
            except pa.ArrowInvalid:
                return self.exact(raw)
            if len(table) == lines and clean(table):
                columns = {name: table[name].combine_chunks() for name in self.columns}
                texts = {
                    name: without(columns[name], self.nulls) for name in columns if self.words[name] not in EXPECTED
                }
                return read(columns | texts, self.columns, None, lines, {})
        return self.exact(raw)

    def exact(self, raw: bytes) -> Block:
        """Return the rows of *raw*, read line by line."""
        fields: dict[str, list[str | None]] = {name: [] for name in self.columns}
        bad: dict[int, tuple[str, str]] = {}
        lines = [line for line in raw.split(b"\n") if line not in (b"", b"\r")]
        for row, line in enumerate(lines):
            value = self.parsed(line)
            if isinstance(value, str):
                bad[row], value = ("", value), {}
            if self.refuse and (others := [name for name in value if name not in self.columns]):
                reason = (
                    f"a field {others[0]!r} that ingest.columns does not name; say ingest.others: drop to pass it over"
                )
                raise Unreadable(raw.count(b"\n", 0, self.starts(raw)[row]), reason)
            for name, word in self.words.items():
                text, reason = field(value.get(name), word, self.nulls)
                fields[name].append(text)
                if reason:
                    bad.setdefault(row, (name, reason))
        columns = {name: pa.array(values, pa.string()) for name, values in fields.items()}
        return read(columns, self.columns, None, len(lines), bad)

    def parsed(self, line: bytes) -> dict | str:
        """Return the object on a line, or what is wrong with the line."""
        try:
            value = json.loads(
                line, object_pairs_hook=pairs, parse_int=Literal, parse_float=Literal, parse_constant=no_number
            )
        except Twice as error:
            return str(error)
        except (ValueError, RecursionError) as error:
            return f"no JSON: {error}"
        return value if isinstance(value, dict) else "no JSON object"


def field(value: object, word: str, nulls: list[str]) -> tuple[str | None, str]:
    """Return the text of a JSON value for a column of type *word*, and what is wrong with it."""
    kind, expected = EXPECTED.get(word, (str, "a text" if word == "text" else f"a {word} as text"))
    if value is None:
        return None, ""
    if not isinstance(value, kind) or (kind is str and isinstance(value, Literal)):
        return None, f"{brief(value) if isinstance(value, str) else json.dumps(value)[:100]} is not {expected}"
    if kind is str and value in nulls:
        return None, ""
    try:
        str(value).encode()
    except UnicodeEncodeError:
        return None, f"{ascii(value)[:100]} is not {expected}"
    return str(value).lower() if kind is bool else str(value), ""
