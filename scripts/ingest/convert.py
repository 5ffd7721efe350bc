"""Text to typed columns: what cannot be read is masked, with what was expected instead.

Blocks of text or of typed columns to rows of the table and rows set aside."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from scripts.errors import BadInput

NUMBER = r"^\s*[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?\s*$"
INTEGER = r"^\s*[-+]?\d+(\.0*)?\s*$"
MOMENT = re.compile(r"(\d{4}-\d\d-\d\d)([ T]\d\d(:\d\d(:\d\d(\.\d{1,6})?)?)?)?(Z|[-+]\d\d:?\d\d)?", re.ASCII)
LARGEST = 3.4028234663852886e38  # of float32: squares and sums of squares are finite doubles
FIRST, LAST = -719162, 2932896  # days of 0001-01-01 and 9999-12-31
TRUE, FALSE = ("1", "true", "t", "yes", "y"), ("0", "false", "f", "no", "n")
TYPES = {"number": pa.float64(), "integer": pa.int64(), "boolean": pa.bool_(), "text": pa.string()}
TYPES |= {"date": pa.date32(), "time": pa.timestamp("us")}
Converted = tuple[pa.Array, pa.Array, str]  # values, mask of those that cannot be read, what was expected


def arrow_type(kind: str) -> pa.DataType:
    """Return the Arrow type of a configured column type: number, integer, boolean, text, date[:FORMAT], time[:FORMAT].

    Times have no zone: they are in UTC where the text names one.
    """
    return TYPES[kind.partition(":")[0]]


def schema_of(columns: dict[str, str]) -> pa.Schema:
    """Return the Arrow schema of the configured columns."""
    return pa.schema([(name, arrow_type(kind)) for name, kind in columns.items()])


def no_rows(values: pa.Array | pa.RecordBatch | pa.Table) -> pa.Array:
    """Return a mask that holds for no row."""
    return pa.repeat(pa.scalar(False), len(values))


def without(values: pa.Array, nulls: list[str]) -> pa.Array:
    """Return *values* (text) with those that are among *nulls* missing."""
    if not nulls:
        return values
    return pc.if_else(pc.is_in(values, value_set=pa.array(nulls, pa.string())), pa.scalar(None, pa.string()), values)


def convert(values: pa.Array, kind: str) -> Converted:
    """Return *values* (text) as *kind*, a mask of those that cannot be read, and what was expected."""
    kind, _, form = kind.partition(":")
    if kind == "text":
        return values, no_rows(values), ""
    if kind == "number":
        return numbers(values)
    if kind == "integer":
        return integers(values)
    if kind == "boolean":
        words = pc.utf8_lower(pc.utf8_trim_whitespace(values))
        true, false = (pc.is_in(words, value_set=pa.array(known)) for known in (TRUE, FALSE))
        bad = pc.and_(pc.is_valid(values), pc.invert(pc.or_(true, false)))
        return pc.if_else(pc.or_(true, false), true, pa.scalar(None, pa.bool_())), bad, "a boolean"
    distinct = values.dictionary_encode()
    texts = distinct.dictionary
    if kind == "date":
        found, bad, expected = dates(pc.utf8_trim_whitespace(texts), form or "%Y-%m-%d", pa.date32())
    elif form:
        found, bad, expected = dates(texts, form, arrow_type(kind))
    else:
        found, bad, expected = moments(texts)
    expected = f"a {kind} like {expected}"
    return found.take(distinct.indices), pc.fill_null(bad.take(distinct.indices), False), expected


def numbers(values: pa.Array) -> Converted:
    """Convert text to numbers of at most LARGEST."""
    strange = pc.fill_null(pc.invert(pc.match_substring_regex(values, NUMBER)), False)
    found = pc.cast(pc.if_else(strange, None, pc.utf8_trim_whitespace(values)), pa.float64())
    bad = pc.or_(strange, pc.fill_null(pc.greater(pc.abs(found), LARGEST), False))
    return pc.if_else(bad, None, found), bad, "a number"


def integers(values: pa.Array) -> Converted:
    """Convert text to 64-bit integers; 3.0 counts as 3."""
    strange = pc.fill_null(pc.invert(pc.match_substring_regex(values, INTEGER)), False)
    plain = pc.replace_substring_regex(pc.if_else(strange, None, values), r"^\s*\+?(-?)0*(\d+)(\.0*)?\s*$", r"\1\2")
    long = pc.fill_null(pc.greater(pc.utf8_length(plain), 18), False)
    for index in pc.indices_nonzero(long).to_pylist():
        if -(2**63) <= int(plain[index].as_py()) < 2**63:
            long = pc.replace_with_mask(long, one(index, len(long)), pa.array([False]))
    bad = pc.or_(strange, long)
    return pc.cast(pc.if_else(bad, None, plain), pa.int64()), bad, "an integer"


def one(index: int, length: int) -> pa.Array:
    """Return a mask that holds for the row *index* alone."""
    return pa.array([row == index for row in range(length)], pa.bool_())


def bare(dates: pa.Array) -> pa.Array:
    """Return dates as text in one form, whether their numbers are padded with zeros or not."""
    return pc.replace_substring_regex(pc.utf8_lower(pc.utf8_trim_whitespace(dates)), r"\b0+(\d)", r"\1")


def dates(texts: pa.Array, form: str, kind: pa.DataType) -> Converted:
    """Convert text of the strptime format *form* to dates or times."""
    found = pc.strptime(texts, format=form, unit="s", error_is_null=True)
    other_day = pc.not_equal(bare(pc.strftime(found, format=form)), bare(texts))  # 31 February runs over into March
    days = pc.cast(found, pa.date32(), safe=False).cast(pa.int32())
    outside = pc.or_(pc.less(days, FIRST), pc.greater(days, LAST))
    bad = pc.and_(pc.is_valid(texts), pc.fill_null(pc.or_(other_day, outside), True))
    return pc.cast(pc.if_else(bad, None, found), kind, safe=False), bad, form


def moments(texts: pa.Array) -> Converted:
    """Convert text in the form of ISO 8601, with or without a zone, to times in UTC."""
    found = [None if text is None else moment(text) for text in texts.to_pylist()]
    bad = [text is not None and value is None for text, value in zip(texts.to_pylist(), found, strict=True)]
    return pa.array(found, TYPES["time"]), pa.array(bad, pa.bool_()), "2020-12-31 23:59:59"


def moment(text: str) -> datetime | None:
    """Return the time (UTC, without zone) that *text* names, None where it names none."""
    text = text.strip()
    try:
        found = datetime.fromisoformat(text) if MOMENT.fullmatch(text) else None
        return found and (found.astimezone(UTC).replace(tzinfo=None) if found.tzinfo else found)
    except (ValueError, OverflowError):
        return None


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
