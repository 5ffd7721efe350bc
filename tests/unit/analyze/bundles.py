"""Small bundles and tables for the tests of analysis."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from onnx.helper import set_model_props

from scripts.bundle.onnx_builder import Builder, build_model, to_bytes
from scripts.provenance.canonical import write_json

NAMES = ["a", "b", "c", "d"]
GRAPH = "0" * 64


def bundle(folder: Path, classes: list[str], scale: float = 1.0, column: str = "x", **changes) -> Path:
    """Write a bundle that favours class number *column*, the more the larger *scale*; return its folder."""
    builder = Builder()
    numbers = builder.constant(np.arange(len(classes), dtype=np.float64))
    gaps = builder.add("Abs", builder.add("Sub", column, numbers))
    odds = builder.add("Mul", gaps, builder.constant(np.array([-scale], np.float64)))
    builder.add("Softmax", odds, axis=1, output="probabilities")
    made = build_model(builder, {column: ("number", 1)}, {"probabilities": len(classes)})
    set_model_props(made, {"graph": GRAPH})
    folder.mkdir(parents=True)
    (folder / "model.onnx").write_bytes(to_bytes(made))
    contract = {
        "graph": GRAPH,
        "columns": {column: {"type": "integer", "tensor": "number"}},
        "task": "classification",
        "classes": classes,
        "features": [column],
        "positive": classes[0] if len(classes) == 2 else None,
    }
    write_json(folder / "contract.json", contract | changes)
    write_json(folder / "golden.json", {"rows": [{column: 0}, {column: 1}]})
    return folder


def values(folder: Path) -> Path:
    """Write a bundle of a regression, which predicts x, and return its folder."""
    builder = Builder()
    builder.add("Identity", "x", output="prediction")
    made = build_model(builder, {"x": ("number", 1)}, {"prediction": 1})
    set_model_props(made, {"graph": GRAPH})
    folder.mkdir(parents=True)
    (folder / "model.onnx").write_bytes(to_bytes(made))
    columns = {"x": {"type": "integer", "tensor": "number"}}
    contract = {"graph": GRAPH, "task": "regression", "columns": columns, "classes": [], "positive": None}
    write_json(folder / "contract.json", contract | {"features": ["x"]})
    write_json(folder / "golden.json", {"rows": [{"x": 0}, {"x": 3}]})
    return folder


def table(folder: Path, seed: int, classes: int, rows: int = 300, noise: float = 0.3) -> Path:
    """Write rows whose class is x, or by chance another; some have none."""
    rng = np.random.default_rng(seed)
    x = rng.integers(0, classes, rows)
    y = np.where(rng.random(rows) < noise, rng.integers(0, classes, rows), x)
    label = [None if number % 50 == 7 else NAMES[value] for number, value in enumerate(y)]
    folder.mkdir(parents=True)
    columns = {"x": x, "y": label, "flag": x > 0, "area": rng.integers(-1, 2, rows), "z": rng.integers(0, 2, rows)}
    pq.write_table(pa.table(columns), folder / "part-00000.parquet", row_group_size=70)
    return folder
