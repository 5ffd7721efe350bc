"""Base class of model families. Each family is one file in this folder, which ends with FAMILY = an instance.

Rules list the files that a case uses in `code`, so no family is imported statically.
"""

import importlib
from typing import Any

import numpy as np
from scipy import sparse

from scripts.bundle.onnx_builder import Builder
from scripts.bundle.predictor import predict_with_sklearn

CELLS = 1 << 25  # maximum size of a dense copy of some of the features


class Family:
    """A model family: how to fit, evaluate and export a kind of model.

    `tasks` and `space` (hyperparameter to {distribution: [arguments]}) are literals, because the configuration is
    checked against them without importing the family. A family that cannot be expressed in ONNX says why in `reason`;
    it fits a scikit-learn estimator, which a bundle stores as a skops file that contains no other `types` than these.
    `warm` says whether it supports a warm start with resume().
    """

    tasks: tuple[str, ...] = ("classification",)
    space: dict[str, dict[str, list]] = {}
    reason = ""
    types: tuple[str, ...] = ()
    warm = False

    def fit(self, x: sparse.csr_matrix, y: np.ndarray, params: dict, seed: int, task: str, device: str) -> Any:
        """Return the model fitted on features [rows, width] and class numbers [rows] (*task* regression: values).

        *device* is cpu or cuda; a family without GPU support ignores it.
        """
        raise NotImplementedError

    def state(self, fitted: Any) -> dict[str, np.ndarray]:
        """Return the arrays that resume() starts from; empty if the family does not support a warm start."""
        return {}

    def resume(
        self, x: sparse.csr_matrix, y: np.ndarray, params: dict, seed: int, task: str, device: str, state: dict
    ) -> Any:
        """Return the model as fit() does, with a warm start from the *state* of one with the same features and classes.

        Raises InputError if the state does not fit *params*.
        """
        raise NotImplementedError

    def rows(self, x: sparse.csr_matrix) -> Any:
        """Return rows in the form that estimate() takes."""
        return x.toarray().astype(np.float64)

    def estimate(self, fitted: Any, rows: Any, classes: int) -> np.ndarray:
        """Return the same as score(), for rows in the form that rows() returns."""
        return predict_with_sklearn(fitted, rows, classes)

    def score(self, fitted: Any, x: sparse.csr_matrix, classes: int) -> np.ndarray:
        """Return probabilities [rows, classes], 0 for a class that fit() did not see; for regression, values [rows, 1].

        Rows are converted in batches of at most CELLS dense values. *classes* is 0 for regression.
        """
        size = max(1, CELLS // max(1, x.shape[1]))
        starts = range(0, max(1, x.shape[0]), size)
        return np.vstack([self.estimate(fitted, self.rows(x[start : start + size]), classes) for start in starts])

    def export(self, graph: Builder, fitted: Any, classes: int, output: str) -> str:
        """Add nodes that compute score() from the tensor "features" as the tensor *output*; return its name."""
        raise NotImplementedError


def load_family(name: str) -> Family:
    """Return the family in scripts/families/<name>.py, importing its packages."""
    return importlib.import_module(f"scripts.families.{name}").FAMILY
