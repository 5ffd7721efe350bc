"""The score from which on the positive class is said, by a criterion."""

import numpy as np

from scripts.spine.job import BadInput

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
