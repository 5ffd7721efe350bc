"""Read an edge list and write a lookup table of its nodes: degrees, PageRank, clustering, core numbers, embeddings.

The feature kind node looks up the values of a column in this table.
"""

import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq
from scipy import sparse

from scripts.errors import InputError
from scripts.preprocess.embedding import factorize, ppmi
from scripts.preprocess.lookup_table import LookupTable, find_only_file, save_table
from scripts.provenance.run_job import echo, main

DATE = re.compile(r"\d{4}(-\d\d){0,2}")
END_COLUMNS = ["source", "target"]
MAX_ITERATIONS = 1000  # of PageRank
TOLERANCE = 1e-12  # PageRank stops at this change of the ranks, summed over all nodes


def adjacency(sources: np.ndarray, targets: np.ndarray, weights: np.ndarray, count: int, directed: bool):
    """Return the weighted adjacency matrix [from, to] of *count* nodes.

    The weights of parallel edges are added; loops are left out.
    """
    apart = sources != targets
    matrix = sparse.csr_array((weights[apart], (sources[apart], targets[apart])), shape=(count, count))
    matrix.sum_duplicates()
    return matrix if directed else sparse.csr_array(matrix + matrix.T)


def undirected_pattern(weights: sparse.csr_array) -> sparse.csr_array:
    """Return the undirected, unweighted adjacency matrix: 1 where two nodes are joined in any direction."""
    both = sparse.csr_array(weights + weights.T)
    both.data[:] = 1
    return both


def degrees(weights: sparse.csr_array, directed: bool) -> dict[str, np.ndarray]:
    """Return degree and weighted degree of each node [nodes] by name, for each direction if the graph is *directed*."""
    joined = weights.copy()
    joined.data[:] = 1
    found = {}
    directions = (("out ", 1), ("in ", 0)) if directed else (("", 1),)
    for word, axis in directions:
        found[f"{word}degree"] = np.asarray(joined.sum(axis=axis), float).ravel()
        found[f"{word}weight"] = np.asarray(weights.sum(axis=axis), float).ravel()
    return found


def pagerank(weights: sparse.csr_array, damping: float = 0.85) -> np.ndarray:
    """Return the PageRank of each node times the number of nodes, by power iteration.

    Page, Brin, Motwani & Winograd 1999, The PageRank Citation Ranking.
    """
    count = weights.shape[0]
    sums = np.asarray(weights.sum(axis=1), float).ravel()
    steps = (sparse.diags_array(1 / np.where(sums > 0, sums, 1)) @ weights).T.tocsr()
    rank = np.full(count, 1 / count)
    for _ in range(MAX_ITERATIONS):
        before, dangling = rank, rank[sums == 0].sum()
        rank = damping * (steps @ before + dangling / count) + (1 - damping) / count
        if np.abs(rank - before).sum() < TOLERANCE:
            break
    return rank * count


def clustering_coefficients(joined: sparse.csr_array) -> np.ndarray:
    """Return the clustering coefficient of each node: the share of pairs of its neighbours that are joined, or 0."""
    degree = np.asarray(joined.sum(axis=1), float).ravel()
    triangles = np.asarray((joined @ joined).multiply(joined).sum(axis=1), float).ravel()
    return triangles / np.maximum(degree * (degree - 1), 1)


def core_numbers(joined: sparse.csr_array) -> np.ndarray:
    """Return the core number of each node: nodes of least degree are removed in turn (Batagelj & Zaversnik 2003)."""
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


def node_vectors(weights: sparse.csr_array, size: int) -> np.ndarray:
    """Return an embedding [nodes, size] from the probabilities of walks of one and two steps between nodes.

    This is DeepWalk with a window of 2 as a matrix factorization, without sampling (Qiu et al. 2018, Network Embedding
    as Matrix Factorization).
    """
    both = sparse.csr_array(weights + weights.T)
    sums = np.asarray(both.sum(axis=1), float).ravel()
    twice = both @ sparse.diags_array(1 / np.where(sums > 0, sums, 1)) @ both
    return factorize(ppmi(sparse.csr_array(both + (twice + twice.T) / 2)), size)


def node_measures(weights: sparse.csr_array, directed: bool, size: int) -> dict[str, np.ndarray]:
    """Return all measures of the nodes by name, each [nodes]."""
    joined = undirected_pattern(weights)
    found = degrees(weights, directed) | {"rank": pagerank(weights), "clustering": clustering_coefficients(joined)}
    found["core"] = core_numbers(joined)
    vectors = node_vectors(weights, size) if size else np.zeros((weights.shape[0], 0))
    return found | {f"vector {index + 1}": vectors[:, index] for index in range(size)}


def cut_edges(table: pa.Table, column: str, until: str, name: str) -> pa.Table:
    """Return the edges of *table* whose date in *column* is not after the span *until*, a year, month or day.

    Raises InputError, naming the file *name*, if there is no such column, or a date or the span is none.
    """
    if not DATE.fullmatch(until):
        raise InputError(
            f"preprocess.edges.{name}.date: edges are cut at the last training span, which must be named by year, "
            f"month or day (1995, 1995-06, 1995-06-30), not {until}"
        )
    if column not in table.column_names:
        raise InputError(f"{name} has no column {column}, which preprocess.edges.{name}.date names")
    dates = pc.fill_null(table[column].cast("string"), "")
    right = pc.match_substring_regex(dates, r"^\d{4}-\d\d-\d\d")
    if not pc.all(right, min_count=0).as_py():
        row = right.to_pylist().index(False)
        raise InputError(
            f"{name}, edge {row + 1}: a date like 1995-06-30 was expected in {column}, got {dates[row]!s:.60}"
        )
    return table.filter(pc.less_equal(pc.utf8_slice_codeunits(dates, 0, len(until)), until))


def read_edges(path: Path, date: str | None = None, until: str = "") -> tuple[list[str], np.ndarray, np.ndarray]:
    """Return the sorted names of the nodes, the edges [edges, 2] as indices of names, and their weights [edges].

    *path* is a Parquet file, or a CSV file with a header, with the columns source, target and optionally weight
    (default 1). If it has a column *date*, edges after the span *until* are left out. Edges are sorted, so that their
    order in the file does not matter. Raises InputError with the first edge that lacks a name, or whose weight is not a
    positive number.
    """
    table = pq.read_table(path) if path.suffix == ".parquet" else read_csv(path)
    table = cut_edges(table, date, until, path.name) if date else table
    if missing := [name for name in END_COLUMNS if name not in table.column_names]:
        raise InputError(
            f"{path.name} has no column {missing[0]}; columns source, target and optionally weight expected"
        )
    ends = [table[name].cast("string").fill_null("").combine_chunks() for name in END_COLUMNS]
    try:
        weights = table["weight"].cast("float64").to_numpy() if "weight" in table.column_names else np.ones(len(table))
    except pa.ArrowInvalid as error:
        raise InputError(f"{path.name}: a weight is not a number: {error}") from None
    names = pc.unique(pa.concat_arrays(ends)).sort()
    edges = np.stack([pc.index_in(end, names).to_numpy() for end in ends], axis=1)
    if not len(edges):
        raise InputError(f"{path.name} has no edges{f' until {until}' if date else ''}")
    wrong = ~((weights > 0) & np.isfinite(weights)) | (np.asarray(names) == "")[edges].any(axis=1)
    if wrong.any():
        row = int(wrong.argmax())
        what = f"{ends[0][row]} -> {ends[1][row]}, weight {weights[row]:g}"
        raise InputError(f"{path.name}, edge {row + 1} ({what}): two names and a positive weight were expected")
    order = np.lexsort((weights, *edges.T))
    return names.to_pylist(), edges[order], weights[order]


def read_csv(path: Path) -> pa.Table:
    """Return the rows of a CSV file, with the names of nodes as texts. Raises InputError where it cannot be read."""
    try:
        options = pyarrow.csv.ConvertOptions(
            column_types=dict.fromkeys(END_COLUMNS, pa.string()), strings_can_be_null=False
        )
        return pyarrow.csv.read_csv(path, convert_options=options)
    except pa.ArrowInvalid as error:
        raise InputError(f"{path.name}: {error}") from None


def node_table(raw: Path, table: Path, name: str, edges: dict, until: str = "") -> None:
    """Write the measures of the nodes of the only file in *raw* to *table*; *edges* has the options of its *name*.

    Edges with dates are cut at *until*, the last training span.
    """
    options = edges[name]
    names, ends, weights = read_edges(find_only_file(raw), options["date"], until)
    joined = adjacency(ends[:, 0], ends[:, 1], weights, len(names), options["directed"])
    found = node_measures(joined, options["directed"], options["size"])
    save_table(table, LookupTable(names, list(found), np.stack([*found.values()], axis=1)))
    echo(f"{name}: {len(names)} nodes, {len(ends)} edges, {len(found)} measures of each node")


if __name__ == "__main__":
    main(node_table)
