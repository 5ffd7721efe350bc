"""The proof of a bundle: on every labelled eval row it gives what the fitted model gives."""

from pathlib import Path

import numpy as np

from scripts.bundle.encode import from_table
from scripts.bundle.label import labelled
from scripts.bundle.predictor import Predictor
from scripts.spine.job import BadInput, say

TIE = 1e-12  # classes whose probabilities differ by less are equally probable


def check_equal(offline: np.ndarray, served: np.ndarray, tolerance: float, first: int = 0) -> float:
    """Return the largest difference of the model's probabilities and the bundle's, [rows, classes].

    Raises BadInput where it is more than *tolerance*, or where the most probable class differs; *first* is the number
    of the first row.
    """
    gaps = np.abs(offline - served)
    row, column = np.unravel_index(gaps.argmax(), gaps.shape)
    if not gaps[row, column] <= tolerance:
        raise BadInput(
            f"the bundle's answer differs from the model's by {gaps[row, column]:.3g} in eval row "
            f"{first + row} ({served[row, column]:.6f} against {offline[row, column]:.6f}), after the features, which "
            f"are equal; train.tolerance allows {tolerance:g}"
        )
    other = np.flatnonzero(offline.max(axis=1) - offline[np.arange(len(served)), served.argmax(axis=1)] > TIE)
    if other.size:
        raise BadInput(
            f"the bundle's most probable class is not the model's in eval row {first + other[0]}: "
            f"{served[other[0]].tolist()} against {offline[other[0]].tolist()}"
        )
    return float(gaps[row, column])


def prove(
    bundle: Predictor, tables: list[Path], label: dict, described: dict, offline: np.ndarray, tolerance: float
) -> dict[str, np.ndarray]:
    """Return the columns of the labelled rows in *tables* that are numbers, as tensors.

    Raises BadInput where the *bundle* differs from the *offline* answers for these rows.
    """
    numbers: dict[str, list] = {name: [] for name, spec in described["columns"].items() if spec["tensor"] == "number"}
    first, worst = 0, 0.0
    for rows, _ in labelled(tables, label, list(described["columns"]), len(described["features"])):
        data = from_table(rows, described)
        worst = max(worst, check_equal(offline[first : first + len(rows)], bundle.outputs(data), tolerance, first))
        first += len(rows)
        for name, parts in numbers.items():
            parts.append(data[name])
    say(f"bundle against the fitted model on {first} rows: largest difference {worst:.2g}")
    return {name: np.concatenate(parts) for name, parts in numbers.items()}
