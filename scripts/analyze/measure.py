"""What a set of scores is worth: metrics with bootstrap intervals, curves, slices."""

from collections.abc import Callable

import numpy as np
from sklearn import metrics

METRICS: dict[str, Callable[[np.ndarray, np.ndarray, np.ndarray], float]] = {
    "roc_auc": lambda y, p, hit: metrics.roc_auc_score(y, p),
    "pr_auc": lambda y, p, hit: metrics.average_precision_score(y, p),
    "log_loss": lambda y, p, hit: metrics.log_loss(y, p, labels=[0, 1]),
    "brier": lambda y, p, hit: float(np.mean((p - y) ** 2)),
    "precision": lambda y, p, hit: float(y[hit].mean()) if hit.any() else 0.0,
    "recall": lambda y, p, hit: float(hit[y == 1].mean()),
    "f1": lambda y, p, hit: 2 * float((hit & (y == 1)).sum()) / float(hit.sum() + y.sum()),
    "accuracy": lambda y, p, hit: float((hit == (y == 1)).mean()),
}
IN_SLICES = ("roc_auc", "precision", "recall")
LEVEL = (2.5, 97.5)  # percent: a 95 % interval
POINTS = 200  # of a curve, enough for a plot


def intervals(y: np.ndarray, p: np.ndarray, threshold: float, names: tuple, samples: int, seed: int) -> dict:
    """Return {metric: {"value", "low", "high"}} of the scores *p* for the labels *y* (0 or 1), by bootstrap of rows."""
    hit = p >= threshold
    rng = np.random.default_rng(seed)
    drawn: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(samples):
        rows = rng.integers(0, len(y), len(y))
        if 0 < y[rows].sum() < len(y):
            for name in names:
                drawn[name].append(METRICS[name](y[rows], p[rows], hit[rows]))
    result = {}
    for name in names:
        low, high = np.percentile(drawn[name], LEVEL) if drawn[name] else (None, None)
        result[name] = {"value": METRICS[name](y, p, hit), "low": low, "high": high}
    return result


def best_threshold(y: np.ndarray, p: np.ndarray) -> float:
    """Return the score from which on to say positive: the one with the best F1."""
    precision, recall, thresholds = metrics.precision_recall_curve(y, p)
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
    return float(np.floor(thresholds[f1[:-1].argmax()] * 1e6) / 1e6)  # down, so that rounding loses no row


def thinned(*axes: np.ndarray) -> list[list[float]]:
    """Return at most 200 points of a curve, its ends among them."""
    points = np.column_stack(axes)
    kept = np.unique(np.linspace(0, len(points) - 1, POINTS).round().astype(int))
    return points[kept].tolist()


def curves(y: np.ndarray, p: np.ndarray) -> dict:
    """Return ROC (false, true positive rate), PR (recall, precision) and calibration (score, share, rows) points."""
    false, true, _ = metrics.roc_curve(y, p)
    precision, recall, _ = metrics.precision_recall_curve(y, p)
    parts = [part for part in np.array_split(np.argsort(p, kind="stable"), 10) if len(part)]
    calibration = [[float(p[part].mean()), float(y[part].mean()), len(part)] for part in parts]
    return {"roc": thinned(false, true), "pr": thinned(recall, precision), "calibration": calibration}


def slices(
    y: np.ndarray, p: np.ndarray, groups: dict[str, np.ndarray], threshold: float, least: int, **options
) -> list:
    """Return the metrics of each value of each column in *groups* that has *least* rows and both classes."""
    found = []
    for column, values in groups.items():
        for value in np.unique(values):
            rows = values == value
            if rows.sum() >= least and 0 < y[rows].sum() < rows.sum():
                figures = intervals(y[rows], p[rows], threshold, IN_SLICES, **options)
                entry = {"column": column, "value": str(value) or "(missing)", "rows": int(rows.sum())}
                found.append(entry | {"positives": int(y[rows].sum()), "metrics": figures})
    return found
