"""The proof of a graph: on every row it gives what the fitted transformers give.

Fit the graph on the training split and write it as ONNX: raw rows in, features out."""

import hashlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from scipy import sparse

from scripts.bundle.label import order, task
from scripts.bundle.onnx_builder import Builder, model, to_bytes
from scripts.bundle.table import batches, spans, types
from scripts.config.features import file_of
from scripts.errors import BadInput
from scripts.preprocess.feature import SEPARATOR, Feature, columns_read, planned, read, tensors
from scripts.provenance.canonical import write_bytes, write_json
from scripts.provenance.run_job import main, say

TOLERANCE = 1e-6  # of a feature


def check_equal(feature: Feature, fitted: Any, values: np.ndarray, exported: np.ndarray, where: str = "row 0") -> None:
    """Raise BadInput unless the fitted transformer and ONNX give the same features for every row.

    *where* names the first row and ends with its number.
    """
    offline = fitted.transform(values)
    served = sparse.csr_matrix(exported) if sparse.issparse(offline) else exported
    gaps = sparse.coo_matrix(abs(offline - served))
    worst = gaps.data.max(initial=0)
    if not worst <= TOLERANCE:
        row = int(gaps.row[gaps.data.argmax()])
        place, _, first = where.rpartition(" ")
        raise BadInput(
            f"{feature.words}: ONNX differs from the fitted transformer by {worst:.3g} in {place} {int(first) + row} "
            f"({values[row].tolist()!r:.80})"
        )


def prove(
    tables: list[Path], split: str, plan: list[Feature], fits: list, widths: list, content: bytes, own: dict
) -> tuple[int, np.ndarray, np.ndarray]:
    """Return the number of rows of *split*, and the least and the largest value of each feature.

    Raises BadInput where the graph *content* differs from *fits* on a row.

    *own* are the columns of the contract.
    """
    session, seen = onnxruntime.InferenceSession(content), 0
    low, high = np.full(sum(widths), np.inf), np.full(sum(widths), -np.inf)
    columns = columns_read(plan, types(tables))
    for rows in batches(tables, list(columns), sum(widths)):
        data, start = tensors(rows, columns), 0
        hooked = {name: spec for name, spec in own.items() if spec["tensor"] == "hook"}
        exported = session.run(["features"], data | tensors(rows, hooked))[0]
        for feature, fitted, width in zip(plan, fits, widths, strict=True):
            part = exported[:, start : start + width]
            check_equal(feature, fitted, feature.values(data), part, f"{split} row {seen}")
            start += width
        seen += len(rows)
        low, high = np.fmin(low, exported.min(axis=0)), np.fmax(high, exported.max(axis=0))
    return seen, low, high


RESERVED = {"features", "probabilities", "prediction"}  # what the graph and the bundle give
KNOWN = 100  # values of a column that the contract lists for golden rows


def again(tables: list[Path], feature: Feature, columns: dict) -> Iterator[np.ndarray]:
    """Yield the values of *feature* in the rows of *tables*, in batches."""
    for rows in batches(tables, feature.columns):
        yield feature.values(tensors(rows, {name: columns[name] for name in feature.columns}))


def graph_of(plan: list[Feature], fits: list, columns: dict, width: int) -> bytes:
    """Return the ONNX graph of fitted features: a tensor for each column in, "features" [rows, width] out."""
    builder, parts = Builder(), []
    for feature, fitted in zip(plan, fits, strict=True):
        builder.prefix = f"{feature.name}/"
        tensor = builder.add("Concat", *feature.columns, axis=1) if len(feature.columns) > 1 else feature.columns[0]
        parts.append(feature.kind.export(builder, tensor, fitted))
    builder.prefix = ""
    builder.add("Concat", *parts, axis=1, output="features")
    inputs = {name: (spec["tensor"], spec.get("width", 1)) for name, spec in columns.items()}
    return to_bytes(model(builder, inputs, {"features": width}))


def described(plan: list[Feature], fits: list, columns: dict[str, dict]) -> dict[str, dict]:
    """Return *columns* with what the contract says of each: some values or words that are known, or the hook."""
    found: dict[str, dict] = {}
    for feature, fitted in zip(plan, fits, strict=True):
        own = feature.kind.contract(fitted)
        values = own.get("known", [])
        parts = list(zip(*(value.split(SEPARATOR) for value in values), strict=True)) if feature.columns[1:] else []
        for column, known in zip(feature.columns, parts or [values], strict=False):
            few = list(dict.fromkeys(known))
            found.setdefault(column, own | {"known": few[:: -(-len(few) // KNOWN)]} if few else own)
    return {name: spec | found.get(name, {}) for name, spec in columns.items()}


def fit(
    tables: list[Path],
    evaluate: list[Path],
    summaries: list[Path],
    graph: Path,
    contract: Path,
    schema: Path,
    case: str,
    title: str,
    features: dict,
    label: dict,
    window: dict | None = None,
    lookups: list[Path] | None = None,
) -> None:
    """Fit each feature on the *summaries* of *tables*; write *graph* (ONNX, output "features") and *contract* (JSON).

    *schema* gets the name of each feature and its range in the training split. *lookups* are the tables of
    files beside the rows, each in a folder that has the name of its file.

    Raises BadInput where the ONNX graph differs from what was fitted on a row of *tables* or of *evaluate*, naming
    feature, kind, row and value.
    """
    plan, typed = planned(features, label), types(tables)
    columns = columns_read(plan, typed)
    for name in RESERVED & set(columns):
        raise BadInput(f"a column cannot be called {name}, which is the name of a tensor; rename it in the data")
    parts = [read(path, plan) for path in summaries]
    if not sum(rows for _, rows in parts):
        raise BadInput(f"span {spans(tables)} has no rows; nothing can be fitted on them; widen windows.train")
    fits, names, beside = [], [], {path.parent.name: path for path in lookups or []}
    for number, feature in enumerate(plan):
        merged = feature.kind.merge([part[number] for part, _ in parts])
        options = feature.options | {"table": beside.get(file_of(feature.options))}
        fits.append(feature.kind.fit(merged, options, partial(again, tables, feature, columns)))
        names.append(feature.kind.names(feature.name, fits[-1]))
    flat = [name for part in names for name in part]
    for name in [name for name in flat if flat.count(name) > 1][:1]:
        raise BadInput(f"two features are called {name}; drop one of the kinds that make it")
    widths = [len(part) for part in names]
    own = described(plan, fits, columns)
    content = graph_of(plan, fits, own, len(flat))
    proof = (plan, fits, widths, content, own)
    rows, low, high = prove(tables, "train", *proof)
    proven = rows + prove(evaluate, "eval", *proof)[0]
    contents = {
        "window": window if window and window["columns"] else None,
        "case": case,
        "title": title,
        "columns": own,
        "task": task(label),
        "classes": order(label["classes"] or []),
        "positive": label["positive"],
        "label": label,
        "features": flat,
        "graph": hashlib.sha256(content).hexdigest(),
    }
    write_bytes(graph, content)
    write_json(contract, contents)
    ranges = zip(flat, low.tolist(), high.tolist(), strict=True)
    write_json(schema, {"features": [{"name": name, "min": least, "max": most} for name, least, most in ranges]})
    say(f"{len(flat)} features of {len(columns)} columns, fitted on {rows} rows, equal on {proven}")


if __name__ == "__main__":
    main(fit)
