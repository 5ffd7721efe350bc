"""Metrics of all rows, and as losses of a sweep: lower is better."""

import numpy as np

from scripts.metrics.table import METRICS
from scripts.metrics.threshold import choose_threshold
from scripts.metrics.weighted import binary_metrics, multiclass_metrics, regression_metrics


def measure(
    metric: str, y: np.ndarray, p: np.ndarray, positive: int | None = None, criterion: str | dict | None = None
) -> float:
    """Return *metric* of the labels *y* [rows] and outputs *p* [rows, classes], NaN if it is undefined or an output is.

    *positive* is the number of the positive class; without one, classes are averaged, and with a single output *y* and
    *p* are values. A metric that needs a decision threshold is measured at the one that *criterion* chooses on the same
    rows. Raises InputError if no threshold meets the criterion.
    """
    if not np.isfinite(p).all():
        return np.nan
    if p.shape[1] == 1:
        function = regression_metrics(y, p[:, 0])
    elif positive is None:
        function = multiclass_metrics(y, p, coarse=False)
    else:
        hits, scores = (y == positive).astype(np.int64), p[:, positive]
        threshold = choose_threshold(hits, scores, criterion) if METRICS[metric].thresholded else np.nan
        function = binary_metrics(hits, scores, threshold, coarse=False)
    return function(np.ones(len(y)))[metric]


def measure_loss(
    metric: str, y: np.ndarray, p: np.ndarray, positive: int | None = None, criterion: str | dict | None = None
) -> float:
    """Return what measure() returns as a loss: the value, or 1 - value if higher is better."""
    value = measure(metric, y, p, positive, criterion)
    return value if METRICS[metric].lower_is_better else 1 - value


def loss_to_score(metric: str, loss: float | None) -> float | None:
    """Return the score of *metric* for *loss*: the loss, or 1 - loss if higher is better; None for a failed trial."""
    return loss if loss is None or METRICS[metric].lower_is_better else 1 - loss


def is_regression(metric: str) -> bool:
    """Return whether *metric* is for regression."""
    return "regression" in METRICS[metric].tasks
