"""Random forest (Breiman 2001)."""

from typing import Any

import numpy as np
from scipy import sparse
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

from scripts.bundle.onnx_builder import Builder
from scripts.families.base import Family
from scripts.families.onnx_heads import add_expanded_classes, expand_classes
from scripts.families.onnx_trees import AT_MOST, add_tree_ensemble, make_tree

FLOAT, INT64 = 1, 7  # element types of ONNX
STEP = 2.0**-40  # leaf values are multiples of it, so sums are exact in any order and ties stay ties
DENSE_SHARE = 0.25  # share of nonzero features above which a dense copy is faster


def leaf_values(fitted: Any) -> list[np.ndarray]:
    """Return for each tree what its nodes contribute to the outputs [nodes, outputs]."""
    tables = []
    for each in fitted.estimators_:
        values = each.tree_.value[:, 0, :]
        if hasattr(fitted, "classes_"):
            values = np.round(values / values.sum(axis=1, keepdims=True) / len(fitted.estimators_) / STEP) * STEP
        else:
            values = values / len(fitted.estimators_)
        tables.append(values)
    return tables


class Forest(Family):
    """Random forest; its trees compare float32, as in scikit-learn."""

    tasks = ("classification", "regression")
    space = {
        "trees": {"quniform": [50, 200, 50]},
        "min_leaf": {"quniform": [2, 20, 2]},
        "max_features": {"uniform": [0.05, 0.5]},
    }

    def rows(self, x: sparse.csr_matrix) -> Any:
        x = x.astype(np.float32)
        return x.toarray() if x.nnz > DENSE_SHARE * x.shape[0] * x.shape[1] else x

    def fit(self, x: sparse.csr_matrix, y: np.ndarray, params: dict, seed: int, task: str, device: str) -> Any:
        estimator_class = RandomForestRegressor if task == "regression" else RandomForestClassifier
        model = estimator_class(
            n_estimators=int(params["trees"]),
            min_samples_leaf=int(params["min_leaf"]),
            max_features=params["max_features"],
            random_state=seed,
        )
        return model.fit(self.rows(x), y)

    def estimate(self, fitted: Any, rows: Any, classes: int) -> np.ndarray:
        reached = fitted.apply(rows).T
        sums = sum(values[nodes] for values, nodes in zip(leaf_values(fitted), reached, strict=True))
        return expand_classes(sums, fitted.classes_, classes) if classes else sums

    def export(self, graph: Builder, fitted: Any, classes: int, output: str) -> str:
        trees, tables, first = [], [], 0
        for each, values in zip(fitted.estimators_, leaf_values(fitted), strict=True):
            nodes, leaves = each.tree_, np.flatnonzero(each.tree_.children_left < 0)
            numbers = np.zeros(len(nodes.children_left))
            numbers[leaves] = first + np.arange(len(leaves))
            trees.append(make_tree(nodes.children_left, nodes.children_right, nodes.feature, nodes.threshold, numbers))
            tables.append(values[leaves])
            first += len(leaves)
        single = graph.to_double(graph.add("Cast", "features", to=FLOAT))
        reached = graph.add("Cast", add_tree_ensemble(graph, single, trees, list(range(len(trees))), AT_MOST), to=INT64)
        sums = [
            graph.sum_columns(graph.add("Gather", graph.constant(values), reached, axis=0), len(trees))
            for values in np.ascontiguousarray(np.vstack(tables).T)
        ]
        if not classes:
            return graph.add("Identity", *sums, output=output)
        return add_expanded_classes(graph, graph.add("Concat", *sums, axis=1), fitted.classes_, classes, output)


FAMILY = Forest()
