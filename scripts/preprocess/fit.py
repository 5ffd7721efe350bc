"""Fit the graph on the training split and write it as ONNX: raw rows in, features out."""

import hashlib
from pathlib import Path

import numpy as np
import onnxruntime
from scipy import sparse

from scripts.bundle.encode import from_column, from_table, is_text
from scripts.bundle.label import order, task
from scripts.bundle.onnxgraph import Builder, model, to_bytes
from scripts.bundle.rows import batches, read, spans, types
from scripts.preprocess.kinds import KINDS, Limits
from scripts.spine.canon import write_bytes, write_json
from scripts.spine.job import BadInput, main, say

RESERVED = {"features", "probabilities"}  # what the graph and the bundle give
TOLERANCE = 1e-4  # of a feature: days times 2 pi / 365 lose digits in float32


def contract_of(
    case: str, title: str, features: dict[str, str], types: dict[str, str], label: dict, window: dict | None
) -> dict:
    """Return what a row must hold and what the classes are; *types* are those of the columns."""
    return {
        "window": window if window and window["columns"] else None,
        "case": case,
        "title": title,
        "columns": {name: {"type": types[name], "feature": kind} for name, kind in sorted(features.items())},
        "task": task(label),
        "classes": order(label["classes"] or []),
        "positive": label["positive"],
    }


def check_equal(
    column: str, kind: str, fitted: object, values: np.ndarray, exported: np.ndarray, first: int = 0
) -> None:
    """Raise BadInput unless scikit-learn and ONNX give the same features of *column* for every row.

    *first* is the number of the first row.
    """
    offline = fitted.transform(values.ravel() if kind == "text" else values)
    served = sparse.csr_matrix(exported) if sparse.issparse(offline) else exported
    gaps = sparse.coo_matrix(abs(offline - served))
    worst = gaps.data.max(initial=0)
    if not worst <= TOLERANCE:
        row = int(gaps.row[gaps.data.argmax()])
        raise BadInput(
            f"{column} ({kind}): ONNX differs from scikit-learn by {worst:.3g} in row {first + row} "
            f"({values[row, 0]!r:.80})"
        )


def prove(tables: list[Path], described: dict, fits: dict, widths: dict[str, int], content: bytes) -> int:
    """Return the number of rows in *tables*. Raises BadInput where the graph *content* differs from *fits* on a row."""
    session, seen = onnxruntime.InferenceSession(content), 0
    for rows in batches(tables, list(widths), sum(widths.values())):
        data, start = from_table(rows, described), 0
        exported = session.run(["features"], data)[0]
        for column, spec in described["columns"].items():
            part = exported[:, start : start + widths[column]]
            check_equal(column, spec["feature"], fits[column], data[column], part, seen)
            start += widths[column]
        seen += len(rows)
    return seen


def fit(
    tables: list[Path],
    graph: Path,
    contract: Path,
    case: str,
    title: str,
    features: dict,
    label: dict,
    min_count: int,
    terms: int,
    window: dict | None = None,
) -> None:
    """Fit each feature of the rows in *tables*; write *graph* (ONNX, output "features") and *contract* (JSON).

    Raises BadInput where the ONNX graph differs from what was fitted, naming column, row and value.
    """
    for name in RESERVED & set(features):
        raise BadInput(f"a column cannot be called {name}, which is the name of a tensor; rename it in the data")
    described = contract_of(case, title, features, types(tables), label, window)
    limits = Limits(min_count, terms)
    builder, parts, names, fits = Builder(), [], {}, {}
    for column, spec in described["columns"].items():  # one at a time: all would not fit into memory
        values, kind = from_column(read(tables, [column])[column], spec), KINDS[spec["feature"]]
        if not len(values):
            raise BadInput(f"span {spans(tables)} has no rows; nothing can be fitted on them; widen windows.train")
        builder.prefix = f"{column}/"
        fits[column] = kind.fit(values, limits)
        parts.append(kind.export(builder, column, fits[column]))
        names[column] = kind.names(column, fits[column])
    builder.prefix = ""
    builder.add("Concat", *parts, axis=1, output="features")
    inputs = {name: ("text" if is_text(spec) else "number", 1) for name, spec in described["columns"].items()}
    widths = {name: len(part) for name, part in names.items()}
    content = to_bytes(model(builder, inputs, {"features": sum(widths.values())}))
    rows = prove(tables, described, fits, widths, content)
    write_bytes(graph, content)
    listed = [name for part in names.values() for name in part]
    write_json(contract, described | {"features": listed, "graph": hashlib.sha256(content).hexdigest()})
    say(f"{sum(widths.values())} features of {len(names)} columns, fitted on {rows} rows")


if __name__ == "__main__":
    main(fit)
