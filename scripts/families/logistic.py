"""Logistic regression with an L2 penalty (C: inverse strength), multinomial for more than two classes."""

from typing import Any

import numpy as np
from scipy import sparse
from sklearn.linear_model import LogisticRegression

from scripts.bundle.onnx_builder import Builder
from scripts.families.base import Family
from scripts.families.onnx_heads import add_linear, add_probabilities


class Logistic(Family):
    """Logistic regression; its features stay sparse."""

    warm = True
    space = {"C": {"loguniform": [0.01, 100]}}

    def rows(self, x: sparse.csr_matrix) -> sparse.csr_matrix:
        return x.astype(np.float64)

    def fit(self, x: sparse.csr_matrix, y: np.ndarray, params: dict, seed: int, task: str, device: str) -> Any:
        return LogisticRegression(C=params["C"], max_iter=2000, random_state=seed).fit(self.rows(x), y)

    def state(self, fitted: Any) -> dict[str, np.ndarray]:
        return {"weights": fitted.coef_, "offset": fitted.intercept_}

    def resume(
        self, x: sparse.csr_matrix, y: np.ndarray, params: dict, seed: int, task: str, device: str, state: dict
    ) -> Any:
        model = LogisticRegression(C=params["C"], max_iter=2000, random_state=seed, warm_start=True)
        model.coef_, model.intercept_ = state["weights"], state["offset"]
        return model.fit(self.rows(x), y)

    def export(self, graph: Builder, fitted: Any, classes: int, output: str) -> str:
        sums = add_linear(graph, "features", fitted.coef_.T, fitted.intercept_)
        return add_probabilities(graph, sums, len(fitted.coef_), fitted.classes_, classes, output)


FAMILY = Logistic()
