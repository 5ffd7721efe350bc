"""Ridge regression: least squares with an L2 penalty (alpha: its strength)."""

from typing import Any

import numpy as np
from scipy import sparse
from sklearn.linear_model import Ridge

from scripts.bundle.onnx_builder import Builder
from scripts.families.base import Family
from scripts.families.onnx_heads import add_linear


class Linear(Family):
    """Ridge regression; its features stay sparse."""

    tasks = ("regression",)
    space = {"alpha": {"loguniform": [0.01, 100]}}

    def rows(self, x: sparse.csr_matrix) -> sparse.csr_matrix:
        return x.astype(np.float64)

    def fit(self, x: sparse.csr_matrix, y: np.ndarray, params: dict, seed: int, task: str, device: str) -> Any:
        return Ridge(alpha=params["alpha"], solver="sparse_cg", tol=1e-10).fit(self.rows(x), y)

    def export(self, graph: Builder, fitted: Any, classes: int, output: str) -> str:
        return add_linear(graph, "features", fitted.coef_.reshape(-1, 1), [fitted.intercept_], output)


FAMILY = Linear()
