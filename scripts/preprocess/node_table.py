"""Figures of the nodes of a graph: degrees, PageRank, clustering, core numbers and vectors, from its edges.

Read an edge list and write the figures of its nodes: what stands beside the rows for columns that name nodes."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq
from scipy import sparse

from scripts.errors import BadInput
from scripts.preprocess.embedding import factors, ppmi
from scripts.preprocess.lookup_table import Lookup, only_file, save
from scripts.provenance.run_job import main, say

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


ENDS = ["source", "target"]


def read_edges(path: Path) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Return the names of the nodes (sorted), the edges [edges, 2] by number, and their weights.

    *path* is a Parquet file, or a CSV file with a header; its columns are source, target and, if need be, weight (1).
    Edges are sorted, so that their order in the file does not matter. Raises BadInput naming the first edge that has
    no name at an end, or a weight that is not a positive number.
    """
    table = pq.read_table(path) if path.suffix == ".parquet" else from_csv(path)
    if missing := [name for name in ENDS if name not in table.column_names]:
        raise BadInput(
            f"{path.name} has no column {missing[0]}; columns source, target and, if need be, weight expected"
        )
    ends = [table[name].cast("string").fill_null("").combine_chunks() for name in ENDS]
    try:
        weights = table["weight"].cast("float64").to_numpy() if "weight" in table.column_names else np.ones(len(table))
    except pa.ArrowInvalid as error:
        raise BadInput(f"{path.name}: a weight is no number: {error}") from None
    names = pc.unique(pa.concat_arrays(ends)).sort()
    edges = np.stack([pc.index_in(end, names).to_numpy() for end in ends], axis=1)
    if not len(edges):
        raise BadInput(f"{path.name} has no edges")
    wrong = ~((weights > 0) & np.isfinite(weights)) | (np.asarray(names) == "")[edges].any(axis=1)
    if wrong.any():
        row = int(wrong.argmax())
        what = f"{ends[0][row]} -> {ends[1][row]}, weight {weights[row]:g}"
        raise BadInput(f"{path.name}, edge {row + 1} ({what}): two names and a positive weight were expected")
    order = np.lexsort((weights, *edges.T))
    return names.to_pylist(), edges[order], weights[order]


def from_csv(path: Path) -> pa.Table:
    """Return the rows of a CSV file, names of nodes as texts."""
    try:
        options = pyarrow.csv.ConvertOptions(column_types=dict.fromkeys(ENDS, pa.string()), strings_can_be_null=False)
        return pyarrow.csv.read_csv(path, convert_options=options)
    except pa.ArrowInvalid as error:
        raise BadInput(f"{path.name}: {error}") from None


def node_table(raw: Path, table: Path, name: str, edges: dict) -> None:
    """Write the figures of the nodes in the one file of *raw* as *table*; *edges* has the options of its *name*."""
    options = edges[name]
    names, ends, weights = read_edges(only_file(raw))
    joined = adjacency(ends[:, 0], ends[:, 1], weights, len(names), options["directed"])
    found = figures(joined, options["directed"], options["size"])
    save(table, Lookup(names, list(found), np.stack([*found.values()], axis=1)))
    say(f"{name}: {len(names)} nodes, {len(ends)} edges, {len(found)} figures of each node")


if __name__ == "__main__":
    main(node_table)
