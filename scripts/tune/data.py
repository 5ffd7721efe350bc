"""The rows that trials and the final fit take."""

from pathlib import Path

import numpy as np
from scipy import sparse

Rows = tuple[sparse.csr_matrix, np.ndarray]


def load(path: Path) -> Rows:
    """Return features [rows, width] and the label [rows] of a split: class numbers, or values (float64)."""
    with np.load(path, allow_pickle=False) as parts:
        matrix = sparse.csr_matrix((parts["data"], parts["indices"], parts["indptr"]), shape=tuple(parts["shape"]))
        return matrix, parts["y"]


def some(x: sparse.csr_matrix, y: np.ndarray, most: int | None) -> Rows:
    """Return *most* of the rows, drawn at random but always the same ones; all where *most* is None or not fewer."""
    if most is None or most >= len(y):
        return x, y
    rows = np.sort(np.random.default_rng(0).choice(len(y), most, replace=False))
    return x[rows], y[rows]
