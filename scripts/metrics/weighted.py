"""Weighted metrics of classification, regression and ranking, for the bootstrap.

A bootstrap sample is given by weights: the number of times each row was drawn. Ranks of scores and the contribution of
each row to a mean are computed once, so that nothing is sorted or copied for a sample. Undefined metrics are NaN.
"""

from collections.abc import Callable

import numpy as np

from scripts.metrics.table import metrics_of

BINARY_METRICS, MULTICLASS_METRICS = metrics_of("binary"), metrics_of("multiclass")
REGRESSION_METRICS, RANKING_METRICS = metrics_of("regression"), metrics_of("ranking")
MAX_RANKS = 1 << 15  # distinct scores in bootstrap samples; more would not change an interval
CALIBRATION_BINS = 10  # bins of the expected calibration error
Measure = Callable[[np.ndarray], dict[str, float]]


def ratio(a: float, b: float, empty: float = np.nan) -> float:
    """Return a / b, or *empty* if b is 0."""
    return float(a / b) if b else empty


def rank_scores(p: np.ndarray, coarse: bool) -> np.ndarray:
    """Return the rank of each score [rows], ties sharing one; if *coarse*, neighbours share one of MAX_RANKS ranks."""
    distinct, rank = np.unique(p, return_inverse=True)
    return rank * MAX_RANKS // len(distinct) if coarse and len(distinct) > MAX_RANKS else rank


def curve_areas(rank: np.ndarray, positive: np.ndarray) -> Measure:
    """Return the function of weights [rows] for the areas under the ROC and the precision-recall curve.

    These are the share of correctly ordered pairs (ties count half) and the average precision; *positive* has the
    indices of the positive rows.
    """
    positive_ranks, levels = rank[positive], int(rank.max()) + 1

    def measure(weights: np.ndarray) -> dict[str, float]:
        positives = np.bincount(positive_ranks, weights[positive], levels)
        rows = np.bincount(rank, weights, levels)
        negatives = rows - positives
        predicted = np.cumsum(rows[::-1])
        precision = np.cumsum(positives[::-1]) / np.maximum(predicted, 1)
        return {
            "roc_auc": ratio(positives @ (np.cumsum(negatives) - negatives / 2), positives.sum() * negatives.sum()),
            "pr_auc": ratio(positives[::-1] @ precision, positives.sum()),
        }

    return measure


def clip_log(p: np.ndarray) -> np.ndarray:
    """Return the logarithm of probabilities, clipped away from 0 and 1 as in scikit-learn."""
    smallest = np.finfo(np.float64).eps
    return np.log(np.clip(p, smallest, 1 - smallest))


def class_losses(y: np.ndarray, p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return log loss and Brier score of each row [rows]; *p* is [rows] (of class 1), or [rows, classes]."""
    if p.ndim == 1:
        return -clip_log(np.where(y == 1, p, 1 - p)), (p - y) ** 2
    own = p[np.arange(len(y)), y]
    return -clip_log(own), np.einsum("rc,rc->r", p, p) - 2 * own + 1


def calibration_bins(p: np.ndarray) -> np.ndarray:
    """Return the number of the bin [rows] of the expected calibration error for each score."""
    return np.minimum((p * CALIBRATION_BINS).astype(np.int64), CALIBRATION_BINS - 1)


def calibration_error(positive: np.ndarray, p: np.ndarray) -> Callable[[np.ndarray], float]:
    """Return the function of weights [rows] for the expected calibration error (Naeini et al. 2015).

    In CALIBRATION_BINS bins of equal width, it is the difference of the mean score and the share of *positive* rows,
    weighted by rows.
    """
    bin_of_row, gap = calibration_bins(p), p - positive
    return lambda weights: ratio(np.abs(np.bincount(bin_of_row, gap * weights, CALIBRATION_BINS)).sum(), weights.sum())


def matthews_correlation(table: np.ndarray) -> float:
    """Return Matthews' correlation coefficient of a confusion matrix (multiclass: Gorodkin 2004), 0 if undefined."""
    rows, actual, predicted, correct = table.sum(), table.sum(axis=1), table.sum(axis=0), table.trace()
    square = (rows**2 - predicted @ predicted) * (rows**2 - actual @ actual)
    return ratio(correct * rows - actual @ predicted, np.sqrt(square), 0.0) if square > 0 else 0.0


def binary_metrics(y: np.ndarray, p: np.ndarray, threshold: float, coarse: bool) -> Measure:
    """Return the function of weights [rows] that returns BINARY_METRICS.

    *p* [rows] is the probability of the positive class, for which y is 1; rows from *threshold* on are predicted as it.
    """
    areas = curve_areas(rank_scores(p, coarse), np.flatnonzero(y))
    loss, square = class_losses(y, p)
    cell, error = 2 * y + (p >= threshold), calibration_error(y, p)

    def measure(weights: np.ndarray) -> dict[str, float]:
        rows, table = weights.sum(), np.bincount(cell, weights, 4).reshape(2, 2)
        (true_negatives, false_positives), (false_negatives, true_positives) = table
        predicted, positives, negatives = (
            false_positives + true_positives,
            false_negatives + true_positives,
            true_negatives + false_positives,
        )
        recalls = [ratio(true_positives, positives), ratio(true_negatives, negatives)]
        return areas(weights) | {
            "log_loss": float(loss @ weights / rows),
            "brier": float(square @ weights / rows),
            "ece": error(weights),
            "precision": ratio(true_positives, predicted, 0.0 if positives else np.nan),
            "recall": recalls[0],
            "f1": ratio(2 * true_positives, predicted + positives),
            "accuracy": float((true_negatives + true_positives) / rows),
            "balanced_accuracy": float(np.nanmean(recalls)),
            "specificity": recalls[1],
            "mcc": matthews_correlation(table),
        }

    return measure


def multiclass_metrics(y: np.ndarray, p: np.ndarray, coarse: bool) -> Measure:
    """Return the function of weights [rows] that returns MULTICLASS_METRICS of *y* and the scores *p* [rows, classes].

    Precision, recall, F1, specificity and the areas (each class against the rest) are means over the classes that have
    rows; a class that is never predicted has precision 0. The weighted ones weight a class by its rows. The Brier score
    is summed over classes (Brier 1950), so it lies between 0 and 2. Calibration is that of the predicted class.
    """
    classes = p.shape[1]
    areas = [curve_areas(rank_scores(p[:, number], coarse), np.flatnonzero(y == number)) for number in range(classes)]
    predicted_class = p.argmax(axis=1)
    loss, square = class_losses(y, p)
    cell, error = y * classes + predicted_class, calibration_error(predicted_class == y, p.max(axis=1))

    def measure(weights: np.ndarray) -> dict[str, float]:
        table = np.bincount(cell, weights, classes * classes).reshape(classes, classes)
        total, actual, predicted, correct = weights.sum(), table.sum(axis=1), table.sum(axis=0), table.diagonal()
        present = np.flatnonzero(actual)
        actual, predicted, correct = actual[present], predicted[present], correct[present]
        class_areas = [areas[number](weights) for number in present]
        by_class = {
            "precision": correct / np.maximum(predicted, 1),
            "recall": correct / actual,
            "f1": 2 * correct / (actual + predicted),
        }
        negatives = total - actual
        specificities = (negatives - (predicted - correct))[negatives > 0] / negatives[negatives > 0]
        return (
            {name: float(np.mean([each[name] for each in class_areas])) for name in ("roc_auc", "pr_auc")}
            | {name: float(np.mean(found)) for name, found in by_class.items()}
            | {f"{name}_weighted": float(found @ actual / total) for name, found in by_class.items()}
            | {
                "log_loss": float(loss @ weights / total),
                "brier": float(square @ weights / total),
                "ece": error(weights),
                "accuracy": float(correct.sum() / total),
                "balanced_accuracy": float(np.mean(by_class["recall"])),
                "specificity": float(specificities.mean()) if len(specificities) else np.nan,
                "mcc": matthews_correlation(table),
            }
        )

    return measure


def regression_metrics(y: np.ndarray, p: np.ndarray) -> Measure:
    """Return the function of weights [rows] that returns REGRESSION_METRICS of values *y* and predictions *p*.

    The bias is the mean of prediction minus value. The mean absolute percentage error (a share: 0.1 is 10 %) is
    undefined if a value is 0, R2 if all values are equal.
    """
    residual = p - y
    absolute, order = np.abs(residual), np.argsort(np.abs(residual), kind="stable")
    relative = absolute / np.abs(y) if np.all(y != 0) else np.full(len(y), np.nan)
    mean = y.mean()  # subtracted, so that large values lose no digits
    shifted = y - mean

    def measure(weights: np.ndarray) -> dict[str, float]:
        rows, square = weights.sum(), residual**2 @ weights
        total_square = shifted**2 @ weights - (shifted @ weights) ** 2 / rows
        return {
            "rmse": float(np.sqrt(square / rows)),
            "mae": float(absolute @ weights / rows),
            "median_absolute_error": weighted_median(absolute[order], weights[order]),
            "r2": 1 - ratio(square, total_square if total_square > 1e-12 * np.abs(shifted).max() ** 2 * rows else 0),
            "mape": float(relative @ weights / rows),
            "bias": float(residual @ weights / rows),
        }

    return measure


def weighted_median(ordered: np.ndarray, weights: np.ndarray) -> float:
    """Return the median of sorted values, each repeated as often as its integer weight says."""
    below, half = np.cumsum(weights), weights.sum() / 2
    low, high = np.searchsorted(below, half, "left"), np.searchsorted(below, half, "right")
    return float(ordered[low] + ordered[min(high, len(ordered) - 1)]) / 2


def ranking_metrics(y: np.ndarray, p: np.ndarray, group: np.ndarray, k: int) -> Measure:
    """Return the function of weights [rows], equal within a *group*, that returns RANKING_METRICS.

    Each group (a query, a day) is ranked by its scores *p*; the metrics are means over all orders of tied rows, as in
    scikit-learn (McSherry & Najork 2008). *y* is the gain of a row: its class (0 or 1) or its value. NDCG@k (Jarvelin &
    Kekalainen 2002: gain over the binary logarithm of rank + 1) is the mean over groups with any gain. Precision@k is
    the mean over all groups of the share of rows with a gain among the first k, or among all rows of a smaller group.
    """
    order = np.lexsort((-y, -p, group))
    gain, new_group = y[order], np.diff(group[order], prepend=group[order][0] - 1) != 0
    new_tie = new_group | (np.diff(p[order], prepend=np.nan) != 0)
    starts = np.flatnonzero(new_group)
    sizes = np.diff([*starts, len(order)])
    position = np.arange(len(order)) - np.repeat(starts, sizes)
    discount = np.where(position < k, 1 / np.log2(position + 2), 0.0)
    dcg = np.add.reduceat(gain * mean_of_ties(discount, new_tie), starts)
    ideal_dcg = np.add.reduceat(y[np.lexsort((-y, group))] * discount, starts)
    hits = np.add.reduceat((gain > 0) * mean_of_ties((position < k).astype(np.float64), new_tie), starts)
    ndcg = np.divide(dcg, ideal_dcg, out=np.zeros(len(starts)), where=ideal_dcg > 0)
    precision, first = hits / np.minimum(sizes, k), order[starts]

    def measure(weights: np.ndarray) -> dict[str, float]:
        group_weights = weights[first]
        return {
            "ndcg": ratio(ndcg @ group_weights, group_weights @ (ideal_dcg > 0)),
            "precision_at_k": ratio(precision @ group_weights, group_weights.sum()),
        }

    return measure


def mean_of_ties(values: np.ndarray, new_tie: np.ndarray) -> np.ndarray:
    """Return *values* [rows], each replaced by the mean of its tie; *new_tie* [rows] says where a tie begins."""
    tie, starts = np.cumsum(new_tie) - 1, np.flatnonzero(new_tie)
    return (np.add.reduceat(values, starts) / np.bincount(tie))[tie]
