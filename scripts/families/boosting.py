"""Histogram gradient boosting of trees (Ke et al. 2017, LightGBM)."""

from typing import Any

import numpy as np
from scipy import sparse
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from scripts.bundle.onnx_builder import Builder
from scripts.families.base import CELLS, Family
from scripts.families.onnx_heads import add_probabilities
from scripts.families.onnx_trees import AT_MOST, Tree, add_boosted_trees, make_tree


class SparseBinningMixin:
    """Fits on sparse features: columns are binned in batches, so there is never a dense copy of all."""

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


class Classifier(SparseBinningMixin, HistGradientBoostingClassifier):
    """Classifier with log loss."""


class Regressor(SparseBinningMixin, HistGradientBoostingRegressor):
    """Regressor with squared error."""


def convert_tree(nodes: np.ndarray) -> Tree:
    """Return the Tree of scikit-learn's *nodes*."""
    left = np.where(nodes["is_leaf"], -1, nodes["left"].astype(np.int64))
    return make_tree(
        left, nodes["right"].astype(np.int64), nodes["feature_idx"], nodes["num_threshold"], nodes["value"]
    )


class Boosting(Family):
    """Histogram gradient boosting."""

    tasks = ("classification", "regression")
    space = {
        "learning_rate": {"loguniform": [0.03, 0.3]},
        "iterations": {"quniform": [40, 300, 20]},
        "leaves": {"quniform": [7, 31, 4]},
        "l2": {"loguniform": [0.01, 10]},
    }

    def fit(self, x: sparse.csr_matrix, y: np.ndarray, params: dict, seed: int, task: str, device: str) -> Any:
        estimator_class = Regressor if task == "regression" else Classifier
        model = estimator_class(
            learning_rate=params["learning_rate"],
            max_iter=int(params["iterations"]),
            max_leaf_nodes=int(params["leaves"]),
            l2_regularization=params["l2"],
            early_stopping=False,
            random_state=seed,
        )
        return model.fit(x.astype(np.float64), y)

    def export(self, graph: Builder, fitted: Any, classes: int, output: str) -> str:
        trees = [convert_tree(each.nodes) for stage in fitted._predictors for each in stage]
        width = fitted.n_trees_per_iteration_
        sums = add_boosted_trees(
            graph, "features", trees, AT_MOST, fitted._baseline_prediction, None if classes else output
        )
        return add_probabilities(graph, sums, width, fitted.classes_, classes, output) if classes else sums


FAMILY = Boosting()
