"""Target encoding: the share of each class among the rows of a level, drawn towards that of all rows.

Micci-Barreca, "A preprocessing scheme for high-cardinality categorical attributes", SIGKDD Explorations 3(1), 2001; the
same numbers as TargetEncoder of scikit-learn, fitted on all rows.
"""

import numpy as np


def smoothed(counts: np.ndarray, total: np.ndarray, smooth: float | str) -> np.ndarray:
    """Return the encoding of each level, and last that of an unknown one; of two classes that of the second alone.

    *counts* [levels, classes] and *total* [classes] are rows with a class. *smooth* is how many rows the share of all
    rows counts as, or "auto": by empirical Bayes.
    """
    rows = counts.sum(axis=1, keepdims=True)
    prior = total / max(1, total.sum())
    share = np.where(rows > 0, counts / np.maximum(rows, 1), prior)
    if smooth == "auto":
        spread, within = prior * (1 - prior) * rows, share * (1 - share)
        both = spread + within
        weight = np.where(both > 0, spread / np.where(both > 0, both, 1.0), 0.0)
    else:
        weight = rows / np.maximum(rows + float(smooth), 1e-300)
    found = np.vstack([weight * share + (1 - weight) * prior, prior])
    return found[:, 1:] if found.shape[1] == 2 else found
