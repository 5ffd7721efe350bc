"""Ensembles of decision trees as one ONNX node that computes in float64."""

from typing import NamedTuple

import numpy as np
from onnx import numpy_helper

from scripts.bundle.onnx_builder import Builder

AT_MOST, LESS = 0, 1  # a row goes left if its value is <= the threshold, or < it


class Tree(NamedTuple):
    """A tree as arrays by node, root first. A leaf has left -1; a missing value goes left if *missing* is 1."""

    left: np.ndarray
    right: np.ndarray
    feature: np.ndarray
    threshold: np.ndarray
    value: np.ndarray
    missing: np.ndarray


def make_tree(
    left: np.ndarray, right: np.ndarray, feature: np.ndarray, threshold: np.ndarray, value: np.ndarray, missing=None
) -> Tree:
    """Return a Tree; one that consists of a single leaf gets a split."""
    missing = np.zeros(len(left), np.int64) if missing is None else missing
    tree = Tree(left, right, feature, threshold, np.asarray(value, np.float64), missing)
    if len(left) > 1:
        return tree
    stump = Tree(*(np.repeat(part, 3) for part in tree))
    return stump._replace(left=np.array([1, -1, -1]), right=np.array([2, -1, -1]), feature=np.zeros(3, np.int64))


def add_tree_ensemble(
    graph: Builder, x: str, trees: list[Tree], targets: list[int], mode: int, output: str | None = None
) -> str:
    """Add an ensemble; return the tensor [rows, targets] (float64) with sums of the leaf values that rows of *x* reach.

    Tree k counts for target *targets*[k]; *mode* is AT_MOST or LESS.
    """
    inner_nodes = [np.flatnonzero(each.left >= 0) for each in trees]
    leaves = [np.flatnonzero(each.left < 0) for each in trees]
    roots = np.cumsum([0, *map(len, inner_nodes)])
    ends = np.cumsum([0, *map(len, leaves)])
    parts: dict[str, list] = {
        name: [] for name in ("feature", "split", "true", "trueleaf", "false", "falseleaf", "nan")
    }
    for number, each in enumerate(trees):
        node_ids = np.empty(len(each.left), np.int64)
        node_ids[inner_nodes[number]] = np.arange(len(inner_nodes[number])) + roots[number]
        node_ids[leaves[number]] = np.arange(len(leaves[number])) + ends[number]
        splits = inner_nodes[number]
        parts["feature"].append(each.feature[splits])
        parts["split"].append(each.threshold[splits])
        parts["nan"].append(each.missing[splits])
        for side, children in (("true", each.left[splits]), ("false", each.right[splits])):
            parts[side].append(node_ids[children])
            parts[f"{side}leaf"].append(each.left[children] < 0)
    attributes = {name: np.concatenate(values) for name, values in parts.items()}
    counts = [len(each) for each in leaves]
    values = np.concatenate([each.value[ends] for each, ends in zip(trees, leaves, strict=True)])
    return graph.add(
        "TreeEnsemble",
        x,
        domain="ai.onnx.ml",
        output=output,
        n_targets=max(targets) + 1,
        aggregate_function=1,
        post_transform=0,
        tree_roots=roots[:-1].tolist(),
        nodes_featureids=attributes["feature"].astype(np.int64).tolist(),
        nodes_splits=numpy_helper.from_array(attributes["split"].astype(np.float64)),
        nodes_modes=numpy_helper.from_array(np.full(len(attributes["split"]), mode, np.uint8)),
        nodes_truenodeids=attributes["true"].tolist(),
        nodes_trueleafs=attributes["trueleaf"].astype(np.int64).tolist(),
        nodes_falsenodeids=attributes["false"].tolist(),
        nodes_falseleafs=attributes["falseleaf"].astype(np.int64).tolist(),
        nodes_missing_value_tracks_true=attributes["nan"].astype(np.int64).tolist(),
        leaf_targetids=np.repeat(targets, counts).tolist(),
        leaf_weights=numpy_helper.from_array(values),
    )


def add_boosted_trees(
    graph: Builder, x: str, trees: list[Tree], mode: int, start: np.ndarray, output: str | None = None
) -> str:
    """Add boosted *trees*, which count for the elements of *start* in turn; return the tensor of *start* plus sums."""
    start = np.asarray(start, np.float64).reshape(1, -1)
    sums = add_tree_ensemble(graph, x, trees, [number % start.size for number in range(len(trees))], mode)
    return graph.add("Add", sums, graph.constant(start), output=output)
