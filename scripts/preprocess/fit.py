"""Fit all features on the training split and write them as an ONNX graph from raw values to features.

The graph is compared with the fitted transformers on every row of the training and validation splits.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

from scripts.bundle.clean import describe_cleaning
from scripts.bundle.label import infer_task
from scripts.bundle.lags import describe_lags
from scripts.bundle.onnx_builder import Builder, build_model, to_bytes
from scripts.bundle.onnx_session import Session
from scripts.bundle.table import column_types, iter_batches, span_names
from scripts.column_types import list_values
from scripts.config.classes import sort_classes
from scripts.config.features import side_file
from scripts.errors import InputError
from scripts.preprocess.feature import SEPARATOR, Feature, input_columns, plan_features, read_summaries, to_tensors
from scripts.provenance.canonical import write_bytes, write_json
from scripts.provenance.run_job import echo, main

TOLERANCE = 1e-6  # absolute, for each feature
RESERVED_NAMES = {"features", "probabilities", "prediction"}  # output tensors of the graph and of the bundle
MAX_KNOWN = 100  # values of a column that the contract lists for golden rows, at most


def assert_same_features(
    feature: Feature, fitted: Any, values: np.ndarray, exported: np.ndarray, where: str = "row 0"
) -> None:
    """Raise InputError unless the fitted transformer and ONNX agree to TOLERANCE on every row.

    *values* are [rows, columns], *exported* are the features by ONNX [rows, width]. *where* names the first row and
    ends with its number.
    """
    offline = fitted.transform(values)
    served = sparse.csr_matrix(exported) if sparse.issparse(offline) else exported
    gaps = sparse.coo_matrix(abs(offline - served))
    worst = gaps.data.max(initial=0)
    if not worst <= TOLERANCE:
        row = int(gaps.row[gaps.data.argmax()])
        place, _, first = where.rpartition(" ")
        raise InputError(
            f"{feature.title}: ONNX differs from the fitted transformer by {worst:.3g} in {place} {int(first) + row} "
            f"([{list_values(values[row].tolist(), 80)}])"
        )


def verify_onnx(
    tables: list[Path],
    split: str,
    plan: list[Feature],
    transformers: list,
    widths: list,
    content: bytes,
    contract_columns: dict,
) -> tuple[int, np.ndarray, np.ndarray]:
    """Return the number of rows of *split*, and the minimum and maximum of each feature.

    *widths* are the numbers of columns of the features, *contract_columns* the columns of the contract. Raises
    InputError where the ONNX graph *content* differs from the *transformers* on a row.
    """
    session, seen = Session(content), 0
    low, high = np.full(sum(widths), np.inf), np.full(sum(widths), -np.inf)
    columns = input_columns(plan, column_types(tables))
    for rows in iter_batches(tables, list(columns), sum(widths)):
        data, start = to_tensors(rows, columns), 0
        hook_columns = {name: spec for name, spec in contract_columns.items() if spec["tensor"] == "hook"}
        exported = session.run(["features"], data | to_tensors(rows, hook_columns))[0]
        for feature, fitted, width in zip(plan, transformers, widths, strict=True):
            part = exported[:, start : start + width]
            assert_same_features(feature, fitted, feature.values(data), part, f"{split} row {seen}")
            start += width
        seen += len(rows)
        low, high = np.fmin(low, exported.min(axis=0)), np.fmax(high, exported.max(axis=0))
    return seen, low, high


def reread(tables: list[Path], feature: Feature, columns: dict) -> Iterator[np.ndarray]:
    """Yield the values of *feature* in the rows of *tables*, in batches [rows, columns]."""
    for rows in iter_batches(tables, feature.columns):
        yield feature.values(to_tensors(rows, {name: columns[name] for name in feature.columns}))


def join_neighbours(plan: list[Feature], transformers: list) -> Iterator[tuple[Feature, Any]]:
    """Yield features and their transformers; neighbours of a kind that joins columns are one feature of all of them."""
    for kind, run in groupby(zip(plan, transformers, strict=True), lambda pair: pair[0].kind):
        pairs = list(run)
        if kind.joins:
            features, fitted = zip(*pairs, strict=True)
            columns = [column for feature in features for column in feature.columns]
            yield replace(features[0], columns=columns), kind.join(fitted)
        else:
            yield from pairs


def build_graph(plan: list[Feature], transformers: list, columns: dict, width: int) -> bytes:
    """Return the ONNX graph of fitted features: an input for each column, the output "features" [rows, width]."""
    builder, parts = Builder(), []
    for feature, fitted in join_neighbours(plan, transformers):
        builder.prefix = f"{feature.name}/"
        tensor = builder.add("Concat", *feature.columns, axis=1) if len(feature.columns) > 1 else feature.columns[0]
        parts.append(feature.kind.export(builder, tensor, fitted))
    builder.prefix = ""
    builder.add("Concat", *parts, axis=1, output="features")
    inputs = {name: (spec["tensor"], spec.get("width", 1)) for name, spec in columns.items()}
    return to_bytes(build_model(builder, inputs, {"features": width}))


def describe_columns(plan: list[Feature], transformers: list, columns: dict[str, dict]) -> dict[str, dict]:
    """Return *columns* with what the contract says about each: some values or terms of its vocabulary, or the hook."""
    found: dict[str, dict] = {}
    for feature, fitted in zip(plan, transformers, strict=True):
        own = feature.kind.contract(fitted)
        values = own.get("known", [])
        parts = list(zip(*(value.split(SEPARATOR) for value in values), strict=True)) if feature.columns[1:] else []
        for column, known in zip(feature.columns, parts or [values], strict=False):
            distinct = list(dict.fromkeys(known))
            found.setdefault(column, own | {"known": distinct[:: -(-len(distinct) // MAX_KNOWN)]} if distinct else own)
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
    dtypes: dict | None = None,
    trim: bool = False,
    null_values: list | None = None,
    timezone: str = "UTC",
) -> None:
    """Fit each feature on the *summaries* of *tables*; write *graph* (ONNX, output "features") and *contract* (JSON).

    *schema* gets the name of each feature and its range in the training split. *lookups* are the tables made of side
    files, each in a folder with the name of its file. *dtypes* (`ingest.columns`), *trim*, *null_values* and *timezone*
    say how the server has to clean requests.

    Raises InputError where the ONNX graph differs from the fitted transformers on a row of *tables* or *evaluate*, with
    feature, kind, row and value.
    """
    plan, typed = plan_features(features, label), column_types(tables)
    columns = input_columns(plan, typed)
    if reserved := sorted(RESERVED_NAMES & set(columns)):
        raise InputError(
            f"a column cannot be called {reserved[0]}, which is the name of a tensor; rename it in the data"
        )
    parts = [read_summaries(path, plan) for path in summaries]
    if not sum(rows for _, rows in parts):
        raise InputError(f"span {span_names(tables)} has no rows; nothing can be fitted on them; widen windows.train")
    transformers, names, lookup_tables = [], [], {path.parent.name: path for path in lookups or []}
    for number, feature in enumerate(plan):
        merged = feature.kind.merge([part[number] for part, _ in parts])
        options = feature.options | {"table": lookup_tables.get(side_file(feature.options))}
        transformers.append(feature.kind.fit(merged, options, partial(reread, tables, feature, columns)))
        names.append(feature.kind.names(feature.name, transformers[-1]))
    flat = [name for part in names for name in part]
    if repeated := [name for name, count in Counter(flat).items() if count > 1]:
        raise InputError(f"two features are called {repeated[0]}; drop one of the kinds that make it")
    widths = [len(part) for part in names]
    contract_columns = describe_columns(plan, transformers, columns)
    content = build_graph(plan, transformers, contract_columns, len(flat))
    arguments = (plan, transformers, widths, content, contract_columns)
    rows, low, high = verify_onnx(tables, "train", *arguments)
    verified = rows + verify_onnx(evaluate, "eval", *arguments)[0]
    lags = window or {"key": [], "order": "", "columns": [], "size": 2}
    contents = {
        "window": describe_lags(dtypes or {}, lags),
        "cleaning": describe_cleaning(dtypes or {}, lags, set(columns), trim, null_values or [], timezone),
        "case": case,
        "title": title,
        "columns": contract_columns,
        "task": infer_task(label),
        "classes": sort_classes(label["classes"] or []),
        "positive": label["positive"],
        "label": label,
        "features": flat,
        "graph": hashlib.sha256(content).hexdigest(),
    }
    write_bytes(graph, content)
    write_json(contract, contents)
    ranges = zip(flat, low.tolist(), high.tolist(), strict=True)
    write_json(schema, {"features": [{"name": name, "min": least, "max": most} for name, least, most in ranges]})
    echo(f"{len(flat)} features of {len(columns)} columns, fitted on {rows} rows, verified on {verified}")


if __name__ == "__main__":
    main(fit)
