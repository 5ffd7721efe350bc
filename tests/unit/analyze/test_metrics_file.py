"""The metrics file of a bundle: two classes or many, of which one split may lack some."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from onnx.helper import set_model_props

from scripts.analyze.gate import gate
from scripts.analyze.metrics import metrics
from scripts.bundle.onnxgraph import Builder, model, to_bytes
from scripts.spine.canon import read_json, write_json
from scripts.spine.job import BadInput

NAMES = ["a", "b", "c", "d"]


def bundle(folder: Path, classes: list[str]) -> Path:
    """Write a bundle that favours class number x, and return its folder."""
    builder = Builder()
    gaps = builder.add("Abs", builder.add("Sub", "x", builder.constant(np.arange(len(classes), dtype=np.float64))))
    builder.add("Softmax", builder.add("Neg", gaps), axis=1, output="probabilities")
    made = model(builder, {"x": ("number", 1)}, {"probabilities": len(classes)})
    set_model_props(made, {"graph": "0" * 64})
    (folder / "bundle").mkdir()
    (folder / "bundle/model.onnx").write_bytes(to_bytes(made))
    contract = {
        "graph": "0" * 64,
        "columns": {"x": {"type": "integer", "tensor": "number"}},
        "classes": classes,
        "features": ["x"],
    }
    write_json(folder / "bundle/contract.json", contract | {"positive": classes[0] if len(classes) == 2 else None})
    return folder / "bundle"


def table(folder: Path, seed: int, classes: int) -> Path:
    """Write 300 rows whose class is x, or by chance another; some have none."""
    rng = np.random.default_rng(seed)
    x = rng.integers(0, classes, 300)
    y = np.where(rng.random(300) < 0.3, rng.integers(0, classes, 300), x)
    label = [None if number % 50 == 7 else NAMES[value] for number, value in enumerate(y)]
    folder.mkdir(parents=True)
    columns = {"x": x, "y": label, "flag": x > 0, "area": rng.integers(-1, 2, 300)}
    pq.write_table(pa.table(columns), folder / "part-00000.parquet", row_group_size=70)
    return folder


def measured(folder: Path, classes: int, tables: list[Path]) -> dict:
    """Return the content of the metrics file."""
    label = {"column": "y", "classes": {name: [name] for name in NAMES[:classes]}}
    made = bundle(folder, NAMES[:classes])
    metrics(tables[:1], tables[1:], made, folder / "metrics.json", label, ["flag", "area"], 20, 20, 0)
    return read_json(folder / "metrics.json")


def test_two_classes_have_a_positive_one_and_a_threshold(tmp_path):
    made = measured(tmp_path, 2, [table(tmp_path / name / "all", seed, 2) for seed, name in enumerate(("v", "t"))])
    assert made["classes"] == ["b", "a"] and made["positive"] == "a" and 0 < made["threshold"] < 1
    test = made["splits"]["test"]
    assert test["rows"] == 294 == sum(map(sum, test["confusion"])) and test["positives"] == sum(test["confusion"][1])
    assert "classes" not in test and isinstance(test["curves"]["roc"], list)


def test_many_classes_have_figures_each(tmp_path):
    made = measured(tmp_path, 4, [table(tmp_path / name / "all", seed, 4) for seed, name in enumerate(("v", "t"))])
    assert made["classes"] == NAMES and made["positive"] is made["threshold"] is None
    test = made["splits"]["test"]
    assert test["rows"] == 294 == sum(found["rows"] for found in test["classes"].values()) and test["positives"] is None
    assert {(part["column"], part["value"]) for part in test["slices"]} == {
        *(("flag", value) for value in ("false", "true")),
        *(("area", value) for value in ("-1", "0", "1")),
    }
    assert test["metrics"]["accuracy"]["value"] == pytest.approx(np.trace(test["confusion"]) / 294)
    gate(tmp_path / "metrics.json", tmp_path / "blessing.json", {"accuracy": {"min": 0.6}, "brier": {"max": 1}})
    assert read_json(tmp_path / "blessing.json")["threshold"] is None


def test_split_that_lacks_classes_is_measured_on_the_others(tmp_path):
    made = measured(tmp_path, 4, [table(tmp_path / "v/all", 0, 4), table(tmp_path / "t/all", 1, 3)])
    test = made["splits"]["test"]
    assert test["classes"]["d"] == {"rows": 0, "precision": None, "recall": None}
    assert 0.7 < test["metrics"]["recall"]["value"] < 0.9 and list(test["curves"]["roc"]) != NAMES


def test_split_of_one_class_is_bad_input(tmp_path):
    with pytest.raises(BadInput, match=r"span t: 294 rows with a class \(294 a, 0 b, 0 c, 0 d\); at least two classes"):
        measured(tmp_path, 4, [table(tmp_path / "v/all", 0, 4), table(tmp_path / "t/all", 1, 1)])
