"""Made-up splits and sweeps for the tests of tuning."""

from pathlib import Path

import numpy as np

from scripts.bundle.feature_matrix import load_features
from scripts.bundle.folds import Folds, save_folds
from scripts.preprocess.cross_fit import plan_folds
from scripts.provenance.canonical import read_json
from scripts.tune.tune import tune

FAMILIES = {
    "logistic": {"C": {"loguniform": [0.1, 10]}},
    "boosting": {
        "learning_rate": {"uniform": [0.05, 0.3]},
        "iterations": {"quniform": [4, 10, 2]},
        "leaves": {"choice": [3, 5]},
        "l2": {"loguniform": [0.1, 1]},
    },
}
STAMP = {"config": {"trials": 4, "width": 2, "seed": 0}, "code": {"a": "1"}, "env": {"model": "m"}, "inputs": {}}
CONFIG = {
    "families": FAMILIES,
    "width": 2,
    "algorithm": "mix",
    "metric": "roc_auc",
    "positive": 1,
    "threshold": "f1",
    "max_rows": None,
    "folds": 0,
    "seeds": 1,
    "points_to_evaluate": [],
    "timeout": None,
    "early_stop": {"trials": None, "gain": 0.0},
    "halving": {"rungs": 1, "eta": 3, "resource": "rows"},
    "budget": {"minutes": None, "gpu_hours": None},
    "seed": 0,
}


def split(path: Path, seed: int, classes=(0, 1)) -> Path:
    """Write the features of a made-up split as preprocess does; without *classes* the label is a number."""
    rng = np.random.default_rng(seed)
    x = rng.random((80, 5))
    value = x[:, 0] + rng.normal(0, 0.2, 80)
    y = np.array(classes)[(value > 0.5).astype(int)] if classes else value
    shape = {"indices": np.tile(np.arange(5), 80), "indptr": np.arange(0, 401, 5), "shape": np.array([80, 5])}
    with open(path, "wb") as file:
        np.savez(file, data=x.ravel(), **shape, y=y)
    return path


def make_folds(y: np.ndarray, count: int) -> Folds:
    """Return *count* folds of rows with the labels *y*, as preprocess does for one span without features of labels."""
    rows = np.arange(len(y))
    return Folds(*plan_folds(y, 0 * rows, rows, count), np.empty(0, np.int64), np.empty((count, len(y), 0)))


def write_folds(path: Path, train: Path, count: int) -> Path:
    """Write *count* folds of the rows of the split in *train*."""
    save_folds(path, make_folds(load_features(train)[1], count))
    return path


def sweep(
    folder: Path,
    splits: tuple[Path, Path],
    workers: int = 1,
    trials: int = 4,
    reuse=(),
    device="cpu",
    kept: Path | None = None,
    worker_only: bool = False,
    **changes,
) -> dict | None:
    """Run a sweep in *folder*, with its trials in *kept*, and return its trials file, if there is one."""
    folder.mkdir(exist_ok=True)
    config = CONFIG | changes
    stamp = STAMP | {"config": config | {"trials": trials}}
    files = [folder / "trials.json", folder / "best.json"]
    kept = kept or folder / "kept"
    own = {"trials": trials, "device": device, "worker_only": worker_only}
    fold_rows = [write_folds(folder / "folds.npz", splits[0], config["folds"])] if config["folds"] else []
    tune(*splits, fold_rows, list(reuse), *files, kept, workers, stamp, **own, **config)
    return None if worker_only else read_json(files[0])
