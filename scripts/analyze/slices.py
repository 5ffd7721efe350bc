"""Slices of rows: by values of a column, by a cross of columns, by span, by an expression, or by quantiles."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from scripts.bundle.column_numbers import to_numbers
from scripts.provenance.canonical import round_floats
from scripts.schema.evaluate_table import evaluate_on_table
from scripts.schema.expression import columns_of, parse_expression

SPAN = "span"
MISSING = "(missing)"


@dataclass(frozen=True)
class Slice:
    """Row numbers *rows* and what these rows have in common: *values* by column, *extra* for what is special."""

    column: str
    values: dict[str, str]
    rows: np.ndarray
    extra: dict = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The name in limits and messages, such as "sex=Male, race=White"; an expression is its own name."""
        if list(self.values) == [self.column] and self.extra.get("expression"):
            return self.column
        return ", ".join(f"{column}={value}" for column, value in self.values.items())

    def to_json(self) -> dict:
        """Return the description of the slice in metrics.json."""
        bounds = {"bounds": self.extra["bounds"]} if "bounds" in self.extra else {}
        return {
            "name": self.name,
            "column": self.column,
            "value": ", ".join(self.values.values()),
            "slice": self.values,
            "rows": len(self.rows),
        } | bounds


def needed_columns(specs: list, types: dict[str, str]) -> list[str]:
    """Return the columns that the slices *specs* (analyze.slices) need; *types* are those of all columns."""
    columns = []
    for spec in specs:
        if isinstance(spec, dict):
            columns.append(spec["column"])
        elif isinstance(spec, list):
            columns += spec
        else:
            columns += [spec] if spec in types or spec == SPAN else columns_of(parse_expression(spec, types))
    return list(dict.fromkeys(name for name in columns if name in types))


def encode_texts(column: pa.ChunkedArray) -> tuple[np.ndarray, list[str]]:
    """Return the values of *column* as indices [rows] into the sorted distinct texts, and these texts."""
    encoded = pc.fill_null(column.cast(pa.string()), "").combine_chunks().dictionary_encode()
    names = np.array([name or MISSING for name in encoded.dictionary.to_pylist()], object)
    order = np.argsort(names, kind="stable")
    position = np.empty(len(order), np.int64)
    position[order] = np.arange(len(order))
    return position[encoded.indices.to_numpy()], names[order].tolist()


def quantile_edges(specs: list, table: pa.Table) -> dict[str, np.ndarray]:
    """Return the inner quantiles of each column that is sliced by quantiles; eval's are used for all splits."""
    result = {}
    for spec in specs:
        if isinstance(spec, dict):
            values = to_numbers(table[spec["column"]])
            inner = np.linspace(0, 1, spec["quantiles"] + 1)[1:-1]
            quantiles = np.nanquantile(values, inner) if np.isfinite(values).any() else []
            result[spec["column"]] = np.unique(
                [round_floats(float(quantile)) for quantile in quantiles]
            )  # as in the file
    return result


def slice_by_values(column: str, parts: list[tuple[str, np.ndarray, list[str]]]) -> Iterator[Slice]:
    """Yield a slice for each combination of values that occurs; *parts* are (column, indices [rows], values)."""
    shape = [len(names) for _, _, names in parts]
    codes = np.ravel_multi_index([numbers for _, numbers, _ in parts], shape)
    order = np.argsort(codes, kind="stable")
    present, starts = np.unique(codes[order], return_index=True)
    for code, rows in zip(present, np.split(order, starts[1:]), strict=True):
        position = np.unravel_index(code, shape)
        values = {name: names[index] for (name, _, names), index in zip(parts, position, strict=True)}
        yield Slice(column, values, rows)


def slice_by_quantiles(column: str, values: np.ndarray, inner: np.ndarray) -> Iterator[Slice]:
    """Yield a slice for the values up to each of the quantiles *inner*, for those above, and for missing values."""
    codes = np.where(np.isnan(values), len(inner) + 1, np.searchsorted(inner, values, side="left"))
    for code in np.unique(codes):
        rows = np.flatnonzero(codes == code)
        if code > len(inner):
            yield Slice(column, {column: MISSING}, rows)
        else:
            bounds = [float(values[rows].min()), float(values[rows].max())]
            yield Slice(column, {column: f"q{code + 1}"}, rows, {"bounds": bounds})


def make_slices(specs: list, table: pa.Table, types: dict[str, str], cuts: dict[str, np.ndarray]) -> Iterator[Slice]:
    """Yield the slices of the rows of *table* by each of *specs* (analyze.slices); *cuts* are quantile_edges()."""
    if not len(table):
        return
    for spec in specs:
        if isinstance(spec, dict):
            yield from slice_by_quantiles(spec["column"], to_numbers(table[spec["column"]]), cuts[spec["column"]])
        elif isinstance(spec, list) or spec in types or spec == SPAN:
            columns = spec if isinstance(spec, list) else [spec]
            yield from slice_by_values(", ".join(columns), [(name, *encode_texts(table[name])) for name in columns])
        else:
            mask = pc.fill_null(evaluate_on_table(parse_expression(spec, types), table), False)
            yield Slice(spec, {spec: "true"}, np.flatnonzero(mask.to_numpy()), {"expression": True})
