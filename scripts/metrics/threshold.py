"""The decision threshold of two classes."""

import numpy as np

from scripts.errors import InputError


def choose_threshold(y: np.ndarray, p: np.ndarray, criterion: str | dict) -> float:
    """Return the best decision threshold by *criterion* for scores *p* and labels *y*, which are 0 or 1.

    f1: maximum F1; youden: maximum true minus false positive rate (Youden's J); {cost: {fp, fn}}: minimum cost of
    errors; {precision: x}: maximum recall with at least this precision; {recall: x}: maximum precision with at least
    this recall; {value: x}: x itself. It is a score of *p*, or the double after the largest one if it is best to select
    no row. Of equally good thresholds, the lowest. Raises InputError if no threshold reaches the required precision or
    recall.
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
        case {"precision": least}:
            objective = np.where(precision >= least, recall, -1)
        case {"recall": least}:
            objective = np.where(recall >= least, precision, -1)
    best = objective.argmax()
    if isinstance(criterion, dict) and "cost" not in criterion and objective[best] < 0:
        ((name, least),) = criterion.items()
        raise InputError(f"analyze.threshold: no threshold has a {name} of {least:g} on eval; require less")
    return float(candidates[best])
