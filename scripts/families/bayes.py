"""Gaussian naive Bayes."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from scripts.bundle.onnx_builder import Builder
from scripts.families.base import Family
from scripts.families.onnx_heads import add_linear, add_probabilities, sums_to_probabilities


@dataclass
class Fitted:
    """Log densities of classes: weights of features and of their squares [width, classes], and offsets [classes]."""

    single: np.ndarray
    square: np.ndarray
    offset: np.ndarray
    classes_: np.ndarray


class Bayes(Family):
    """Gaussian naive Bayes; `smoothing` is the share of the largest variance that is added to all.

    Without it, a word or level that never occurs in a class would have no variance there and decide alone. Means and
    variances are computed from sums, so the features stay sparse.
    """

    space = {"smoothing": {"loguniform": [0.001, 1]}}

    def rows(self, x: sparse.csr_matrix) -> sparse.csr_matrix:
        return x.astype(np.float64)

    def fit(self, x: sparse.csr_matrix, y: np.ndarray, params: dict, seed: int, task: str, device: str) -> Any:
        x = self.rows(x)
        seen, counts = np.unique(y, return_counts=True)
        member = sparse.csr_matrix((np.ones(len(y)), (np.searchsorted(seen, y), np.arange(len(y)))))
        squares = x.multiply(x).tocsr()
        means = (member @ x).toarray() / counts[:, None]
        variances = np.maximum((member @ squares).toarray() / counts[:, None] - means**2, 0)
        total = np.asarray(squares.mean(axis=0)) - np.asarray(x.mean(axis=0)) ** 2
        variances += params["smoothing"] * (total.max(initial=0) or 1)
        offset = np.log(counts / len(y)) - (means**2 / variances + np.log(2 * np.pi * variances)).sum(axis=1) / 2
        return Fitted((means / variances).T, (-0.5 / variances).T, offset, seen)

    def estimate(self, fitted: Fitted, rows: sparse.csr_matrix, classes: int) -> np.ndarray:
        sums = rows @ fitted.single + rows.multiply(rows).tocsr() @ fitted.square + fitted.offset
        return sums_to_probabilities(sums, fitted.classes_, classes)

    def export(self, graph: Builder, fitted: Fitted, classes: int, output: str) -> str:
        squares = graph.add("MatMul", graph.add("Mul", "features", "features"), graph.constant(fitted.square))
        sums = graph.add("Add", add_linear(graph, "features", fitted.single, fitted.offset), squares)
        return add_probabilities(graph, sums, len(fitted.classes_), fitted.classes_, classes, output)


FAMILY = Bayes()
