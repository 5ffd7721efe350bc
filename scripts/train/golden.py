"""Made-up rows that prove a server right: drawn from what the graph knows and column quantiles, nobody's record."""

import datetime
from typing import Any

import numpy as np

EPOCH = datetime.date(1970, 1, 1)
MISSING = 0.1  # share of missing values


def known(features: list[str], column: str, mark: str) -> list[str]:
    """Return what follows ``column<mark>`` in the names of the features: categories or words."""
    return [name[len(column) + 1 :] for name in features if name.startswith(f"{column}{mark}")]


def cell(rng: np.random.Generator, column: str, spec: dict, features: list[str], range_of: dict) -> Any:
    """Return one made-up JSON value of *column*."""
    if rng.random() < MISSING:
        return None
    if spec["feature"] == "category":
        values = [value for value in known(features, column, "=") if value != "(missing)"]
        return str(rng.choice([*values, "NEVER SEEN"]))
    if spec["feature"] == "text":
        words = known(features, column, ":")
        return " ".join(str(word) for word in rng.choice(words, rng.integers(0, 12))) if words else ""
    low, high = range_of[column]
    value = float(rng.uniform(low, high))
    if spec["type"] == "date":
        return (EPOCH + datetime.timedelta(days=round(value))).isoformat()
    return float(f"{value:.3g}")


def golden_rows(contract: dict, data: dict[str, np.ndarray], count: int, seed: int) -> list[dict[str, Any]]:
    """Return *count* rows for *contract*; numbers and dates lie between the 5 % and 95 % quantiles of *data*."""
    range_of = {}
    for column, spec in contract["columns"].items():
        if spec["type"] != "text":
            values = data[column][~np.isnan(data[column])]
            range_of[column] = tuple(np.quantile(values, [0.05, 0.95])) if values.size else (0.0, 1.0)
    rng = np.random.default_rng(seed)
    return [
        {name: cell(rng, name, spec, contract["features"], range_of) for name, spec in contract["columns"].items()}
        for _ in range(count)
    ]
