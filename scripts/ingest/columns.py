"""Columns of text to typed columns; what cannot be read is noted with row, column and reason."""

from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

NUMBER = r"^\s*[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?\s*$"
LARGEST = 3.4028234663852886e38  # a bundle takes float32


@dataclass
class Bad:
    """Rows set aside: data row (0 is the first below the header) to column and reason."""

    rows: dict[int, tuple[str, str]] = field(default_factory=dict)
    skipped: list[int] = field(default_factory=list)  # those that the parser passed over, ascending

    def skip(self, row: int, reason: str) -> None:
        """Note a data row that the parser passes over."""
        self.skipped.append(row)
        self.rows[row] = ("", reason)

    def add(self, parsed: int, column: str, reason: str) -> None:
        """Note the row that is number *parsed* among those that the parser gave."""
        row = parsed
        for before in self.skipped:
            row += before <= row
        self.rows.setdefault(row, (column, reason))


def arrow_type(kind: str) -> pa.DataType:
    """Return the Arrow type of a configured column type: number, text or date:FORMAT."""
    return {"number": pa.float64(), "text": pa.string()}.get(kind, pa.date32())


def schema_of(columns: dict[str, str]) -> pa.Schema:
    """Return the Arrow schema of the configured columns."""
    return pa.schema([(name, arrow_type(kind)) for name, kind in columns.items()])


def no_rows(values: pa.Array | pa.RecordBatch) -> pa.Array:
    """Return a mask that holds for no row."""
    return pa.array([False] * len(values), pa.bool_())


def bare(dates: pa.Array) -> pa.Array:
    """Return dates as text in one form, whether their numbers are padded with zeros or not."""
    return pc.replace_substring_regex(pc.utf8_lower(pc.utf8_trim_whitespace(dates)), r"\b0+(\d)", r"\1")


def convert(values: pa.Array, kind: str) -> tuple[pa.Array, pa.Array, str]:
    """Return *values* (text) as *kind*, a mask of those that cannot be read, and what was expected."""
    if kind == "text":
        return values, no_rows(values), ""
    if kind == "number":
        strange = pc.fill_null(pc.invert(pc.match_substring_regex(values, NUMBER)), False)
        numbers = pc.cast(pc.if_else(strange, None, pc.utf8_trim_whitespace(values)), pa.float64())
        bad = pc.or_(strange, pc.fill_null(pc.greater(pc.abs(numbers), LARGEST), False))
        return pc.if_else(bad, None, numbers), bad, "a number"
    form = kind.partition(":")[2]
    dates = pc.strptime(values, format=form, unit="s", error_is_null=True)
    other_day = pc.not_equal(bare(pc.strftime(dates, format=form)), bare(values))  # 31 February runs over into March
    bad = pc.and_(pc.is_valid(values), pc.fill_null(other_day, True))
    return pc.cast(pc.if_else(bad, None, dates), pa.date32(), safe=False), bad, f"a date like {form}"


def typed(batch: pa.RecordBatch, columns: dict[str, str], first: int, bad: Bad) -> pa.Table:
    """Return *batch* (all text; *first* rows were parsed before it) with types, less the rows that go to *bad*."""
    arrays, wrong = [], no_rows(batch)
    for name, kind in columns.items():
        raw = batch.column(name)
        values, mask, expected = convert(raw, kind)
        arrays.append(values)
        if pc.any(mask).as_py():
            for index in pc.indices_nonzero(mask).to_pylist():
                bad.add(first + index, name, f"{raw[index].as_py()!r} is not {expected}")
            wrong = pc.or_(wrong, mask)
    return pa.table(arrays, schema=schema_of(columns)).filter(pc.invert(wrong))
