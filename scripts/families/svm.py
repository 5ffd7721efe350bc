"""Linear support vector machine, with probabilities by sigmoids fitted on held-out folds (Platt 1999)."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse
from scipy.special import expit
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC, LinearSVR

from scripts.bundle.onnx_builder import Builder
from scripts.families.base import Family
from scripts.families.onnx_heads import add_expanded_classes, add_linear, expand_classes

FOLDS = 3
SIGMOID_C = 1e6  # inverse strength of the penalty on a sigmoid: almost none


@dataclass
class Fitted:
    """Weights [width, sums] and offsets of the sums, and the slopes and offsets of their sigmoids."""

    weights: np.ndarray
    offset: np.ndarray
    slope: np.ndarray
    shift: np.ndarray
    classes_: np.ndarray


def fit_svm(x: sparse.csr_matrix, y: np.ndarray, strength: float, seed: int) -> LinearSVC:
    """Return the machine fitted on class numbers *y*, each class against the rest; *strength* is its C."""
    return LinearSVC(C=strength, dual=False, max_iter=5000, random_state=seed).fit(x, y)


def decision_sums(model: LinearSVC, x: sparse.csr_matrix) -> np.ndarray:
    """Return the decision sums of *model* [rows, sums]."""
    return model.decision_function(x).reshape(x.shape[0], -1)


def fit_sigmoid(sums: np.ndarray, is_class: np.ndarray) -> tuple[float, float]:
    """Return slope and offset of the sigmoid that maps a row's sum to the probability of *is_class*.

    Targets are kept away from 0 and 1, as in Platt 1999.
    """
    yes, no = is_class.sum(), (~is_class).sum()
    target = np.where(is_class, (yes + 1) / (yes + 2), 1 / (no + 2))
    weights, both = np.concatenate([target, 1 - target]), np.repeat([1, 0], len(sums))
    model = LogisticRegression(C=SIGMOID_C).fit(np.tile(sums, 2).reshape(-1, 1), both, weights)
    return float(model.coef_[0, 0]), float(model.intercept_[0])


def held_out_sums(x: sparse.csr_matrix, y: np.ndarray, seen: np.ndarray, strength: float, seed: int) -> np.ndarray:
    """Return the sums of each row by a machine fitted without its fold; a class missing there gets the lowest sum.

    Folds are stratified by class.
    """
    order = np.lexsort([np.random.default_rng(seed).permutation(len(y)), y])
    folds = np.empty(len(y), int)
    folds[order] = np.arange(len(y)) % FOLDS
    width = len(seen) if len(seen) > 2 else 1
    sums = np.full((len(y), width), np.nan)
    for fold in range(FOLDS):
        rest, held_out = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        if len(np.unique(y[rest])) < 2:
            continue
        model = fit_svm(x[rest], y[rest], strength, seed)
        fold_sums = decision_sums(model, x[held_out])
        if width == 1:
            sums[held_out] = fold_sums
            continue
        if fold_sums.shape[1] == 1:
            fold_sums = np.hstack([-fold_sums, fold_sums])
        sums[np.ix_(held_out, np.searchsorted(seen, model.classes_))] = fold_sums
    return np.where(np.isnan(sums), np.nanmin(sums, initial=0), sums)


class SVM(Family):
    """Linear support vector machine, squared hinge (or epsilon-insensitive) loss; its features stay sparse."""

    tasks = ("classification", "regression")
    space = {"C": {"loguniform": [0.001, 10]}}

    def rows(self, x: sparse.csr_matrix) -> sparse.csr_matrix:
        return x.astype(np.float64)

    def fit(self, x: sparse.csr_matrix, y: np.ndarray, params: dict, seed: int, task: str, device: str) -> Any:
        x, empty = self.rows(x), np.empty(0)
        if task == "regression":
            mean, scale = y.mean(), y.std() or 1.0
            loss = "squared_epsilon_insensitive"
            model = LinearSVR(C=params["C"], loss=loss, dual=False, max_iter=5000, random_state=seed)
            model.fit(x, (y - mean) / scale)
            return Fitted(model.coef_.reshape(-1, 1) * scale, model.intercept_ * scale + mean, empty, empty, empty)
        model = fit_svm(x, y, params["C"], seed)
        seen = model.classes_
        sums = held_out_sums(x, y, seen, params["C"], seed)
        positive_classes = seen[1:] if len(seen) == 2 else seen
        curves = [
            fit_sigmoid(sums[:, number], y == positive_class) for number, positive_class in enumerate(positive_classes)
        ]
        slope, shift = np.array(curves).T
        return Fitted(model.coef_.T, model.intercept_, slope, shift, seen)

    def estimate(self, fitted: Fitted, rows: sparse.csr_matrix, classes: int) -> np.ndarray:
        sums = rows @ fitted.weights + fitted.offset
        if not classes:
            return sums
        probabilities = expit(sums * fitted.slope + fitted.shift)
        probabilities = (
            np.hstack([1 - probabilities, probabilities])
            if probabilities.shape[1] == 1
            else probabilities / probabilities.sum(axis=1, keepdims=True)
        )
        return expand_classes(probabilities, fitted.classes_, classes)

    def export(self, graph: Builder, fitted: Fitted, classes: int, output: str) -> str:
        if not classes:
            return add_linear(graph, "features", fitted.weights, fitted.offset, output)
        sums = add_linear(graph, "features", fitted.weights, fitted.offset)
        scaled = graph.add("Mul", sums, graph.constant(fitted.slope.reshape(1, -1)))
        shifted, width = graph.add("Add", scaled, graph.constant(fitted.shift.reshape(1, -1))), len(fitted.slope)
        probabilities = graph.apply("Sigmoid", shifted, width)
        if width == 1:
            probabilities = graph.add(
                "Concat", graph.add("Sub", graph.constant(np.ones((1, 1))), probabilities), probabilities, axis=1
            )
        else:
            probabilities = graph.add("Div", probabilities, graph.sum_columns(probabilities, width))
        return add_expanded_classes(graph, probabilities, fitted.classes_, classes, output)


FAMILY = SVM()
