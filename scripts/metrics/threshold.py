"""The decision threshold of two classes."""

import numpy as np
from scipy import stats

from scripts.errors import InputError

STARTS = 5  # places in the order of scores from which a proof of precision starts


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
