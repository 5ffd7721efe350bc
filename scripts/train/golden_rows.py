"""Made-up rows that prove a server right: drawn from what the graph knows and column quantiles, nobody's record."""

import datetime
from typing import Any

import numpy as np

from scripts.bundle.encode import EPOCH, is_text
from scripts.column_types import as_text

MISSING = 0.1  # share of missing values
UNSEEN = {"text": "NEVER SEEN", "integer": 2**62, "boolean": False}


def cell(rng: np.random.Generator, column: str, spec: dict, range_of: dict) -> Any:
    """Return one made-up JSON value of *column*."""
    if rng.random() < MISSING:
        return None
    if is_text(spec):
        values = [value for value in spec.get("known", []) if value]
        if spec.get("words"):
            return " ".join(values[place] for place in rng.integers(0, len(values), rng.integers(0, 12)))
        values.append(as_text(UNSEEN[spec["type"]]))
        return raw(values[rng.integers(0, len(values))], spec["type"])
    low, high = range_of[column]
    value = float(rng.uniform(low, high))
    if spec["type"] == "date":
        return (EPOCH + datetime.timedelta(days=round(value))).date().isoformat()
    if spec["type"] == "time":
        return (EPOCH + datetime.timedelta(seconds=round(86_400 * value))).isoformat()
    if spec["type"] == "boolean":
        return bool(rng.random() < 0.5)
    return round(value) if spec["type"] == "integer" else float(f"{value:.3g}")


def raw(category: str, type_: str) -> Any:
    """Return the JSON value of the column's type that *category* stands for."""
    if type_ == "boolean":
        return category == "true"
    return int(category) if type_ == "integer" else category


def golden_rows(contract: dict, data: dict[str, np.ndarray], count: int, seed: int) -> list[dict[str, Any]]:
    """Return *count* rows for *contract*; numbers and dates lie between the 5 % and 95 % quantiles of *data*.

    *data* holds the tensors of the columns that are numbers to the graph.
    """
    range_of = {}
    for column, spec in contract["columns"].items():
        if "range" in spec:
            range_of[column] = tuple(spec["range"])
        elif not is_text(spec):
            values = data[column][~np.isnan(data[column])]
            range_of[column] = tuple(np.quantile(values, [0.05, 0.95])) if values.size else (0.0, 1.0)
    rng = np.random.default_rng(seed)
    return [{name: cell(rng, name, spec, range_of) for name, spec in contract["columns"].items()} for _ in range(count)]
