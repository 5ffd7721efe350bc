"""Figures of the nodes of a graph: degrees, PageRank, clustering, core numbers and vectors, from its edges."""

import numpy as np
from scipy import sparse

from scripts.preprocess.embedding import factors, ppmi

ROUNDS = 1000  # of PageRank at most
CLOSE = 1e-12  # its change, summed over all nodes, at which it stops


def adjacency(heads: np.ndarray, tails: np.ndarray, weights: np.ndarray, count: int, directed: bool):
    """Return the weights [from, to] of *count* nodes; edges that are there twice are added, loops left out."""
    apart = heads != tails
    made = sparse.csr_array((weights[apart], (heads[apart], tails[apart])), shape=(count, count))
    made.sum_duplicates()
    return made if directed else sparse.csr_array(made + made.T)


def pattern(weights: sparse.csr_array) -> sparse.csr_array:
    """Return 1 where two nodes are joined in any direction."""
    both = sparse.csr_array(weights + weights.T)
    both.data[:] = 1
    return both


def degrees(weights: sparse.csr_array, directed: bool) -> dict[str, np.ndarray]:
    """Return number and sum of weights of the edges of each node, by direction where there is one."""
    joined = weights.copy()
    joined.data[:] = 1
    found = {}
    for word, axis in (("out ", 1), ("in ", 0)) if directed else (("", 1),):
        found[f"{word}degree"] = np.asarray(joined.sum(axis=axis), float).ravel()
        found[f"{word}weight"] = np.asarray(weights.sum(axis=axis), float).ravel()
    return found


def pagerank(weights: sparse.csr_array, damping: float = 0.85) -> np.ndarray:
    """Return the PageRank of each node times their number, by power iteration (Page, Brin, Motwani & Winograd 1999)."""
    count = weights.shape[0]
    sums = np.asarray(weights.sum(axis=1), float).ravel()
    steps = (sparse.diags_array(1 / np.where(sums > 0, sums, 1)) @ weights).T.tocsr()
    rank = np.full(count, 1 / count)
    for _ in range(ROUNDS):
        before, lost = rank, rank[sums == 0].sum()
        rank = damping * (steps @ before + lost / count) + (1 - damping) / count
        if np.abs(rank - before).sum() < CLOSE:
            break
    return rank * count


def clustering(joined: sparse.csr_array) -> np.ndarray:
    """Return the share of the pairs of each node's neighbours that are joined, 0 where there is no pair."""
    degree = np.asarray(joined.sum(axis=1), float).ravel()
    triangles = np.asarray((joined @ joined).multiply(joined).sum(axis=1), float).ravel()
    return triangles / np.maximum(degree * (degree - 1), 1)


def cores(joined: sparse.csr_array) -> np.ndarray:
    """Return the core number of each node (Batagelj & Zaversnik 2003): nodes of least degree are taken away in turn."""
    degree = np.diff(joined.indptr)
    left: list[set[int]] = [set() for _ in range(int(degree.max(initial=0)) + 1)]
    for node, size in enumerate(degree):
        left[size].add(node)
    core, size = np.zeros(len(degree)), 0
    while size < len(left):
        if not left[size]:
            size += 1
            continue
        node = left[size].pop()
        core[node], degree[node] = size, -1
        for other in joined.indices[joined.indptr[node] : joined.indptr[node + 1]]:
            if degree[other] > size:
                left[degree[other]].remove(other)
                degree[other] -= 1
                left[degree[other]].add(other)
    return core


def vectors(weights: sparse.csr_array, size: int) -> np.ndarray:
    """Return a vector [size] of each node, from how often walks of one and two steps join it to others.

    DeepWalk's matrix with a window of 2 (Qiu et al. 2018, Network Embedding as Matrix Factorization), without sampling.
    """
    both = sparse.csr_array(weights + weights.T)
    sums = np.asarray(both.sum(axis=1), float).ravel()
    twice = both @ sparse.diags_array(1 / np.where(sums > 0, sums, 1)) @ both
    return factors(ppmi(sparse.csr_array(both + (twice + twice.T) / 2)), size)


def figures(weights: sparse.csr_array, directed: bool, size: int) -> dict[str, np.ndarray]:
    """Return all figures of the nodes by name, each [nodes]."""
    joined = pattern(weights)
    found = degrees(weights, directed) | {"rank": pagerank(weights), "clustering": clustering(joined)}
    found["core"] = cores(joined)
    made = vectors(weights, size) if size else np.zeros((weights.shape[0], 0))
    return found | {f"vector {index + 1}": made[:, index] for index in range(size)}
