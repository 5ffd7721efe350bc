"""Mergeable sketch of a column of texts or booleans: frequent values, distinct count, counts by hash, lengths.

The number of distinct values is estimated like in a KMV sketch, from the K smallest hashes (see hashing.py). In each
part (at most 2^20 rows) all values are counted exactly if fewer than K are distinct. Otherwise the part is truncated:
only values that make up at least 1 / K of its rows are listed. They are found by their hashes, the rare ones being
excluded by the counts of hash prefixes. Merging only adds: a count is too small by at most *error*, and exact if every
truncated part lists the value. As in histogram.py, nothing depends on chance, nor on the order and grouping in which
parts are merged. That rules out KLL and t-digest for lengths, and Misra-Gries and SpaceSaving for frequent values.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from scripts.statistics import hashing
from scripts.statistics.histogram import Histogram, decode_array, encode_array, equal_width_histogram, sum_by_key

BUCKETS = 256
PREFIX_BITS = 16  # of a hash: values whose prefix is rare are rare themselves
SUMMED_FIELDS = ("count", "missing", "error", "truncated_parts", "buckets", "length")


def count_values(chunk: pa.Array) -> tuple[pa.Array, np.ndarray]:
    """Return the non-null values of *chunk* and their counts; a plain array gives each row with count 1."""
    if not pa.types.is_dictionary(chunk.type):
        texts = chunk.drop_null()
        return texts, np.ones(len(texts), np.int64)
    counts = np.bincount(chunk.indices.drop_null().to_numpy(), minlength=len(chunk.dictionary))
    used = np.flatnonzero(counts)
    return chunk.dictionary.take(pa.array(used)), counts[used]


def sum_by_hash(hashed: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the distinct hashes, ascending, and the sum of the *counts* of each."""
    distinct, at = np.unique(hashed, return_inverse=True)
    return distinct, np.bincount(at, counts, len(distinct)).astype(np.int64)


def frequent_hashes(hashed: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray, int]:
    """Return the hashes of at least 1 / K of the rows, ascending, their counts, and a bound on all other counts."""
    min_count = -(-int(counts.sum()) // hashing.K)
    prefix = (hashed >> np.uint64(64 - PREFIX_BITS)).astype(np.int64)
    sums = np.bincount(prefix, counts, 1 << PREFIX_BITS)
    maybe = sums[prefix] >= min_count
    candidates, totals = sum_by_hash(hashed[maybe], counts[maybe])
    rare = max(sums[sums < min_count].max(initial=0), totals[totals < min_count].max(initial=0))
    return candidates[totals >= min_count], totals[totals >= min_count], int(rare)


def look_up_texts(wanted: np.ndarray, hashed: list[np.ndarray], texts: list[pa.Array]) -> list[str]:
    """Return the text of each of the *wanted* hashes (ascending)."""
    found: dict[int, str] = {}
    for chunk, values in zip(hashed, texts, strict=True):
        if len(found) == len(wanted):
            break
        place = np.minimum(np.searchsorted(wanted, chunk), len(wanted) - 1)
        rows = np.flatnonzero(wanted[place] == chunk)
        _, first = np.unique(chunk[rows], return_index=True)
        rows = rows[first]
        found |= zip(chunk[rows].tolist(), values.take(pa.array(rows)).to_pylist(), strict=True)
    return [found[value] for value in wanted.tolist()]


@dataclass
class TextSketch:
    """Listed values (count, number of truncated parts that list it) and what else is known of a text column.

    *error* bounds by how much a count can be too small; *buckets* are counts by the first 8 bits of the hash; lengths
    are in characters, and *length* is their sum.
    """

    dtype: str
    count: int
    missing: int
    values: dict[str, tuple[int, int]]
    error: int
    truncated_parts: int
    buckets: np.ndarray
    hashes: np.ndarray
    length: int
    shortest: int | None
    longest: int | None
    lengths: Histogram

    @classmethod
    def from_column(cls, column: pa.ChunkedArray) -> "TextSketch":
        """Return the sketch of *column* (texts, plain or dictionary-encoded, or booleans)."""
        dtype = "boolean" if pa.types.is_boolean(column.type) else "text"
        column = pc.cast(column, pa.string()) if dtype == "boolean" else column
        chunks = [count_values(chunk) for chunk in column.chunks if len(chunk) > chunk.null_count]
        hashed = [hashing.hash_texts(texts) for texts, _ in chunks]
        every = np.concatenate([np.zeros(0, np.uint64), *hashed])
        times = np.concatenate([np.zeros(0, np.int64), *(counts for _, counts in chunks)])
        few = hashing.smallest_hashes(hashed)
        frequent, counts, error = (
            (*sum_by_hash(every, times), 0) if len(few) < hashing.K else frequent_hashes(every, times)
        )
        names = look_up_texts(frequent, hashed, [texts for texts, _ in chunks])
        truncated = int(len(few) == hashing.K)
        sizes = [pc.utf8_length(texts).to_numpy(zero_copy_only=False) for texts, _ in chunks]
        sizes, length_counts = sum_by_key(np.concatenate([np.zeros(0, np.int64), *sizes]), times)
        return cls(
            dtype,
            len(column) - column.null_count,
            column.null_count,
            {name: (count, truncated) for name, count in zip(names, counts.tolist(), strict=True)},
            error,
            truncated,
            np.bincount((every >> np.uint64(56)).astype(np.int64), times, BUCKETS).astype(np.int64),
            few,
            int(sizes @ length_counts),
            *((int(sizes[0]), int(sizes[-1])) if len(sizes) else (None, None)),
            Histogram.from_values(sizes.astype(float), length_counts),
        )

    @classmethod
    def merge(cls, parts: list["TextSketch"]) -> "TextSketch":
        """Return the sketch of all rows of *parts*, the same for any order and grouping."""
        values: dict[str, tuple[int, int]] = {}
        for part in parts:
            for value, (count, listed_in) in part.values.items():
                before = values.get(value, (0, 0))
                values[value] = (before[0] + count, before[1] + listed_in)
        return cls(
            dtype=parts[0].dtype,
            values=values,
            hashes=hashing.smallest_hashes(part.hashes for part in parts),
            lengths=Histogram.merge([part.lengths for part in parts]),
            shortest=min((part.shortest for part in parts if part.count), default=None),
            longest=max((part.longest for part in parts if part.count), default=None),
            **{name: sum(getattr(part, name) for part in parts) for name in SUMMED_FIELDS},
        )

    def exact_counts(self) -> dict[str, int]:
        """Return the listed values whose count is exact, with that count."""
        return {value: count for value, (count, listed_in) in self.values.items() if listed_in == self.truncated_parts}

    def statistics(self, top: int) -> dict:
        """Return the statistics of the column as JSON, including the sketch itself under `sketch`.

        `top` has the *top* most frequent values, ties ordered by value.
        """
        values = sorted(
            ((value, *counts) for value, counts in self.values.items()), key=lambda item: (-item[1], item[0])
        )
        sketch = {
            "values": [list(item) for item in values],
            "error": self.error,
            "cut": self.truncated_parts,
            "shown": top,
        }
        sketch |= {"buckets": encode_array(self.buckets), "hashes": encode_array(self.hashes)}
        sketch |= {"length": self.length, "ends": [self.shortest, self.longest], "lengths": self.lengths.to_json()}
        result = {"type": self.dtype, "count": self.count, "missing": self.missing, "sketch": sketch}
        result |= {
            "distinct": hashing.estimate_distinct(self.hashes),
            "top": [[value, count] for value, count, _ in values[:top]],
        }
        if self.dtype == "boolean" or not self.count:
            return result
        low, high = self.shortest, self.longest
        middles = np.clip(self.lengths.midpoints(whole=True), low, high)
        lengths = {"min": low, "max": high, "mean": self.length / self.count}
        return result | {
            "lengths": lengths | {"histogram": equal_width_histogram(middles, self.lengths.counts, low, high)}
        }

    @classmethod
    def from_statistics(cls, statistics: dict) -> "TextSketch":
        """Return the sketch in *statistics* as statistics() returned them."""
        sketch = statistics["sketch"]
        return cls(
            *(statistics[name] for name in ("type", "count", "missing")),
            {value: (count, listed_in) for value, count, listed_in in sketch["values"]},
            *(sketch[name] for name in ("error", "cut")),
            decode_array(sketch["buckets"], "<i8"),
            decode_array(sketch["hashes"], "<u8"),
            sketch["length"],
            *sketch["ends"],
            Histogram.from_json(sketch["lengths"]),
        )
