"""Confidence intervals (95 %) by a method for each kind of figure, or the reason why there is none.

An influence value says how much a row moves a figure (Hampel 1974): the variance of a figure is that of the mean of
these values, or of their sums over the rows of a subject. benchmarks/statistics_intervals.py measures how often each
interval contains the truth.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy import optimize, special, stats

from scripts.analyze.confidence import ALPHA, UNDEFINED

LEAST = 5  # independent observations that a share needs
LEAST_LOSSES = 8  # rows that carry a mean of losses: so many equal ones would give it its variance
PSEUDO_ERRORS = 2  # weight of a model of the variance against the observed one, in errors
DRAWS = 2000
STRAIGHT = 1e-3  # a skewness that needs no correction


class NoInterval(Exception):
    """There is no interval that contains the truth as often as it says; the message is the reason."""


def require(count: int, least: int, what: str) -> None:
    """Raise NoInterval if *count* is less than *least*."""
    if count < least:
        raise NoInterval(f"too few {what}: {int(count)}, at least {least} are needed")


def estimate(value: float | None, interval: Callable[[], tuple[float, float]], undefined: str = "") -> dict:
    """Return {"value", "low", "high"} with the ends that *interval* returns, or with a "reason" where it refuses.

    Without a finite *value*, all are None, and the reason is *undefined*, if given.
    """
    if value is None or not np.isfinite(value):
        return UNDEFINED | ({"reason": undefined} if undefined else {})
    try:
        low, high = interval()
    except NoInterval as reason:
        return {"value": float(value), "low": None, "high": None, "reason": str(reason)}
    return {"value": float(value), "low": float(low), "high": float(high)}


def count_units(rows: np.ndarray, units: np.ndarray | None) -> int:
    """Return how many of the mask *rows* are set, or how many subjects (*units* [rows]) have such a row."""
    return int(rows.sum()) if units is None else len(np.unique(units[rows.astype(bool)]))


def mean_variance(influence: np.ndarray, units: np.ndarray | None) -> float:
    """Return the variance of a figure with the *influence* values [rows], whose mean is 0; 0 for a single subject."""
    totals = influence if units is None else np.bincount(np.unique(units, return_inverse=True)[1], influence)
    return float(totals @ totals) / len(influence) ** 2 * len(totals) / max(1, len(totals) - 1)


def skewed_interval(value: float, influence: np.ndarray, units: np.ndarray | None) -> tuple[float, float]:
    """Return the interval of a mean with the *influence* values [rows]: the wider of two at each end.

    One is Student's, the other one corrects it for the skewness of the values, of which a few large ones on one side
    are not in every sample (Hall 1992, On the removal of skewness by transformation).
    """
    totals = influence if units is None else np.bincount(np.unique(units, return_inverse=True)[1], influence)
    count, error = len(totals), np.sqrt(mean_variance(influence, units))
    student, skewness = stats.t.ppf([1 - ALPHA / 2, ALPHA / 2], count - 1), float(stats.skew(totals))
    if not error or abs(skewness) < STRAIGHT:
        corrected = student
    else:
        root = np.sqrt(count)
        corrected = 3 * root / skewness * (np.cbrt(1 + skewness * (student / root - skewness / count / 6)) - 1)
    return value - error * max(student[0], corrected[0]), value - error * min(student[1], corrected[1])


def widen(count: float, freedom: float) -> float:
    """Return the number of observations whose interval by the normal is as wide as Student's of *count*."""
    return count * (stats.norm.ppf(ALPHA / 2) / stats.t.ppf(ALPHA / 2, max(1.0, freedom))) ** 2


def share_interval(value: float, count: float) -> tuple[float, float]:
    """Return the mid-P interval of a share (Lancaster 1961; Berry & Armitage 1995), which never has width 0.

    It is that of Clopper & Pearson with half of the probability of what was observed. *count* is the number of
    independent observations, for correlated ones the effective number, which need not be whole (Korn & Graubard 1998).
    """
    hits = value * count

    def upper_tail(p: float) -> float:
        more, equal = (special.betainc(k, max(count - k + 1, 1e-9), p) if k > 0 else 1.0 for k in (hits + 1, hits))
        return ((more if hits < count else 0.0) + equal) / 2

    low = optimize.brentq(lambda p: upper_tail(p) - ALPHA / 2, 0, 1) if hits > 1e-9 else 0.0
    high = optimize.brentq(lambda p: upper_tail(p) - 1 + ALPHA / 2, 0, 1) if hits < count - 1e-9 else 1.0
    return low, high


def bounded_interval(
    value: float, variance: float, count: int, model: Callable[[float], float] | None = None
) -> tuple[float, float]:
    """Return the interval of a figure between 0 and 1 that is carried by *count* independent observations.

    It is that of a share with as many observations as give the *variance*. Where errors are few, the observed variance
    says little, and *model*, the variance for a true value (by default that of a share), counts for more.
    """
    near = min(value, 1 - value)
    smoothed = min(0.5, max(near, (near * count + 0.5) / (count + 1)))
    expected = model(smoothed) if model else smoothed * (1 - smoothed) / count
    weight = PSEUDO_ERRORS / (PSEUDO_ERRORS + count * near)
    blended = max(variance, weight * expected + (1 - weight) * variance)
    return share_interval(value, widen(smoothed * (1 - smoothed) / blended, count - 1))


class Share(NamedTuple):
    """A share *hits* / *within* [rows each, 0 or 1] with its interval; *what* the rows within are."""

    hits: np.ndarray
    within: np.ndarray
    what: str
    units: np.ndarray | None = None

    @property
    def value(self) -> float:
        """The share, NaN if no row is within."""
        return float(self.hits.sum() / self.within.sum()) if self.within.any() else float("nan")

    def influence(self) -> np.ndarray:
        """Return the influence values [rows]."""
        return (self.hits - self.value * self.within) / self.within.mean()

    def interval(self) -> tuple[float, float]:
        """Return the interval. Raises NoInterval if too few rows, or subjects, are within."""
        count = count_units(self.within, self.units)
        require(count, LEAST, self.what if self.units is None else f"subjects with {self.what}")
        if self.units is None:
            return share_interval(self.value, count)
        return bounded_interval(self.value, mean_variance(self.influence(), self.units), count)


def roc_auc_influence(positive: np.ndarray, p: np.ndarray) -> tuple[float, np.ndarray]:
    """Return the area under the ROC curve and the influence values [rows] (DeLong et al. 1988, by Sun & Xu 2014)."""
    positive = positive.astype(bool)
    ranks = stats.rankdata(p)
    positives, negatives = positive.sum(), (~positive).sum()
    influence = np.empty(len(p))
    influence[positive] = (ranks[positive] - stats.rankdata(p[positive])) / negatives
    influence[~positive] = 1 - (ranks[~positive] - stats.rankdata(p[~positive])) / positives
    area = float(influence[positive].mean())
    return area, (influence - area) * len(p) / np.where(positive, positives, negatives)


def pr_auc_influence(positive: np.ndarray, p: np.ndarray) -> tuple[float, np.ndarray]:
    """Return the average precision and the influence values [rows] (its derivative by the weight of each row)."""
    _, rank = np.unique(p, return_inverse=True)
    positives, rows = np.bincount(rank, positive), np.bincount(rank)
    above = np.cumsum(rows[::-1])[::-1]
    precision = np.cumsum(positives[::-1])[::-1] / above
    area, total = float(positives @ precision / positives.sum()), positives.sum()
    entering, diluted = np.cumsum(positives / above), np.cumsum(positives * precision / above)
    return area, len(p) / total * (positive * (precision[rank] - area + entering[rank]) - diluted[rank])


def roc_auc_model(positives: int, negatives: int) -> Callable[[float], float]:
    """Return the variance of the area under the ROC curve by its true value (Hanley & McNeil 1982)."""

    def variance(error: float) -> float:
        area = 1 - error
        both = area / (2 - area) - area**2, 2 * area**2 / (1 + area) - area**2
        more = (positives - 1) * both[0] + (negatives - 1) * both[1]
        return (area * error + more) / (positives * negatives)

    return variance


def area_interval(name: str, positive: np.ndarray, p: np.ndarray, units: np.ndarray | None) -> tuple[float, float]:
    """Return the interval of the area *name*, roc_auc or pr_auc. Raises NoInterval if a class has too few rows."""
    of_units = "" if units is None else "subjects with "
    positives, negatives = (count_units(rows, units) for rows in (positive == 1, positive == 0))
    require(positives, LEAST, f"{of_units}positives")
    require(negatives, LEAST, f"{of_units}negatives")
    area, influence = (roc_auc_influence if name == "roc_auc" else pr_auc_influence)(positive, p)
    variance = mean_variance(influence, units)
    if name == "pr_auc":
        return bounded_interval(area, variance, positives)
    return bounded_interval(area, variance, min(positives, negatives), roc_auc_model(positives, negatives))


def positive_interval(value: float, variance: float, fewest: float = np.inf) -> tuple[float, float]:
    """Return the interval of a mean of losses: that of a gamma distribution with the same mean and *variance*.

    For squares of normal residuals it is the exact one (chi-squared); for counts of rare events, about that of Fay &
    Feuer (1997). *fewest* are the rows of the rarest class. Raises NoInterval if fewer than LEAST_LOSSES rows
    carry the mean.
    """
    shape = value**2 / variance if variance > 0 else np.inf
    if not np.isfinite(shape):
        raise NoInterval("all rows have the same loss")
    require(int(shape), LEAST_LOSSES, "rows with a large loss")
    shape = widen(shape, min(shape, fewest - 1))
    low, high = stats.gamma.ppf((1 - ALPHA / 2, ALPHA / 2), shape)
    return value * shape / low, value * shape / high


def combine_means(values: np.ndarray, intervals: np.ndarray, correlation: float = 1.0) -> tuple[float, float]:
    """Return the interval of the mean of *values* with *intervals* [values, 2] (Zou & Donner 2008: MOVER).

    *correlation* is the ratio of the standard error of the mean to that of independent values.
    """
    low, high = intervals.T
    mean, scale = values.mean(), correlation / len(values)
    return mean - scale * np.linalg.norm(values - low), mean + scale * np.linalg.norm(high - values)


def difference_interval(value: float, first: tuple, second: tuple, ends: tuple) -> tuple[float, float]:
    """Return the interval of *value* = first - second, two independent figures with intervals (Newcombe 1998).

    *first* and *second* are (low, high), *ends* their values.
    """
    low = value - np.hypot(ends[0] - first[0], second[1] - ends[1])
    return low, value + np.hypot(first[1] - ends[0], ends[1] - second[0])


def invert_scale(
    observed: float, deviations: np.ndarray, statistic: Callable, patterns: tuple[np.ndarray, np.ndarray]
) -> tuple[float, float]:
    """Return the interval of the true value of a *statistic* that noise makes larger, such as a range.

    *deviations* [figures] are the standard errors of the figures that *statistic* ([draws, figures] -> [draws])
    condenses. An end is the true value for which the *observed* one would be too large, or too small, in 2.5 % of
    draws, where the figures have the first of *patterns* [figures] times that value for the lower end, the second one
    for the upper end: those for which noise adds most and least.
    """
    noise = np.random.default_rng(0).normal(size=(DRAWS, len(deviations))) * deviations

    def solve(pattern: np.ndarray, share: float) -> float:
        def excess(size: float) -> float:
            return float((statistic(size * pattern + noise) >= observed).mean()) - share

        most = observed + 10 * float(deviations.max())
        return 0.0 if excess(0.0) >= 0 else optimize.bisect(excess, 0.0, most, xtol=most / 2**14)

    return solve(patterns[0], ALPHA / 2), max(observed, solve(patterns[1], 1 - ALPHA / 2))


def spread(values: np.ndarray) -> np.ndarray:
    """Return maximum minus minimum of the last axis."""
    return values.max(axis=-1) - values.min(axis=-1)


def spread_patterns(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the patterns of *values* for invert_scale(): one half of the figures at each end, or one at each end."""
    order, halves, ends = np.argsort(values), np.zeros(len(values)), np.full(len(values), 0.5)
    halves[order[len(values) // 2 :]] = 1
    ends[order[[0, -1]]] = 0, 1
    return halves, ends


def standard_errors(intervals: np.ndarray) -> np.ndarray:
    """Return the standard errors of normal figures with *intervals* [figures, 2]."""
    return np.diff(intervals, axis=-1)[..., 0] / -(2 * stats.norm.ppf(ALPHA / 2))


def range_interval(values: np.ndarray, intervals: np.ndarray) -> tuple[float, float]:
    """Return the interval of the true range of *values* with *intervals* [values, 2].

    The observed range is larger than the true one on average, as the largest difference of noise is positive.
    """
    return invert_scale(float(spread(values)), standard_errors(intervals), spread, spread_patterns(values))
