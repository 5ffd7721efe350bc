"""Conversion of blocks of records, given as text or as typed columns, to the configured column types.

Values that cannot be converted are masked, and their records are quarantined with what was expected instead.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from scripts.arrow_types import ARROW_TYPES
from scripts.column_types import MAX_NUMBER
from scripts.errors import InputError

NUMBER = r"^\s*[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?\s*$"
INTEGER = r"^\s*[-+]?\d+(\.0*)?\s*$"
ISO_TIME = re.compile(r"(\d{4}-\d\d-\d\d)([ T]\d\d(:\d\d(:\d\d(\.\d{1,6})?)?)?)?(Z|[-+]\d\d:?\d\d)?", re.ASCII)
MIN_DAY, MAX_DAY = -719162, 2932896  # days of 0001-01-01 and 9999-12-31
TRUE, FALSE = ("1", "true", "t", "yes", "y"), ("0", "false", "f", "no", "n")
Converted = tuple[pa.Array, pa.Array, str]  # values, mask of those that cannot be converted, what was expected


def arrow_type(dtype: str) -> pa.DataType:
    """Return the Arrow type of a configured column type: number, integer, boolean, text, date[:FORMAT], time[:FORMAT].

    Times have no time zone: they are in UTC if the text names a zone.
    """
    return ARROW_TYPES[dtype.partition(":")[0]]


def arrow_schema(columns: dict[str, str]) -> pa.Schema:
    """Return the Arrow schema of the configured columns."""
    return pa.schema([(name, arrow_type(dtype)) for name, dtype in columns.items()])


def false_mask(values: pa.Array | pa.RecordBatch | pa.Table) -> pa.Array:
    """Return a mask that is false for each row."""
    return pa.repeat(pa.scalar(False), len(values))


def nulls_to_missing(values: pa.Array, nulls: list[str]) -> pa.Array:
    """Return *values* (text) in which those that are among *nulls* are missing."""
    if not nulls:
        return values
    return pc.if_else(pc.is_in(values, value_set=pa.array(nulls, pa.string())), pa.scalar(None, pa.string()), values)


def convert(values: pa.Array, dtype: str) -> Converted:
    """Return *values* (text) as *dtype*, a mask of those that cannot be converted, and what was expected."""
    dtype, _, form = dtype.partition(":")
    if dtype == "text":
        return values, false_mask(values), ""
    if dtype == "number":
        return convert_numbers(values)
    if dtype == "integer":
        return convert_integers(values)
    if dtype == "boolean":
        lowered = pc.utf8_lower(pc.utf8_trim_whitespace(values))
        true, false = (pc.is_in(lowered, value_set=pa.array(known)) for known in (TRUE, FALSE))
        bad = pc.and_(pc.is_valid(values), pc.invert(pc.or_(true, false)))
        return pc.if_else(pc.or_(true, false), true, pa.scalar(None, pa.bool_())), bad, "a boolean"
    distinct = values.dictionary_encode()
    texts = distinct.dictionary
    if dtype == "date":
        converted, bad, expected = convert_dates(pc.utf8_trim_whitespace(texts), form or "%Y-%m-%d", pa.date32())
    elif form:
        converted, bad, expected = convert_dates(texts, form, arrow_type(dtype))
    else:
        converted, bad, expected = convert_times(texts)
    expected = f"a {dtype} like {expected}"
    return converted.take(distinct.indices), pc.fill_null(bad.take(distinct.indices), False), expected


def convert_numbers(values: pa.Array) -> Converted:
    """Convert text to numbers whose absolute value is at most MAX_NUMBER."""
    malformed = pc.fill_null(pc.invert(pc.match_substring_regex(values, NUMBER)), False)
    parsed = pc.cast(pc.if_else(malformed, None, pc.utf8_trim_whitespace(values)), pa.float64())
    bad = pc.or_(malformed, pc.fill_null(pc.greater(pc.abs(parsed), MAX_NUMBER), False))
    return pc.if_else(bad, None, parsed), bad, "a number"


def convert_integers(values: pa.Array) -> Converted:
    """Convert text to 64-bit integers; 3.0 counts as 3."""
    malformed = pc.fill_null(pc.invert(pc.match_substring_regex(values, INTEGER)), False)
    digits = pc.replace_substring_regex(pc.if_else(malformed, None, values), r"^\s*\+?(-?)0*(\d+)(\.0*)?\s*$", r"\1\2")
    long = pc.fill_null(pc.greater(pc.utf8_length(digits), 18), False)
    for index in pc.indices_nonzero(long).to_pylist():
        if -(2**63) <= int(digits[index].as_py()) < 2**63:
            long = pc.replace_with_mask(long, single_row_mask(index, len(long)), pa.array([False]))
    bad = pc.or_(malformed, long)
    return pc.cast(pc.if_else(bad, None, digits), pa.int64()), bad, "an integer"


def single_row_mask(index: int, length: int) -> pa.Array:
    """Return a mask that is true for the row *index* alone."""
    return pa.array([row == index for row in range(length)], pa.bool_())


def unpad_dates(dates: pa.Array) -> pa.Array:
    """Return dates as text without the leading zeros of their numbers, and in lower case."""
    return pc.replace_substring_regex(pc.utf8_lower(pc.utf8_trim_whitespace(dates)), r"\b0+(\d)", r"\1")


def convert_dates(texts: pa.Array, form: str, target: pa.DataType) -> Converted:
    """Convert text in the strptime format *form* to dates or times."""
    parsed = pc.strptime(texts, format=form, unit="s", error_is_null=True)
    # strptime turns 31 February into a day of March
    other_day = pc.not_equal(unpad_dates(pc.strftime(parsed, format=form)), unpad_dates(texts))
    days = pc.cast(parsed, pa.date32(), safe=False).cast(pa.int32())
    outside = pc.or_(pc.less(days, MIN_DAY), pc.greater(days, MAX_DAY))
    bad = pc.and_(pc.is_valid(texts), pc.fill_null(pc.or_(other_day, outside), True))
    return pc.cast(pc.if_else(bad, None, parsed), target, safe=False), bad, form


def convert_times(texts: pa.Array) -> Converted:
    """Convert text in ISO 8601, with or without a time zone, to times in UTC."""
    parsed = [None if text is None else parse_time(text) for text in texts.to_pylist()]
    bad = [text is not None and value is None for text, value in zip(texts.to_pylist(), parsed, strict=True)]
    return pa.array(parsed, ARROW_TYPES["time"]), pa.array(bad, pa.bool_()), "2020-12-31 23:59:59"


def parse_time(text: str) -> datetime | None:
    """Return the time (UTC, without a zone) that *text* names in ISO 8601, None if it names none."""
    text = text.strip()
    try:
        parsed = datetime.fromisoformat(text) if ISO_TIME.fullmatch(text) else None
        return parsed and (parsed.astimezone(UTC).replace(tzinfo=None) if parsed.tzinfo else parsed)
    except (ValueError, OverflowError):
        return None


@dataclass
class Block:
    """Some raw records in their order: valid ones as rows, and the errors of the others, which are quarantined.

    *row_numbers* has the number within the block of each row (None: all records are rows). *errors* has number, column
    and reason of each quarantined record, ascending. *line_numbers* returns the lines in the file of records, given
    their numbers.
    """

    rows: pa.Table
    records: int
    row_numbers: np.ndarray | None = None
    errors: list[tuple[int, str, str]] = field(default_factory=list)
    line_numbers: Callable[[list[int]], list[int]] | None = None


def table_fits(table: pa.Table) -> bool:
    """Return whether all numbers of a table are finite and not too large, and all years of dates have four digits."""
    for column in table.columns:
        for chunk in column.chunks:
            if not column_fits(chunk):
                return False
    return True


def column_fits(values: pa.Array) -> bool:
    """Return whether all values of a typed column are within the limits of the table."""
    if not len(values) or values.type not in (pa.float64(), pa.date32(), pa.timestamp("us")):
        return True
    form, day = {pa.float64(): ("f8", 0), pa.date32(): ("i4", 1)}.get(values.type, ("i8", 86_400_000_000))
    raw = np.frombuffer(values.buffers()[1], form)[values.offset : values.offset + len(values)]
    if form == "f8":
        return bool(raw.max() <= MAX_NUMBER and raw.min() >= -MAX_NUMBER)  # false for NaN
    return bool(raw.min() >= MIN_DAY * day and raw.max() < (MAX_DAY + 1) * day)


def cast_or_stringify(values: pa.Array, dtype: str, column: str, nulls: list[str]) -> pa.Array:
    """Return a column of any type cast to *dtype* or, if not all of its values fit, as text that is to be converted.

    Raises InputError if values of its type cannot be of that type.
    """
    if pt.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    source, target, base = values.type, arrow_type(dtype), dtype.partition(":")[0]
    if pt.is_null(source):
        return pa.nulls(len(values), target)
    if pt.is_string(source) or pt.is_large_string(source) or pt.is_string_view(source):
        return nulls_to_missing(values.cast(pa.string()), nulls)
    whole = pt.is_integer(source) or pt.is_decimal(source)
    if pt.is_timestamp(source) and source.tz:
        values = values.cast(pa.timestamp(source.unit))  # the same moment in UTC
    if base == "date" and pt.is_timestamp(source):
        values = pc.floor_temporal(values, unit="day")
    castable = {
        "number": whole or pt.is_floating(source),
        "integer": whole or pt.is_floating(source),
        "boolean": pt.is_boolean(source) or pt.is_integer(source),
        "text": whole or pt.is_boolean(source) or pt.is_date(source),
        "date": pt.is_date(source) or pt.is_timestamp(source),
        "time": pt.is_date(source) or pt.is_timestamp(source),
    }
    if not castable[base]:
        raise InputError(f"column {column} is of type {source}, ingest.columns says {dtype}: correct one of them")
    if pt.is_floating(source):
        values = values.cast(pa.float64())
    exact = base == "number" and pt.is_integer(source)
    if not (base == "boolean" and pt.is_integer(source)) and not (base != "text" and pt.is_decimal(source)):
        try:
            found = values.cast(target, safe=not exact)
            if column_fits(found):
                return found
        except pa.ArrowInvalid:
            pass
    return nulls_to_missing(values.cast(pa.string()), nulls)


def build_block(
    raw: dict[str, pa.Array],
    columns: dict[str, str],
    numbers: np.ndarray | None,
    records: int,
    errors: dict[int, tuple],
) -> Block:
    """Return a block of *records* records, of which the parsed ones have the columns *raw*, each as text or typed.

    *numbers* has the number within the block of each parsed record (None: all). *errors* (number to column and reason)
    has the records that were not parsed, or whose columns are to be ignored; errors of conversion are added to it.
    """
    numbers = np.arange(records) if numbers is None else numbers
    has_error = false_mask(raw[next(iter(raw))]).to_numpy(zero_copy_only=False).copy()
    arrays = []
    for name, dtype in columns.items():
        if raw[name].type == arrow_type(dtype) and dtype != "text":
            arrays.append(raw[name])
            continue
        values, mask, expected = convert(raw[name], dtype)
        arrays.append(values)
        for index in pc.indices_nonzero(mask).to_pylist():
            errors.setdefault(int(numbers[index]), (name, f"{shorten(raw[name][index].as_py())} is not {expected}"))
            has_error[index] = True
    if errors:
        has_error |= np.isin(numbers, np.fromiter(errors, np.int64))
    table = pa.table(arrays, schema=arrow_schema(columns))
    if has_error.any():
        table, numbers = table.filter(pa.array(~has_error)), numbers[~has_error]
    everything = len(numbers) == records
    return Block(table, records, None if everything else numbers, [(row, *errors[row]) for row in sorted(errors)])


def shorten(text: str) -> str:
    """Return a field for a message, shortened if it is long."""
    return repr(text if len(text) <= 100 else text[:100] + "...")
