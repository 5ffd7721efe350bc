"""Discriminant analysis: a normal distribution for each class, with regularised covariances (Friedman 1989)."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from scripts.bundle.onnx_builder import Builder
from scripts.families.base import Family
from scripts.families.onnx_heads import add_linear, add_probabilities, sums_to_probabilities

MIN_VARIANCE = 1e-6  # variance of a feature that is constant in each class


@dataclass
class Fitted:
    """Log densities of classes: weights and offsets, minus half the squared length of (x - mean) @ root."""

    weights: np.ndarray
    offset: np.ndarray
    means: np.ndarray
    roots: list[np.ndarray]
    classes_: np.ndarray


def scatter_matrix(x: sparse.csr_matrix, mean: np.ndarray) -> np.ndarray:
    """Return the scatter matrix [width, width]: the sum of outer products of rows of *x* minus their *mean*."""
    return (x.T @ x).toarray() - x.shape[0] * np.outer(mean, mean)


class Discriminant(Family):
    """Linear or quadratic discriminant analysis.

    `shrinkage` pulls the pooled covariance towards a multiple of the identity and, for quadratic, the covariance of
    each class towards the pooled one.
    """

    space = {"kind": {"choice": ["linear", "quadratic"]}, "shrinkage": {"uniform": [0.01, 1]}}

    def fit(self, x: sparse.csr_matrix, y: np.ndarray, params: dict, seed: int, task: str, device: str) -> Any:
        x, shrinkage = x.astype(np.float64), params["shrinkage"]
        seen, counts = np.unique(y, return_counts=True)
        parts = [x[y == number] for number in seen]
        means = np.vstack([np.asarray(part.mean(axis=0)) for part in parts])
        scatters = [scatter_matrix(part, mean) for part, mean in zip(parts, means, strict=True)]
        common, eye = sum(scatters) / max(1, len(y) - len(seen)), np.eye(x.shape[1])
        common = (1 - shrinkage) * common + (shrinkage * common.trace() / len(common) + MIN_VARIANCE) * eye
        prior = np.log(counts / len(y))
        if params["kind"] == "linear":
            weights = np.linalg.solve(common, means.T)
            return Fitted(weights, prior - np.einsum("kf,fk->k", means, weights) / 2, means, [], seen)
        roots = []
        for class_scatter, count in zip(scatters, counts, strict=True):
            covariance = (1 - shrinkage) * class_scatter / max(1, count - 1) + (shrinkage + MIN_VARIANCE) * common
            roots.append(np.linalg.inv(np.linalg.cholesky(covariance)).T)
        offset = prior + [np.log(np.diagonal(root)).sum() for root in roots]
        return Fitted(np.zeros(means.T.shape), offset, means, roots, seen)

    def estimate(self, fitted: Fitted, rows: np.ndarray, classes: int) -> np.ndarray:
        sums = rows @ fitted.weights + fitted.offset
        for number, root in enumerate(fitted.roots):
            sums[:, number] -= (((rows - fitted.means[number]) @ root) ** 2).sum(axis=1) / 2
        return sums_to_probabilities(sums, fitted.classes_, classes)

    def export(self, graph: Builder, fitted: Fitted, classes: int, output: str) -> str:
        sums = add_linear(graph, "features", fitted.weights, fitted.offset)
        if fitted.roots:
            half, lengths = graph.constant(np.full((1, 1), 0.5)), []
            for mean, root in zip(fitted.means, fitted.roots, strict=True):
                centred = graph.add("Sub", "features", graph.constant(mean.reshape(1, -1)))
                projected = graph.add("MatMul", centred, graph.constant(root))
                lengths.append(graph.sum_columns(graph.add("Mul", projected, projected), len(root)))
            half_lengths = graph.add("Mul", graph.add("Concat", *lengths, axis=1), half)
            sums = graph.add("Sub", sums, half_lengths)
        return add_probabilities(graph, sums, len(fitted.classes_), fitted.classes_, classes, output)


FAMILY = Discriminant()
