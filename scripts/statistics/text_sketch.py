"""Frequent values of one part of a text column, found by their hashes.

The sketch of a column of texts or booleans: frequent values, counts by hash, lengths in characters.

Of each part (at most 2^20 rows) all values are counted exactly where fewer than hashes.K are distinct; else those that
make up at least one in K rows. Merging only adds, so that its order and grouping do not matter: a count is too small by
at most *error*, and exact where the value was kept in every part that was cut."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from scripts.statistics import hashing
from scripts.statistics.histogram import Bins, added, as_text, from_text, histogram

PREFIX = 16  # bits of a hash by which rare values are found


def counted(chunk: pa.Array) -> tuple[pa.Array, np.ndarray]:
    """Return the values of *chunk* and how often each occurs there; values may repeat."""
    if not pa.types.is_dictionary(chunk.type):
        texts = chunk.drop_null()
        return texts, np.ones(len(texts), np.int64)
    counts = np.bincount(chunk.indices.drop_null().to_numpy(), minlength=len(chunk.dictionary))
    used = np.flatnonzero(counts)
    return chunk.dictionary.take(pa.array(used)), counts[used]


def totals(hashed: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the distinct hashes, ascending, and the sum of the counts of each."""
    kept, at = np.unique(hashed, return_inverse=True)
    return kept, np.bincount(at, counts, len(kept)).astype(np.int64)


def frequent(hashed: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray, int]:
    """Return the hashes that make up at least one in K rows, their counts, and a bound on the counts of the others."""
    least = -(-int(counts.sum()) // hashing.K)
    prefix = (hashed >> np.uint64(64 - PREFIX)).astype(np.int64)
    sums = np.bincount(prefix, counts, 1 << PREFIX)
    maybe = sums[prefix] >= least
    kept, found = totals(hashed[maybe], counts[maybe])
    rare = max(sums[sums < least].max(initial=0), found[found < least].max(initial=0))
    return kept[found >= least], found[found >= least], int(rare)


def named(kept: np.ndarray, hashed: list[np.ndarray], texts: list[pa.Array]) -> list[str]:
    """Return the text of each of the *kept* hashes (ascending)."""
    found: dict[int, str] = {}
    for chunk, values in zip(hashed, texts, strict=True):
        if len(found) == len(kept):
            break
        place = np.minimum(np.searchsorted(kept, chunk), len(kept) - 1)
        rows = np.flatnonzero(kept[place] == chunk)
        _, first = np.unique(chunk[rows], return_index=True)
        rows = rows[first]
        found |= zip(chunk[rows].tolist(), values.take(pa.array(rows)).to_pylist(), strict=True)
    return [found[value] for value in kept.tolist()]


BUCKETS = 256


@dataclass
class Texts:
    """Values with their count and the number of cut parts that kept them; counts by the first 8 bits of the hash."""

    kind: str
    count: int
    missing: int
    values: dict[str, tuple[int, int]]
    error: int
    cut: int
    buckets: np.ndarray
    hashes: np.ndarray
    length: int
    shortest: int | None
    longest: int | None
    lengths: Bins

    @classmethod
    def of(cls, column: pa.ChunkedArray) -> "Texts":
        """Return the sketch of *column*, plain or dictionary-encoded."""
        kind = "boolean" if pa.types.is_boolean(column.type) else "text"
        column = pc.cast(column, pa.string()) if kind == "boolean" else column
        chunks = [counted(chunk) for chunk in column.chunks if len(chunk) > chunk.null_count]
        hashed = [hashing.of_texts(texts) for texts, _ in chunks]
        every = np.concatenate([np.zeros(0, np.uint64), *hashed])
        times = np.concatenate([np.zeros(0, np.int64), *(counts for _, counts in chunks)])
        few = hashing.smallest(hashed)
        kept, counts, error = (*totals(every, times), 0) if len(few) < hashing.K else frequent(every, times)
        names = named(kept, hashed, [texts for texts, _ in chunks])
        cut = int(len(few) == hashing.K)
        sizes = [pc.utf8_length(texts).to_numpy(zero_copy_only=False) for texts, _ in chunks]
        sizes, often = added(np.concatenate([np.zeros(0, np.int64), *sizes]), times)
        return cls(
            kind,
            len(column) - column.null_count,
            column.null_count,
            {name: (count, cut) for name, count in zip(names, counts.tolist(), strict=True)},
            error,
            cut,
            np.bincount((every >> np.uint64(56)).astype(np.int64), times, BUCKETS).astype(np.int64),
            few,
            int(sizes @ often),
            *((int(sizes[0]), int(sizes[-1])) if len(sizes) else (None, None)),
            Bins.of(sizes.astype(float), often),
        )

    @classmethod
    def merged(cls, parts: list["Texts"]) -> "Texts":
        """Return the sketch of all rows of *parts*, in whatever order and grouping they come."""
        values: dict[str, tuple[int, int]] = {}
        for part in parts:
            for value, (count, kept) in part.values.items():
                before = values.get(value, (0, 0))
                values[value] = (before[0] + count, before[1] + kept)
        return cls(
            kind=parts[0].kind,
            values=values,
            hashes=hashing.smallest(part.hashes for part in parts),
            lengths=Bins.merged([part.lengths for part in parts]),
            shortest=min((part.shortest for part in parts if part.count), default=None),
            longest=max((part.longest for part in parts if part.count), default=None),
            **{name: sum(getattr(part, name) for part in parts) for name in SUMS},
        )

    def known(self) -> dict[str, int]:
        """Return the values whose count is exact."""
        return {value: count for value, (count, kept) in self.values.items() if kept == self.cut}

    def figures(self, top: int) -> dict:
        """Return the figures of the column as JSON, the *top* most frequent values (ties by value), and the sketch."""
        values = sorted(((value, *found) for value, found in self.values.items()), key=lambda item: (-item[1], item[0]))
        sketch = {"values": [list(item) for item in values], "error": self.error, "cut": self.cut, "shown": top}
        sketch |= {"buckets": as_text(self.buckets), "hashes": as_text(self.hashes)}
        sketch |= {"length": self.length, "ends": [self.shortest, self.longest], "lengths": self.lengths.encoded()}
        found = {"type": self.kind, "count": self.count, "missing": self.missing, "sketch": sketch}
        found |= {
            "distinct": hashing.distinct(self.hashes),
            "top": [[value, count] for value, count, _ in values[:top]],
        }
        if self.kind == "boolean" or not self.count:
            return found
        low, high = self.shortest, self.longest
        middles = np.clip(self.lengths.middles(whole=True), low, high)
        lengths = {"min": low, "max": high, "mean": self.length / self.count}
        return found | {"lengths": lengths | {"histogram": histogram(middles, self.lengths.counts, low, high)}}

    @classmethod
    def read(cls, figures: dict) -> "Texts":
        """Return the sketch in *figures* as figures() writes them."""
        sketch = figures["sketch"]
        return cls(
            *(figures[name] for name in ("type", "count", "missing")),
            {value: (count, kept) for value, count, kept in sketch["values"]},
            *(sketch[name] for name in ("error", "cut")),
            from_text(sketch["buckets"], "<i8"),
            from_text(sketch["hashes"], "<u8"),
            sketch["length"],
            *sketch["ends"],
            Bins.decoded(sketch["lengths"]),
        )


SUMS = ("count", "missing", "error", "cut", "buckets", "length")
