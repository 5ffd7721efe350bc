"""Figures of nodes against networkx and by hand, and vectors that are the same for any number of threads."""

import hashlib
import os
import subprocess
import sys

import networkx
import numpy as np
import pytest
from scipy import sparse

from scripts.preprocess.embedding import factorize, ppmi
from scripts.preprocess.node_table import (
    adjacency,
    clustering_coefficients,
    core_numbers,
    degrees,
    node_measures,
    node_vectors,
    pagerank,
    undirected_pattern,
)


def made(nodes: int = 60, edges: int = 200, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return made-up edges, some twice, some loops; the last node has none."""
    rng = np.random.default_rng(seed)
    return *rng.integers(0, nodes - 1, (2, edges)), rng.integers(1, 5, edges) / 2


@pytest.mark.feature("T3")
@pytest.mark.parametrize("directed", [False, True])
def test_figures_are_those_of_networkx(directed):
    heads, tails, weights = made()
    graph = (networkx.DiGraph if directed else networkx.Graph)()
    graph.add_nodes_from(range(60))
    for head, tail, weight in zip(heads.tolist(), tails.tolist(), weights.tolist(), strict=True):
        if head != tail:
            before = graph.get_edge_data(head, tail, {"weight": 0})["weight"]
            graph.add_edge(head, tail, weight=before + weight)
    joined = adjacency(heads, tails, weights, 60, directed)
    found = degrees(joined, directed)
    words = {"in ": graph.in_degree, "out ": graph.out_degree} if directed else {"": graph.degree}
    for word, degree in words.items():
        assert found[f"{word}degree"].tolist() == [degree(node) for node in range(60)]
        assert np.allclose(found[f"{word}weight"], [degree(node, "weight") for node in range(60)])
    ranks = networkx.pagerank(graph, tol=1e-15, max_iter=1000)
    assert np.allclose(pagerank(joined), [60 * ranks[node] for node in range(60)], atol=1e-9)
    simple = graph.to_undirected()
    shares, numbers = networkx.clustering(simple), networkx.core_number(simple)
    assert np.allclose(clustering_coefficients(undirected_pattern(joined)), [shares[node] for node in range(60)])
    assert core_numbers(undirected_pattern(joined)).tolist() == [numbers[node] for node in range(60)]


def test_figures_of_a_triangle_with_a_tail_by_hand():
    joined = adjacency(np.array([0, 1, 2, 2]), np.array([1, 2, 0, 3]), np.array([1.0, 1, 1, 5]), 4, False)
    found = node_measures(joined, False, 2)
    assert found["degree"].tolist() == [2, 2, 3, 1] and found["weight"].tolist() == [2, 2, 7, 5]
    assert found["clustering"].tolist() == [1, 1, 1 / 3, 0] and found["core"].tolist() == [2, 2, 2, 1]
    assert np.isclose(found["rank"].sum(), 4) and found["rank"].argmax() == 2
    assert list(found)[-2:] == ["vector 1", "vector 2"]


def test_mutual_information_by_hand():
    counts = sparse.csr_array(np.array([[0, 4, 0], [4, 0, 1], [0, 1, 0]]))
    expected = np.array([[0, np.log(10 / 5), 0], [np.log(10 / 5), 0, np.log(10 / 5)], [0, np.log(10 / 5), 0]])
    assert np.allclose(ppmi(counts).toarray(), expected)


def test_factors_are_the_truncated_decomposition():
    rng = np.random.default_rng(0)
    half = rng.normal(size=(40, 40))
    matrix = half + half.T
    values, bases = np.linalg.eigh(matrix)
    found = factorize(sparse.csr_array(matrix), 10)
    best = np.argsort(-np.abs(values))[:10]
    assert np.allclose(found @ found.T, (bases[:, best] * np.abs(values[best])) @ bases[:, best].T, atol=1e-5)
    assert (found[np.abs(found).argmax(axis=0), range(10)] > 0).all()
    assert (found * 2**24 == np.round(found * 2**24)).all()


def test_dense_and_sparse_solvers_agree(monkeypatch):
    matrix = ppmi(sparse.csr_array(adjacency(*made(), 60, False)))
    dense = factorize(matrix, 5)
    monkeypatch.setattr("scripts.preprocess.embedding.MAX_DENSE_SIZE", -100)
    assert np.allclose(factorize(matrix, 5), dense, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["star", "pairs", "ring", "one edge"])
def test_vectors_of_graphs_of_low_rank_and_of_equal_parts(name):
    count = 900
    ends = {
        "star": (np.zeros(count - 1, int), np.arange(1, count)),
        "pairs": (np.arange(0, count, 2), np.arange(1, count, 2)),
        "ring": (np.arange(count), (np.arange(count) + 1) % count),
        "one edge": (np.array([3]), np.array([7])),
    }[name]
    joined = adjacency(*ends, np.ones(len(ends[0])), count, False)
    found = node_vectors(joined, 8)
    assert np.isfinite(found).all() and (found == node_vectors(joined, 8)).all()
    assert found.any() == (name in ("pairs", "ring"))  # all that a star says is in its degrees


def test_more_dimensions_than_nodes_are_zero():
    joined = adjacency(np.array([0]), np.array([1]), np.ones(1), 2, False)
    found = node_vectors(joined, 5)
    assert found.shape == (2, 5) and not found[:, 2:].any()


SCRIPT = """
import hashlib
import numpy as np
from tests.unit.preprocess.test_node_table import made
from scripts.preprocess.node_table import adjacency, node_vectors
found = [node_vectors(adjacency(*made(nodes, 9 * nodes), nodes, False), 30) for nodes in (400, 3000)]
print(hashlib.sha256(b"".join(part.tobytes() for part in found)).hexdigest())
"""


@pytest.mark.slow
@pytest.mark.feature("T3")
def test_vectors_are_the_same_bytes_for_any_number_of_threads():
    answers = set()
    for threads in ("1", "2", "3"):
        own = dict.fromkeys(["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"], threads) | {"PYTHONHASHSEED": threads}
        command = [sys.executable, "-c", SCRIPT]
        run = subprocess.run(command, env=os.environ | own, capture_output=True, text=True, check=True)
        answers.add(run.stdout.strip())
    assert len(answers) == 1 and len(answers.pop()) == len(hashlib.sha256().hexdigest())
