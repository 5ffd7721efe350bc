"""How far two distributions of a column are apart, and whether by more than chance, from statistics alone.

A column's statistics come in parts: its figures in the statistics.json of several spans and splits, or sketches.
Missing values count like a value. Columns of different types have nothing in common.
"""

import math
from collections.abc import Sequence

import numpy as np
from scipy.special import chdtrc

from scripts.statistics.cells import comparable, to_measure, to_test
from scripts.statistics.merge import Sketch, merged, read

LEAST = 10  # rows that a test expects in a cell of the smaller side

Parts = Sequence[dict | Sketch]


def js_distance(p: Sequence[float], q: Sequence[float]) -> float:
    """Return the Jensen-Shannon distance (base 2: 0 for the same shares, 1 for nothing in common) of two counts."""
    total_p, total_q = math.fsum(p), math.fsum(q)
    if not total_p or not total_q:
        return float(total_p != total_q)
    terms = []
    for count_p, count_q in zip(p, q, strict=True):
        shares = count_p / total_p, count_q / total_q
        middle = sum(shares) / 2
        terms += [share / 2 * math.log2(share / middle) for share in shares if share > 0 and middle > 0]
    return math.sqrt(min(max(math.fsum(terms), 0.0), 1.0))


def largest_difference(p: Sequence[float], q: Sequence[float]) -> float:
    """Return the largest difference of a cell's shares (L-infinity distance, 0 to 1) of two counts."""
    total_p, total_q = math.fsum(p), math.fsum(q)
    if not total_p or not total_q:
        return float(total_p != total_q)
    return max(abs(one / total_p - other / total_q) for one, other in zip(p, q, strict=True))


def absolute_difference(p: Sequence[float], q: Sequence[float]) -> float:
    """Return the largest difference of a cell's counts, divided by the sum of all counts (0 to 1).

    This is NormalizedAbsoluteDifference in anomalies/metrics.cc of TensorFlow Data Validation. It also grows where one
    side has more rows.
    """
    total = math.fsum(p) + math.fsum(q)
    return max(abs(one - other) for one, other in zip(p, q, strict=True)) / total if total else 0.0


def chi_square(p: np.ndarray, q: np.ndarray) -> float:
    """Return the p-value of Pearson's chi-square test that both counts have the same shares; 1 where one is empty.

    Neighbours are put together until both sides expect LEAST rows. Two cells get Yates's correction.
    """
    sizes = np.array([p.sum(), q.sum()])
    if not sizes.min():
        return 1.0
    least = LEAST * sizes.sum() / sizes.min()
    table = [[0, 0]]
    for one, other in zip(p.tolist(), q.tolist(), strict=True):
        if sum(table[-1]) >= least:
            table.append([0, 0])
        table[-1] = [table[-1][0] + one, table[-1][1] + other]
    if len(table) > 1 and sum(table[-1]) < least:
        one, other = table.pop()
        table[-1] = [table[-1][0] + one, table[-1][1] + other]
    if len(table) == 1:
        return 1.0
    found = np.array(table)
    expected = np.outer(found.sum(axis=1), sizes) / sizes.sum()
    apart = np.maximum(np.abs(found - expected) - (0.5 if len(table) == 2 else 0.0), 0.0)
    return float(chdtrc(len(table) - 1, (apart**2 / expected).sum()))


def distance(before: Parts, after: Parts) -> float:
    """Return the Jensen-Shannon distance of one column between *before* and *after*."""
    return compare(before, after)["distance"]


def linf(before: Parts, after: Parts) -> float:
    """Return the largest difference of the shares of a value, or of a group of bins with about 5 % of the rows."""
    return compare(before, after)["linf"]


def normalized_difference(before: Parts, after: Parts) -> float:
    """Return the largest difference of the counts of such a value or group, divided by the rows of both sides."""
    return compare(before, after)["normalized_difference"]


def p_value(before: Parts, after: Parts) -> float:
    """Return how likely counts at least as different are by chance, if rows are independent and nothing changed."""
    return compare(before, after)["p_value"]


def compare(before: Parts, after: Parts) -> dict[str, float]:
    """Return all measures of one column between *before* and *after* (neither empty) by name."""
    sides = [[read(part) if isinstance(part, dict) else part for part in side] for side in (before, after)]
    if not comparable({sketch.kind for side in sides for sketch in side}):
        return {"distance": 1.0, "linf": 1.0, "normalized_difference": 1.0, "p_value": 0.0}
    one, other = map(merged, sides)
    p, q = (side.tolist() for side in to_measure(one, other))
    return {
        "distance": js_distance(p, q),
        "linf": largest_difference(p, q),
        "normalized_difference": absolute_difference(p, q),
        "p_value": chi_square(*to_test(one, other)),
    }


def adjusted(p_values: Sequence[float]) -> list[float]:
    """Return the q-value of each p-value (Benjamini and Hochberg, 1995): alarms at q <= a are false with share a."""
    order = sorted(range(len(p_values)), key=lambda index: p_values[index])
    found, least = [1.0] * len(order), 1.0
    for rank in range(len(order), 0, -1):
        index = order[rank - 1]
        least = found[index] = min(least, p_values[index] * len(order) / rank)
    return found
