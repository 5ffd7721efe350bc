"""Do training rows and folds promise what new rows keep? Simulated worlds in which the truth is known.

envs/python test benchmarks/statistics_folds.py [--only NAME] [--worlds N]
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from scipy import sparse
from sklearn.metrics import roc_auc_score

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.simulation import mean, run_simulations  # noqa: E402
from scripts.families.base import load_family  # noqa: E402
from scripts.preprocess.category import Category  # noqa: E402
from scripts.preprocess.cross_fit import FOLDS, assign_folds, encode_out_of_fold  # noqa: E402
from scripts.preprocess.feature import Feature  # noqa: E402

SETTINGS = {
    "logistic": {"C": 1.0},
    "boosting": {"learning_rate": 0.1, "iterations": 40, "leaves": 7, "l2": 1.0},
}


def target_feature(**options: object) -> Feature:
    """Return a feature of target encoding of the column "level", for the classes a and b."""
    full = {"kind": "category", "encode": "target", "min_count": 1, "rare": False, "unknown": "ignore"}
    return Feature("level", Category(), full | {"smooth": "auto", "classes": ["a", "b"]} | options, ["level"])


def fit_feature(feature: Feature, values: np.ndarray, y: np.ndarray) -> object:
    """Return *feature* fitted on *values* [rows, 1] with the labels *y* [rows]."""
    return feature.kind.fit(feature.kind.summarize(values, y, feature.options), feature.options, iter)


def measure_auc(family: str, x: np.ndarray, y: np.ndarray, held_out: np.ndarray, truth: np.ndarray) -> float:
    """Return the ROC AUC on *held_out* of a model of *family* that is fitted on *x* and *y*."""
    kind = load_family(family)
    fitted = kind.fit(sparse.csr_matrix(x), y, SETTINGS[family], 0, "classification", "cpu")
    return float(roc_auc_score(truth, kind.score(fitted, sparse.csr_matrix(held_out), 2)[:, 1]))


def target_encoding_teaches_noise(worlds: int, rows: int = 5000) -> Iterator[tuple[str, str]]:
    """ROC AUC of a column of noise in the training rows and in new ones, and of models that have a signal beside it.

    Before: training rows are encoded with the labels of all of them; now: by those of other folds.
    """
    for levels in (10, 100, 1000):
        figures: dict[str, list[float]] = {}
        for world in range(worlds):
            rng = np.random.default_rng([levels, world])
            signal, level = (
                rng.normal(size=(2, rows, 1)),
                rng.integers(0, levels, (2, rows, 1)).astype(str).astype(object),
            )
            y, truth = (rng.random((2, rows)) < 1 / (1 + np.exp(-signal[:, :, 0]))).astype(np.int64)
            feature = target_feature()
            fitted = fit_feature(feature, level[0], y)
            folds = assign_folds(y, np.arange(rows), FOLDS)
            new = fitted.transform(level[1])
            for when, own in (
                ("before", fitted.transform(level[0])),
                ("now", encode_out_of_fold(feature, fitted, level[0], y, folds)),
            ):
                figures.setdefault(f"training {when}", []).append(roc_auc_score(y, own[:, 0]))
                for family in SETTINGS:
                    auc = measure_auc(family, np.hstack([signal[0], own]), y, np.hstack([signal[1], new]), truth)
                    figures.setdefault(f"{family}, new {when}", []).append(auc)
            figures.setdefault("new", []).append(roc_auc_score(truth, new[:, 0]))
            figures.setdefault("signal alone, new", []).append(roc_auc_score(truth, signal[1][:, 0]))
        for name, values in figures.items():
            yield f"{levels} levels, {name}", mean(values)


if __name__ == "__main__":
    run_simulations(__doc__, target_encoding_teaches_noise)
