"""Multivariate drift: whether requests still have the correlations of the reference (PCA reconstruction error).

Principal components of one half of the reference, with most of its variance, describe every row; what they do not
describe is its error. Rows whose columns are usual one by one, and unusual together, have large errors. The errors of
requests are compared with those of the other half of the reference by the code that compares columns.
"""

import numpy as np
import pyarrow as pa

from scripts.statistics.drift import compare
from scripts.statistics.sketch import sketch_column

VARIANCE = 0.65  # share of the variance that the components have, as in NannyML


def fill_and_scale(reference: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return *rows* [rows, columns] with the reference's medians for NaN, in standard deviations from its means."""
    some = np.isfinite(reference).any(axis=0)
    reference, rows = reference[:, some], rows[:, some]
    median = np.nanmedian(reference, axis=0)
    known = np.where(np.isnan(reference), median, reference)
    deviation = known.std(axis=0)
    return (np.where(np.isnan(rows), median, rows) - known.mean(axis=0)) / np.where(deviation > 0, deviation, 1)


def principal_components(rows: np.ndarray) -> np.ndarray:
    """Return the fewest orthonormal components [columns, components] that have VARIANCE of that of scaled *rows*."""
    values, vectors = np.linalg.eigh(rows.T @ rows / len(rows))
    values, vectors = values[::-1], vectors[:, ::-1]
    count = int(np.searchsorted(np.cumsum(values), VARIANCE * values.sum())) + 1
    return vectors[:, :count]


def reconstruction_errors(rows: np.ndarray, components: np.ndarray) -> np.ndarray:
    """Return the distance of each of scaled *rows* from what the *components* describe of it."""
    return np.linalg.norm(rows - rows @ components @ components.T, axis=1)


def measure_drift(reference: np.ndarray, requests: np.ndarray) -> dict[str, float]:
    """Return distance, p-value, mean errors and number of components of *requests* against the *reference*.

    Both are [rows, columns], numbers with NaN for missing.
    """
    fitted, other = (fill_and_scale(reference[::2], side) for side in (reference[::2], reference[1::2]))
    components = principal_components(fitted)
    errors = [reconstruction_errors(side, components) for side in (other, fill_and_scale(reference[::2], requests))]
    sketches = [sketch_column(pa.chunked_array([pa.array(side)])) for side in errors]
    found = compare([sketches[0]], [sketches[1]])
    means = dict(zip(("reference_error", "requests_error"), (float(side.mean()) for side in errors), strict=True))
    return {name: found[name] for name in ("distance", "p_value")} | means | {"components": components.shape[1]}
