"""Metrics of a ranking: the rows of each group (a query, a day) in the order of their scores."""

import numpy as np

from scripts.analyze.weighted import Measure, ratio

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
