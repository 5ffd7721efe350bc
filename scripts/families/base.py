"""What a model family is. Each has a file of its own here, which ends with FAMILY = an instance."""

from typing import Any

import numpy as np
from scipy import sparse

from scripts.bundle.onnx_builder import Builder
from scripts.bundle.predictor import predict_with_sklearn

CELLS = 1 << 25  # of a dense copy of some of the features


class Family:
    """What families share.

    `tasks` and `space` (hyperparameter to {distribution: [arguments]}) are literals: the configuration is checked
    against them without a package of the family at hand. A family that cannot be ONNX has a `reason`: it then fits a
    scikit-learn estimator, which a bundle holds as a skops file of no other `types` than these. `warm`: whether it can
    resume().
    """

    tasks: tuple[str, ...] = ("classification",)
    space: dict[str, dict[str, list]] = {}
    reason = ""
    types: tuple[str, ...] = ()
    warm = False

    def fit(self, x: sparse.csr_matrix, y: np.ndarray, params: dict, seed: int, task: str, device: str) -> Any:
        """Return what was fitted on features and class numbers, or values where *task* is regression.

        *device* is cpu or cuda; a family that knows no GPU may disregard it.
        """
        raise NotImplementedError

    def state(self, fitted: Any) -> dict[str, np.ndarray]:
        """Return the arrays that resume() goes on from; none where the family cannot."""
        return {}

    def resume(
        self, x: sparse.csr_matrix, y: np.ndarray, params: dict, seed: int, task: str, device: str, state: dict
    ) -> Any:
        """Return what fit() does, started from the *state* of an earlier model of the same features and classes.

        Raises InputError where the state does not fit *params*.
        """
        raise NotImplementedError

    def rows(self, x: sparse.csr_matrix) -> Any:
        """Return some rows in the form that estimate() takes."""
        return x.toarray().astype(np.float64)

    def estimate(self, fitted: Any, rows: Any, classes: int) -> np.ndarray:
        """Return what score() does, of some rows as rows() gives them."""
        return predict_with_sklearn(fitted, rows, classes)

    def score(self, fitted: Any, x: sparse.csr_matrix, classes: int) -> np.ndarray:
        """Return probabilities [rows, classes], 0 for a class that had no rows in fit; of no classes, values [rows, 1].

        Only some rows at a time are dense.
        """
        size = max(1, CELLS // max(1, x.shape[1]))
        starts = range(0, max(1, x.shape[0]), size)
        return np.vstack([self.estimate(fitted, self.rows(x[start : start + size]), classes) for start in starts])

    def export(self, graph: Builder, fitted: Any, classes: int, output: str) -> str:
        """Add the nodes that make of the tensor "features" the tensor *output*, which holds what score() gives."""
        raise NotImplementedError
