"""Frequent values of one part of a text column, found by their hashes."""

import numpy as np
import pyarrow as pa

from scripts.statistics import hashes

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
    least = -(-int(counts.sum()) // hashes.K)
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
