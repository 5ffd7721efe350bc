"""Histogram gradient boosting of trees (Ke et al. 2017, LightGBM)."""

from typing import Any

import numpy as np
from scipy import sparse
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingClassifier

from scripts.bundle.onnxgraph import Builder
from scripts.families.family import CELLS, Family
from scripts.families.heads import probabilities


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
    """Histogram gradient boosting with log loss."""

    space = {
        "learning_rate": {"loguniform": [0.03, 0.3]},
        "iterations": {"quniform": [40, 300, 20]},
        "leaves": {"quniform": [7, 31, 4]},
        "l2": {"loguniform": [0.01, 10]},
    }

    def fit(
        self, x: sparse.csr_matrix, y: np.ndarray, params: dict, seed: int, task: str = "classification", device="cpu"
    ) -> Any:
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
        nodes = np.concatenate(trees)
        leaf = nodes["is_leaf"].astype(bool)
        tree_ids = np.repeat(np.arange(len(trees)), [len(tree) for tree in trees])
        node_ids = np.concatenate([np.arange(len(tree)) for tree in trees])
        sums = graph.add(
            "TreeEnsembleRegressor",
            "features",
            domain="ai.onnx.ml",
            n_targets=width,
            post_transform="NONE",
            aggregate_function="SUM",
            base_values=fitted._baseline_prediction.ravel().tolist(),
            nodes_treeids=tree_ids.tolist(),
            nodes_nodeids=node_ids.tolist(),
            nodes_featureids=np.where(leaf, 0, nodes["feature_idx"]).tolist(),
            nodes_modes=["LEAF" if end else "BRANCH_LEQ" for end in leaf],
            nodes_values=below(np.where(leaf, 0.0, nodes["num_threshold"])).tolist(),
            nodes_truenodeids=np.where(leaf, 0, nodes["left"]).tolist(),
            nodes_falsenodeids=np.where(leaf, 0, nodes["right"]).tolist(),
            target_treeids=tree_ids[leaf].tolist(),
            target_nodeids=node_ids[leaf].tolist(),
            target_ids=(tree_ids[leaf] % width).tolist(),
            target_weights=nodes["value"][leaf].astype(np.float32).tolist(),
        )
        return probabilities(graph, sums, fitted.classes_, classes, output)


def below(thresholds: np.ndarray) -> np.ndarray:
    """Return *thresholds* (float64) as float32, rounded down: then x <= threshold holds for the same float32 x."""
    single = thresholds.astype(np.float32)
    return np.where(single > thresholds, np.nextafter(single, np.float32(-np.inf)), single)


FAMILY = Boosting()
