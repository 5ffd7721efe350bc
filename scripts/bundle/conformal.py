"""Prediction sets that hold the truth as often as asked: split conformal prediction (Lei et al. 2018).

The nonconformity of a row is 1 - the probability of its class, or how far its value is from the predicted one. Of the
rows of the eval split, "conformal" of a contract holds a quantile for each coverage in percent, such that the set of
all classes (or values) of at most this nonconformity contains the truth of an exchangeable row with that probability.
"""

import decimal
import math

import numpy as np

COVERAGES = range(50, 100)  # percent
DIGITS = 6  # of a quantile, which is rounded up: nobody's exact score, and never too small


def measure_nonconformity(y: np.ndarray, outputs: np.ndarray, classes: int) -> np.ndarray:
    """Return the nonconformity [rows] of *outputs* (probabilities [rows, classes] or values [rows, 1]) and labels *y*.

    *classes* is 0 in regression.
    """
    return 1 - outputs[np.arange(len(y)), y] if classes else np.abs(y - outputs[:, 0])


def round_up(value: float) -> float:
    """Return *value*, which is not negative, rounded up to DIGITS significant digits."""
    return float(decimal.Context(prec=DIGITS, rounding=decimal.ROUND_CEILING).create_decimal(repr(value)))


def calibrate(nonconformity: np.ndarray) -> dict:
    """Return {"rows", "quantiles": {percent: number}} of the *nonconformity* of rows that no model was fitted on.

    A coverage for which the rows are too few has no quantile.
    """
    ordered, quantiles = np.sort(nonconformity), {}
    for percent in COVERAGES:
        rank = -(-(len(ordered) + 1) * percent // 100)
        if rank <= len(ordered):
            quantiles[str(percent)] = round_up(float(ordered[rank - 1]))
    return {"rows": len(ordered), "quantiles": quantiles}


def find_quantile(conformal: dict, coverage: float) -> float | None:
    """Return the quantile for at least this *coverage* (a share), None if the rows were too few."""
    return conformal["quantiles"].get(str(math.ceil(round(coverage * 100, 6))))
