"""Confusion matrix, points of curves (ROC, precision and recall, calibration, residuals), and the decision threshold.

Labels *y* are class numbers [rows]. With two classes, scores *p* are the probabilities of the positive class [rows],
and *y* is 1 in its rows; with more classes, *p* are the probabilities of all classes [rows, classes].
"""

import numpy as np
from scipy import stats
from sklearn import metrics

from scripts.analyze.bootstrap import bootstrap_weights
from scripts.errors import InputError

POINTS = 200  # per curve, enough for a plot
CLASSES_WITH_CURVES = 4  # classes with curves of their own
STARTS = 5  # places in the order of scores from which a proof of precision starts
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


def choose_threshold(y: np.ndarray, p: np.ndarray, criterion: str | dict) -> float:
    """Return the best decision threshold by *criterion* for scores *p* and labels *y*, which are 0 or 1.

    f1: maximum F1; youden: maximum true minus false positive rate (Youden's J); {cost: {fp, fn}}: minimum cost of
    errors; {precision: x}: maximum recall with at least this precision; {recall: x}: maximum precision with at least
    this recall; {value: x}: x itself. Precision and recall hold on the rows given; with "confidence" as a second key,
    they hold for all rows of the same kind with this probability, see is_proven(). The threshold is a score of *p*, or
    the double after the largest one if it is best to select no row. Of equally good thresholds, the lowest. Raises
    InputError if no threshold reaches the required precision or recall.
    """
    if isinstance(criterion, dict) and "value" in criterion:
        return float(criterion["value"])
    candidates, index = np.unique(p, return_index=False, return_inverse=True)
    above = np.bincount(index, minlength=len(candidates))[::-1].cumsum()[::-1]  # rows at or above each score
    true = np.bincount(index, y, len(candidates))[::-1].cumsum()[::-1]
    false, positives = above - true, true[0]
    precision, recall = true / above, true / positives
    match criterion:
        case "f1":
            objective = 2 * true / (above + positives)
        case "youden":
            objective = recall - false / max(1, len(y) - positives)
        case {"cost": cost}:
            candidates, true, false = (
                np.append(part, end)
                for part, end in ((candidates, np.nextafter(candidates[-1], np.inf)), (true, 0), (false, 0))
            )
            objective = -(cost["fp"] * false + cost["fn"] * (positives - true))
        case {"precision": least, **more}:
            kept = is_proven(true[::-1], above[::-1], least, STARTS, **more)[::-1] if more else precision >= least
            objective = np.where(kept, recall, -1)
        case {"recall": least, **more}:
            within = np.full(len(true), positives)
            kept = is_proven(true, within, least, 1, **more) if more else recall >= least
            objective = np.where(kept, precision, -1)
    best = objective.argmax()
    if isinstance(criterion, dict) and "cost" not in criterion and objective[best] < 0:
        name, least = next(iter(criterion.items()))
        proof = f" with a confidence of {criterion['confidence']:g}" if "confidence" in criterion else ""
        raise InputError(f"analyze.threshold: no threshold has a {name} of {least:g} on eval{proof}; require less")
    return float(candidates[best])


def is_proven(hits: np.ndarray, within: np.ndarray, least: float, starts: int, confidence: float) -> np.ndarray:
    """Return at which thresholds the share *hits* / *within* [thresholds] is at least *least* with *confidence*.

    The probability that it is not at any of them is at most 1 - *confidence* for independent rows, so that one may
    choose among them (Learn then Test: Angelopoulos et al. 2021). Thresholds are in order, the safest one first. From
    each of *starts* places, binomial tests go on until the first one that fails.
    """
    failed = stats.binom.sf(hits - 1, within, least) > (1 - confidence) / starts
    proven = np.zeros(len(hits), bool)
    for first in np.unique(np.geomspace(1, len(hits), starts + 1)[:-1].astype(int) - 1):
        tested = failed[first:]
        proven[first : first + (int(tested.argmax()) if tested.any() else len(tested))] = True
    return proven


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
