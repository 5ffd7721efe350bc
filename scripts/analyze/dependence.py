"""Partial dependence and individual curves of columns: the outputs for each value of a column, all others as they are.

The rows are the golden rows of the bundle, which are synthetic, so that neither curves nor grid hold anybody's values.
A curve for each row is its individual conditional expectation (Goldstein et al. 2015), their mean is the partial
dependence (Friedman 2001). The golden rows draw their columns independently of each other, so the curves also show
the model where columns that depend on each other never have such values.
"""

from pathlib import Path

import numpy as np

from scripts.analyze.scores import Predict
from scripts.bundle.clean import clean_rows
from scripts.bundle.encode import encode_rows, encode_values, is_text, transform_if_custom
from scripts.provenance.canonical import read_json

MOST_COLUMNS = 8  # the most important ones
MOST_ROWS = 32
MOST_CLASSES = 4  # of more than two, those whose curves change most
STEPS = 20  # of a number, evenly over the range of the golden rows
MOST_VALUES = 32  # of a text, that are tried
SHOWN_VALUES = 12  # those of them whose mean outputs are furthest from the mean of all
DIGITS = 4  # significant digits, enough for a plot


def make_grid(spec: dict, cells: np.ndarray) -> np.ndarray:
    """Return the values [values, 1] at which a column is tried; *cells* [rows, 1] are its values in the golden rows.

    They are those that the contract lists and the missing one, or numbers over the range of *cells*; none for texts of
    words.
    """
    if is_text(spec):
        if spec.get("words"):
            return np.empty((0, 1), object)
        known = sorted({value for value in spec.get("known") or cells[:, 0] if value})
        return np.array([*known[:: -(-len(known) // (MOST_VALUES - 1)) or 1], ""], object).reshape(-1, 1)
    present = cells[np.isfinite(cells)]
    if spec["type"] == "boolean":
        present, steps = np.array([0.0, 1.0]), 2
    else:
        steps = STEPS if len(present) else 0
    grid = np.linspace(present.min(), present.max(), steps) if steps else present
    return np.unique(np.round(grid) if spec["type"] in ("integer", "date") else grid).reshape(-1, 1)


def round_curve(values: np.ndarray) -> list[float]:
    """Return *values* with as many digits as a plot shows."""
    return [float(f"{value:.{DIGITS}g}") for value in values]


def measure_column(predict: Predict, contract: dict, tensors: dict, name: str, cells: np.ndarray) -> dict | None:
    """Return the curves of column *name*, None if it has no two values to try; *cells* are its golden values.

    They are {"column", "type", "values", "average": {class or "prediction": [values]}, "individual": [rows][values]}.
    With more than two classes, there are no individual curves.
    """
    spec = contract["columns"][name]
    grid = make_grid(spec, cells)
    if len(grid) < 2:
        return None
    tried = transform_if_custom(name, spec, grid)
    outputs = np.array(
        [predict({**tensors, name: np.repeat(value[None], len(cells), axis=0)}) for value in tried], np.float64
    )  # [values, rows, outputs]
    means = outputs.mean(axis=1)
    if is_text(spec):
        distance = np.abs(means - means.mean(axis=0)).max(axis=1)
        shown = np.sort(np.argsort(-distance, kind="stable")[:SHOWN_VALUES])
        grid, outputs, means = grid[shown], outputs[shown], means[shown]
    classes, positive = contract["classes"] or ["prediction"], contract["positive"]
    if positive is not None or len(classes) == 1:
        chosen = [0 if positive is None else classes.index(positive)]
        individual = [round_curve(curve) for curve in outputs[:, :, chosen[0]].T]
    else:
        chosen = np.sort(np.argsort(-np.ptp(means, axis=0), kind="stable")[:MOST_CLASSES]).tolist()
        individual = []
    average = {classes[number]: round_curve(means[:, number]) for number in chosen}
    values = grid[:, 0].tolist()
    return {"column": name, "type": spec["type"], "values": values, "average": average, "individual": individual}


def measure_dependence(bundle: Path, predict: Predict, contract: dict, importance: list[dict]) -> list[dict]:
    """Return the curves (measure_column) of the columns that matter most by *importance*, in its order.

    *predict* is that of *bundle*, whose contract is *contract*.
    """
    chosen = [entry["column"] for entry in importance if (entry["drop"]["value"] or 0) > 0][:MOST_COLUMNS]
    rows = clean_rows(read_json(bundle / "golden.json")["rows"][:MOST_ROWS], contract)
    tensors = encode_rows(rows, contract)
    columns = contract["columns"]
    cells = {name: encode_values(name, columns[name], [row[name] for row in rows]) for name in chosen}
    found = [measure_column(predict, contract, tensors, name, cells[name]) for name in chosen]
    return [entry for entry in found if entry]
