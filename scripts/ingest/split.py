"""Filters, which leave out rows for a stated reason, and the division of rows among splits.

A row belongs to a split by the hash of its key, or by the value of a column.
"""

from datetime import UTC, tzinfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from scripts.errors import InputError
from scripts.ingest.convert import convert
from scripts.statistics.hashing import GOLDEN_GAMMA, hash_numbers, hash_texts, mix

MISSING = GOLDEN_GAMMA  # the hash of a missing value


def hash_rows(table: pa.Table, key: list[str]) -> np.ndarray:
    """Return a 64-bit hash of the values of the columns *key* for each row, the same on all machines."""
    total = np.zeros(len(table), np.uint64)
    for name in key:
        total = mix(total + GOLDEN_GAMMA + hash_column(table[name].combine_chunks()))
    return total


def hash_column(values: pa.Array) -> np.ndarray:
    """Return a 64-bit hash of each value of a typed column; all missing values have the same."""
    if pa.types.is_string(values.type):
        found = hash_texts(pc.fill_null(values, ""))
    elif pa.types.is_floating(values.type):
        found = hash_numbers(pc.fill_null(values, 0.0).to_numpy(zero_copy_only=False))
    else:
        width = pa.int32() if values.type == pa.date32() else pa.int64()
        whole = pc.fill_null(values.cast(width).cast(pa.int64()), 0)
        found = hash_numbers(whole.to_numpy(zero_copy_only=False))
    return np.where(values.is_valid().to_numpy(zero_copy_only=False), found, MISSING)


class MissingKey(InputError):
    """A row has no key that could decide its split; *row* is its number in the table."""

    def __init__(self, message: str, row: int):
        super().__init__(message)
        self.row = row


def missing_key(rows: pa.Table, key: list[str]) -> np.ndarray:
    """Return for each row whether one of the columns *key* has no value."""
    masks = [pc.is_null(rows[name], nan_is_null=True).to_numpy() for name in key]
    return np.logical_or.reduce(masks)


class Splitter:
    """Divides rows among the splits as `ingest.split` says; if not *parted*, all rows are in a split called all.

    With `ingest.split.missing: row`, the hash of all columns decides for rows without a key.

    Raises InputError if a value in `ingest.split.values` is not of the column's type, or belongs to two splits.
    """

    def __init__(self, split: dict, columns: dict[str, str], parted: bool, zone: tzinfo = UTC):
        self.buckets, self.column = dict(sorted(split["buckets"].items())), split["column"]
        self.columns, self.key = list(columns), split["key"] or list(columns)
        self.missing = split["missing"] if parted and self.buckets and split["key"] else ""
        self.parted, self.values = parted, {}
        if self.column:
            dtype = columns[self.column]
            for name, values in sorted(split["values"].items()):
                texts = pa.array([None if value is None else to_text(value) for value in values], pa.string())
                found, bad, expected = convert(texts, dtype, zone)
                if pc.any(bad).as_py():
                    raise InputError(f"ingest.split.values.{name}: a value is not {expected}, as {self.column} needs")
                self.values[name] = found
            self.check_values()
        self.splits = sorted(self.values or self.buckets)

    def check_values(self) -> None:
        """Raise InputError if a value, as the column's type reads it, belongs to two splits."""
        of_split: dict[object, str] = {}
        for name, values in self.values.items():
            for value in values.to_pylist():
                if (other := of_split.setdefault(value, name)) != name:
                    raise InputError(
                        f"ingest.split.values: {value} belongs to two splits, {other} and {name}; leave it in one"
                    )

    @property
    def output_splits(self) -> list[str]:
        """Return the splits that get rows."""
        return self.splits if self.parted else ["all"]

    def check_keys(self, rows: pa.Table) -> None:
        """Raise MissingKey for the first of *rows* without a key, unless `ingest.split.missing` allows such rows."""
        if self.missing == "stop" and (unknown := missing_key(rows, self.key)).any():
            row = int(unknown.argmax())
            column = next(name for name in self.key if missing_key(rows.slice(row, 1), [name])[0])
            raise MissingKey(
                f"FEATURE_TYPE_LOW_FRACTION_PRESENT: column {column} has no value, but decides the split of a row "
                "(ingest.split.key): all such rows would go to one split. Leave them out with ingest.filter "
                "(present: true), or let all of their columns decide with ingest.split.missing: row",
                row,
            )

    def split(self, rows: pa.Table) -> dict[str, pa.Table]:
        """Return the rows of each split. Raises InputError on a value that belongs to no split."""
        if not self.parted:
            return {"all": rows}
        if self.column:
            masks = {name: pc.is_in(rows[self.column], value_set=values) for name, values in self.values.items()}
            known = np.logical_or.reduce([mask.to_numpy() for mask in masks.values()])
            if not known.all():
                value = rows[self.column][int(np.argmin(known))].as_py()
                raise InputError(
                    f"column {self.column} has the value {to_text(value) if value is not None else 'missing'}, which "
                    "ingest.split.values assigns to no split: add it there, or leave such rows out by ingest.filter"
                )
            return {name: rows.filter(mask) for name, mask in masks.items()}
        keys = hash_rows(rows, self.key)
        if self.missing == "row" and (unknown := missing_key(rows, self.key)).any():
            keys[unknown] = hash_rows(rows.filter(pa.array(unknown)), self.columns)
        bucket = keys % np.uint64(sum(self.buckets.values()))
        found, first = {}, 0
        for name, width in self.buckets.items():
            found[name] = rows.filter(pa.array((bucket >= first) & (bucket < first + width)))
            first += width
        return found


def to_text(value: object) -> str:
    """Return a value of the configuration or of a table as text."""
    return str(value).lower() if isinstance(value, bool) else str(value)


class Filters:
    """The conditions of `ingest.filter`, each on a column: min, max, in, not_in, matches or present.

    A missing value satisfies `not_in` and `present: false` only. Raises InputError on a limit of another type.
    """

    def __init__(self, conditions: list[dict], columns: dict[str, str], zone: tzinfo = UTC):
        self.conditions = [self.parse_condition(condition, columns, zone) for condition in conditions]

    def parse_condition(self, condition: dict, columns: dict[str, str], zone: tzinfo) -> tuple[str, str, object, str]:
        """Return column, test, limit (typed as the column) and reason of a condition. Raises InputError."""
        column = condition["column"]
        ((test, limit),) = ((key, value) for key, value in condition.items() if key not in ("column", "reason"))
        if test in ("min", "max", "in", "not_in"):
            values = limit if isinstance(limit, list) else [limit]
            texts = pa.array([to_text(value) for value in values], pa.string())
            found, bad, expected = convert(texts, columns[column], zone)
            if pc.any(bad).as_py():
                raise InputError(f"ingest.filter: {test}: {limit!r} on column {column} is not {expected}")
            limit = found if isinstance(limit, list) else found[0]
        return column, test, limit, condition["reason"]

    def apply(self, rows: pa.Table, counts: dict[str, int]) -> np.ndarray:
        """Return a mask of the rows to keep; add the number of rows left out for each reason to *counts*."""
        keep = np.ones(len(rows), bool)
        for column, test, limit, reason in self.conditions:
            passed = pc.fill_null(self.satisfies(rows[column], test, limit), False).to_numpy()
            counts[reason] = counts.get(reason, 0) + int((keep & ~passed).sum())
            keep &= passed
        return keep

    def satisfies(self, values: pa.ChunkedArray, test: str, limit: object) -> pa.ChunkedArray:
        """Return for each value whether it satisfies a condition, which may be missing for a missing value."""
        match test:
            case "min":
                return pc.greater_equal(values, limit)
            case "max":
                return pc.less_equal(values, limit)
            case "in":
                return pc.is_in(values, value_set=limit)
            case "not_in":
                return pc.invert(pc.is_in(values, value_set=limit))
            case "matches":
                return pc.match_substring_regex(values, limit)
            case _:
                return pc.is_valid(values) if limit else pc.is_null(values)
