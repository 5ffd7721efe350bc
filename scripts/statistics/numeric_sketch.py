"""The values of an Arrow column as numpy arrays.

The sketch of a column of numbers, integers, dates (as days since 1970) or times (as seconds since 1970)."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from scripts.provenance.canonical import rounded
from scripts.statistics import exact_sum, hashing
from scripts.statistics.histogram import Bins, as_text, from_text, histogram

FEW = 2048  # where a sample has so few distinct values, they are counted first
SAMPLE = 4096


def kind_of(kind: pa.DataType) -> str:
    """Return the word for an Arrow type other than text and boolean."""
    if pa.types.is_date(kind):
        return "date"
    if pa.types.is_timestamp(kind):
        return "time"
    return "integer" if pa.types.is_integer(kind) else "number"


def raw(column: pa.ChunkedArray) -> np.ndarray:
    """Return the values that are not missing: doubles, or int64 for integers, days and microseconds."""
    column = column.drop_null() if column.null_count else column
    if not pa.types.is_floating(column.type):
        column = pc.cast(pc.cast(column, pa.int32()) if pa.types.is_date32(column.type) else column, pa.int64())
    return column.to_numpy()


def condensed(values: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    """Return distinct values and their counts where they are few, else *values* and None."""
    sample = values[:: max(1, len(values) // SAMPLE)]
    if len(values) < SAMPLE or len(np.unique(sample)) > FEW:
        return values, None
    found = pc.value_counts(pa.array(values))
    return found.field("values").to_numpy(), found.field("counts").to_numpy()


def is_whole(values: np.ndarray) -> bool:
    """Return whether all of *values* are whole numbers."""
    return all(bool((part == np.floor(part)).all()) for part in (values[:1000], values[1000:]))


QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
STEPS = ("date", "time")


@dataclass
class Numbers:
    """Counts, range, exact sums (see exact.py), bins and smallest hashes; nan and infinities count, but no more."""

    kind: str
    count: int
    missing: int
    nan: int
    infinite: int
    low: float | int | None
    high: float | int | None
    whole: bool
    bins: Bins
    total: int
    square: int
    hashes: np.ndarray

    @classmethod
    def of(cls, column: pa.ChunkedArray) -> "Numbers":
        """Return the sketch of *column*."""
        kind = kind_of(column.type)
        values, counts = condensed(raw(column))
        times = np.ones(1, np.int64) if counts is None else counts
        hashed = hashing.of_distinct(values)
        nan = infinite = 0
        figures = values if kind == "number" else values / 1e6 if kind == "time" else values.astype(float)
        if not (finite := np.isfinite(figures)).all():
            nan, infinite = (int((times * test(figures)).sum()) for test in (np.isnan, np.isinf))
            figures, counts = figures[finite], None if counts is None else counts[finite]
            values = figures
        ends = (values.min().item() + 0, values.max().item() + 0) if len(values) else (None, None)  # no -0.0
        low, high = (end / 1e6 if kind == "time" and end is not None else end for end in ends)
        whole = kind in ("integer", "date") or is_whole(figures)
        return cls(
            kind,
            len(column) - column.null_count,
            column.null_count,
            nan,
            infinite,
            low,
            high,
            whole,
            Bins.of(figures, counts, kind in STEPS),
            *exact_sum.power_sums(figures, counts),
            hashed,
        )

    @classmethod
    def merged(cls, parts: list["Numbers"]) -> "Numbers":
        """Return the sketch of all rows of *parts*, in whatever order and grouping they come."""
        sums = {name: sum(getattr(part, name) for part in parts) for name in SUMS}
        ends = {"low": min, "high": max}
        found = {name: [getattr(part, name) for part in parts if getattr(part, name) is not None] for name in ends}
        return cls(
            kind=parts[0].kind,
            **sums,
            **{name: end(found[name], default=None) for name, end in ends.items()},
            whole=all(part.whole for part in parts),
            bins=Bins.merged([part.bins for part in parts]),
            hashes=hashing.smallest(part.hashes for part in parts),
        )

    def figures(self) -> dict:
        """Return the figures of the column as JSON, with the sketch that gave them."""
        sketch = {"bins": self.bins.encoded(), "hashes": as_text(self.hashes), "whole": self.whole}
        sketch |= {"sums": [exact_sum.text_of(self.total), exact_sum.text_of(self.square)]}
        found = {"type": self.kind, "count": self.count, "missing": self.missing, "sketch": sketch}
        found["distinct"] = hashing.distinct(self.hashes)
        if self.kind == "number":
            found |= {"nan": self.nan, "infinite": self.infinite}
        size = self.count - self.nan - self.infinite
        if not size:
            return found
        low, high = rounded(self.low), rounded(self.high)
        mean, sd = exact_sum.mean_sd(self.total, self.square, size)
        middles = np.clip(self.bins.middles(self.whole), low, high)
        ranks = [int(share * (size - 1)) for share in QUANTILES]
        at = np.searchsorted(np.cumsum(self.bins.counts), ranks, side="right")
        quantiles = dict(zip(map(str, QUANTILES), middles[at].tolist(), strict=True))
        figures = {"min": low, "max": high, "mean": mean, "sd": sd, "quantiles": quantiles}
        return found | figures | {"histogram": histogram(middles, self.bins.counts, low, high)}

    @classmethod
    def read(cls, figures: dict) -> "Numbers":
        """Return the sketch in *figures* as figures() writes them."""
        sketch = figures["sketch"]
        return cls(
            *(figures[name] for name in ("type", "count", "missing")),
            *(figures.get(name, 0) for name in ("nan", "infinite")),
            *(figures.get(name) for name in ("min", "max")),
            sketch["whole"],
            Bins.decoded(sketch["bins"]),
            *map(exact_sum.number_of, sketch["sums"]),
            from_text(sketch["hashes"], "<u8"),
        )


SUMS = ("count", "missing", "nan", "infinite", "total", "square")
