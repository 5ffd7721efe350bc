"""Small bundles whose model has layers, blessed and registered, and rows to measure them on."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from onnx.helper import set_model_props

from scripts.bundle.encode import encode_rows
from scripts.bundle.files import bundle_digest
from scripts.bundle.onnx_builder import Builder, build_model, to_bytes
from scripts.bundle.predictor import load_predictor
from scripts.families.onnx_heads import add_linear, add_probabilities
from scripts.provenance.canonical import to_exact_json, write_bytes, write_json

GRAPH = "0" * 64
ROWS = [{"x": 0.5, "z": -1.0, "kind": "b"}, {"x": None, "z": 2.0, "kind": None}]
COLUMNS = {
    "x": {"type": "number", "tensor": "number"},
    "z": {"type": "number", "tensor": "number"},
    "kind": {"type": "text", "tensor": "text"},
}


def write_bundle(folder: Path, weights: list, classes: int = 2) -> Path:
    """Write a bundle of x, z and whether kind is "b", times *weights* [3, sums]; without *classes* a regression."""
    builder = Builder("x/")
    known = [
        builder.add("Where", builder.add("IsNaN", name), builder.constant(np.zeros((1, 1))), name)
        for name in ("x", "z")
    ]
    is_b = builder.to_double(builder.add("Equal", "kind", builder.constant(np.array([["b"]], object))))
    builder.add("Concat", *known, is_b, axis=1, output="features")
    builder.prefix = "model/"
    task, output = ("classification", "probabilities") if classes else ("regression", "prediction")
    weights = np.asarray(weights, np.float64)
    sums = add_linear(builder, "features", weights, np.zeros(weights.shape[1]), None if classes else output)
    if classes:
        add_probabilities(builder, sums, weights.shape[1], np.arange(classes), classes, output)
    inputs = {"x": ("number", 1), "z": ("number", 1), "kind": ("text", 1)}
    model = build_model(builder, inputs, {output: max(1, classes)})
    set_model_props(model, {"graph": GRAPH})
    folder.mkdir(parents=True)
    (folder / "model.onnx").write_bytes(to_bytes(model))
    names = ["no", "yes", "maybe"][:classes]
    contract = {"graph": GRAPH, "columns": COLUMNS, "task": task, "classes": names, "features": ["a", "b", "c"]}
    contract |= {"family": "logistic" if classes else "linear", "positive": "yes" if classes == 2 else None}
    write_json(folder / "contract.json", contract)
    outputs = load_predictor(folder).predict(encode_rows(ROWS, contract))
    write_bytes(folder / "golden.json", to_exact_json({"rows": ROWS, "outputs": outputs.tolist()}))
    return folder


def permit(place: Path, case: str = "parcels", **changes) -> dict[str, Path]:
    """Write what blesses and registers the bundle in *place*; return these files as arguments of an export."""
    digest, folder = bundle_digest(place), place.parent
    write_json(folder / "blessing.json", {"blessed": True, "bundle": digest, "threshold": 0.4} | changes)
    write_json(folder / "version.json", {"case": case, "version": 7, "bundle": digest, "lineage": {}})
    return {"bundle": place, "version": folder / "version.json", "blessing": folder / "blessing.json"}


def write_table(folder: Path, weights: list, rows: int = 400, task: str = "classification") -> Path:
    """Write *rows* of which the label follows from the product with *weights* [3], and partly from chance."""
    rng = np.random.default_rng(0)
    x, z, kind = rng.normal(0, 1, rows), rng.normal(0, 1, rows), rng.choice(["a", "b"], rows)
    sums = np.column_stack([x, z, kind == "b"]) @ np.asarray(weights)
    if task == "regression":
        label = sums + rng.normal(0, 0.1, rows)
    else:
        label = np.where(sums + rng.logistic(0, 0.1, rows) > 0, "yes", "no")
    folder.mkdir(parents=True)
    pq.write_table(pa.table({"x": x, "z": z, "kind": kind, "label": label}), folder / "part-00000.parquet")
    return folder
