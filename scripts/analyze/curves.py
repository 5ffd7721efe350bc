"""Confusion matrix and points of curves (ROC, precision and recall, calibration, residuals).

Labels *y* are class numbers [rows]. With two classes, scores *p* are the probabilities of the positive class [rows],
and *y* is 1 in its rows; with more classes, *p* are the probabilities of all classes [rows, classes].
"""

import numpy as np
from sklearn import metrics

from scripts.analyze.bootstrap import bootstrap_weights
from scripts.errors import InputError
from scripts.metrics.threshold import choose_threshold

POINTS = 200  # per curve, enough for a plot
CLASSES_WITH_CURVES = 4  # classes with curves of their own
OPTIMISM_SAMPLES = 50


def predict_classes(p: np.ndarray, threshold: float | None) -> np.ndarray:
    """Return the number of the predicted class of each row: by *threshold*, or the most probable one."""
    return p.argmax(axis=1) if p.ndim > 1 else (p >= threshold).astype(np.int64)


def confusion_matrix(y: np.ndarray, p: np.ndarray, threshold: float | None) -> list[list[int]]:
    """Return the confusion matrix: the number of rows by true and predicted class."""
    classes = p.shape[1] if p.ndim > 1 else 2
    counts = np.bincount(y * classes + predict_classes(p, threshold), minlength=classes * classes)
    return counts.reshape(classes, classes).tolist()


def metrics_by_class(table: list[list[int]], names: list[str]) -> dict[str, dict]:
    """Return rows, precision, recall, F1 and specificity of each class by a confusion matrix; None if undefined."""
    result, total = {}, sum(map(sum, table))
    for number, name in enumerate(names):
        rows, predicted, right = sum(table[number]), sum(row[number] for row in table), table[number][number]
        shares = {
            "precision": (right, predicted),
            "recall": (right, rows),
            "f1": (2 * right, rows + predicted),
            "specificity": (total - rows - predicted + right, total - rows),
        }
        result[name] = {"rows": rows} | {key: a / b if b else None for key, (a, b) in shares.items()}
    return result


def thin_curve(*axes: np.ndarray) -> list[list[float]]:
    """Return at most POINTS points of a curve with the coordinates *axes*, both ends included."""
    points = np.column_stack(axes)
    indices = np.unique(np.linspace(0, len(points) - 1, POINTS).round().astype(int))
    return points[indices].tolist()


def roc_points(y: np.ndarray, p: np.ndarray) -> list[list[float]]:
    """Return the points (false positive rate, true positive rate) of a ROC curve."""
    false, true, _ = metrics.roc_curve(y, p)
    return thin_curve(false, true)


def pr_points(y: np.ndarray, p: np.ndarray) -> list[list[float]]:
    """Return the points (recall, precision) of a precision-recall curve."""
    precision, recall, _ = metrics.precision_recall_curve(y, p)
    return thin_curve(recall, precision)


def calibration_points(right: np.ndarray, p: np.ndarray) -> list[list[float]]:
    """Return (mean score, share that is right or mean value, rows) of ten equal groups of rows in order of score.

    Rows of equal score count with their mean, so that the order of rows does not matter.
    """
    _, index, counts = np.unique(p, return_inverse=True, return_counts=True)
    right = (np.bincount(index, right) / counts)[index]
    parts = [part for part in np.array_split(np.argsort(p, kind="stable"), 10) if len(part)]
    return [[float(p[part].mean()), float(right[part].mean()), len(part)] for part in parts]


def threshold_points(y: np.ndarray, p: np.ndarray, chosen: float) -> list[list[float | None]]:
    """Return (threshold, share of rows at or above it, precision, recall) at percentiles of *p* and at *chosen*.

    The precision is None if no row is at or above the threshold.
    """
    levels = np.unique([*np.percentile(p, np.arange(100), method="lower"), chosen])
    selected, hits = (len(part) - np.searchsorted(np.sort(part), levels) for part in (p, p[y == 1]))
    return [
        [float(level), int(n) / len(p), int(right) / int(n) if n else None, int(right) / int(y.sum())]
        for level, n, right in zip(levels, selected, hits, strict=True)
    ]


def classification_curves(y: np.ndarray, p: np.ndarray, names: list[str] | None = None) -> dict:
    """Return the points of the ROC, precision-recall and calibration curves.

    With more than two classes, which have *names*, the first two are one-vs-rest curves of the most frequent classes,
    by name, and calibration is that of the predicted class.
    """
    if p.ndim == 1:
        return {"roc": roc_points(y, p), "pr": pr_points(y, p), "calibration": calibration_points(y, p)}
    counts = np.bincount(y, minlength=p.shape[1])
    shown = [
        number for number in np.argsort(-counts, kind="stable")[:CLASSES_WITH_CURVES] if 0 < counts[number] < len(y)
    ]
    return {
        "roc": {names[number]: roc_points(y == number, p[:, number]) for number in shown},
        "pr": {names[number]: pr_points(y == number, p[:, number]) for number in shown},
        "calibration": calibration_points(y == p.argmax(axis=1), p.max(axis=1)),
    }


def regression_curves(y: np.ndarray, p: np.ndarray) -> dict:
    """Return residuals (prediction, value - prediction) of some rows in order of prediction, and the calibration."""
    order = np.lexsort((y, p))
    return {"residuals": thin_curve(p[order], (y - p)[order]), "calibration": calibration_points(y, p)}


def estimate_optimism(y: np.ndarray, p: np.ndarray, criterion: str | dict, seed: int) -> dict[str, float]:
    """Return by how much precision, recall and F1 of the rows on which a threshold was chosen are too high.

    It is the mean over bootstrap samples of the figure of the sample at its own threshold, less that of all rows there
    (Efron 1983; Harrell et al. 1996). It is empty if no sample has a threshold.
    """
    differences = []
    for weights in bootstrap_weights(len(y), None, OPTIMISM_SAMPLES, seed):
        rows = np.repeat(np.arange(len(y)), weights.astype(np.int64))
        if 0 < y[rows].sum() < len(y):
            try:
                threshold = choose_threshold(y[rows], p[rows], criterion)
            except InputError:
                continue
            differences.append(decision_shares(y[rows], p[rows] >= threshold) - decision_shares(y, p >= threshold))
    means = np.mean(differences, axis=0) if differences else []
    return dict(zip(("precision", "recall", "f1"), map(float, means), strict=False))


def decision_shares(y: np.ndarray, hit: np.ndarray) -> np.ndarray:
    """Return precision, recall and F1 of labels *y* and predictions *hit*, 0 where they are undefined."""
    right, predicted, positives = (y[hit] == 1).sum(), hit.sum(), y.sum()
    return np.array([right / max(1, predicted), right / max(1, positives), 2 * right / max(1, predicted + positives)])
