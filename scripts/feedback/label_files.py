"""Read the CSV files that come back, late labels and actions: checked, by block, in passes that fit in memory.

A file has the columns request, label (or action) and, where needed, position (of the row in its request, from 0; 0 if
left out) and time (when it was observed, ISO 8601; UTC if it names no zone). Columns values.* of a label queue are
ignored.
"""

import csv
import datetime
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from scripts.errors import InputError
from scripts.statistics.hashing import hash_texts

MAX_BYTES = 1 << 24  # of files that are read in one pass: about half a million labels
NO_TIME = np.datetime64("NaT", "us")
LINE = "line"


class Part(NamedTuple):
    """The requests of one pass of *count*: those whose hash, divided by it, leaves the remainder *number*."""

    number: int = 0
    count: int = 1

    def select(self, table: pa.Table) -> pa.Table:
        """Return the rows of *table* (with a column request) that belong to this pass."""
        if self.count == 1:
            return table
        hashes = hash_texts(table["request"].combine_chunks())
        return table.filter(pa.array(hashes % np.uint64(self.count) == np.uint64(self.number)))


def plan_passes(files: list[Path]) -> list[Part]:
    """Return the passes in which *files* are read, so that one has about MAX_BYTES of them in memory."""
    count = max(1, -(-sum(path.stat().st_size for path in files) // MAX_BYTES))
    return [Part(number, count) for number in range(count)]


def read_header(path: Path, needed: tuple[str, ...]) -> list[str]:
    """Return the columns of a CSV file. Raises InputError if it lacks a column, has one twice or an unknown one."""
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:  # Excel begins with a byte order mark
            header = next(csv.reader(file), [])
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not a CSV file in UTF-8: {error}") from error
    known = {*needed, "position", "time"}
    if twice := sorted({name for name in header if header.count(name) > 1}):
        raise InputError(f"{path}: column {twice[0]!r} is there twice; remove one")
    if missing := [name for name in needed if name not in header]:
        raise InputError(f"{path}: column {missing[0]} is missing; a file has {', '.join(sorted(known))}")
    if unknown := [name for name in header if name not in known and not name.startswith("values.")]:
        raise InputError(f"{path}: column {unknown[0]!r} is unknown; a file has {', '.join(sorted(known))}")
    return header


def read_blocks(path: Path, needed: tuple[str, ...], part: Part) -> Iterator[pa.Table]:
    """Yield the rows of a CSV file that belong to *part*, in blocks: *needed* columns, position, time and line.

    All but the line are texts, position is "0" and time "" where a cell is empty. Raises InputError that names the
    line of a row that lacks a *needed* value.
    """
    types = dict.fromkeys(read_header(path, needed), pa.string())
    options = pa.csv.ConvertOptions(column_types=types, strings_can_be_null=True, null_values=[""])
    line = 2
    try:
        with pa.csv.open_csv(path, convert_options=options) as reader:
            for batch in reader:
                table = pa.table({name: batch[name] for name in needed})
                for name, default in (("position", "0"), ("time", "")):
                    filled = batch[name].fill_null(default) if name in types else [default] * len(batch)
                    table = table.append_column(name, pa.array(filled, pa.string()))
                table = table.append_column(LINE, pa.array(np.arange(line, line + len(batch))))
                line += len(batch)
                for name in needed:
                    if table[name].null_count:
                        empty = first_line(table, pc.is_null(table[name]))[0]
                        raise InputError(f"{path}, line {empty}: no {name}; write it or remove the line")
                yield part.select(table)
    except pa.ArrowInvalid as error:
        raise InputError(f"{path}: not a CSV file in UTF-8: {error}") from error


def first_line(table: pa.Table, mask: pa.ChunkedArray | np.ndarray) -> tuple[int, int]:
    """Return the line, from 1 for the header, and the index of the first row of *table* that *mask* [rows] selects."""
    index = int(np.flatnonzero(np.asarray(mask))[0])
    return table[LINE][index].as_py(), index


def read_positions(path: Path, table: pa.Table) -> pa.ChunkedArray:
    """Return positions as numbers. Raises InputError that names the line of one that is none."""
    column = table["position"]
    wrong = pc.invert(pc.match_substring_regex(column, "^[0-9]{1,9}$"))
    if pc.any(wrong).as_py():
        line, index = first_line(table, wrong)
        raise InputError(
            f"{path}, line {line}: position is {column[index].as_py()!r}, the number of a row in its request was "
            "expected, from 0"
        )
    return column.cast(pa.int32())


def read_times(path: Path, table: pa.Table, now: datetime.datetime) -> np.ndarray:
    """Return times [rows] in UTC, NaT if empty. Raises InputError that names the line of one that has not come yet."""
    encoded = table["time"].combine_chunks().dictionary_encode()
    codes = encoded.indices.to_numpy()
    times = np.full(len(encoded.dictionary), NO_TIME)
    for code, text in enumerate(encoded.dictionary.to_pylist()):
        if not text:
            continue
        try:
            moment = datetime.datetime.fromisoformat(text)
        except ValueError:
            line, _ = first_line(table, codes == code)
            message = f"{path}, line {line}: time is {text!r}, expected one like 1999-12-31T23:59:00+00:00"
            raise InputError(message) from None
        moment = moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)
        if moment > now:
            line, _ = first_line(table, codes == code)
            raise InputError(f"{path}, line {line}: the label is of {text}, which has not come yet; correct its time")
        times[code] = np.datetime64(moment.astimezone(datetime.UTC).replace(tzinfo=None), "us")
    return times[codes]


def read_targets(path: Path, table: pa.Table, classes: list[str]) -> np.ndarray:
    """Return class numbers in the order of *classes*, or without classes values. Raises InputError at any other."""
    column = table["label"]
    if classes:
        numbers = pc.index_in(column, pa.array(classes))
        wrong = np.asarray(pc.is_null(numbers))
        expected = f"one of {', '.join(classes)}"
    else:
        numbers = pa.array([parse_number(text) for text in column.to_pylist()], pa.float64())
        wrong, expected = ~np.isfinite(np.asarray(numbers)), "a number"
    if wrong.any():
        line, index = first_line(table, wrong)
        raise InputError(f"{path}, line {line}: label is {column[index].as_py()!r}, expected {expected}")
    return np.asarray(numbers).astype(np.float64)


def parse_number(text: str) -> float:
    """Return the number that *text* is, NaN if it is none."""
    try:
        return float(text)
    except ValueError:
        return float("nan")
