"""Counts of two sketches of a column in the same cells, for measures and tests: the cost does not grow with the rows.

The first cells hold missing values, nan and infinities. Numbers, dates and times follow in groups of neighbouring bins,
texts and booleans by value.
"""

import numpy as np

from scripts.statistics.bins import Bins
from scripts.statistics.merge import TEXTS, Sketch
from scripts.statistics.numbers import Numbers
from scripts.statistics.texts import Texts

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
