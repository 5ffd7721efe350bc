"""Metrics of predicted values (regression) for rows that have weights; scripts/analyze/weighted.py does classes."""

import numpy as np

from scripts.analyze.weighted import Measure, ratio

ERRORS = ("rmse", "mae", "median_absolute_error", "r2", "mape", "bias")


def of_values(y: np.ndarray, p: np.ndarray) -> Measure:
    """Return the function that gives ERRORS for the weights [rows] of the values *y* and predictions *p*.

    The bias is the mean of prediction less value. The mean absolute percentage error (a share: 0.1 is 10 %) is not
    defined where a value is 0, R2 not where all values are equal.
    """
    gap = p - y
    size, order = np.abs(gap), np.argsort(np.abs(gap), kind="stable")
    share = size / np.abs(y) if np.all(y != 0) else np.full(len(y), np.nan)
    level = y.mean()  # taken off, so that large values lose no digits
    shifted = y - level

    def found(weights: np.ndarray) -> dict[str, float]:
        rows, square = weights.sum(), gap**2 @ weights
        spread = shifted**2 @ weights - (shifted @ weights) ** 2 / rows
        return {
            "rmse": float(np.sqrt(square / rows)),
            "mae": float(size @ weights / rows),
            "median_absolute_error": median(size[order], weights[order]),
            "r2": 1 - ratio(square, spread if spread > 1e-12 * np.abs(shifted).max() ** 2 * rows else 0),
            "mape": float(share @ weights / rows),
            "bias": float(gap @ weights / rows),
        }

    return found


def median(ordered: np.ndarray, weights: np.ndarray) -> float:
    """Return the median of *ordered* values that each come as often as their whole *weights* say."""
    below, half = np.cumsum(weights), weights.sum() / 2
    low, high = np.searchsorted(below, half, "left"), np.searchsorted(below, half, "right")
    return float(ordered[low] + ordered[min(high, len(ordered) - 1)]) / 2
