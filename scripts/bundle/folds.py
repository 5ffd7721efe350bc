"""folds.npz: the folds of cross-validation, and what the features that learn from labels are in each of them."""

from pathlib import Path
from typing import NamedTuple

import numpy as np


class Folds(NamedTuple):
    """The folds of the training rows; *fit* and *held_out* [folds, rows] say which rows are fitted on and scored.

    In a fold, the *columns* [w] of the features that learn from labels have the *values* [folds, rows, w].
    """

    fit: np.ndarray
    held_out: np.ndarray
    columns: np.ndarray
    values: np.ndarray


def save_folds(path: Path, folds: Folds) -> None:
    """Write *folds* to *path*."""
    with open(path, "wb") as file:
        np.savez(file, **folds._asdict())


def load_folds(path: Path) -> Folds:
    """Return the folds in *path*."""
    with np.load(path, allow_pickle=False) as arrays:
        return Folds(**{name: arrays[name] for name in Folds._fields})
