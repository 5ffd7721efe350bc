"""Distances between two distributions of a column and a two-sample test, computed from sketches alone.

Each side is given in parts: the statistics of the column in the statistics.json of several spans and splits, or
sketches. Both sides are counted in the same cells, so that the cost does not grow with the number of rows. The first
cells hold missing values, NaN and infinities; then come groups of neighbouring bins (numbers, dates and times) or
single values (texts and booleans). A missing value counts like any other value. Columns of different types have
nothing in common.
"""

import math
from collections.abc import Sequence

import numpy as np
from scipy.special import chdtrc, kolmogorov

from scripts.statistics.histogram import Histogram
from scripts.statistics.numeric_sketch import NumericSketch
from scripts.statistics.sketch import TEXT_DTYPES, Sketch, merge_sketches, read_sketch
from scripts.statistics.text_sketch import TextSketch

GROUPS = 20  # a bin with at least 1 / GROUPS of the weight is a cell of its own; the others form about GROUPS cells
MAX_VALUES = 50  # the same for texts in a test; in a distance, the values that have a cell of their own
MIN_EXPECTED = 10  # rows that the null hypothesis must expect in each cell of the smaller side
Counts = tuple[np.ndarray, np.ndarray]
Parts = Sequence[dict | Sketch]


def are_comparable(dtypes: set[str]) -> bool:
    """Return whether columns of all *dtypes* have bins in common: a single type, or numbers and integers."""
    return len(dtypes) == 1 or dtypes == {"number", "integer"}


def cells_for_distance(before: Sketch, after: Sketch) -> Counts:
    """Return the counts [cells] of both sides for a distance: both sides have the same weight in forming the cells.

    Texts beyond the MAX_VALUES most frequent ones share one cell.
    """
    if before.dtype in TEXT_DTYPES:
        return counts_by_value(before, after, (1 / max(before.count, 1), 1 / max(after.count, 1)), MAX_VALUES)
    sizes = [1 / max(side.bins.counts.sum(), 1) for side in (before, after)]
    return counts_by_bin_group(before, after, (sizes[0], sizes[1]))


def cells_for_test(before: Sketch, after: Sketch) -> Counts:
    """Return the counts [cells] of both sides for a test: the cells depend on the pooled rows alone, as its null needs.

    If a sketch dropped rare texts, texts are counted by their hash. Rare texts form about MAX_VALUES cells.
    """
    if before.dtype not in TEXT_DTYPES:
        return counts_by_bin_group(before, after, (1, 1))
    counts = counts_by_value(before, after, (1, 1), None)
    if before.truncated_parts or after.truncated_parts:
        counts = tuple(np.concatenate([[side.missing], side.buckets]) for side in (before, after))
    starts = np.concatenate([[0], 1 + group_starts(counts[0][1:] + counts[1][1:], MAX_VALUES)])
    return np.add.reduceat(counts[0], starts), np.add.reduceat(counts[1], starts)


def counts_by_bin_group(before: NumericSketch, after: NumericSketch, row_weights: tuple[float, float]) -> Counts:
    """Return the counts [cells] of both sides in groups of neighbouring bins of about the same weight."""
    counts = list(bin_counts(before, after))
    if len(counts[0]):
        starts = group_starts(counts[0] * row_weights[0] + counts[1] * row_weights[1])
        counts = [np.add.reduceat(side, starts) for side in counts]
    special = [[side.missing, side.nan, side.infinite] for side in (before, after)]
    return np.concatenate([special[0], counts[0]]), np.concatenate([special[1], counts[1]])


def bin_counts(before: NumericSketch, after: NumericSketch) -> Counts:
    """Return the counts of both sides in the bins of finite values that either side has, in the order of values."""
    filled = [side.bins for side in (before, after) if len(side.bins.keys)]
    level = max((bins.level for bins in filled), default=0)
    bins = [side.bins.coarsen(level) for side in (before, after)]
    keys = np.union1d(bins[0].keys, bins[1].keys)
    return counts_at(bins[0], keys), counts_at(bins[1], keys)


def counts_at(bins: Histogram, keys: np.ndarray) -> np.ndarray:
    """Return the counts of *bins* at *keys*, which must include all keys of *bins*."""
    counts = np.zeros(len(keys), np.int64)
    counts[np.searchsorted(keys, bins.keys)] = bins.counts
    return counts


def group_starts(weights: np.ndarray, groups: int = GROUPS) -> np.ndarray:
    """Return the index at which each group begins.

    What has at least 1 / *groups* of the weight is a group of its own; the others are cut at equal steps of weight.
    """
    heavy = weights * groups >= weights.sum()
    light = np.where(heavy, 0, weights)
    steps = np.floor((np.cumsum(light) - light) * groups / (light.sum() or 1))
    first = np.array([True])
    alone = heavy | np.concatenate([first, heavy[:-1]])
    return np.flatnonzero(alone | np.concatenate([first, steps[1:] != steps[:-1]]))


def counts_by_value(
    before: TextSketch, after: TextSketch, row_weights: tuple[float, float], limit: int | None
) -> Counts:
    """Return the counts of both sides: missing, the *limit* (None: all) heaviest values, and all other values."""
    exact = before.exact_counts(), after.exact_counts()
    values = exact[0].keys() | exact[1].keys()
    for side, counts in zip((before, after), exact, strict=True):
        values = values & counts.keys() if side.truncated_parts else values
    weights = {
        value: exact[0].get(value, 0) * row_weights[0] + exact[1].get(value, 0) * row_weights[1] for value in values
    }
    ranked = sorted(values, key=lambda value: (-weights[value], value))[:limit]
    own = [[counts.get(value, 0) for value in ranked] for counts in exact]
    sides = zip((before, after), own, strict=True)
    return tuple(np.array([side.missing, *counts, side.count - sum(counts)]) for side, counts in sides)


def js_distance(p: Sequence[float], q: Sequence[float]) -> float:
    """Return the Jensen-Shannon distance (base 2: 0 for equal shares, 1 for disjoint ones) of two arrays of counts."""
    total_p, total_q = math.fsum(p), math.fsum(q)
    if not total_p or not total_q:
        return float(total_p != total_q)
    terms = []
    for count_p, count_q in zip(p, q, strict=True):
        shares = count_p / total_p, count_q / total_q
        middle = sum(shares) / 2
        terms += [share / 2 * math.log2(share / middle) for share in shares if share > 0 and middle > 0]
    return math.sqrt(min(max(math.fsum(terms), 0.0), 1.0))


def linf_distance(p: Sequence[float], q: Sequence[float]) -> float:
    """Return the L-infinity distance (0 to 1) of two arrays of counts: the largest difference of a cell's shares."""
    total_p, total_q = math.fsum(p), math.fsum(q)
    if not total_p or not total_q:
        return float(total_p != total_q)
    return max(abs(one / total_p - other / total_q) for one, other in zip(p, q, strict=True))


def normalized_absolute_difference(p: Sequence[float], q: Sequence[float]) -> float:
    """Return the largest difference of a cell's counts, divided by the sum of all counts (0 to 1).

    This is NormalizedAbsoluteDifference in anomalies/metrics.cc of TensorFlow Data Validation. Unlike the other
    distances, it is not zero for equal shares if the sides differ in size.
    """
    total = math.fsum(p) + math.fsum(q)
    return max(abs(one - other) for one, other in zip(p, q, strict=True)) / total if total else 0.0


def chi_square_p_value(p: np.ndarray, q: np.ndarray) -> float:
    """Return the p-value of Pearson's chi-square test of homogeneity of two arrays of counts; 1 if one is empty.

    Neighbouring cells are merged until MIN_EXPECTED rows are expected on both sides. If only two cells remain, Yates's
    continuity correction is applied.
    """
    sizes = np.array([p.sum(), q.sum()])
    if not sizes.min():
        return 1.0
    min_rows = MIN_EXPECTED * sizes.sum() / sizes.min()
    table = [[0, 0]]
    for one, other in zip(p.tolist(), q.tolist(), strict=True):
        if sum(table[-1]) >= min_rows:
            table.append([0, 0])
        table[-1] = [table[-1][0] + one, table[-1][1] + other]
    if len(table) > 1 and sum(table[-1]) < min_rows:
        one, other = table.pop()
        table[-1] = [table[-1][0] + one, table[-1][1] + other]
    if len(table) == 1:
        return 1.0
    observed = np.array(table)
    expected = np.outer(observed.sum(axis=1), sizes) / sizes.sum()
    deviations = np.maximum(np.abs(observed - expected) - (0.5 if len(table) == 2 else 0.0), 0.0)
    return float(chdtrc(len(table) - 1, (deviations**2 / expected).sum()))


def kolmogorov_smirnov_p_value(before: NumericSketch, after: NumericSketch) -> float:
    """Return the p-value of the two-sample Kolmogorov-Smirnov test on bins, 1 if a side has no finite values.

    It is SciPy's asymptotic distribution with the correction of Stephens (1970). Values of a bin are ties, with which
    the test alarms less often than it may. It finds shifts that are spread over many cells of a chi-square test.
    """
    p, q = bin_counts(before, after)
    if not p.sum() or not q.sum():
        return 1.0
    root = math.sqrt(p.sum() * q.sum() / (p.sum() + q.sum()))
    largest = np.abs(np.cumsum(p) / p.sum() - np.cumsum(q) / q.sum()).max()
    return float(kolmogorov((root + 0.12 + 0.11 / root) * largest))


def two_sample_p_value(before: Sketch, after: Sketch) -> float:
    """Return the p-value of the hypothesis that both sides are of the same distribution, for independent rows.

    Numbers, dates and times have two tests, chi-square and Kolmogorov-Smirnov, with Bonferroni's correction.
    """
    chi_square = chi_square_p_value(*cells_for_test(before, after))
    if before.dtype in TEXT_DTYPES:
        return chi_square
    return min(1.0, 2 * min(chi_square, kolmogorov_smirnov_p_value(before, after)))


def distance(before: Parts, after: Parts) -> float:
    """Return the Jensen-Shannon distance of a column between *before* and *after*."""
    return compare(before, after)["distance"]


def p_value(before: Parts, after: Parts) -> float:
    """Return the p-value of the hypothesis that the distribution did not change, for independent rows."""
    return compare(before, after)["p_value"]


def compare(before: Parts, after: Parts) -> dict[str, float]:
    """Return all distances of a column between *before* and *after* (neither empty) and the p-value, by name."""
    sides = [[read_sketch(part) if isinstance(part, dict) else part for part in side] for side in (before, after)]
    if not are_comparable({sketch.dtype for side in sides for sketch in side}):
        return {"distance": 1.0, "linf": 1.0, "normalized_difference": 1.0, "p_value": 0.0}
    one, other = map(merge_sketches, sides)
    p, q = (side.tolist() for side in cells_for_distance(one, other))
    return {
        "distance": js_distance(p, q),
        "linf": linf_distance(p, q),
        "normalized_difference": normalized_absolute_difference(p, q),
        "p_value": two_sample_p_value(one, other),
    }


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """Return the q-value of each p-value (Benjamini and Hochberg, 1995).

    Of the alarms at q <= a, an expected share of at most a is false (false discovery rate). SciPy's
    false_discovery_control gives other last bits, and so other alarms where q is a.
    """
    order = sorted(range(len(p_values)), key=lambda index: p_values[index])
    q_values, least = [1.0] * len(order), 1.0
    for rank in range(len(order), 0, -1):
        index = order[rank - 1]
        least = q_values[index] = min(least, p_values[index] * len(order) / rank)
    return q_values
