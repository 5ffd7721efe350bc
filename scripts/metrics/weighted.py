"""Metrics of rows that have weights. A bootstrap sample is the number of times each row was drawn, so nothing is sorted
or copied for it: ranks of the scores, and what each row adds to a mean, are found once. What is not defined is NaN.

Metrics of predicted values (regression) for rows that have weights; scripts/metrics/weighted.py does classes.

Metrics of a ranking: the rows of each group (a query, a day) in the order of their scores."""

from collections.abc import Callable

import numpy as np

COUNTED = ("precision", "recall", "f1", "accuracy", "balanced_accuracy", "specificity", "mcc")
METRICS = ("roc_auc", "pr_auc", "log_loss", "brier", "ece", *COUNTED)
OF_SEVERAL = (*METRICS, "precision_weighted", "recall_weighted", "f1_weighted")
RANKS = 1 << 15  # different scores told apart in samples: more change no interval
BINS = 10  # of the expected calibration error
Measure = Callable[[np.ndarray], dict[str, float]]


def ratio(a: float, b: float, empty: float = np.nan) -> float:
    """Return a / b, *empty* where b is 0."""
    return float(a / b) if b else empty


def ranks(p: np.ndarray, coarse: bool) -> np.ndarray:
    """Return the rank of each score, equal scores alike; if *coarse*, neighbours share one of RANKS ranks."""
    distinct, rank = np.unique(p, return_inverse=True)
    return rank * RANKS // len(distinct) if coarse and len(distinct) > RANKS else rank


def areas(rank: np.ndarray, positive: np.ndarray) -> Measure:
    """Return the function of weights for the areas under the ROC curve (share of pairs in the right order, ties half)
    and the PR curve (average precision); *positive* lists the rows that are.
    """
    own, levels = rank[positive], int(rank.max()) + 1

    def found(weights: np.ndarray) -> dict[str, float]:
        true = np.bincount(own, weights[positive], levels)
        rows = np.bincount(rank, weights, levels)
        false = rows - true
        said = np.cumsum(rows[::-1])
        precision = np.cumsum(true[::-1]) / np.maximum(said, 1)
        return {
            "roc_auc": ratio(true @ (np.cumsum(false) - false / 2), true.sum() * false.sum()),
            "pr_auc": ratio(true[::-1] @ precision, true.sum()),
        }

    return found


def clipped_log(p: np.ndarray) -> np.ndarray:
    """Return the log of probabilities that are kept off 0 and 1 as scikit-learn does."""
    smallest = np.finfo(np.float64).eps
    return np.log(np.clip(p, smallest, 1 - smallest))


def calibration_error(right: np.ndarray, p: np.ndarray) -> Callable[[np.ndarray], float]:
    """Return the function of weights for the expected calibration error (Naeini et al. 2015): in BINS bins of the score
    of equal width, the distance of its mean from the share of rows that are *right*, weighed by rows.
    """
    place, gap = np.minimum((p * BINS).astype(np.int64), BINS - 1), p - right
    return lambda weights: ratio(np.abs(np.bincount(place, gap * weights, BINS)).sum(), weights.sum())


def correlation(table: np.ndarray) -> float:
    """Return Matthews' correlation coefficient of a confusion table (many classes: Gorodkin 2004), 0 if undefined."""
    rows, actual, said, hit = table.sum(), table.sum(axis=1), table.sum(axis=0), table.trace()
    square = (rows**2 - said @ said) * (rows**2 - actual @ actual)
    return ratio(hit * rows - actual @ said, np.sqrt(square), 0.0) if square > 0 else 0.0


def of_two(y: np.ndarray, p: np.ndarray, threshold: float, coarse: bool) -> Measure:
    """Return the function that gives METRICS of two classes for the weights [rows].

    *p* [rows] is the probability of the positive class, for which y is 1; it is said from *threshold* on.
    """
    area = areas(ranks(p, coarse), np.flatnonzero(y))
    loss, square = -clipped_log(np.where(y == 1, p, 1 - p)), (p - y) ** 2
    cell, error = 2 * y + (p >= threshold), calibration_error(y, p)

    def found(weights: np.ndarray) -> dict[str, float]:
        rows, table = weights.sum(), np.bincount(cell, weights, 4).reshape(2, 2)
        (true_no, false_yes), (false_no, true_yes) = table
        said, positives, negatives = false_yes + true_yes, false_no + true_yes, true_no + false_yes
        shares = [ratio(true_yes, positives), ratio(true_no, negatives)]
        return area(weights) | {
            "log_loss": float(loss @ weights / rows),
            "brier": float(square @ weights / rows),
            "ece": error(weights),
            "precision": ratio(true_yes, said, 0.0 if positives else np.nan),
            "recall": shares[0],
            "f1": ratio(2 * true_yes, said + positives),
            "accuracy": float((true_no + true_yes) / rows),
            "balanced_accuracy": float(np.nanmean(shares)),
            "specificity": shares[1],
            "mcc": correlation(table),
        }

    return found


def of_several(y: np.ndarray, p: np.ndarray, coarse: bool) -> Measure:
    """Return the function that gives OF_SEVERAL for the weights [rows] of *y* and the scores *p* [rows, classes].

    Precision, recall, F1, specificity and the areas (each class against the rest) are means over the classes that have
    rows, a class that is never predicted having precision 0; those called weighted weigh a class by its rows. The Brier
    score sums over classes (Brier 1950): it lies between 0 and 2. Calibration is that of the predicted class.
    """
    rows, classes = p.shape
    area = [areas(ranks(p[:, number], coarse), np.flatnonzero(y == number)) for number in range(classes)]
    right, said_of_row = p[np.arange(rows), y], p.argmax(axis=1)
    loss = -clipped_log(right)
    square = np.einsum("rc,rc->r", p, p) - 2 * right + 1
    cell, error = y * classes + said_of_row, calibration_error(said_of_row == y, p.max(axis=1))

    def found(weights: np.ndarray) -> dict[str, float]:
        table = np.bincount(cell, weights, classes * classes).reshape(classes, classes)
        total, actual, said, hit = weights.sum(), table.sum(axis=1), table.sum(axis=0), table.diagonal()
        seen = np.flatnonzero(actual)
        actual, said, hit = actual[seen], said[seen], hit[seen]
        under = [area[number](weights) for number in seen]
        by_class = {
            "precision": hit / np.maximum(said, 1),
            "recall": hit / actual,
            "f1": 2 * hit / (actual + said),
        }
        others = total - actual
        negative = (others - (said - hit))[others > 0] / others[others > 0]
        return (
            {name: float(np.mean([each[name] for each in under])) for name in ("roc_auc", "pr_auc")}
            | {name: float(np.mean(found)) for name, found in by_class.items()}
            | {f"{name}_weighted": float(found @ actual / total) for name, found in by_class.items()}
            | {
                "log_loss": float(loss @ weights / total),
                "brier": float(square @ weights / total),
                "ece": error(weights),
                "accuracy": float(hit.sum() / total),
                "balanced_accuracy": float(np.mean(by_class["recall"])),
                "specificity": float(negative.mean()) if len(negative) else np.nan,
                "mcc": correlation(table),
            }
        )

    return found


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


RANKED = ("ndcg", "precision_at_k")


def of_groups(y: np.ndarray, p: np.ndarray, group: np.ndarray, k: int) -> Measure:
    """Return the function that gives RANKED for the weights [rows], which all rows of a *group* share.

    *y* is the gain of a row: its class (0 or 1) or its value. NDCG@k (Jarvelin & Kekalainen 2002: gain over the
    logarithm to base 2 of rank + 1) is the mean over groups with any gain; precision@k, over all groups, is the share
    of rows with a gain among the first k, fewer where a group has fewer. Equal scores keep the order of the rows.
    """
    order = np.lexsort((-p, group))
    starts = np.flatnonzero(np.diff(group[order], prepend=group[order][0] - 1))
    sizes = np.diff([*starts, len(order)])
    place = np.arange(len(order)) - np.repeat(starts, sizes)
    gained = np.add.reduceat(discounted(y[order], place, k), starts)
    best = np.add.reduceat(discounted(y[np.lexsort((-y, group))], place, k), starts)
    hits = np.add.reduceat((y[order] > 0) & (place < k), starts, dtype=np.float64)
    gains = np.divide(gained, best, out=np.zeros(len(starts)), where=best > 0)
    precision, first = hits / np.minimum(sizes, k), order[starts]

    def found(weights: np.ndarray) -> dict[str, float]:
        drawn = weights[first]
        return {
            "ndcg": ratio(gains @ drawn, drawn @ (best > 0)),
            "precision_at_k": ratio(precision @ drawn, drawn.sum()),
        }

    return found


def discounted(gain: np.ndarray, place: np.ndarray, k: int) -> np.ndarray:
    """Return what each row at its *place* (from 0) in its group adds to the discounted gain of the first *k*."""
    return np.where(place < k, gain / np.log2(place + 2), 0.0)
