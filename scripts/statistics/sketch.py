"""Sketches of columns of any type, and the statistics of several spans or splits merged into those of one table."""

from collections.abc import Iterable

import pyarrow as pa

from scripts.statistics.numeric_sketch import NumericSketch
from scripts.statistics.text_sketch import TextSketch

Sketch = NumericSketch | TextSketch
TEXT_DTYPES = ("text", "boolean")


def sketch_column(column: pa.ChunkedArray) -> Sketch:
    """Return the sketch of *column*: numbers, integers, booleans, texts (also dictionary-encoded), dates or times."""
    arrow_type = column.type
    textual = pa.types.is_dictionary(arrow_type) or pa.types.is_string(arrow_type) or pa.types.is_boolean(arrow_type)
    return TextSketch.from_column(column) if textual else NumericSketch.from_column(column)


def read_sketch(statistics: dict) -> Sketch:
    """Return the sketch in the *statistics* of a column."""
    return (
        TextSketch.from_statistics(statistics)
        if statistics["type"] in TEXT_DTYPES
        else NumericSketch.from_statistics(statistics)
    )


def merge_sketches(sketches: list[Sketch]) -> Sketch:
    """Return the sketch of all rows of *sketches*, which are of one class."""
    return type(sketches[0]).merge(sketches) if len(sketches) > 1 else sketches[0]


def column_statistics(sketch: Sketch, top: int) -> dict:
    """Return the statistics of a column as JSON from its *sketch*; of texts, the *top* most frequent."""
    return sketch.statistics(top) if isinstance(sketch, TextSketch) else sketch.statistics()


def merge_columns(parts: list[dict[str, dict]]) -> dict[str, dict]:
    """Return the statistics of each column over all *parts*; a part that lacks a column contributes nothing to it.

    Raises ValueError if a column has different types.
    """
    result = {}
    for name in sorted({name for part in parts for name in part}):
        have = [part[name] for part in parts if name in part]
        if len(dtypes := {column["type"] for column in have}) > 1:
            raise ValueError(f"column {name} has different types: {', '.join(sorted(dtypes))}")
        shown = max(column["sketch"].get("shown", 0) for column in have)
        result[name] = column_statistics(merge_sketches([read_sketch(column) for column in have]), shown)
    return result


def sum_counts(counts: Iterable[dict[str, int]]) -> dict[str, int]:
    """Return the sums of *counts* by key."""
    total: dict[str, int] = {}
    for part in counts:
        for key, count in part.items():
            total[key] = total.get(key, 0) + count
    return total


def merge_rows(parts: list[dict]) -> dict:
    """Return the numbers of rows, the class counts and the columns' statistics of all *parts* (spans or slices)."""
    found = {name: sum(part[name] for part in parts) for name in ("rows", "unlabelled")}
    label = sum_counts(part["label"] for part in parts)
    return found | {"label": label, "columns": merge_columns([part["columns"] for part in parts])}


def merge_statistics(parts: list[dict]) -> dict:
    """Return the statistics of the rows of all *parts* (one statistics.json each), the same for any order and grouping.

    The names of spans and of splits are joined with "+". A slice has the rows of those parts that list it.
    """
    slices: dict[str, dict[str, list[dict]]] = {}
    for part in parts:
        for column, values in part.get("slices", {}).items():
            for value, content in values.items():
                slices.setdefault(column, {}).setdefault(value, []).append(content)
    names = {key: sorted({name for part in parts for name in part[key].split("+")}) for key in ("span", "split")}
    sliced = {name: {value: merge_rows(found) for value, found in values.items()} for name, values in slices.items()}
    return {key: "+".join(found) for key, found in names.items()} | merge_rows(parts) | {"slices": sliced}
