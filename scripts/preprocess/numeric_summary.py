"""Mergeable summary of a numeric column: counted distinct values or, if there are many, the bins of a sketch.

The result depends on the values alone, not on their order or grouping. Quantiles are exact up to MAX_DISTINCT distinct
values, and within 1/128 of the value beyond (scripts/statistics/histogram.py). Sums are always exact.
"""

from dataclasses import dataclass

import numpy as np

from scripts.preprocess.feature import Summary
from scripts.statistics import exact_sum
from scripts.statistics.histogram import LOG_LINEAR, Histogram

MAX_DISTINCT = 1 << 16


def summarize_values(values: np.ndarray) -> Summary:
    """Return the summary of *values* ([rows], NaN where missing): keys and counts, missing, sums, and ends (extremes).

    Keys are values (float64) or bins (int64).
    """
    present = values[~np.isnan(values)] + 0.0  # no -0.0
    keys, counts = np.unique(present, return_counts=True)
    sums = " ".join(map(exact_sum.encode_integer, exact_sum.power_sums(present))).encode()
    return limit_size(
        {
            "keys": keys,
            "counts": counts,
            "missing": np.array(len(values) - len(present)),
            "sums": np.frombuffer(sums, np.uint8),
            "ends": np.array([keys[0], keys[-1]] if len(keys) else []),
        }
    )


def limit_size(summary: Summary) -> Summary:
    """Return *summary* with bins instead of values if these are more than MAX_DISTINCT."""
    if summary["keys"].dtype == np.float64 and len(summary["keys"]) > MAX_DISTINCT:
        bins = to_bins(summary)
        return summary | {"keys": bins.keys, "counts": bins.counts}
    return summary


def to_bins(summary: Summary) -> Histogram:
    """Return the values or bins of *summary* as bins."""
    if summary["keys"].dtype == np.float64:
        return Histogram.from_values(summary["keys"], summary["counts"])
    return Histogram(LOG_LINEAR, summary["keys"], summary["counts"])


def merge(parts: list[Summary]) -> Summary:
    """Return the summary of the values of all *parts*."""
    if any(part["keys"].dtype == np.int64 for part in parts):
        whole = Histogram.merge(list(map(to_bins, parts)))
        keys, counts = whole.keys, whole.counts
    else:
        keys, at = np.unique(np.concatenate([part["keys"] for part in parts]), return_inverse=True)
        counts = np.bincount(at, np.concatenate([part["counts"] for part in parts]), len(keys)).astype(np.int64)
    sums = [sum(column) for column in zip(*(read_sums(part) for part in parts), strict=True)]
    ends = np.concatenate([part["ends"] for part in parts])
    return limit_size(
        {
            "keys": keys,
            "counts": counts,
            "missing": np.array(sum(int(part["missing"]) for part in parts)),
            "sums": np.frombuffer(" ".join(map(exact_sum.encode_integer, sums)).encode(), np.uint8),
            "ends": np.array([ends.min(), ends.max()] if len(ends) else []),
        }
    )


def read_sums(summary: Summary) -> list[int]:
    """Return the exact sums of the values and of their squares, in the units of scripts/statistics/exact_sum.py."""
    return [exact_sum.decode_integer(text) for text in summary["sums"].tobytes().decode().split()]


@dataclass
class NumericSummary:
    """The distribution of a numeric column: ascending values with counts, the number of missing values, and exact sums.

    *total* and *square* (of squares) are sums in the units of scripts/statistics/exact_sum.py.
    """

    values: np.ndarray
    counts: np.ndarray
    missing: int
    total: int
    square: int

    @classmethod
    def from_summary(cls, summary: Summary) -> "NumericSummary":
        """Return the distribution that *summary* describes; a bin counts as its middle."""
        values, counts = summary["keys"], summary["counts"]
        if values.dtype == np.int64:
            values = np.clip(Histogram(LOG_LINEAR, values, counts).midpoints(False), *summary["ends"])
            values[[0, -1]] = summary["ends"]
        return cls(values, counts, int(summary["missing"]), *read_sums(summary))

    def impute(self, value: float) -> "NumericSummary":
        """Return the distribution with missing values replaced by *value*."""
        if not self.missing:
            return self
        more = exact_sum.power_sums(np.array([value]), np.array([self.missing]))
        values, counts = np.append(self.values, value), np.append(self.counts, self.missing)
        order = np.argsort(values, kind="stable")
        return NumericSummary(values[order], counts[order], 0, self.total + more[0], self.square + more[1])

    def mean_sd(self) -> tuple[float, float]:
        """Return mean and population standard deviation of the present values, (0, 0) if there are none."""
        count = int(self.counts.sum())
        return exact_sum.mean_and_sd(self.total, self.square, count) if count else (0.0, 0.0)

    def quantiles(self, shares: np.ndarray) -> np.ndarray:
        """Return the quantiles at *shares*, interpolated linearly as by numpy.quantile; 0 if there are no values."""
        count = int(self.counts.sum())
        if not count:
            return np.zeros(len(shares))
        position = np.asarray(shares) * (count - 1)
        last, below = np.cumsum(self.counts), np.floor(position)
        low, high = (
            self.values[np.searchsorted(last, np.minimum(rank, count - 1), side="right")] for rank in (below, below + 1)
        )
        part, gap = position - below, high - low
        return np.where(part < 0.5, low + gap * part, high - gap * (1 - part))
