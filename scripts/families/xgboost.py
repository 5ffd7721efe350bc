"""Gradient boosting by XGBoost (Chen & Guestrin 2016), which treats features that are 0 as missing."""

import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy import sparse

from scripts.bundle.onnx_builder import Builder
from scripts.families.base import Family
from scripts.families.onnx_heads import add_probabilities, sums_to_probabilities
from scripts.families.onnx_trees import LESS, Tree, add_boosted_trees, make_tree

FLOAT = 1  # element type of ONNX


@dataclass
class Fitted:
    """A booster, the classes seen in fit, and the start value to which its sums are added."""

    booster: Any
    classes_: np.ndarray
    start: float

    @cached_property
    def trees(self) -> list[Tree]:
        """Return the trees, with leaf values in float64, as they are added."""
        trees = json.loads(bytes(self.booster.save_raw("json")))["learner"]["gradient_booster"]["model"]["trees"]
        converted = []
        for each in trees:
            split = np.array(each["split_conditions"], np.float32).astype(np.float64)
            left, right = np.array(each["left_children"]), np.array(each["right_children"])
            nodes = (left, right, np.array(each["split_indices"]), split, split, np.array(each["default_left"]))
            converted.append(make_tree(*nodes))
        return converted

    @property
    def width(self) -> int:
        """Return the number of sums: one for each class if there are more than two, otherwise 1."""
        return len(self.classes_) if len(self.classes_) > 2 else 1


def to_dmatrix(x: sparse.csr_matrix, y: np.ndarray | None = None) -> Any:
    """Return features and labels as a DMatrix, in which 0 counts as missing."""
    from xgboost import DMatrix

    x = x.astype(np.float32)
    x.eliminate_zeros()
    return DMatrix(x, y, nthread=1)


class XGBoost(Family):
    """XGBoost with histograms."""

    warm = True
    tasks = ("classification", "regression")
    space = {
        "learning_rate": {"loguniform": [0.03, 0.3]},
        "iterations": {"quniform": [40, 300, 20]},
        "depth": {"quniform": [3, 8, 1]},
        "l2": {"loguniform": [0.01, 10]},
        "rows": {"uniform": [0.5, 1]},
    }

    def rows(self, x: sparse.csr_matrix) -> sparse.csr_matrix:
        return x

    def fit(self, x: sparse.csr_matrix, y: np.ndarray, params: dict, seed: int, task: str, device: str) -> Any:
        return self.resume(x, y, params, seed, task, device, {})

    def state(self, fitted: Fitted) -> dict[str, np.ndarray]:
        return {"booster": np.frombuffer(fitted.booster.save_raw("ubj"), np.uint8), "start": np.array(fitted.start)}

    def resume(
        self, x: sparse.csr_matrix, y: np.ndarray, params: dict, seed: int, task: str, device: str, state: dict
    ) -> Any:
        import xgboost

        seen, labels = (np.unique(y, return_inverse=True)) if task == "classification" else (np.empty(0, int), y)
        start = 0.0 if len(seen) else float(state.get("start", y.mean()))
        objective = {0: "reg:squarederror", 2: "binary:logistic"}.get(len(seen), "multi:softprob")
        options = {
            "objective": objective,
            "base_score": 0.0 if objective == "reg:squarederror" else 0.5,
            "eta": params["learning_rate"],
            "max_depth": int(params["depth"]),
            "lambda": params["l2"],
            "subsample": params["rows"],
            "tree_method": "hist",
            "device": device,
            "nthread": 1,
            "seed": seed,
        }
        options |= {"num_class": len(seen)} if len(seen) > 2 else {}
        earlier = xgboost.Booster(options, model_file=bytearray(state["booster"])) if state else None
        booster = xgboost.train(options, to_dmatrix(x, labels - start), int(params["iterations"]), xgb_model=earlier)
        return Fitted(booster, seen, start)

    def estimate(self, fitted: Fitted, rows: sparse.csr_matrix, classes: int) -> np.ndarray:
        reached = fitted.booster.predict(to_dmatrix(rows), pred_leaf=True).astype(np.int64).reshape(rows.shape[0], -1)
        sums = np.full((rows.shape[0], fitted.width), fitted.start)
        for number, each in enumerate(fitted.trees):
            sums[:, number % fitted.width] += each.value[reached[:, number]]
        return sums_to_probabilities(sums, fitted.classes_, classes) if classes else sums

    def export(self, graph: Builder, fitted: Fitted, classes: int, output: str) -> str:
        single = graph.add("Cast", "features", to=FLOAT)
        zero = graph.add("Equal", single, graph.constant(np.zeros((1, 1), np.float32)))
        with_missing = graph.add("Where", zero, graph.constant(np.full((1, 1), np.nan, np.float32)), single)
        start = np.full(fitted.width, fitted.start)
        sums = add_boosted_trees(
            graph, graph.to_double(with_missing), fitted.trees, LESS, start, None if classes else output
        )
        return add_probabilities(graph, sums, fitted.width, fitted.classes_, classes, output) if classes else sums


FAMILY = XGBoost()
