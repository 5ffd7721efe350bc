"""How the numbers of a column are spread, merged exactly: each value while they are few, else bins of a sketch.

The result depends on the values alone, not on their order or grouping: up to MOST distinct values quantiles are exact,
beyond within 1/128 of the value (scripts/statistics/histogram.py). Sums are always exact.
"""

from dataclasses import dataclass

import numpy as np

from scripts.statistics import exact_sum
from scripts.statistics.histogram import LOG, Bins

MOST = 1 << 16
Summary = dict[str, np.ndarray]


def summary_of(values: np.ndarray) -> Summary:
    """Return the summary of *values* (NaN where missing): keys, counts, whether keys are bins, sums and ends."""
    present = values[~np.isnan(values)] + 0.0  # no -0.0
    keys, counts = np.unique(present, return_counts=True)
    sums = " ".join(map(exact_sum.text_of, exact_sum.power_sums(present))).encode()
    return limited(
        {
            "keys": keys,
            "counts": counts,
            "missing": np.array(len(values) - len(present)),
            "sums": np.frombuffer(sums, np.uint8),
            "ends": np.array([keys[0], keys[-1]] if len(keys) else []),
        }
    )


def limited(summary: Summary) -> Summary:
    """Return *summary* with bins instead of values where these are more than MOST."""
    if summary["keys"].dtype == np.float64 and len(summary["keys"]) > MOST:
        bins = bins_of(summary)
        return summary | {"keys": bins.keys, "counts": bins.counts}
    return summary


def bins_of(summary: Summary) -> Bins:
    """Return the bins of *summary*, which holds values or bins already."""
    if summary["keys"].dtype == np.float64:
        return Bins.of(summary["keys"], summary["counts"])
    return Bins(LOG, summary["keys"], summary["counts"])


def merge(parts: list[Summary]) -> Summary:
    """Return the summary of all values of *parts*."""
    if any(part["keys"].dtype == np.int64 for part in parts):
        whole = Bins.merged(list(map(bins_of, parts)))
        keys, counts = whole.keys, whole.counts
    else:
        keys, at = np.unique(np.concatenate([part["keys"] for part in parts]), return_inverse=True)
        counts = np.bincount(at, np.concatenate([part["counts"] for part in parts]), len(keys)).astype(np.int64)
    sums = [sum(column) for column in zip(*(sums_of(part) for part in parts), strict=True)]
    ends = np.concatenate([part["ends"] for part in parts])
    return limited(
        {
            "keys": keys,
            "counts": counts,
            "missing": np.array(sum(int(part["missing"]) for part in parts)),
            "sums": np.frombuffer(" ".join(map(exact_sum.text_of, sums)).encode(), np.uint8),
            "ends": np.array([ends.min(), ends.max()] if len(ends) else []),
        }
    )


def sums_of(summary: Summary) -> list[int]:
    """Return the exact sums of the values and of their squares (scripts/statistics/exact_sum.py)."""
    return [exact_sum.number_of(text) for text in summary["sums"].tobytes().decode().split()]


@dataclass
class Spread:
    """Values, ascending, with their counts; sums in the units of scripts/statistics/exact_sum.py."""

    values: np.ndarray
    counts: np.ndarray
    missing: int
    total: int
    square: int

    @classmethod
    def of(cls, summary: Summary) -> "Spread":
        """Return the spread that *summary* describes."""
        values, counts = summary["keys"], summary["counts"]
        if values.dtype == np.int64:
            values = np.clip(Bins(LOG, values, counts).middles(False), *summary["ends"])
            values[[0, -1]] = summary["ends"]
        return cls(values, counts, int(summary["missing"]), *sums_of(summary))

    def filled(self, value: float) -> "Spread":
        """Return the spread with *value* in place of what is missing."""
        if not self.missing:
            return self
        more = exact_sum.power_sums(np.array([value]), np.array([self.missing]))
        values, counts = np.append(self.values, value), np.append(self.counts, self.missing)
        order = np.argsort(values, kind="stable")
        return Spread(values[order], counts[order], 0, self.total + more[0], self.square + more[1])

    def mean_sd(self) -> tuple[float, float]:
        """Return mean and population standard deviation of what is not missing, 0 and 0 of nothing."""
        count = int(self.counts.sum())
        return exact_sum.mean_sd(self.total, self.square, count) if count else (0.0, 0.0)

    def quantiles(self, shares: np.ndarray) -> np.ndarray:
        """Return the quantiles of *shares*, linear between values as numpy's are; 0 of nothing."""
        count = int(self.counts.sum())
        if not count:
            return np.zeros(len(shares))
        place = np.asarray(shares) * (count - 1)
        last, below = np.cumsum(self.counts), np.floor(place)
        low, high = (
            self.values[np.searchsorted(last, np.minimum(rank, count - 1), side="right")] for rank in (below, below + 1)
        )
        part, gap = place - below, high - low
        return np.where(part < 0.5, low + gap * part, high - gap * (1 - part))
