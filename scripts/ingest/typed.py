"""Blocks of text or of typed columns to rows of the table and rows set aside."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from scripts.ingest.columns import FIRST, LARGEST, LAST, arrow_type, convert, no_rows, schema_of, without
from scripts.spine.job import BadInput


@dataclass
class Block:
    """Some raw records in their order: the rows kept, and those set aside.

    *kept* has the number in the block of each row, None where all records are rows; *bad* has number, column and
    reason of each record set aside, ascending; *where* gives the lines in the file of records by their numbers.
    """

    rows: pa.Table
    records: int
    kept: np.ndarray | None = None
    bad: list[tuple[int, str, str]] = field(default_factory=list)
    where: Callable[[list[int]], list[int]] | None = None


def clean(table: pa.Table) -> bool:
    """Return whether all numbers of a table are finite and not too large, and all dates of four-digit years."""
    for column in table.columns:
        for chunk in column.chunks:
            if not fits(chunk):
                return False
    return True


def fits(values: pa.Array) -> bool:
    """Return whether a typed column holds no value that the table cannot hold."""
    if not len(values) or values.type not in (pa.float64(), pa.date32(), pa.timestamp("us")):
        return True
    form, day = {pa.float64(): ("f8", 0), pa.date32(): ("i4", 1)}.get(values.type, ("i8", 86_400_000_000))
    raw = np.frombuffer(values.buffers()[1], form)[values.offset : values.offset + len(values)]
    if form == "f8":
        return bool(raw.max() <= LARGEST and raw.min() >= -LARGEST)  # not so with NaN
    return bool(raw.min() >= FIRST * day and raw.max() < (LAST + 1) * day)


def plain(values: pa.Array, kind: str, column: str, nulls: list[str]) -> pa.Array:
    """Return a column of any type either as *kind* or, where not all of its values fit, as text to be converted.

    Raises BadInput where no value of its type can be of that kind.
    """
    if pt.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    source, wanted, word = values.type, arrow_type(kind), kind.partition(":")[0]
    if pt.is_null(source):
        return pa.nulls(len(values), wanted)
    if pt.is_string(source) or pt.is_large_string(source) or pt.is_string_view(source):
        return without(values.cast(pa.string()), nulls)
    whole = pt.is_integer(source) or pt.is_decimal(source)
    if pt.is_timestamp(source) and source.tz:
        values = values.cast(pa.timestamp(source.unit))  # the same moment in UTC
    if word == "date" and pt.is_timestamp(source):
        values = pc.floor_temporal(values, unit="day")
    admitted = {
        "number": whole or pt.is_floating(source),
        "integer": whole or pt.is_floating(source),
        "boolean": pt.is_boolean(source) or pt.is_integer(source),
        "text": whole or pt.is_boolean(source) or pt.is_date(source),
        "date": pt.is_date(source) or pt.is_timestamp(source),
        "time": pt.is_date(source) or pt.is_timestamp(source),
    }
    if not admitted[word]:
        raise BadInput(f"column {column} is of type {source}, ingest.columns says {kind}: correct the one or the other")
    if pt.is_floating(source):
        values = values.cast(pa.float64())
    exact = word == "number" and pt.is_integer(source)
    if not (word == "boolean" and pt.is_integer(source)) and not (word != "text" and pt.is_decimal(source)):
        try:
            found = values.cast(wanted, safe=not exact)
            if fits(found):
                return found
        except pa.ArrowInvalid:
            pass
    return without(values.cast(pa.string()), nulls)


def read(
    raw: dict[str, pa.Array], columns: dict[str, str], numbers: np.ndarray | None, records: int, bad: dict[int, tuple]
) -> Block:
    """Return the block of *records* records whose parsed ones have the columns *raw*, each as text or typed already.

    *numbers* has the number in the block of each parsed record (None: all); *bad* (number to column and reason) has
    those that were not parsed, or whose columns are not to be looked at.
    """
    numbers = np.arange(records) if numbers is None else numbers
    wrong = no_rows(raw[next(iter(raw))]).to_numpy(zero_copy_only=False).copy()
    arrays = []
    for name, kind in columns.items():
        if raw[name].type == arrow_type(kind) and kind != "text":
            arrays.append(raw[name])
            continue
        values, mask, expected = convert(raw[name], kind)
        arrays.append(values)
        for index in pc.indices_nonzero(mask).to_pylist():
            bad.setdefault(int(numbers[index]), (name, f"{brief(raw[name][index].as_py())} is not {expected}"))
            wrong[index] = True
    if bad:
        wrong |= np.isin(numbers, np.fromiter(bad, np.int64))
    table = pa.table(arrays, schema=schema_of(columns))
    if wrong.any():
        table, numbers = table.filter(pa.array(~wrong)), numbers[~wrong]
    everything = len(numbers) == records
    return Block(table, records, None if everything else numbers, [(row, *bad[row]) for row in sorted(bad)])


def brief(text: str) -> str:
    """Return a field for a message, shortened where it is long."""
    return repr(text if len(text) <= 100 else text[:100] + "...")
