"""Model families: how a setting is fitted, and how the fitted model is written as ONNX. A new one is one entry."""

from typing import Any

import numpy as np
from scipy import sparse
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression

from scripts.bundle.onnxgraph import Builder


class Logistic:
    """Logistic regression with an L2 penalty (C: inverse strength)."""

    def fit(self, x: sparse.csr_matrix, y: np.ndarray, params: dict, seed: int) -> Any:
        return LogisticRegression(C=params["C"], max_iter=2000, random_state=seed).fit(x.astype(np.float64), y)

    def score(self, fitted: Any, x: sparse.csr_matrix) -> np.ndarray:
        return fitted.predict_proba(x.astype(np.float64))[:, 1]

    def export(self, graph: Builder, fitted: Any) -> str:
        weights = graph.constant(fitted.coef_.T.astype(np.float32))
        sums = graph.add("Add", graph.add("MatMul", "features", weights), graph.constant(np.float32(fitted.intercept_)))
        return graph.add("Sigmoid", sums)


class Boosting:
    """Histogram gradient boosting of trees (Ke et al. 2017, LightGBM) with log loss."""

    def fit(self, x: sparse.csr_matrix, y: np.ndarray, params: dict, seed: int) -> Any:
        model = HistGradientBoostingClassifier(
            learning_rate=params["learning_rate"],
            max_iter=int(params["iterations"]),
            max_leaf_nodes=int(params["leaves"]),
            l2_regularization=params["l2"],
            early_stopping=False,
            random_state=seed,
        )
        return model.fit(x.toarray(), y)

    def score(self, fitted: Any, x: sparse.csr_matrix) -> np.ndarray:
        return fitted.predict_proba(x.toarray())[:, 1]

    def export(self, graph: Builder, fitted: Any) -> str:
        trees = [stage[0].nodes for stage in fitted._predictors]
        nodes = np.concatenate(trees)
        leaf = nodes["is_leaf"].astype(bool)
        tree_ids = np.repeat(np.arange(len(trees)), [len(tree) for tree in trees])
        node_ids = np.concatenate([np.arange(len(tree)) for tree in trees])
        sums = graph.add(
            "TreeEnsembleRegressor",
            "features",
            domain="ai.onnx.ml",
            n_targets=1,
            post_transform="NONE",
            aggregate_function="SUM",
            base_values=[float(fitted._baseline_prediction.item())],
            nodes_treeids=tree_ids.tolist(),
            nodes_nodeids=node_ids.tolist(),
            nodes_featureids=np.where(leaf, 0, nodes["feature_idx"]).tolist(),
            nodes_modes=["LEAF" if end else "BRANCH_LEQ" for end in leaf],
            nodes_values=below(np.where(leaf, 0.0, nodes["num_threshold"])).tolist(),
            nodes_truenodeids=np.where(leaf, 0, nodes["left"]).tolist(),
            nodes_falsenodeids=np.where(leaf, 0, nodes["right"]).tolist(),
            target_treeids=tree_ids[leaf].tolist(),
            target_nodeids=node_ids[leaf].tolist(),
            target_ids=np.zeros(leaf.sum(), int).tolist(),
            target_weights=nodes["value"][leaf].astype(np.float32).tolist(),
        )
        return graph.add("Sigmoid", sums)


def below(thresholds: np.ndarray) -> np.ndarray:
    """Return *thresholds* (float64) as float32, rounded down: then x <= threshold holds for the same float32 x."""
    single = thresholds.astype(np.float32)
    return np.where(single > thresholds, np.nextafter(single, np.float32(-np.inf)), single)


FAMILIES = {"logistic": Logistic(), "boosting": Boosting()}
