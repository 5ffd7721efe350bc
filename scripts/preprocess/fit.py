"""Fit the graph on the training split and write it as ONNX: raw rows in, features out."""

from pathlib import Path

import numpy as np
import onnxruntime
from scipy import sparse

from scripts.bundle.encode import from_table
from scripts.bundle.label import order
from scripts.bundle.onnxgraph import Builder, model, to_bytes
from scripts.bundle.rows import read
from scripts.preprocess.kinds import KINDS, Limits
from scripts.spine.canon import write_bytes, write_json
from scripts.spine.job import BadInput, main, say

TYPES = {"number": "number", "category": "text", "text": "text", "season": "date"}
RESERVED = {"features", "probabilities"}  # what the graph and the bundle give
TOLERANCE = 1e-4  # of a feature: days times 2 pi / 365 lose digits in float32


def contract_of(case: str, title: str, features: dict[str, str], label: dict) -> dict:
    """Return what a row must hold and what the classes are."""
    return {
        "case": case,
        "title": title,
        "columns": {name: {"type": TYPES[kind], "feature": kind} for name, kind in sorted(features.items())},
        "classes": order(label["classes"]),
        "positive": label["positive"],
    }


def check_equal(column: str, kind: str, fitted: object, values: np.ndarray, exported: np.ndarray) -> None:
    """Raise BadInput unless scikit-learn and ONNX give the same features of *column* for every row."""
    offline = fitted.transform(values.ravel() if kind == "text" else values)
    offline = offline.toarray() if sparse.issparse(offline) else offline
    worst = np.abs(offline - exported).max(initial=0)
    if not worst <= TOLERANCE:
        row = int(np.abs(offline - exported).max(axis=1).argmax())
        raise BadInput(
            f"{column} ({kind}): ONNX differs from scikit-learn by {worst:.3g} in row {row} ({values[row, 0]!r:.80})"
        )


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
) -> None:
    """Fit each feature of the rows in *tables*; write *graph* (ONNX, output "features") and *contract* (JSON).

    Raises BadInput where the ONNX graph differs from what was fitted, naming column, row and value.
    """
    for name in RESERVED & set(features):
        raise BadInput(f"a column cannot be called {name}, which is the name of a tensor; rename it in the data")
    described = contract_of(case, title, features, label)
    data = from_table(read(tables, sorted(features)), described)
    limits = Limits(min_count, terms)
    builder, parts, names, fits = Builder(), [], [], {}
    for column, spec in described["columns"].items():
        kind = KINDS[spec["feature"]]
        builder.prefix = f"{column}/"
        fits[column] = kind.fit(data[column], limits)
        parts.append(kind.export(builder, column, fits[column]))
        names.append(kind.names(column, fits[column]))
    builder.prefix = ""
    builder.add("Concat", *parts, axis=1, output="features")
    inputs = {name: (spec["type"], 1) for name, spec in described["columns"].items()}
    content = to_bytes(model(builder, inputs, {"features": sum(map(len, names))}))
    exported = onnxruntime.InferenceSession(content).run(["features"], data)[0]
    start = 0
    for (column, spec), part in zip(described["columns"].items(), names, strict=True):
        check_equal(column, spec["feature"], fits[column], data[column], exported[:, start : start + len(part)])
        start += len(part)
    write_bytes(graph, content)
    write_json(contract, described | {"features": [name for part in names for name in part]})
    say(f"{start} features of {len(names)} columns, fitted on {len(exported)} rows")


if __name__ == "__main__":
    main(fit)
