"""Embeddings from co-occurrence counts: positive pointwise mutual information (PPMI) and its truncated SVD.

Levy & Goldberg 2014, Neural Word Embedding as Implicit Matrix Factorization; Bullinaria & Levy 2007, Behavior Research
Methods 39:510-526. The results are the same bytes for any number of threads.
"""

import numpy as np
from scipy import sparse
from threadpoolctl import threadpool_limits

MAX_DENSE_SIZE = 500  # rows up to which a dense solver computes all eigenvectors
OVERSAMPLING, ITERATIONS = 20, 40  # of subspace iteration: least number of additional dimensions, and iterations
GRID_STEP = 2.0**-24  # vectors are multiples of it: sums of up to 2^24 of them below 16 are exact in any order


def round_to_grid(values: np.ndarray) -> np.ndarray:
    """Return *values* rounded to multiples of GRID_STEP."""
    return np.round(values / GRID_STEP) * GRID_STEP + 0.0


def ppmi(counts: sparse.csr_array) -> sparse.csr_array:
    """Return the positive pointwise mutual information of a symmetric matrix of co-occurrence counts."""
    entries = sparse.coo_array(counts, dtype=np.float64)
    sums = np.asarray(counts.sum(axis=1), np.float64).ravel()
    rows, columns = entries.coords
    entries.data = np.maximum(np.log(entries.data * sums.sum() / (sums[rows] * sums[columns])), 0)
    result = entries.tocsr()
    result.eliminate_zeros()
    return result


def leading_eigenvectors(matrix: sparse.csr_array, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return eigenvalues and eigenvectors [rows, eigenvalues] of a symmetric *matrix*, with the *size* largest ones.

    Large means by absolute value. Subspace iteration (Halko, Martinsson & Tropp 2011) starts from fixed vectors; the
    matrix may have any rank.
    """
    basis = np.random.RandomState(0).uniform(-1, 1, (matrix.shape[0], size + max(size, OVERSAMPLING)))
    for _ in range(ITERATIONS):
        basis = np.linalg.qr(matrix @ basis)[0]
    values, inside = np.linalg.eigh(basis.T @ (matrix @ basis))
    return values, basis @ inside


def factorize(matrix: sparse.csr_array, size: int) -> np.ndarray:
    """Return the truncated singular value decomposition U √S [rows, size] of a symmetric *matrix*.

    The largest element of each dimension, by absolute value, is positive. If there are fewer dimensions than *size*,
    the rest is 0.
    """
    count = matrix.shape[0]
    with threadpool_limits(1):
        values, vectors = (
            np.linalg.eigh(matrix.toarray()) if count <= MAX_DENSE_SIZE + size else leading_eigenvectors(matrix, size)
        )
        order = np.lexsort((-values, -np.round(np.abs(values), 9)))[:size]
        scaled = vectors[:, order] * np.sqrt(np.abs(values[order]))
    peaks = scaled[np.abs(np.round(scaled, 9)).argmax(axis=0), range(scaled.shape[1])]
    result = np.zeros((count, size))
    result[:, : len(order)] = round_to_grid(scaled * np.where(peaks < 0, -1, 1))
    return result
