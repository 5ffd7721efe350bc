"""Describe the table of one span: counts, moments, quantiles, histograms, frequent values, class balance."""

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from scripts.bundle.label import classes_of
from scripts.bundle.rows import read
from scripts.spine.canon import write_json
from scripts.spine.job import main

QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
BINS = 20


def histogram(values: pa.ChunkedArray, low: float, high: float) -> dict:
    """Return edges and counts of equal-width bins from *low* to *high*."""
    width = (high - low) / BINS or 1.0
    bins = pc.cast(pc.min_element_wise(pc.floor(pc.divide(pc.subtract(values, low), width)), BINS - 1), pa.int32())
    counts = {item["values"]: item["counts"] for item in pc.value_counts(bins).to_pylist()}
    return {
        "edges": [low + width * index for index in range(BINS + 1)],
        "counts": [counts.get(index, 0) for index in range(BINS)],
    }


def of_numbers(values: pa.ChunkedArray) -> dict:
    """Return the figures of numbers (float64, no nulls)."""
    if not len(values):
        return {}
    low, high = pc.min(values).as_py(), pc.max(values).as_py()
    return {
        "min": low,
        "max": high,
        "mean": pc.mean(values).as_py(),
        "sd": pc.stddev(values).as_py(),
        "quantiles": dict(zip(map(str, QUANTILES), pc.quantile(values, QUANTILES).to_pylist(), strict=True)),
        "histogram": histogram(values, low, high),
    }


def of_text(values: pa.ChunkedArray, top: int) -> dict:
    """Return the figures of texts (no nulls): the *top* most frequent, ties by value, and lengths in characters."""
    if not len(values):
        return {"top": []}
    counts = [(item["values"], item["counts"]) for item in pc.value_counts(values).to_pylist()]
    lengths = pc.utf8_length(values)
    return {
        "top": [list(item) for item in sorted(counts, key=lambda item: (-item[1], item[0]))[:top]],
        "lengths": {"mean": pc.mean(lengths).as_py(), "max": pc.max(lengths).as_py()},
    }


def of_column(column: pa.ChunkedArray, top: int) -> dict:
    """Return the figures of one column."""
    values = column.drop_null()
    common = {"count": len(values), "missing": column.null_count, "distinct": pc.count_distinct(values).as_py()}
    if pa.types.is_string(column.type):
        return {"type": "text", **common, **of_text(values, top)}
    if pa.types.is_date(column.type):
        return {"type": "date", **common, **of_numbers(pc.cast(pc.cast(values, pa.int32()), pa.float64()))}
    return {"type": "number", **common, **of_numbers(values)}


def statistics(table: Path, statistics: Path, top: int, label: dict) -> None:
    """Write the statistics of *table*, a folder of parts, as JSON. Dates count as days since 1970-01-01."""
    data = read([table])
    names = classes_of(data[label["column"]].to_pylist(), label["classes"])
    described = {
        "span": table.parent.name,
        "split": table.name,
        "rows": len(data),
        "label": {name: names.count(name) for name in sorted(label["classes"])},
        "unlabelled": names.count(None),
        "columns": {name: of_column(data[name], top) for name in data.column_names},
    }
    write_json(statistics, described)


if __name__ == "__main__":
    main(statistics)
