"""k nearest neighbours."""

from typing import Any

import numpy as np
from scipy import sparse
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

from scripts.families.base import Family


class Neighbours(Family):
    """k nearest neighbours, Euclidean; with a k-d tree, a prediction does not depend on the other rows of its batch."""

    tasks = ("classification", "regression")
    space = {"neighbours": {"quniform": [5, 50, 5]}, "weights": {"choice": ["uniform", "distance"]}}
    reason = "its model is the training rows themselves"
    types = (
        "sklearn.neighbors._classification.KNeighborsClassifier",
        "sklearn.neighbors._regression.KNeighborsRegressor",
        "sklearn.neighbors._kd_tree.KDTree",
        "sklearn.metrics._dist_metrics.EuclideanDistance64",
    )

    def fit(self, x: sparse.csr_matrix, y: np.ndarray, params: dict, seed: int, task: str, device: str) -> Any:
        estimator_class = KNeighborsRegressor if task == "regression" else KNeighborsClassifier
        count = min(int(params["neighbours"]), x.shape[0])
        return estimator_class(count, weights=params["weights"], algorithm="kd_tree").fit(self.rows(x), y)


FAMILY = Neighbours()
