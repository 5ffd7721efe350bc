"""Statistics of features: the same for any order and batches of the rows.

Run the fitted graph over the rows of one split: features and labels for training."""

from pathlib import Path

import numpy as np
import onnxruntime
from scipy import sparse

from scripts.bundle.encode import from_table
from scripts.bundle.feature_matrix import save
from scripts.bundle.label import labelled
from scripts.bundle.table import spans
from scripts.errors import BadInput
from scripts.provenance.canonical import read_json, write_json
from scripts.provenance.run_job import main, say
from scripts.statistics import exact_sum

DISTINCT = 100  # more distinct values are not counted
PASSES = 16  # so that only a part of the columns is copied at a time


def check_finite(x: sparse.csr_matrix, names: list[str]) -> None:
    """Raise BadInput where a feature is NaN or infinite, naming it and the row."""
    wrong = np.flatnonzero(~np.isfinite(x.data))
    if len(wrong):
        row = int(np.searchsorted(x.indptr, wrong[0], side="right")) - 1
        value, name = x.data[wrong[0]], names[x.indices[wrong[0]]]
        raise BadInput(f"feature {name} is {value} in row {row} of the rows with a label; {len(wrong)} values in all")


def figures_of(x: sparse.csr_matrix, names: list[str]) -> list[dict]:
    """Return name, mean, sd (population), min, max, zeros and distinct of each column of *x*, whose values are finite.

    distinct is null where there are more than DISTINCT.
    """
    found, size = [], max(64, -(-x.shape[1] // PASSES))
    for start in range(0, x.shape[1], size):
        part = x[:, start : start + size].tocsc()
        for number in range(part.shape[1]):
            values = part.data[part.indptr[number] : part.indptr[number + 1]] + 0.0
            found.append({"name": names[start + number]} | of_values(values[values != 0], x.shape[0]))
    return found


def of_values(values: np.ndarray, rows: int) -> dict:
    """Return the figures of *values* and of as many zeros as make up *rows*."""
    zeros = rows - len(values)
    ends = np.append(values, 0.0) if zeros else values
    mean, sd = exact_sum.mean_sd(*exact_sum.power_sums(values), rows)
    few = np.unique(values[:: max(1, len(values) // 4096)])
    distinct = len(np.unique(values)) + (zeros > 0) if len(few) <= DISTINCT else DISTINCT + 1
    figures = {"mean": mean, "sd": sd, "min": float(ends.min()), "max": float(ends.max()), "zeros": zeros}
    return figures | {"distinct": int(distinct) if distinct <= DISTINCT else None}


def outside(figures: list[dict], ranges: list[dict]) -> list[str]:
    """Return a line for each feature that lies outside the training range by more than the width of that."""
    lines = []
    for own, trained in zip(figures, ranges, strict=True):
        width = trained["max"] - trained["min"] + 1e-9 * max(1.0, abs(trained["min"]), abs(trained["max"]))
        if own["min"] < trained["min"] - width or own["max"] > trained["max"] + width:
            lines.append(
                f"warning: feature {own['name']} lies between {own['min']:.6g} and {own['max']:.6g}, "
                f"in training between {trained['min']:.6g} and {trained['max']:.6g}"
            )
    return lines


def transform(
    tables: list[Path], graph: Path, contract: Path, schema: Path, features: Path, statistics: Path, label: dict
) -> None:
    """Write the features of the rows in *tables* and their labels as *features* (npz: CSR parts and y).

    Their figures go to *statistics*; what lies far outside the training range in *schema* is said.

    Rows without a label are left out. Raises BadInput where no row is left, or a feature is no number.
    """
    described, session = read_json(contract), onnxruntime.InferenceSession(graph)
    parts, numbers = [], []
    for rows, classes in labelled(tables, label, list(described["columns"]), len(described["features"])):
        parts.append(sparse.csr_matrix(session.run(["features"], from_table(rows, described))[0]))
        numbers.append(classes)
    if not parts:
        words = f"a label of {', '.join(described['classes'])}" if described["classes"] else "a label"
        raise BadInput(f"no row of span {spans(tables)} has {words}; widen the window")
    x, y = sparse.vstack(parts, format="csr"), np.concatenate(numbers)
    check_finite(x, described["features"])
    figures = figures_of(x, described["features"])
    for line in outside(figures, read_json(schema)["features"]):
        say(line)
    save(features, x, y)
    write_json(statistics, {"rows": x.shape[0], "features": figures})
    say(f"{x.shape[0]} rows, {x.shape[1]} features, {x.nnz / x.shape[0]:.1f} not zero in a row")


if __name__ == "__main__":
    main(transform)
