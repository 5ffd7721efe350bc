"""Mergeable sketch of a column of numbers, integers, dates (as days since 1970) or times (as seconds since 1970).

All its parts (counts, range, exact sums, log-linear histogram, smallest hashes) are the same for any order and grouping
of the rows, and so are the statistics computed from it.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from scripts.provenance.canonical import round_floats
from scripts.statistics import exact_sum, hashing
from scripts.statistics.histogram import Histogram, decode_array, encode_array, equal_width_histogram

MAX_DISTINCT = 2048  # if a sample has at most so many distinct values, values are counted first
SAMPLE_SIZE = 4096
QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
LINEAR_DTYPES = ("date", "time")
SUMMED_FIELDS = ("count", "missing", "nan", "infinite", "total", "square")


def dtype_name(arrow_type: pa.DataType) -> str:
    """Return the column type (number, integer, date or time) of an Arrow type other than text and boolean."""
    if pa.types.is_date(arrow_type):
        return "date"
    if pa.types.is_timestamp(arrow_type):
        return "time"
    return "integer" if pa.types.is_integer(arrow_type) else "number"


def to_numpy(column: pa.ChunkedArray) -> np.ndarray:
    """Return the values that are not missing as doubles, or as int64 for integers, dates (days) and times (µs)."""
    column = column.drop_null() if column.null_count else column
    if not pa.types.is_floating(column.type):
        column = pc.cast(pc.cast(column, pa.int32()) if pa.types.is_date32(column.type) else column, pa.int64())
    return column.to_numpy()


def count_if_few_distinct(values: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    """Return the distinct values and their counts if they seem to be few, else *values* and None."""
    sample = values[:: max(1, len(values) // SAMPLE_SIZE)]
    if len(values) < SAMPLE_SIZE or len(np.unique(sample)) > MAX_DISTINCT:
        return values, None
    found = pc.value_counts(pa.array(values))
    return found.field("values").to_numpy(), found.field("counts").to_numpy()


def is_whole(values: np.ndarray) -> bool:
    """Return whether all of *values* are whole numbers."""
    return all(bool((part == np.floor(part)).all()) for part in (values[:1000], values[1000:]))


@dataclass
class NumericSketch:
    """Counts, range, exact sums (units as in exact_sum.py), histogram and smallest hashes of a column.

    NaN and infinite values are counted, and enter nothing else but the hashes.
    """

    dtype: str
    count: int
    missing: int
    nan: int
    infinite: int
    low: float | int | None
    high: float | int | None
    whole: bool
    bins: Histogram
    total: int
    square: int
    hashes: np.ndarray

    @classmethod
    def from_column(cls, column: pa.ChunkedArray) -> "NumericSketch":
        """Return the sketch of *column*."""
        dtype = dtype_name(column.type)
        values, counts = count_if_few_distinct(to_numpy(column))
        times = np.ones(1, np.int64) if counts is None else counts
        hashed = hashing.smallest_hashes_of_numbers(values)
        nan = infinite = 0
        floats = values if dtype == "number" else values / 1e6 if dtype == "time" else values.astype(float)
        if not (finite := np.isfinite(floats)).all():
            nan, infinite = (int((times * test(floats)).sum()) for test in (np.isnan, np.isinf))
            floats, counts = floats[finite], None if counts is None else counts[finite]
            values = floats
        ends = (values.min().item() + 0, values.max().item() + 0) if len(values) else (None, None)  # no -0.0
        low, high = (end / 1e6 if dtype == "time" and end is not None else end for end in ends)
        whole = dtype in ("integer", "date") or is_whole(floats)
        return cls(
            dtype,
            len(column) - column.null_count,
            column.null_count,
            nan,
            infinite,
            low,
            high,
            whole,
            Histogram.from_values(floats, counts, dtype in LINEAR_DTYPES),
            *exact_sum.power_sums(floats, counts),
            hashed,
        )

    @classmethod
    def merge(cls, parts: list["NumericSketch"]) -> "NumericSketch":
        """Return the sketch of all rows of *parts*, the same for any order and grouping."""
        sums = {name: sum(getattr(part, name) for part in parts) for name in SUMMED_FIELDS}
        ends = {"low": min, "high": max}
        found = {name: [getattr(part, name) for part in parts if getattr(part, name) is not None] for name in ends}
        return cls(
            dtype=parts[0].dtype,
            **sums,
            **{name: end(found[name], default=None) for name, end in ends.items()},
            whole=all(part.whole for part in parts),
            bins=Histogram.merge([part.bins for part in parts]),
            hashes=hashing.smallest_hashes(part.hashes for part in parts),
        )

    def statistics(self) -> dict:
        """Return the statistics of the column as JSON, including the sketch itself under `sketch`."""
        sketch = {"bins": self.bins.to_json(), "hashes": encode_array(self.hashes), "whole": self.whole}
        sketch |= {"sums": [exact_sum.encode_integer(self.total), exact_sum.encode_integer(self.square)]}
        result = {"type": self.dtype, "count": self.count, "missing": self.missing, "sketch": sketch}
        result["distinct"] = hashing.estimate_distinct(self.hashes)
        if self.dtype == "number":
            result |= {"nan": self.nan, "infinite": self.infinite}
        size = self.count - self.nan - self.infinite
        if not size:
            return result
        low, high = round_floats(self.low), round_floats(self.high)
        mean, sd = exact_sum.mean_and_sd(self.total, self.square, size)
        middles = np.clip(self.bins.midpoints(self.whole), low, high)
        ranks = [int(share * (size - 1)) for share in QUANTILES]
        at = np.searchsorted(np.cumsum(self.bins.counts), ranks, side="right")
        quantiles = dict(zip(map(str, QUANTILES), middles[at].tolist(), strict=True))
        moments = {"min": low, "max": high, "mean": mean, "sd": sd, "quantiles": quantiles}
        return result | moments | {"histogram": equal_width_histogram(middles, self.bins.counts, low, high)}

    @classmethod
    def from_statistics(cls, statistics: dict) -> "NumericSketch":
        """Return the sketch in *statistics* as statistics() returned them."""
        sketch = statistics["sketch"]
        return cls(
            *(statistics[name] for name in ("type", "count", "missing")),
            *(statistics.get(name, 0) for name in ("nan", "infinite")),
            *(statistics.get(name) for name in ("min", "max")),
            sketch["whole"],
            Histogram.from_json(sketch["bins"]),
            *map(exact_sum.decode_integer, sketch["sums"]),
            decode_array(sketch["hashes"], "<u8"),
        )
