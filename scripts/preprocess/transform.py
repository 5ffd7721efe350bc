"""Run the fitted graph on the rows of one split: features and labels for training, and statistics of the features.

The statistics are the same for any order and batches of the rows.
"""

from pathlib import Path

import numpy as np
from scipy import sparse

from scripts.bundle.encode import encode_table
from scripts.bundle.feature_matrix import replace_columns, save_features
from scripts.bundle.label import labelled_batches
from scripts.bundle.onnx_session import Session
from scripts.bundle.table import span_names
from scripts.errors import InputError
from scripts.provenance.canonical import read_json, write_json
from scripts.provenance.run_job import echo, main
from scripts.statistics import exact_sum

MAX_DISTINCT = 100  # distinct values that are counted, at most
COLUMN_BLOCKS = 16  # only one block of columns is copied at a time


def check_finite(x: sparse.csr_matrix, names: list[str]) -> None:
    """Raise InputError, with feature and row, if a feature is NaN or infinite."""
    wrong = np.flatnonzero(~np.isfinite(x.data))
    if len(wrong):
        row = int(np.searchsorted(x.indptr, wrong[0], side="right")) - 1
        value, name = x.data[wrong[0]], names[x.indices[wrong[0]]]
        raise InputError(f"feature {name} is {value} in row {row} of the rows with a label; {len(wrong)} values in all")


def feature_statistics(x: sparse.csr_matrix, names: list[str]) -> list[dict]:
    """Return name, mean, sd (population), min, max, zeros and distinct of each column of *x*, whose values are finite.

    distinct is None if there are more than MAX_DISTINCT distinct values.
    """
    result, size = [], max(64, -(-x.shape[1] // COLUMN_BLOCKS))
    for start in range(0, x.shape[1], size):
        part = x[:, start : start + size].tocsc()
        for number in range(part.shape[1]):
            values = part.data[part.indptr[number] : part.indptr[number + 1]] + 0.0
            result.append({"name": names[start + number]} | column_statistics(values[values != 0], x.shape[0]))
    return result


def column_statistics(values: np.ndarray, rows: int) -> dict:
    """Return the statistics of a column of *rows* values whose values other than 0 are *values*."""
    zeros = rows - len(values)
    ends = np.append(values, 0.0) if zeros else values
    mean, sd = exact_sum.mean_and_sd(*exact_sum.power_sums(values), rows)
    sample = np.unique(values[:: max(1, len(values) // 4096)])
    distinct = len(np.unique(values)) + (zeros > 0) if len(sample) <= MAX_DISTINCT else MAX_DISTINCT + 1
    figures = {"mean": mean, "sd": sd, "min": float(ends.min()), "max": float(ends.max()), "zeros": zeros}
    return figures | {"distinct": int(distinct) if distinct <= MAX_DISTINCT else None}


def describe_out_of_range(figures: list[dict], ranges: list[dict]) -> list[str]:
    """Return a warning for each feature that is outside its training range by more than the width of the range."""
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
    tables: list[Path],
    graph: Path,
    contract: Path,
    schema: Path,
    cross_fitted: list[Path],
    features: Path,
    statistics: Path,
    label: dict,
) -> None:
    """Write the features and labels of the rows in *tables* to *features* (npz: CSR arrays and y).

    Of the training split, the features that learn from labels are those in *cross_fitted*, if there are any. Statistics
    go to *statistics*; the log warns of values far outside the training range in *schema*. Rows without a label are
    left out. Raises InputError if no row is left, or a feature is NaN or infinite.
    """
    spec, session = read_json(contract), Session(graph)
    parts, numbers = [], []
    for rows, classes in labelled_batches(tables, label, list(spec["columns"]), len(spec["features"])):
        parts.append(sparse.csr_matrix(session.run(["features"], encode_table(rows, spec))[0]))
        numbers.append(classes)
    if not parts:
        missing = f"a label of {', '.join(spec['classes'])}" if spec["classes"] else "a label"
        raise InputError(f"no row of span {span_names(tables)} has {missing}; widen the window")
    x, y = sparse.vstack(parts, format="csr"), np.concatenate(numbers)
    for path in cross_fitted:
        with np.load(path, allow_pickle=False) as encodings:
            x = replace_columns(x, encodings["columns"], encodings["values"])
    check_finite(x, spec["features"])
    figures = feature_statistics(x, spec["features"])
    for line in describe_out_of_range(figures, read_json(schema)["features"]):
        echo(line)
    save_features(features, x, y)
    write_json(statistics, {"rows": x.shape[0], "features": figures})
    echo(f"{x.shape[0]} rows, {x.shape[1]} features, {x.nnz / x.shape[0]:.1f} nonzero per row")


if __name__ == "__main__":
    main(transform)
