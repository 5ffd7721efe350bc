"""Slices of rows: by the values of a column, by a cross of columns, by span, by an expression, by quantiles."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from scripts.provenance.canonical import rounded
from scripts.schema.evaluate_table import value
from scripts.schema.expression import columns_of, parse

SPAN = "span"
MISSING = "(missing)"


@dataclass(frozen=True)
class Slice:
    """Some rows by their numbers, and what they have in common."""

    column: str
    values: dict[str, str]
    rows: np.ndarray
    more: dict = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The name in limits and messages: sex=Male, race=White; an expression is its own name."""
        if list(self.values) == [self.column] and self.more.get("expression"):
            return self.column
        return ", ".join(f"{column}={value}" for column, value in self.values.items())

    def described(self) -> dict:
        """Return what is written of it."""
        bounds = {"bounds": self.more["bounds"]} if "bounds" in self.more else {}
        return {
            "name": self.name,
            "column": self.column,
            "value": ", ".join(self.values.values()),
            "slice": self.values,
            "rows": len(self.rows),
        } | bounds


def needed(specs: list, types: dict[str, str]) -> list[str]:
    """Return the columns that the slices *specs* (analyze.slices) are made of."""
    found = []
    for spec in specs:
        if isinstance(spec, dict):
            found.append(spec["column"])
        elif isinstance(spec, list):
            found += spec
        else:
            found += [spec] if spec in types or spec == SPAN else columns_of(parse(spec, types))
    return list(dict.fromkeys(name for name in found if name in types))


def texts(column: pa.ChunkedArray) -> tuple[np.ndarray, list[str]]:
    """Return the number of the value of each row, and the values as texts, "(missing)" among them, sorted."""
    encoded = pc.fill_null(column.cast(pa.string()), "").combine_chunks().dictionary_encode()
    names = np.array([name or MISSING for name in encoded.dictionary.to_pylist()], object)
    order = np.argsort(names, kind="stable")
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    return place[encoded.indices.to_numpy()], names[order].tolist()


def edges(specs: list, table: pa.Table) -> dict[str, np.ndarray]:
    """Return the inner quantiles of each column that is cut by quantiles; those of eval hold for all splits."""
    found = {}
    for spec in specs:
        if isinstance(spec, dict):
            held = numbers(table[spec["column"]])
            inner = np.linspace(0, 1, spec["quantiles"] + 1)[1:-1]
            ends = np.nanquantile(held, inner) if np.isfinite(held).any() else []
            found[spec["column"]] = np.unique([rounded(float(end)) for end in ends])  # as a file keeps them
    return found


def numbers(column: pa.ChunkedArray) -> np.ndarray:
    """Return a column of numbers as float64, NaN for missing."""
    return column.cast(pa.float64(), safe=False).to_numpy()


def by_codes(column: str, parts: list[tuple[str, np.ndarray, list[str]]]) -> Iterator[Slice]:
    """Yield a slice for each combination of values that comes; *parts* are (column, number of the value, values)."""
    shape = [len(names) for _, _, names in parts]
    codes = np.ravel_multi_index([numbers for _, numbers, _ in parts], shape)
    order = np.argsort(codes, kind="stable")
    found, starts = np.unique(codes[order], return_index=True)
    for code, rows in zip(found, np.split(order, starts[1:]), strict=True):
        place = np.unravel_index(code, shape)
        values = {name: names[at] for (name, _, names), at in zip(parts, place, strict=True)}
        yield Slice(column, values, rows)


def by_quantiles(column: str, held: np.ndarray, inner: np.ndarray) -> Iterator[Slice]:
    """Yield a slice for the values up to each of the quantiles *inner*, for those above, and for missing ones."""
    codes = np.where(np.isnan(held), len(inner) + 1, np.searchsorted(inner, held, side="left"))
    for code in np.unique(codes):
        rows = np.flatnonzero(codes == code)
        if code > len(inner):
            yield Slice(column, {column: MISSING}, rows)
        else:
            bounds = [float(held[rows].min()), float(held[rows].max())]
            yield Slice(column, {column: f"q{code + 1}"}, rows, {"bounds": bounds})


def slices(specs: list, table: pa.Table, types: dict[str, str], cuts: dict[str, np.ndarray]) -> Iterator[Slice]:
    """Yield the slices of the rows of *table* by each of *specs*; *cuts* are edges()."""
    if not len(table):
        return
    for spec in specs:
        if isinstance(spec, dict):
            yield from by_quantiles(spec["column"], numbers(table[spec["column"]]), cuts[spec["column"]])
        elif isinstance(spec, list) or spec in types or spec == SPAN:
            columns = spec if isinstance(spec, list) else [spec]
            yield from by_codes(", ".join(columns), [(name, *texts(table[name])) for name in columns])
        else:
            mask = pc.fill_null(value(parse(spec, types), table), False)
            yield Slice(spec, {spec: "true"}, np.flatnonzero(mask.to_numpy()), {"expression": True})
