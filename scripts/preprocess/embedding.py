"""Vectors of things that occur together: positive pointwise mutual information and its truncated decomposition.

Levy & Goldberg 2014, Neural Word Embedding as Implicit Matrix Factorization; Bullinaria & Levy 2007, Behavior Research
Methods 39:510-526.
"""

import numpy as np
from scipy import sparse
from threadpoolctl import threadpool_limits

DENSE = 500  # things, up to which all eigenvectors are found at once
SPARE, ROUNDS = 20, 40  # least dimensions beyond those asked for, and rounds, of subspace iteration
GRID = 2.0**-24  # on which vectors lie: sums of 2^24 of them that are below 16 are exact, in any order


def on_grid(values: np.ndarray) -> np.ndarray:
    """Return *values* rounded to the grid."""
    return np.round(values / GRID) * GRID + 0.0


def ppmi(counts: sparse.csr_array) -> sparse.csr_array:
    """Return the positive pointwise mutual information of a symmetric matrix of counts."""
    found = sparse.coo_array(counts, dtype=np.float64)
    sums = np.asarray(counts.sum(axis=1), np.float64).ravel()
    rows, columns = found.coords
    found.data = np.maximum(np.log(found.data * sums.sum() / (sums[rows] * sums[columns])), 0)
    made = found.tocsr()
    made.eliminate_zeros()
    return made


def leading(matrix: sparse.csr_array, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return eigenvalues and vectors of a symmetric *matrix*, among them the *size* that are furthest from 0.

    Subspace iteration (Halko, Martinsson & Tropp 2011) from a fixed start; a matrix of any rank will do.
    """
    basis = np.random.RandomState(0).uniform(-1, 1, (matrix.shape[0], size + max(size, SPARE)))
    for _ in range(ROUNDS):
        basis = np.linalg.qr(matrix @ basis)[0]
    values, inside = np.linalg.eigh(basis.T @ (matrix @ basis))
    return values, basis @ inside


def factors(matrix: sparse.csr_array, size: int) -> np.ndarray:
    """Return a vector [size] for each row of a symmetric *matrix*: its truncated singular value decomposition U √S.

    Same bytes for any number of threads. The largest element of each dimension is positive; where there are fewer
    dimensions than *size* the rest is 0.
    """
    count = matrix.shape[0]
    with threadpool_limits(1):
        values, vectors = np.linalg.eigh(matrix.toarray()) if count <= DENSE + size else leading(matrix, size)
        order = np.lexsort((-values, -np.round(np.abs(values), 9)))[:size]
        scaled = vectors[:, order] * np.sqrt(np.abs(values[order]))
    peaks = scaled[np.abs(np.round(scaled, 9)).argmax(axis=0), range(scaled.shape[1])]
    made = np.zeros((count, size))
    made[:, : len(order)] = on_grid(scaled * np.where(peaks < 0, -1, 1))
    return made
