"""Model families: how a setting is fitted, and how the fitted model is written as ONNX. A new one is one entry."""

from typing import Any

import numpy as np
from onnx import numpy_helper
from scipy import sparse
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression

from scripts.bundle.onnxgraph import Builder

CELLS = 1 << 25  # of a dense copy of some of the features


def probabilities(graph: Builder, sums: str, seen: np.ndarray, classes: int, output: str) -> str:
    """Add what makes probabilities of all *classes*, the tensor *output*, of the *sums* of the classes *seen* in fit.

    A class without rows has probability 0. Two classes have one sum, the log odds of the second.
    """
    name = output if len(seen) == classes else None
    if len(seen) == 2:
        second = graph.add("Sigmoid", sums)
        first = graph.add("Sub", graph.constant(np.ones((1, 1))), second)
        found = graph.add("Concat", first, second, axis=1, output=name)
    else:
        found = graph.add("Softmax", sums, axis=1, output=name)
    if name is None:
        places = graph.constant(np.eye(classes)[seen])
        found = graph.add("MatMul", found, places, output=output)
    return found


class Family:
    """What families share: scores of all classes, some rows at a time."""

    def rows(self, x: sparse.csr_matrix) -> Any:
        """Return some rows in the form that the models take."""
        return x.toarray()

    def score(self, fitted: Any, x: sparse.csr_matrix, classes: int) -> np.ndarray:
        """Return the probabilities [rows, classes]; 0 for a class that had no rows in fit."""
        found = np.zeros((x.shape[0], classes))
        size = max(1, CELLS // max(1, x.shape[1]))
        for start in range(0, x.shape[0], size):
            part = slice(start, start + size)
            found[part][:, fitted.classes_] = fitted.predict_proba(self.rows(x[part]))
        return found


class Logistic(Family):
    """Logistic regression with an L2 penalty (C: inverse strength), multinomial for more than two classes."""

    def rows(self, x: sparse.csr_matrix) -> sparse.csr_matrix:
        return x

    def fit(self, x: sparse.csr_matrix, y: np.ndarray, params: dict, seed: int) -> Any:
        return LogisticRegression(C=params["C"], max_iter=2000, random_state=seed).fit(self.rows(x), y)

    def export(self, graph: Builder, fitted: Any, classes: int, output: str) -> str:
        weights = graph.constant(fitted.coef_.T)
        sums = graph.add("Add", graph.add("MatMul", "features", weights), graph.constant(fitted.intercept_))
        return probabilities(graph, sums, fitted.classes_, classes, output)


class Binned(HistGradientBoostingClassifier):
    """The same model of sparse features: they are put into bins some columns at a time, never copied as a whole."""

    def _preprocess_X(self, x: Any, *, reset: bool) -> Any:
        if not sparse.issparse(x):
            return super()._preprocess_X(x, reset=reset)
        return x, super()._preprocess_X(x[:2].toarray(), reset=reset)[1]

    def _bin_data(self, x: sparse.csr_matrix, sample_weight: Any, is_training_data: bool) -> np.ndarray:
        columns, mapper = x.tocsc(), self._bin_mapper
        binned = np.empty(x.shape, np.uint8, order="F")
        thresholds: list[np.ndarray] = []
        size = max(1, CELLS // x.shape[0])
        for start in range(0, x.shape[1], size):
            dense = columns[:, start : start + size].toarray()
            part = clone(mapper).fit(dense)
            binned[:, start : start + size] = part.transform(dense)
            thresholds += part.bin_thresholds_
        mapper.bin_thresholds_ = thresholds
        mapper.n_bins_non_missing_ = np.array([len(ends) + 1 for ends in thresholds], np.uint32)
        mapper.is_categorical_ = np.zeros(x.shape[1], np.uint8)
        mapper.missing_values_bin_idx_ = mapper.n_bins - 1
        return binned


class Boosting(Family):
    """Histogram gradient boosting of trees (Ke et al. 2017, LightGBM) with log loss."""

    def fit(self, x: sparse.csr_matrix, y: np.ndarray, params: dict, seed: int) -> Any:
        model = Binned(
            learning_rate=params["learning_rate"],
            max_iter=int(params["iterations"]),
            max_leaf_nodes=int(params["leaves"]),
            l2_regularization=params["l2"],
            early_stopping=False,
            random_state=seed,
        )
        return model.fit(x, y)

    def export(self, graph: Builder, fitted: Any, classes: int, output: str) -> str:
        trees = [tree.nodes for stage in fitted._predictors for tree in stage]
        width = fitted.n_trees_per_iteration_
        sums = graph.add("TreeEnsemble", "features", domain="ai.onnx.ml", **ensemble(trees, width))
        sums = graph.add("Add", sums, graph.constant(fitted._baseline_prediction.reshape(1, -1)))
        return probabilities(graph, sums, fitted.classes_, classes, output)


def ensemble(trees: list[np.ndarray], width: int) -> dict[str, Any]:
    """Return the attributes of TreeEnsemble (ai.onnx.ml 5) for *trees*, nodes as scikit-learn keeps them.

    Tree k adds to sum k modulo *width*. Branches and leaves have numbers of their own; a lone leaf gets a branch.
    """
    nodes = np.concatenate(trees)
    leaf = nodes["is_leaf"].astype(bool)
    sizes = np.array([len(tree) for tree in trees])
    first, tree = np.cumsum(sizes) - sizes, np.repeat(np.arange(len(trees)), sizes)
    alone = np.flatnonzero(sizes == 1)
    place = np.where(leaf, np.cumsum(leaf) - 1, np.cumsum(~leaf) - 1)
    branches = int((~leaf).sum())
    left, right = (first[tree][~leaf] + nodes[side][~leaf] for side in ("left", "right"))
    ends = place[first[alone]]
    roots = place[first]
    roots[alone] = branches + np.arange(len(alone))
    splits = np.append(nodes["num_threshold"][~leaf], np.zeros(len(alone)))
    return {
        "n_targets": width,
        "aggregate_function": 1,  # sum
        "nodes_featureids": [*nodes["feature_idx"][~leaf].tolist(), *[0] * len(alone)],
        "nodes_splits": numpy_helper.from_array(splits),
        "nodes_modes": numpy_helper.from_array(np.zeros(branches + len(alone), np.uint8)),  # x <= split
        "nodes_truenodeids": [*place[left].tolist(), *ends.tolist()],
        "nodes_falsenodeids": [*place[right].tolist(), *ends.tolist()],
        "nodes_trueleafs": [*leaf[left].astype(int).tolist(), *[1] * len(alone)],
        "nodes_falseleafs": [*leaf[right].astype(int).tolist(), *[1] * len(alone)],
        "leaf_targetids": (tree[leaf] % width).tolist(),
        "leaf_weights": numpy_helper.from_array(nodes["value"][leaf].astype(np.float64)),
        "tree_roots": roots.tolist(),
    }


FAMILIES = {"logistic": Logistic(), "boosting": Boosting()}
