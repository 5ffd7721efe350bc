"""Confusion, and the points of curves: ROC, precision and recall, calibration, residuals.

Labels are class numbers. The scores of two classes are the probability of the positive one, [rows], and *y* says with
1 where it is right; those of more classes are all probabilities, [rows, classes].

The score from which on the positive class is said, by a criterion."""

import numpy as np
from sklearn import metrics

from scripts.errors import BadInput

POINTS = 200  # of a curve, enough for a plot
DRAWN = 4  # classes with curves of their own


def predicted(p: np.ndarray, threshold: float | None) -> np.ndarray:
    """Return the number of the class that each row is taken for: by *threshold*, or the most probable one."""
    return p.argmax(axis=1) if p.ndim > 1 else (p >= threshold).astype(np.int64)


def confusion(y: np.ndarray, p: np.ndarray, threshold: float | None) -> list[list[int]]:
    """Return the number of rows by true and predicted class."""
    classes = p.shape[1] if p.ndim > 1 else 2
    counts = np.bincount(y * classes + predicted(p, threshold), minlength=classes * classes)
    return counts.reshape(classes, classes).tolist()


def by_class(table: list[list[int]], names: list[str]) -> dict[str, dict]:
    """Return rows, precision, recall, F1 and specificity of each class by a confusion *table*; None if undefined."""
    found, total = {}, sum(map(sum, table))
    for number, name in enumerate(names):
        rows, said, right = sum(table[number]), sum(row[number] for row in table), table[number][number]
        shares = {
            "precision": (right, said),
            "recall": (right, rows),
            "f1": (2 * right, rows + said),
            "specificity": (total - rows - said + right, total - rows),
        }
        found[name] = {"rows": rows} | {key: a / b if b else None for key, (a, b) in shares.items()}
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
    """Return (mean score, share that is right or mean value, rows) of ten groups of rows by score."""
    parts = [part for part in np.array_split(np.argsort(p, kind="stable"), 10) if len(part)]
    return [[float(p[part].mean()), float(right[part].mean()), len(part)] for part in parts]


def by_threshold(y: np.ndarray, p: np.ndarray, chosen: float) -> list[list[float | None]]:
    """Return (threshold, share of rows at or above it, precision, recall) at the *chosen* one and percentiles of *p*.

    The precision is None where no row is at or above the threshold.
    """
    levels = np.unique([*np.percentile(p, np.arange(100), method="lower"), chosen])
    said, hits = (len(part) - np.searchsorted(np.sort(part), levels) for part in (p, p[y == 1]))
    return [
        [float(level), int(n) / len(p), int(right) / int(n) if n else None, int(right) / int(y.sum())]
        for level, n, right in zip(levels, said, hits, strict=True)
    ]


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


def of_values(y: np.ndarray, p: np.ndarray) -> dict:
    """Return (prediction, value less prediction) of some rows in the order of predictions, and the calibration."""
    order = np.argsort(p, kind="stable")
    return {"residuals": thinned(p[order], (y - p)[order]), "calibration": calibration(y, p)}


UNIT = 1e6  # thresholds are whole millionths


def choose(y: np.ndarray, p: np.ndarray, criterion: str | dict) -> float:
    """Return the threshold that is best by *criterion* for the scores *p* of the rows whose label *y* is 0 or 1.

    f1: the best F1; youden: the best true less false positive rate; {cost: {fp, fn}}: the least cost of errors;
    {precision: x}: the most recall with at least this precision; {recall: x}: the most precision with at least this
    recall; {value: x}: x itself. Of equals the lowest. Raises BadInput where no threshold keeps a demand.
    """
    if isinstance(criterion, dict) and "value" in criterion:
        return float(criterion["value"])
    at, first = np.unique(p, return_index=False, return_inverse=True)
    above = np.bincount(first, minlength=len(at))[::-1].cumsum()[::-1]  # rows from each score on
    true = np.bincount(first, y, len(at))[::-1].cumsum()[::-1]
    false, positives = above - true, true[0]
    precision, recall = true / above, true / positives
    match criterion:
        case "f1":
            worth = 2 * true / (above + positives)
        case "youden":
            worth = recall - false / max(1, len(y) - positives)
        case {"cost": cost}:
            at, true, false = (np.append(part, end) for part, end in ((at, at[-1] + 2 / UNIT), (true, 0), (false, 0)))
            worth = -(cost["fp"] * false + cost["fn"] * (positives - true))
        case {"precision": least}:
            worth = np.where(precision >= least, recall, -1)
        case {"recall": least}:
            worth = np.where(recall >= least, precision, -1)
    best = worth.argmax()
    if isinstance(criterion, dict) and "cost" not in criterion and worth[best] < 0:
        ((name, least),) = criterion.items()
        raise BadInput(f"analyze.threshold: no threshold has a {name} of {least:g} on eval; demand less")
    return float(np.floor(at[best] * UNIT) / UNIT)  # down, so that rounding loses no row
