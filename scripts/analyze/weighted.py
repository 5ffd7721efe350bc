"""Metrics of rows that have weights. A bootstrap sample is the number of times each row was drawn, so nothing is sorted
or copied for it: ranks of the scores, and what each row adds to a mean, are found once.
"""

from collections.abc import Callable

import numpy as np

METRICS = ("roc_auc", "pr_auc", "log_loss", "brier", "precision", "recall", "f1", "accuracy")
RANKS = 1 << 15  # different scores told apart in samples: more change no interval
Measure = Callable[[np.ndarray], dict[str, float]]


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
            "roc_auc": float(true @ (np.cumsum(false) - false / 2) / (true.sum() * false.sum())),
            "pr_auc": float(true[::-1] @ precision / true.sum()),
        }

    return found


def clipped_log(p: np.ndarray) -> np.ndarray:
    """Return the log of probabilities that are kept off 0 and 1 as scikit-learn does."""
    smallest = np.finfo(np.float64).eps
    return np.log(np.clip(p, smallest, 1 - smallest))


def measure(y: np.ndarray, p: np.ndarray, threshold: float | None, coarse: bool = False) -> Measure:
    """Return the function that gives METRICS for the weights [rows] of the labels *y* and scores *p*."""
    return of_several(y, p, coarse) if p.ndim > 1 else of_two(y, p, threshold, coarse)


def of_two(y: np.ndarray, p: np.ndarray, threshold: float, coarse: bool) -> Measure:
    """Return measure() for two classes: *p* [rows] is the probability of the positive one (y is 1)."""
    area = areas(ranks(p, coarse), np.flatnonzero(y))
    loss, square = -clipped_log(np.where(y == 1, p, 1 - p)), (p - y) ** 2
    cell = 2 * y + (p >= threshold)

    def found(weights: np.ndarray) -> dict[str, float]:
        rows = weights.sum()
        (true_no, false_yes), (false_no, true_yes) = np.bincount(cell, weights, 4).reshape(2, 2)
        said, positives = false_yes + true_yes, false_no + true_yes
        return area(weights) | {
            "log_loss": float(loss @ weights / rows),
            "brier": float(square @ weights / rows),
            "precision": float(true_yes / said) if said else 0.0,
            "recall": float(true_yes / positives),
            "f1": float(2 * true_yes / (said + positives)),
            "accuracy": float((true_no + true_yes) / rows),
        }

    return found


def of_several(y: np.ndarray, p: np.ndarray, coarse: bool) -> Measure:
    """Return measure() for more than two classes: *p* [rows, classes].

    Precision, recall, F1 and the areas (each class against the rest) are means over the classes that have rows, a
    class that is never predicted having precision 0. The Brier score sums over classes (Brier 1950): it lies between 0
    and 2.
    """
    rows, classes = p.shape
    area = [areas(ranks(p[:, number], coarse), np.flatnonzero(y == number)) for number in range(classes)]
    right = p[np.arange(rows), y]
    loss = -clipped_log(right)
    square = np.einsum("rc,rc->r", p, p) - 2 * right + 1
    cell = y * classes + p.argmax(axis=1)

    def found(weights: np.ndarray) -> dict[str, float]:
        table = np.bincount(cell, weights, classes * classes).reshape(classes, classes)
        actual, said, hit = table.sum(axis=1), table.sum(axis=0), table.diagonal()
        seen = np.flatnonzero(actual)
        actual, said, hit = actual[seen], said[seen], hit[seen]
        under = [area[number](weights) for number in seen]
        return {name: float(np.mean([each[name] for each in under])) for name in ("roc_auc", "pr_auc")} | {
            "log_loss": float(loss @ weights / weights.sum()),
            "brier": float(square @ weights / weights.sum()),
            "precision": float(np.mean(hit / np.maximum(said, 1))),
            "recall": float(np.mean(hit / actual)),
            "f1": float(np.mean(2 * hit / (actual + said))),
            "accuracy": float(hit.sum() / weights.sum()),
        }

    return found
