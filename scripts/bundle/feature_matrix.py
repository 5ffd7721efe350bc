"""features.npz: the features and labels of a split, as the same bytes for the same rows."""

from pathlib import Path

import numpy as np
from scipy import sparse

Rows = tuple[sparse.csr_matrix, np.ndarray]


def replace_columns(x: sparse.csr_matrix, columns: np.ndarray, values: np.ndarray) -> sparse.csr_matrix:
    """Return *x* [rows, width] with *values* [rows, columns] in its *columns*."""
    others, at = np.ones(x.shape[1]), (np.repeat(np.arange(len(values)), len(columns)), np.tile(columns, len(values)))
    others[columns] = 0
    replaced = sparse.csr_matrix(x @ sparse.diags_array(others) + sparse.csr_array((values.ravel(), at), x.shape))
    replaced.eliminate_zeros()
    replaced.sort_indices()
    return replaced


def save_features(path: Path, x: sparse.csr_matrix, y: np.ndarray) -> None:
    """Write features [rows, width] and labels [rows] to *path*."""
    with open(path, "wb") as file:
        np.savez(file, data=x.data, indices=x.indices, indptr=x.indptr, shape=np.array(x.shape), y=y)


def load_features(path: Path) -> Rows:
    """Return the features [rows, width] and labels [rows] in *path*: class numbers, or values (float64)."""
    with np.load(path, allow_pickle=False) as parts:
        matrix = sparse.csr_matrix((parts["data"], parts["indices"], parts["indptr"]), shape=tuple(parts["shape"]))
        return matrix, parts["y"]
