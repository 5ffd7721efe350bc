"""Counts of two sketches of a column in the same cells, for measures and tests: the cost does not grow with the rows.

The first cells hold missing values, nan and infinities. Numbers, dates and times follow in groups of neighbouring bins,
texts and booleans by value.

How far two distributions of a column are apart, and whether by more than chance, from statistics alone.

A column's statistics come in parts: its figures in the statistics.json of several spans and splits, or sketches.
Missing values count like a value. Columns of different types have nothing in common."""

import math
from collections.abc import Sequence

import numpy as np
from scipy.special import chdtrc

from scripts.statistics.histogram import Bins
from scripts.statistics.numeric_sketch import Numbers
from scripts.statistics.sketch import TEXTS, Sketch, merged, read
from scripts.statistics.text_sketch import Texts

GROUPS = 20  # a bin with this part of all weight stands alone, the others form about as many groups
VALUES = 50  # the same for texts; as many are measured one by one
Counts = tuple[np.ndarray, np.ndarray]


def comparable(kinds: set[str]) -> bool:
    """Return whether values of all *kinds* have bins in common: one type, or numbers and integers."""
    return len(kinds) == 1 or kinds == {"number", "integer"}


def to_measure(before: Sketch, after: Sketch) -> Counts:
    """Return the counts of both sides in cells that weigh the sides alike; texts beyond VALUES share one cell."""
    if before.kind in TEXTS:
        return by_value(before, after, (1 / max(before.count, 1), 1 / max(after.count, 1)), VALUES)
    sizes = [1 / max(side.bins.counts.sum(), 1) for side in (before, after)]
    return by_group(before, after, (sizes[0], sizes[1]))


def to_test(before: Sketch, after: Sketch) -> Counts:
    """Return the counts of both sides in cells that depend only on the rows of both sides together, as tests need it.

    Texts of which some were too rare to be kept are counted by their hash; rare ones form about VALUES groups.
    """
    if before.kind not in TEXTS:
        return by_group(before, after, (1, 1))
    counts = by_value(before, after, (1, 1), None)
    if before.cut or after.cut:
        counts = tuple(np.concatenate([[side.missing], side.buckets]) for side in (before, after))
    starts = np.concatenate([[0], 1 + group_starts(counts[0][1:] + counts[1][1:], VALUES)])
    return np.add.reduceat(counts[0], starts), np.add.reduceat(counts[1], starts)


def by_group(before: Numbers, after: Numbers, weigh: tuple[float, float]) -> Counts:
    """Return the counts of both sides in groups of bins of about the same weight."""
    filled = [side.bins for side in (before, after) if len(side.bins.keys)]
    level = max((bins.level for bins in filled), default=0)
    bins = [side.bins.coarse(level) for side in (before, after)]
    keys = np.union1d(bins[0].keys, bins[1].keys)
    counts = [at(side, keys) for side in bins]
    if len(keys):
        starts = group_starts(counts[0] * weigh[0] + counts[1] * weigh[1])
        counts = [np.add.reduceat(side, starts) for side in counts]
    special = [[side.missing, side.nan, side.infinite] for side in (before, after)]
    return np.concatenate([special[0], counts[0]]), np.concatenate([special[1], counts[1]])


def at(bins: Bins, keys: np.ndarray) -> np.ndarray:
    """Return the counts of *bins* at *keys*, which hold all of theirs."""
    counts = np.zeros(len(keys), np.int64)
    counts[np.searchsorted(keys, bins.keys)] = bins.counts
    return counts


def group_starts(weights: np.ndarray, most: int = GROUPS) -> np.ndarray:
    """Return where groups begin: what has 1 / *most* of the weight alone, the others by *most* steps of weight."""
    heavy = weights * most >= weights.sum()
    light = np.where(heavy, 0, weights)
    steps = np.floor((np.cumsum(light) - light) * most / (light.sum() or 1))
    first = np.array([True])
    alone = heavy | np.concatenate([first, heavy[:-1]])
    return np.flatnonzero(alone | np.concatenate([first, steps[1:] != steps[:-1]]))


def by_value(before: Texts, after: Texts, weigh: tuple[float, float], most: int | None) -> Counts:
    """Return the counts of both sides by value, the heaviest first, and of all others; *most* values, or all."""
    known = before.known(), after.known()
    values = known[0].keys() | known[1].keys()
    for side, counts in zip((before, after), known, strict=True):
        values = values & counts.keys() if side.cut else values
    weights = {value: known[0].get(value, 0) * weigh[0] + known[1].get(value, 0) * weigh[1] for value in values}
    listed = sorted(values, key=lambda value: (-weights[value], value))[:most]
    own = [[counts.get(value, 0) for value in listed] for counts in known]
    sides = zip((before, after), own, strict=True)
    return tuple(np.array([side.missing, *counts, side.count - sum(counts)]) for side, counts in sides)


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
