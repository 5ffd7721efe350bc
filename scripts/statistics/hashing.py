"""A fixed 64-bit hash of numbers and texts, and a KMV sketch of the number of distinct values.

The sketch holds the K smallest hashes of the distinct values (k minimum values: Bar-Yossef et al., "Counting distinct
elements in a data stream", 2002), which are the same for any order and grouping of the rows. Fewer than K distinct
values are counted exactly, more with a standard error of 1 / sqrt(K - 2), about 3 %.
"""

import hashlib
from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

K = 1024
BLOCK = 2**14
GOLDEN_GAMMA = np.uint64(0x9E3779B97F4A7C15)
LONG_TEXT = 256  # bytes; longer texts are hashed one by one with BLAKE2b


def mix(bits: np.ndarray) -> np.ndarray:
    """Return a bijective mix of 64-bit integers: the finaliser of SplitMix64 (Steele, Lea and Flood, 2014)."""
    value = bits ^ (bits >> np.uint64(30))
    value *= np.uint64(0xBF58476D1CE4E5B9)
    value ^= value >> np.uint64(27)
    value *= np.uint64(0x94D049BB133111EB)
    value ^= value >> np.uint64(31)
    return value


def hash_numbers(values: np.ndarray) -> np.ndarray:
    """Return the hashes (uint64) of int64 or double values."""
    if values.dtype == np.float64:
        values = values + 0.0  # so that -0.0 is 0.0
    return mix(values.view(np.uint64) + GOLDEN_GAMMA)


def hash_texts(texts: pa.Array) -> np.ndarray:
    """Return the hashes (uint64) of the UTF-8 bytes of *texts* (without nulls)."""
    texts = pc.cast(texts, pa.large_binary())
    blocks = [hash_text_block(texts[start : start + BLOCK]) for start in range(0, len(texts), BLOCK)]
    return np.concatenate([np.zeros(0, np.uint64), *blocks])


def hash_text_block(texts: pa.LargeBinaryArray) -> np.ndarray:
    """Return the hashes of a block of *texts*, computed eight bytes at a time."""
    _, ends, data = texts.buffers()
    ends = np.frombuffer(ends, np.int64)[texts.offset : texts.offset + len(texts) + 1]
    content = b"" if data is None else bytes(memoryview(data)[int(ends[0]) : int(ends[-1])])
    words = np.ndarray(len(content) + 1, "<u8", content + bytes(8), strides=(1,))
    at, left = ends[:-1] - ends[0], np.diff(ends)
    result = mix(left.view(np.uint64) + GOLDEN_GAMMA)
    for index in np.flatnonzero(left > LONG_TEXT).tolist():
        digest = hashlib.blake2b(content[at[index] : at[index] + left[index]], digest_size=8).digest()
        result[index] = int.from_bytes(digest, "little")
    rows = np.flatnonzero((left > 0) & (left <= LONG_TEXT))
    at, left, state = at[rows], left[rows], result[rows]
    while len(rows):
        unused = (np.maximum(8 - left, 0) << 3).view(np.uint64)
        state = result[rows] = mix(state * GOLDEN_GAMMA ^ (words[at] << unused))
        more = np.flatnonzero(left > 8)
        rows, at, left, state = rows[more], at[more] + 8, left[more] - 8, state[more]
    return result


def unique(hashes: np.ndarray) -> np.ndarray:
    """Return the distinct *hashes*, ascending."""
    hashes = np.sort(hashes)
    return hashes[np.concatenate([[True], hashes[1:] != hashes[:-1]])] if len(hashes) else hashes


def smallest_hashes(blocks: Iterable[np.ndarray]) -> np.ndarray:
    """Return the K smallest distinct hashes of all *blocks*, ascending."""
    minima, waiting, size = np.zeros(0, np.uint64), [], 0
    pieces = (block[start : start + BLOCK] for block in blocks for start in range(0, len(block), BLOCK))
    for block in pieces:
        candidates = block[block < minima[-1]] if len(minima) == K else block
        waiting.append(candidates)
        size += len(candidates)
        if size > 2 * K:
            minima, waiting, size = unique(np.concatenate([minima, *waiting]))[:K], [], 0
    return unique(np.concatenate([minima, *waiting]))[:K]


def smallest_hashes_of_numbers(values: np.ndarray) -> np.ndarray:
    """Return the K smallest distinct hashes of int64 or double values, ascending."""
    return smallest_hashes(hash_numbers(values[start : start + BLOCK]) for start in range(0, len(values), BLOCK))


def estimate_distinct(hashes: np.ndarray) -> int:
    """Return the estimated number of distinct values from their smallest hashes; exact below K."""
    if len(hashes) < K:
        return len(hashes)
    return round((K - 1) / (float(hashes[-1]) / 2.0**64))
