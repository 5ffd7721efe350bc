"""Performance of two classes without labels: confidence-based performance estimation (CBPE).

CBPE calibrates the scores of a model on labelled reference rows (isotonic regression). Each new row is then of the
positive class with its calibrated probability, and the expected confusion matrix and the expected order of pairs give
the metrics (Garg et al. 2022; documentation of NannyML). Where requests are of another distribution than the reference,
the rows of the reference are weighted with the ratio of both densities, which a classifier of "requested or reference"
estimates (density_ratio.py).

This assumes that rows that are alike still have the same distribution of labels. It sees covariate shift and *no
concept drift*; only late labels show that.
"""

from collections.abc import Callable

import numpy as np
from scipy.optimize import isotonic_regression

from scripts.metrics.weighted import clip_log, rank_scores, ratio

Calibration = Callable[[np.ndarray], np.ndarray]


def calibrate(y: np.ndarray, p: np.ndarray, weights: np.ndarray | None = None) -> Calibration:
    """Return the function from scores to calibrated probabilities, fitted on labels *y* and scores *p* [rows].

    Between the scores of the reference it interpolates.
    """
    weights = np.ones(len(y)) if weights is None else weights
    levels, number = np.unique(p, return_inverse=True)
    rows = np.bincount(number, weights)
    share = np.bincount(number, weights * y) / np.maximum(rows, 1e-300)
    fitted = isotonic_regression(share[rows > 0], weights=rows[rows > 0]).x
    return lambda scores: np.interp(scores, levels[rows > 0], np.clip(fitted, 0, 1))


def expected_metrics(p: np.ndarray, chance: np.ndarray, threshold: float) -> dict[str, float]:
    """Return the metrics that rows with scores *p* are expected to have if each is positive with its *chance* [rows].

    NaN stands for one that is undefined. With chances of 0 and 1 they are the realised metrics.
    """
    rank, hit = rank_scores(p, False), p >= threshold
    positives, rows = np.bincount(rank, chance), np.bincount(rank)
    negatives = rows - positives
    expected, hits = chance.sum(), int(hit.sum())
    found = chance[hit].sum()
    rejected = (1 - chance[~hit]).sum()
    return {
        "roc_auc": ratio(positives @ (np.cumsum(negatives) - negatives / 2), positives.sum() * negatives.sum()),
        "pr_auc": ratio(positives[::-1] @ (np.cumsum(positives[::-1]) / np.cumsum(rows[::-1])), expected),
        "log_loss": float(-(chance * clip_log(p) + (1 - chance) * clip_log(1 - p)).mean()),
        "brier": float((chance * (1 - p) ** 2 + (1 - chance) * p**2).mean()),
        "precision": ratio(found, hits),
        "recall": ratio(found, expected),
        "f1": ratio(2 * found, hits + expected),
        "accuracy": float((found + rejected) / len(p)),
        "specificity": ratio(rejected, len(p) - expected),
    }


def auc_influences(p: np.ndarray, chance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return how much each row moves the area under the ROC curve if it is positive, and if it is negative [rows].

    Rows have scores *p* and are positive with their *chance* [rows]. NaN stands for an area that is undefined.
    """
    rank = rank_scores(p, False)
    positives, negatives = np.bincount(rank, chance), np.bincount(rank, 1 - chance)
    if min(positives.sum(), negatives.sum()) < 1:
        return np.full(len(p), np.nan), np.full(len(p), np.nan)
    below = (np.cumsum(negatives) - negatives / 2) / negatives.sum()  # negatives that a positive row is above
    above = 1 - (np.cumsum(positives) - positives / 2) / positives.sum()  # positives that a negative row is below
    area = positives @ below / positives.sum()
    return (below[rank] - area) / positives.sum(), (above[rank] - area) / negatives.sum()


def auc_error(p: np.ndarray, chance: np.ndarray) -> float:
    """Return the standard error of the area that the labels will show (DeLong et al. 1988), NaN if undefined."""
    positive, negative = auc_influences(p, chance)
    return float(np.sqrt(chance @ positive**2 + (1 - chance) @ negative**2))


def expected_auc_error(p: np.ndarray, chance: np.ndarray) -> float:
    """Return the standard error of the expected area, NaN if undefined.

    Which rows were requested adds to it. Which of them are positive does not: the expected area is a mean over that.
    """
    positive, negative = auc_influences(p, chance)
    influence = chance * positive + (1 - chance) * negative
    return float(np.sqrt(influence @ influence))
