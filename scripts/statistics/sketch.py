"""From a column to its sketch and back, and the statistics of several spans or splits as those of one table."""

from collections.abc import Iterable

import pyarrow as pa

from scripts.statistics.numeric_sketch import Numbers
from scripts.statistics.text_sketch import Texts

Sketch = Numbers | Texts
TEXTS = ("text", "boolean")


def sketch_of(column: pa.ChunkedArray) -> Sketch:
    """Return the sketch of *column*: numbers, integers, booleans, texts (also dictionary-encoded), dates or times."""
    kind = column.type
    textual = pa.types.is_dictionary(kind) or pa.types.is_string(kind) or pa.types.is_boolean(kind)
    return Texts.of(column) if textual else Numbers.of(column)


def read(figures: dict) -> Sketch:
    """Return the sketch in the *figures* of a column."""
    return Texts.read(figures) if figures["type"] in TEXTS else Numbers.read(figures)


def merged(sketches: list[Sketch]) -> Sketch:
    """Return the sketch of all rows of *sketches*, which are of one kind."""
    return type(sketches[0]).merged(sketches) if len(sketches) > 1 else sketches[0]


def figures(sketch: Sketch, top: int) -> dict:
    """Return the figures of *sketch* as JSON; of texts the *top* most frequent."""
    return sketch.figures(top) if isinstance(sketch, Texts) else sketch.figures()


def of_columns(parts: list[dict[str, dict]]) -> dict[str, dict]:
    """Return the figures of the columns of all *parts*; a part that lacks a column adds nothing to it.

    Raises ValueError where a column is of several types.
    """
    found = {}
    for name in sorted({name for part in parts for name in part}):
        have = [part[name] for part in parts if name in part]
        if len(kinds := {column["type"] for column in have}) > 1:
            raise ValueError(f"column {name} is of several types: {', '.join(sorted(kinds))}")
        shown = max(column["sketch"].get("shown", 0) for column in have)
        found[name] = figures(merged([read(column) for column in have]), shown)
    return found


def of_counts(counts: Iterable[dict[str, int]]) -> dict[str, int]:
    """Return the sum of *counts* by key."""
    total: dict[str, int] = {}
    for part in counts:
        for key, count in part.items():
            total[key] = total.get(key, 0) + count
    return total


def of_rows(parts: list[dict]) -> dict:
    """Return the numbers of rows and classes and the columns of the rows of all *parts*, spans or slices."""
    found = {name: sum(part[name] for part in parts) for name in ("rows", "unlabelled")}
    label = of_counts(part["label"] for part in parts)
    return found | {"label": label, "columns": of_columns([part["columns"] for part in parts])}


def merge(parts: list[dict]) -> dict:
    """Return the statistics of the rows of all *parts* (one statistics.json each), whatever their order and grouping.

    Spans and splits are listed by name, joined with "+". A slice holds the rows of the parts that list it.
    """
    slices: dict[str, dict[str, list[dict]]] = {}
    for part in parts:
        for column, values in part.get("slices", {}).items():
            for value, content in values.items():
                slices.setdefault(column, {}).setdefault(value, []).append(content)
    names = {key: sorted({name for part in parts for name in part[key].split("+")}) for key in ("span", "split")}
    sliced = {name: {value: of_rows(found) for value, found in values.items()} for name, values in slices.items()}
    return {key: "+".join(found) for key, found in names.items()} | of_rows(parts) | {"slices": sliced}
