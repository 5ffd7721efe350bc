"""The rows of a stream, or, of more than fit in memory, a sample of them."""

import numpy as np
import pyarrow as pa

from scripts.feedback.labels import make_keys
from scripts.statistics.hashing import hash_texts


def hash_keys(rows: pa.Table) -> np.ndarray:
    """Return the hashes (uint64) of the keys of requested *rows*, by which samples are drawn."""
    return hash_texts(make_keys(rows["request"], rows["position"]))


class RowSample:
    """All rows that were added, in their order, up to *size* rows; of more, a sample of that size.

    The sample is simple and random as the hashes of the rows are: those with the smallest hashes are kept. So it is the
    same for any order of the rows. Rows with equal hashes count as one row of the sample.
    """

    def __init__(self, size: int):
        self.size, self.seen, self.waiting = size, 0, 0
        self.parts: list[pa.Table] = []
        self.hashes: list[np.ndarray] = []
        self.largest = np.iinfo(np.uint64).max

    def add(self, rows: pa.Table, hashes: np.ndarray) -> None:
        """Add *rows* with their *hashes* [rows]."""
        self.seen += len(rows)
        if self.seen > self.size:
            kept = hashes <= self.largest
            rows, hashes = rows.filter(pa.array(kept)), hashes[kept]
        self.parts.append(rows)
        self.hashes.append(hashes)
        self.waiting += len(rows)
        if self.waiting > self.size + self.size // 4:
            self.prune()

    def prune(self) -> None:
        """Keep the rows with the smallest hashes."""
        rows, hashes = pa.concat_tables(self.parts), np.concatenate(self.hashes)
        if len(hashes) > self.size:
            self.largest = np.partition(hashes, self.size - 1)[self.size - 1]
            kept = hashes <= self.largest
            rows, hashes = rows.filter(pa.array(kept)), hashes[kept]
        self.parts, self.hashes, self.waiting = [rows], [hashes], len(rows)

    def rows(self) -> pa.Table | None:
        """Return the rows of the sample, None if none were added."""
        if not self.parts:
            return None
        self.prune()
        return self.parts[0]
