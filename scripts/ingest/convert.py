"""Conversion of blocks of records, given as text or as typed columns, to the configured column types.

Values that cannot be converted are masked, and their records are quarantined with what was expected instead.
"""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from scripts.arrow_types import ARROW_TYPES
from scripts.column_types import FALSE, IDENTIFIER_ADVICE, MAX_EXACT, MAX_NUMBER, TRUE, is_exact_number
from scripts.data.times import DATE_FORMAT, DIRECTIVE, expand_format, format_pattern, parse_time
from scripts.errors import InputError

NUMBER = r"^\s*[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?\s*$"
INTEGER = r"^\s*[-+]?\d+(\.0*)?\s*$"
MIN_DAY, MAX_DAY = -719162, 2932896  # days of 0001-01-01 and 9999-12-31
MICROSECONDS_PER_DAY = 86_400_000_000
UNITS_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
Converted = tuple[pa.Array, pa.Array, str]  # values, mask of those that cannot be converted, what was expected


class TypedColumn(NamedTuple):
    """A column cast to its configured type: values, a mask of those of *source* that cannot be cast, and *source*."""

    values: pa.Array
    bad: pa.Array
    source: pa.Array


def arrow_type(dtype: str) -> pa.DataType:
    """Return the Arrow type of a configured column type: number, integer, boolean, text, date[:FORMAT], time[:FORMAT].

    Times have no time zone (scripts/data/times.py).
    """
    return ARROW_TYPES[dtype.partition(":")[0]]


def arrow_schema(columns: dict[str, str]) -> pa.Schema:
    """Return the Arrow schema of the configured columns."""
    return pa.schema([(name, arrow_type(dtype)) for name, dtype in columns.items()])


def false_mask(values: pa.Array | pa.RecordBatch | pa.Table) -> pa.Array:
    """Return a mask that is false for each row."""
    return pa.repeat(pa.scalar(False), len(values))


def clean_texts(values: pa.Array, nulls: list[str], trim: bool) -> pa.Array:
    """Return *values* (text) without white space around them if *trim*; those that are among *nulls* are missing."""
    if trim:
        values = pc.utf8_trim_whitespace(values)
    if not nulls:
        return values
    return pc.if_else(pc.is_in(values, value_set=pa.array(nulls, pa.string())), pa.scalar(None, pa.string()), values)


def convert(values: pa.Array, dtype: str, zone: tzinfo = UTC) -> Converted:
    """Return *values* (text) as *dtype*, a mask of those that cannot be converted, and what was expected.

    Times that name a zone are converted to *zone*.
    """
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
    texts = pc.utf8_trim_whitespace(distinct.dictionary)
    form = form or (DATE_FORMAT if dtype == "date" else "")
    converted, bad = convert_times(texts, form, arrow_type(dtype), zone)
    expected = f"a {dtype} like {form or '2020-12-31 23:59:59'}"
    return converted.take(distinct.indices), pc.fill_null(bad.take(distinct.indices), False), expected


def convert_numbers(values: pa.Array) -> Converted:
    """Convert text to numbers whose absolute value is at most MAX_NUMBER, and that a double holds."""
    malformed = pc.fill_null(pc.invert(pc.match_substring_regex(values, NUMBER)), False)
    parsed = pc.cast(pc.if_else(malformed, None, pc.utf8_trim_whitespace(values)), pa.float64())
    bad = pc.or_(malformed, pc.fill_null(pc.greater(pc.abs(parsed), MAX_NUMBER), False))
    large = pc.fill_null(pc.greater_equal(pc.abs(parsed), MAX_EXACT), False)
    if pc.any(large).as_py():
        rounded = [large[row].as_py() and not is_exact_number(values[row].as_py()) for row in range(len(values))]
        bad = pc.or_(bad, pa.array(rounded, pa.bool_()))
    return pc.if_else(bad, None, parsed), bad, "a number"


def convert_integers(values: pa.Array) -> Converted:
    """Convert text to 64-bit integers; 3.0 counts as 3."""
    malformed = pc.fill_null(pc.invert(pc.match_substring_regex(values, INTEGER)), False)
    digits = pc.replace_substring_regex(pc.if_else(malformed, None, values), r"^\s*\+?(-?)0*(\d+)(\.0*)?\s*$", r"\1\2")
    long = pc.fill_null(pc.greater(pc.utf8_length(digits), 18), False)
    outside = [len(text) > 20 or not -(2**63) <= int(text) < 2**63 for text in digits.filter(long).to_pylist()]
    bad = pc.or_(malformed, pc.replace_with_mask(long, long, pa.array(outside, pa.bool_())))
    return pc.cast(pc.if_else(bad, None, digits), pa.int64()), bad, "an integer"


def unpad_dates(dates: pa.Array) -> pa.Array:
    """Return dates as text without the leading zeros of their numbers, and in lower case."""
    return pc.replace_substring_regex(pc.utf8_lower(dates), r"\b0+(\d)", r"\1")


def convert_plain_dates(texts: pa.Array, form: str) -> pa.Array:
    """Return the times that *texts* name in the strptime format *form*, null where parse_time() has to decide.

    Arrow is fast, but only day, month and year, with or without a time of day, have the same meaning for it.
    """
    letters = set(DIRECTIVE.findall(expand_format(form)))
    names_day = "d" in letters and len(letters & set("Yy")) == len(letters & set("mbB")) == 1
    if not names_day or not letters <= set("YymdbBHMSIp") or ("I" in letters) != ("p" in letters):
        return pa.nulls(len(texts), pa.timestamp("s"))
    parsed = pc.strptime(texts, format=expand_format(form), unit="s", error_is_null=True)
    # strptime turns 31 February into a day of March
    same_day = pc.equal(unpad_dates(pc.strftime(parsed, format=expand_format(form))), unpad_dates(texts))
    days = pc.cast(parsed, pa.date32(), safe=False).cast(pa.int32())
    inside = pc.and_(pc.greater_equal(days, MIN_DAY), pc.less_equal(days, MAX_DAY))
    good = pc.and_(pc.and_(same_day, inside), pc.match_substring_regex(texts, format_pattern(form)))
    return pc.if_else(pc.fill_null(good, False), parsed, None)


def convert_times(texts: pa.Array, form: str, target: pa.DataType, zone: tzinfo) -> tuple[pa.Array, pa.Array]:
    """Convert text to dates or times as parse_time() does; also return a mask of what cannot be converted."""
    plain = convert_plain_dates(texts, form).cast(ARROW_TYPES["time"])
    left = pc.and_(pc.is_valid(texts), pc.is_null(plain))
    parsed = pa.array([parse_time(text, form, zone) for text in texts.filter(left).to_pylist()], ARROW_TYPES["time"])
    converted = pc.replace_with_mask(plain, left, parsed)
    return pc.cast(converted, target, safe=False), pc.and_(left, pc.is_null(converted))


@dataclass
class Block:
    """Some raw records in their order: valid ones as rows, and the errors of the others, which are quarantined.

    *row_numbers* has the number within the block of each row (None: all records are rows). *errors* has number, column
    and reason of each quarantined record, ascending; *unreadable* is the number of unreadable values by column ("" for
    whole records). *line_numbers* returns the lines in the file of records, given their numbers.
    """

    rows: pa.Table
    records: int
    row_numbers: np.ndarray | None = None
    errors: list[tuple[int, str, str]] = field(default_factory=list)
    unreadable: Counter[str] = field(default_factory=Counter)
    line_numbers: Callable[[list[int]], list[int]] | None = None


def table_fits(table: pa.Table) -> bool:
    """Return whether a table that was parsed from text certainly has the values of the text.

    That is so if all numbers are below MAX_EXACT, and all years of dates have four digits.
    """
    return all(column_fits(chunk) for column in table.columns for chunk in column.chunks)


def column_fits(values: pa.Array) -> bool:
    """Return whether all values of a typed column are certainly those of the text, as table_fits() does."""
    if not len(values) or values.type not in (pa.float64(), pa.date32(), pa.timestamp("us")):
        return True
    form, day = {pa.float64(): ("f8", 0), pa.date32(): ("i4", 1)}.get(values.type, ("i8", MICROSECONDS_PER_DAY))
    raw = np.frombuffer(values.buffers()[1], form)[values.offset : values.offset + len(values)]
    if form == "f8":
        return bool(raw.max() < MAX_EXACT and raw.min() > -MAX_EXACT)  # false for NaN
    return bool(raw.min() >= MIN_DAY * day and raw.max() < (MAX_DAY + 1) * day)


def cast_column(
    values: pa.Array, dtype: str, column: str, nulls: list[str], trim: bool, zone: tzinfo
) -> pa.Array | TypedColumn:
    """Return a column of any type cast to *dtype*, value by value, or as text that is to be converted.

    Raises InputError if values of its type cannot be of that type.
    """
    if pt.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    source, target, base = values.type, arrow_type(dtype), dtype.partition(":")[0]
    if pt.is_null(source):
        return pa.nulls(len(values), target)
    if pt.is_string(source) or pt.is_large_string(source) or pt.is_string_view(source):
        return clean_texts(values.cast(pa.string()), nulls, trim)
    whole = pt.is_integer(source) or pt.is_decimal(source)
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
        return cast_floats(values.cast(pa.float64()), target, nulls)
    if base in ("date", "time"):
        return cast_times(values, target, zone)
    if not (base == "boolean" and pt.is_integer(source)) and not (base != "text" and pt.is_decimal(source)):
        try:
            return values.cast(target)  # not of an integer that a double does not hold
        except pa.ArrowInvalid:
            return values.cast(pa.string())
    return clean_texts(values.cast(pa.string()), nulls, False)


def cast_floats(values: pa.Array, target: pa.DataType, nulls: list[str]) -> TypedColumn:
    """Return float64 *values* as numbers, or as integers if they are whole; others are missing if among *nulls*."""
    if target == pa.float64():
        good = pc.less_equal(pc.abs(values), MAX_NUMBER)
    else:
        good = pc.and_(pc.equal(pc.trunc(values), values), pc.less(values, 2.0**63))
        good = pc.and_(good, pc.greater_equal(values, -(2.0**63)))
    bad = pc.fill_null(pc.invert(good), False)
    cast = pc.cast(pc.if_else(bad, None, values), target)
    if nulls and pc.any(bad).as_py():
        bad = pc.and_(bad, pc.invert(pc.is_in(values.cast(pa.string()), value_set=pa.array(nulls, pa.string()))))
    return TypedColumn(cast, bad, values)


def cast_times(values: pa.Array, target: pa.DataType, zone: tzinfo) -> TypedColumn:
    """Return dates or times as *target*; times with a zone are those of *zone*.

    Years of other than four digits cannot be cast, nor times with parts of a microsecond.
    """
    source = values
    if pt.is_date64(values.type):
        values = values.cast(pa.date32())
    unit = values.type.unit if pt.is_timestamp(values.type) else None
    day = UNITS_PER_SECOND[unit] * 86_400 if unit else 1
    raw = values.cast(pa.int64() if unit else pa.int32()).cast(pa.int64())
    first, after = (min(max(bound * day, -(2**63)), 2**63 - 1) for bound in (MIN_DAY, MAX_DAY + 1))
    bad = pc.or_(pc.less(raw, first), pc.greater_equal(raw, after))
    if unit == "ns" and target == ARROW_TYPES["time"]:
        bad = pc.or_(bad, pc.not_equal(pc.multiply(pc.divide(raw, 1000), 1000), raw))
    bad = pc.fill_null(bad, False)
    values = pc.if_else(bad, None, values)
    if unit and values.type.tz:
        values = values.cast(pa.timestamp(unit, str(zone)))
        values = pc.local_timestamp(values) if zone is not UTC else values.cast(pa.timestamp(unit))
    if unit and target == pa.date32():
        values = pc.floor_temporal(values, unit="day")
    return TypedColumn(values.cast(target), bad, source)


def build_block(
    raw: dict[str, pa.Array | TypedColumn],
    columns: dict[str, str],
    numbers: np.ndarray | None,
    records: int,
    errors: dict[int, tuple],
    zone: tzinfo = UTC,
    unreadable: Counter[str] | None = None,
) -> Block:
    """Return a block of *records* records, of which the parsed ones have the columns *raw*, each as text or typed.

    *numbers* has the number within the block of each parsed record (None: all). *errors* (number to column and reason)
    has the records that were not parsed, or whose columns are to be ignored; errors of conversion are added to it.
    *unreadable* counts the values that were not parsed by column, if that is more than the first of each record.
    """
    unreadable = Counter(column for column, _ in errors.values()) if unreadable is None else unreadable
    numbers = np.arange(records) if numbers is None else numbers
    has_error = np.zeros(len(numbers), bool)
    arrays = []
    for name, dtype in columns.items():
        given = raw[name]
        if isinstance(given, TypedColumn):
            values, mask, given = given
            expected = f"{'an' if dtype == 'integer' else 'a'} {dtype}"
        elif given.type == arrow_type(dtype) and dtype != "text":
            arrays.append(given)
            continue
        else:
            values, mask, expected = convert(given, dtype, zone)
        arrays.append(values)
        for index in pc.indices_nonzero(mask).to_pylist():
            text = given[index].cast(pa.string()).as_py()
            advice = IDENTIFIER_ADVICE if dtype == "number" and is_rounded(text) else ""
            errors.setdefault(int(numbers[index]), (name, f"{shorten(text)} is not {expected}{advice}"))
            has_error[index] = True
            unreadable[name] += 1
    if errors:
        has_error |= np.isin(numbers, np.fromiter(errors, np.int64))
    table = pa.table(arrays, schema=arrow_schema(columns))
    if has_error.any():
        table, numbers = table.filter(pa.array(~has_error)), numbers[~has_error]
    everything = len(numbers) == records
    listed = [(row, *errors[row]) for row in sorted(errors)]
    return Block(table, records, None if everything else numbers, listed, unreadable)


def is_rounded(text: str) -> bool:
    """Return whether *text* is a number that a double does not hold."""
    return bool(re.fullmatch(NUMBER, text)) and not is_exact_number(text)


def abbreviate(text: str) -> str:
    """Return *text* for a message, with dots in place of its end if it is long."""
    return text if len(text) <= 100 else text[:100] + "..."


def shorten(text: str) -> str:
    """Return a field for a message, in quotes, shortened if it is long."""
    return repr(abbreviate(text))
