"""What scores are worth: metrics with bootstrap intervals, threshold, curves, slices.

Labels are class numbers. The scores of two classes are the probability of the positive one, [rows], and *y* says with
1 where it is right; those of more classes are all probabilities, [rows, classes].
"""

import numpy as np
import pyarrow as pa
from sklearn import metrics

from scripts.analyze.weighted import measure

IN_SLICES = ("roc_auc", "precision", "recall")
LEVEL = (2.5, 97.5)  # percent: a 95 % interval
POINTS = 200  # of a curve, enough for a plot
DRAWN = 4  # classes with curves of their own


def intervals(y: np.ndarray, p: np.ndarray, threshold: float | None, names: tuple, samples: int, seed: int) -> dict:
    """Return {metric: {"value", "low", "high"}} of the scores *p* for the labels *y*, by bootstrap of rows.

    A sample that has rows of one class only is left out.
    """
    rng, rows = np.random.default_rng(seed), len(y)
    whole = measure(y, p, threshold)(np.ones(rows))
    of_sample = measure(y, p, threshold, coarse=True)
    drawn: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(samples):
        weights = np.bincount(rng.integers(0, rows, rows), minlength=rows).astype(np.float64)
        if np.count_nonzero(np.bincount(y, weights)) > 1:
            found = of_sample(weights)
            for name in names:
                drawn[name].append(found[name])
    result = {}
    for name in names:
        low, high = np.percentile(drawn[name], LEVEL) if drawn[name] else (None, None)
        result[name] = {"value": whole[name], "low": low, "high": high}
    return result


def best_threshold(y: np.ndarray, p: np.ndarray) -> float:
    """Return the score from which on to say positive: the one with the best F1."""
    precision, recall, thresholds = metrics.precision_recall_curve(y, p)
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
    return float(np.floor(thresholds[f1[:-1].argmax()] * 1e6) / 1e6)  # down, so that rounding loses no row


def predicted(p: np.ndarray, threshold: float | None) -> np.ndarray:
    """Return the number of the class that each row is taken for: by *threshold*, or the most probable one."""
    return p.argmax(axis=1) if p.ndim > 1 else (p >= threshold).astype(np.int64)


def confusion(y: np.ndarray, p: np.ndarray, threshold: float | None) -> list[list[int]]:
    """Return the number of rows by true and predicted class."""
    classes = p.shape[1] if p.ndim > 1 else 2
    counts = np.bincount(y * classes + predicted(p, threshold), minlength=classes * classes)
    return counts.reshape(classes, classes).tolist()


def by_class(table: list[list[int]], names: list[str]) -> dict[str, dict]:
    """Return rows, precision and recall of each class by a confusion *table*; None where nothing can be said."""
    found = {}
    for number, name in enumerate(names):
        rows, said, right = sum(table[number]), sum(row[number] for row in table), table[number][number]
        shares = {"precision": right / said if said else None, "recall": right / rows if rows else None}
        found[name] = {"rows": rows, **shares}
    return found


def thinned(*axes: np.ndarray) -> list[list[float]]:
    """Return at most 200 points of a curve, its ends among them."""
    points = np.column_stack(axes)
    kept = np.unique(np.linspace(0, len(points) - 1, POINTS).round().astype(int))
    return points[kept].tolist()


def roc(y: np.ndarray, p: np.ndarray) -> list[list[float]]:
    """Return the points (false, true positive rate) of a ROC curve."""
    false, true, _ = metrics.roc_curve(y, p)
    return thinned(false, true)


def pr(y: np.ndarray, p: np.ndarray) -> list[list[float]]:
    """Return the points (recall, precision) of a precision-recall curve."""
    precision, recall, _ = metrics.precision_recall_curve(y, p)
    return thinned(recall, precision)


def calibration(right: np.ndarray, p: np.ndarray) -> list[list[float]]:
    """Return (mean score, share that is right, rows) of ten groups of rows by score."""
    parts = [part for part in np.array_split(np.argsort(p, kind="stable"), 10) if len(part)]
    return [[float(p[part].mean()), float(right[part].mean()), len(part)] for part in parts]


def curves(y: np.ndarray, p: np.ndarray, names: list[str] | None = None) -> dict:
    """Return points of the ROC, PR and calibration curves.

    With more than two classes, whose *names* are given, ROC and PR are those of each of the most frequent classes
    against the rest, by name, and calibration is that of the predicted class.
    """
    if p.ndim == 1:
        return {"roc": roc(y, p), "pr": pr(y, p), "calibration": calibration(y, p)}
    counts = np.bincount(y, minlength=p.shape[1])
    drawn = [number for number in np.argsort(-counts, kind="stable")[:DRAWN] if 0 < counts[number] < len(y)]
    return {
        "roc": {names[number]: roc(y == number, p[:, number]) for number in drawn},
        "pr": {names[number]: pr(y == number, p[:, number]) for number in drawn},
        "calibration": calibration(y == p.argmax(axis=1), p.max(axis=1)),
    }


def slices(
    y: np.ndarray, p: np.ndarray, groups: dict[str, np.ndarray], threshold: float | None, least: int, **options
) -> list:
    """Return the metrics of each value of each column in *groups* that has *least* rows and at least two classes."""
    found = []
    for column, values in groups.items():
        encoded = pa.array(values, pa.string()).dictionary_encode()
        codes, names = encoded.indices.to_numpy(), encoded.dictionary.to_pylist()
        by_value = np.split(np.argsort(codes, kind="stable"), np.cumsum(np.bincount(codes, minlength=len(names)))[:-1])
        for value, rows in sorted(zip(names, by_value, strict=True), key=lambda item: item[0]):
            if len(rows) >= least and len(np.unique(y[rows])) > 1:
                figures = intervals(y[rows], p[rows], threshold, IN_SLICES, **options)
                positives = int(y[rows].sum()) if p.ndim == 1 else None
                entry = {"column": column, "value": value or "(missing)", "rows": len(rows), "positives": positives}
                found.append(entry | {"metrics": figures})
    return found
