"""Statistics of features: the same for any order and batches of the rows."""

import numpy as np
from scipy import sparse

from scripts.spine.job import BadInput
from scripts.statistics import exact

DISTINCT = 100  # more distinct values are not counted
PASSES = 16  # so that only a part of the columns is copied at a time


def check_finite(x: sparse.csr_matrix, names: list[str]) -> None:
    """Raise BadInput where a feature is NaN or infinite, naming it and the row."""
    wrong = np.flatnonzero(~np.isfinite(x.data))
    if len(wrong):
        row = int(np.searchsorted(x.indptr, wrong[0], side="right")) - 1
        value, name = x.data[wrong[0]], names[x.indices[wrong[0]]]
        raise BadInput(f"feature {name} is {value} in row {row} of the rows with a label; {len(wrong)} values in all")


def figures_of(x: sparse.csr_matrix, names: list[str]) -> list[dict]:
    """Return name, mean, sd (population), min, max, zeros and distinct of each column of *x*, whose values are finite.

    distinct is null where there are more than DISTINCT.
    """
    found, size = [], max(64, -(-x.shape[1] // PASSES))
    for start in range(0, x.shape[1], size):
        part = x[:, start : start + size].tocsc()
        for number in range(part.shape[1]):
            values = part.data[part.indptr[number] : part.indptr[number + 1]] + 0.0
            found.append({"name": names[start + number]} | of_values(values[values != 0], x.shape[0]))
    return found


def of_values(values: np.ndarray, rows: int) -> dict:
    """Return the figures of *values* and of as many zeros as make up *rows*."""
    zeros = rows - len(values)
    ends = np.append(values, 0.0) if zeros else values
    mean, sd = exact.mean_sd(*exact.power_sums(values), rows)
    few = np.unique(values[:: max(1, len(values) // 4096)])
    distinct = len(np.unique(values)) + (zeros > 0) if len(few) <= DISTINCT else DISTINCT + 1
    figures = {"mean": mean, "sd": sd, "min": float(ends.min()), "max": float(ends.max()), "zeros": zeros}
    return figures | {"distinct": int(distinct) if distinct <= DISTINCT else None}


def outside(figures: list[dict], ranges: list[dict]) -> list[str]:
    """Return a line for each feature that lies outside the training range by more than the width of that."""
    lines = []
    for own, trained in zip(figures, ranges, strict=True):
        width = trained["max"] - trained["min"] + 1e-9 * max(1.0, abs(trained["min"]), abs(trained["max"]))
        if own["min"] < trained["min"] - width or own["max"] > trained["max"] + width:
            lines.append(
                f"warning: feature {own['name']} lies between {own['min']:.6g} and {own['max']:.6g}, "
                f"in training between {trained['min']:.6g} and {trained['max']:.6g}"
            )
    return lines
