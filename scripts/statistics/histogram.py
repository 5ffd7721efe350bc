"""Log-linear histograms of numbers, which merge exactly: a sketch like DDSketch and HdrHistogram.

The bins are fixed in advance, so any two histograms can be added and compared bin by bin. Bins of numbers are given by
the sign, the exponent and the first 7 bits of the mantissa of a double (level -1): logarithmic between powers of two,
linear within, and at most 1/128 of the value wide, which bounds the relative error of quantiles. Dates and times have
equal bins of 2^level days or seconds since 1970, the narrowest of which MAX_BINS cover all values.

KLL and t-digest are not used: their state depends on random numbers or on the order and grouping in which rows arrive
and sketches are merged. Here results must be the same bytes however the rows are divided among spans and workers.
"""

import base64
from dataclasses import dataclass

import numpy as np

SHIFT = 45  # of 64 bits: 52 of the mantissa, of which 7 stay
SIGN = 1 << 63 - SHIFT
MAX_BINS = 4096
LOG_LINEAR = -1
DISPLAY_BINS = 20  # equal-width bins of a histogram for people
MIN_DENSE = 4096  # keys from which counting in an array is faster than sorting


@dataclass
class Histogram:
    """The level of the bins, the keys of those that are not empty, ascending, and their counts (both int64 [bins])."""

    level: int
    keys: np.ndarray
    counts: np.ndarray

    @classmethod
    def from_values(cls, values: np.ndarray, counts: np.ndarray | None = None, linear: bool = False) -> "Histogram":
        """Return the histogram of finite doubles, each counted as often as *counts* says (None: once).

        *linear* bins have equal widths (dates and times), the others are log-linear.
        """
        if linear:
            return cls(0, *sum_by_key(np.floor(values).astype(np.int64), counts)).coarsen()
        raw = (values.view(np.uint64) >> np.uint64(SHIFT)).view(np.int64)
        keys, found = sum_by_key(raw, counts)
        return cls(LOG_LINEAR, *sum_by_key(np.where(keys >= SIGN, SIGN - keys, keys), found))

    def coarsen(self, level: int = 0) -> "Histogram":
        """Return the histogram at *level*, or at the lowest level above it at which MAX_BINS bins cover all values.

        Log-linear histograms are returned as they are.
        """
        if self.level == LOG_LINEAR or not len(self.keys):
            return self
        shift = max(0, level - self.level)
        while (int(self.keys[-1]) >> shift) - (int(self.keys[0]) >> shift) >= MAX_BINS:
            shift += 1
        return Histogram(self.level + shift, *sum_by_key(self.keys >> shift, self.counts)) if shift else self

    @classmethod
    def merge(cls, parts: list["Histogram"]) -> "Histogram":
        """Return the sum of *parts* (at least one), which are all log-linear or all of equal-width bins."""
        parts = [part for part in parts if len(part.keys)] or parts[:1]
        level = max(part.level for part in parts)
        parts = [part.coarsen(level) for part in parts]
        keys, counts = (np.concatenate([getattr(part, name) for part in parts]) for name in ("keys", "counts"))
        return cls(level, *sum_by_key(keys, counts)).coarsen()

    def bounds(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the lower and upper bounds of the bins (doubles [bins]).

        A log-linear bin includes the bound that is nearer to zero, any other its lower bound.
        """
        if self.level != LOG_LINEAR:
            return (self.keys << self.level).astype(float), ((self.keys + 1) << self.level).astype(float)
        size = np.abs(self.keys)
        inner, outer = ((size + more << SHIFT).view(np.float64) for more in (0, 1))
        outer = np.minimum(outer, np.finfo(float).max)  # else the last bin would end at infinity
        return np.where(self.keys <= 0, -outer, inner), np.where(self.keys < 0, -inner, outer)

    def midpoints(self, whole: bool) -> np.ndarray:
        """Return the midpoint of each bin (doubles [bins]), rounded towards zero if all values are *whole* numbers."""
        low, high = self.bounds()
        if whole:
            inner = np.where(self.keys < 0, np.floor(high), np.ceil(low))
            outer = np.where(self.keys < 0, np.floor(low) + 1, np.ceil(high) - 1)
            return np.trunc(inner / 2 + outer / 2) + 0.0
        return low / 2 + high / 2

    def to_json(self) -> dict:
        """Return the histogram as JSON: level, first key, gaps between keys, and counts.

        Gaps and counts are little-endian unsigned integers in base64.
        """
        wide = "<u8" if len(self.counts) and self.counts.max() >= 2**32 else "<u4"
        texts = {"gaps": np.diff(self.keys).astype("<u4"), "counts": self.counts.astype(wide)}
        first = int(self.keys[0]) if len(self.keys) else 0
        return {"level": self.level, "first": first} | {name: encode_array(array) for name, array in texts.items()}

    @classmethod
    def from_json(cls, content: dict) -> "Histogram":
        """Return the histogram that to_json wrote as *content*."""
        gaps, raw = decode_array(content["gaps"], "<u4"), base64.b64decode(content["counts"])
        wide = "<u8" if len(raw) == 8 * (len(gaps) + 1) else "<u4"
        counts = np.frombuffer(raw, wide).astype(np.int64)
        keys = content["first"] + np.concatenate([[0], np.cumsum(gaps, dtype=np.int64)])
        return cls(content["level"], keys[: len(counts)], counts)


def sum_by_key(keys: np.ndarray, counts: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Return the distinct *keys* (int64), ascending, and the sum of the *counts* (None: one each) of each key."""
    if not len(keys):
        return keys, np.zeros(0, np.int64)
    low, high = int(keys.min()), int(keys.max())
    if len(keys) > MIN_DENSE and high - low < 2 * SIGN:
        dense = np.bincount(keys - low, counts)
        found = np.flatnonzero(dense)
        return found + low, dense[found].astype(np.int64)
    if counts is None:
        return np.unique(keys, return_counts=True)
    order = np.argsort(keys, kind="stable")
    keys = keys[order]
    starts = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]]))
    return keys[starts], np.add.reduceat(counts[order], starts)


def encode_array(array: np.ndarray) -> str:
    """Return the bytes of *array* in base64."""
    return base64.b64encode(array.tobytes()).decode()


def decode_array(text: str, dtype: str) -> np.ndarray:
    """Return the array of *dtype* that encode_array wrote as *text*."""
    return np.frombuffer(base64.b64decode(text), dtype)


def equal_width_histogram(middles: np.ndarray, counts: np.ndarray, low: float, high: float) -> dict:
    """Return edges and counts of DISPLAY_BINS equal-width bins from *low* to *high*.

    *middles* and *counts* are those of the bins of a sketch, each of which is counted at its midpoint.
    """
    width = high / DISPLAY_BINS - low / DISPLAY_BINS or 1.0
    at = np.clip(np.floor((middles - low) / width), 0, DISPLAY_BINS - 1).astype(np.int64)
    found = np.bincount(at, weights=counts, minlength=DISPLAY_BINS)
    return {"edges": [low + width * index for index in range(DISPLAY_BINS + 1)], "counts": found.astype(int).tolist()}
