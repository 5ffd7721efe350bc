"""Counts of numbers in fixed bins, so that any two sketches can be added and compared bin by bin.

Numbers have the bins of their floating-point form: sign, exponent and 7 bits of the mantissa (level -1), at most 1/128
wide in relation to the value. Dates and times have bins of 2^level days or seconds since 1970, the narrowest of which
SPAN cover all values.
"""

import base64
from dataclasses import dataclass

import numpy as np

SHIFT = 45  # of 64 bits: 52 of the mantissa, of which 7 stay
SIGN = 1 << 63 - SHIFT
SPAN = 4096
LOG = -1
BINS = 20  # of a histogram
DENSE = 4096  # from here on counting in an array is faster than sorting


@dataclass
class Bins:
    """Keys of the bins that are not empty, ascending, and their counts (both int64)."""

    level: int
    keys: np.ndarray
    counts: np.ndarray

    @classmethod
    def of(cls, values: np.ndarray, counts: np.ndarray | None = None, steps: bool = False) -> "Bins":
        """Return the bins of finite doubles, each counted as often as *counts* says."""
        if steps:
            return cls(0, *added(np.floor(values).astype(np.int64), counts)).coarse()
        raw = (values.view(np.uint64) >> np.uint64(SHIFT)).view(np.int64)
        keys, found = added(raw, counts)
        return cls(LOG, *added(np.where(keys >= SIGN, SIGN - keys, keys), found))

    def coarse(self, level: int = 0) -> "Bins":
        """Return the bins at *level* or the lowest level above it at which SPAN bins cover all values."""
        if self.level == LOG or not len(self.keys):
            return self
        shift = max(0, level - self.level)
        while (int(self.keys[-1]) >> shift) - (int(self.keys[0]) >> shift) >= SPAN:
            shift += 1
        return Bins(self.level + shift, *added(self.keys >> shift, self.counts)) if shift else self

    @classmethod
    def merged(cls, parts: list["Bins"]) -> "Bins":
        """Return the sum of *parts*, which all count numbers or all count dates or times."""
        parts = [part for part in parts if len(part.keys)] or parts[:1]
        level = max(part.level for part in parts)
        parts = [part.coarse(level) for part in parts]
        keys, counts = (np.concatenate([getattr(part, name) for part in parts]) for name in ("keys", "counts"))
        return cls(level, *added(keys, counts)).coarse()

    def ends(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the lower and upper ends of the bins (doubles); a bin holds its end that is nearer to zero, if any."""
        if self.level != LOG:
            return (self.keys << self.level).astype(float), ((self.keys + 1) << self.level).astype(float)
        size = np.abs(self.keys)
        inner, outer = ((size + more << SHIFT).view(np.float64) for more in (0, 1))
        outer = np.minimum(outer, np.finfo(float).max)  # the last bin would end at infinity
        return np.where(self.keys <= 0, -outer, inner), np.where(self.keys < 0, -inner, outer)

    def middles(self, whole: bool) -> np.ndarray:
        """Return a value for each bin: its middle, among *whole* numbers where all values are whole."""
        low, high = self.ends()
        if whole:
            inner = np.where(self.keys < 0, np.floor(high), np.ceil(low))
            outer = np.where(self.keys < 0, np.floor(low) + 1, np.ceil(high) - 1)
            return np.trunc(inner / 2 + outer / 2) + 0.0
        return low / 2 + high / 2

    def encoded(self) -> dict:
        """Return the bins as JSON: level, first key, and the gaps and counts as little-endian integers in base64."""
        wide = "<u8" if len(self.counts) and self.counts.max() >= 2**32 else "<u4"
        texts = {"gaps": np.diff(self.keys).astype("<u4"), "counts": self.counts.astype(wide)}
        first = int(self.keys[0]) if len(self.keys) else 0
        return {"level": self.level, "first": first} | {name: as_text(array) for name, array in texts.items()}

    @classmethod
    def decoded(cls, content: dict) -> "Bins":
        """Return the bins of *content* as encoded() writes it."""
        gaps, raw = from_text(content["gaps"], "<u4"), base64.b64decode(content["counts"])
        wide = "<u8" if len(raw) == 8 * (len(gaps) + 1) else "<u4"
        counts = np.frombuffer(raw, wide).astype(np.int64)
        keys = content["first"] + np.concatenate([[0], np.cumsum(gaps, dtype=np.int64)])
        return cls(content["level"], keys[: len(counts)], counts)


def added(keys: np.ndarray, counts: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Return the distinct *keys* (int64), ascending, and the sum of the counts of each; None counts each once."""
    if not len(keys):
        return keys, np.zeros(0, np.int64)
    low, high = int(keys.min()), int(keys.max())
    if len(keys) > DENSE and high - low < 2 * SIGN:
        dense = np.bincount(keys - low, counts)
        found = np.flatnonzero(dense)
        return found + low, dense[found].astype(np.int64)
    if counts is None:
        return np.unique(keys, return_counts=True)
    order = np.argsort(keys, kind="stable")
    keys = keys[order]
    starts = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]]))
    return keys[starts], np.add.reduceat(counts[order], starts)


def as_text(array: np.ndarray) -> str:
    """Return the bytes of *array* in base64."""
    return base64.b64encode(array.tobytes()).decode()


def from_text(text: str, kind: str) -> np.ndarray:
    """Return the array of *kind* that as_text wrote."""
    return np.frombuffer(base64.b64decode(text), kind)


def histogram(middles: np.ndarray, counts: np.ndarray, low: float, high: float) -> dict:
    """Return edges and counts of BINS equal-width bins from *low* to *high*; a bin of the sketch goes by its middle."""
    width = high / BINS - low / BINS or 1.0
    at = np.clip(np.floor((middles - low) / width), 0, BINS - 1).astype(np.int64)
    found = np.bincount(at, weights=counts, minlength=BINS)
    return {"edges": [low + width * index for index in range(BINS + 1)], "counts": found.astype(int).tolist()}
