"""int8 weights: what they are, that nothing else changes, and that the limits of export.int8 hold."""

import numpy as np
import onnx
import onnxruntime as ort
import pytest

from scripts.bundle.encode import encode_rows
from scripts.bundle.onnx_builder import Builder, build_model, to_bytes
from scripts.bundle.predictor import load_predictor
from scripts.errors import InputError
from scripts.export.quantize import quantize_columns, quantize_model
from scripts.export.quantized import export_int8
from scripts.families.onnx_heads import add_expanded_classes, add_linear
from scripts.provenance.canonical import read_json, write_json
from tests.unit.export.layers import ROWS, permit, write_bundle, write_table
from tests.unit.serve.tiny import model_bytes

LIMITS = {"max_drop": 0.02, "max_latency_ms": 1000.0, "max_size_mb": 1.0}
GOOD = [[1.5], [-0.7], [0.2]]  # weights that int8 holds well
ROUNDED_AWAY = [[1000.0, 0.0], [0.0, 1.0], [0.0, 0.0]]


def run(model: bytes, rows: np.ndarray) -> np.ndarray:
    """Return the output y of *model* for *rows*."""
    return ort.InferenceSession(model, providers=["CPUExecutionProvider"]).run(["y"], {"features": rows})[0]


def network(rng: np.random.Generator, width: int, units: int, classes: int) -> tuple[bytes, list[np.ndarray]]:
    """Return a network with one hidden layer, some of whose classes were not seen, and its weights."""
    first, second = rng.normal(0, 0.1, (width, units)), rng.normal(0, 0.1, (units, classes - 1))
    builder = Builder("model/")
    hidden = builder.add("Relu", add_linear(builder, "features", first, np.zeros(units)))
    shares = builder.add("Softmax", add_linear(builder, hidden, second, np.zeros(classes - 1)), axis=1)
    add_expanded_classes(builder, shares, np.arange(1, classes), classes, "y")
    return to_bytes(build_model(builder, {"features": ("number", width)}, {"y": classes})), [first, second]


@pytest.mark.feature("S20")
def test_each_column_of_weights_has_its_own_scale():
    weights = np.array([[1.0, 1000.0, 0.0], [-0.5, 20.0, 0.0]])
    quantized, scale = quantize_columns(weights)
    assert quantized.dtype == np.int8 and quantized.tolist() == [[127, 127, 0], [-64, 3, 0]]
    assert np.abs(quantized * scale - weights).max(axis=0).tolist() <= (scale / 2 + 1e-6).tolist()


@pytest.mark.feature("S20")
def test_answers_are_those_of_the_rounded_weights_for_any_number_of_rows():
    rng = np.random.default_rng(1)
    model, (first, second) = network(rng, 300, 64, 4)
    quantized = quantize_model(model)
    assert len(quantized) < len(model) / 6
    rows = rng.normal(0, 1, (50, 300)) * np.array([100.0, *[1.0] * 299])
    rounded = [np.multiply(*quantize_columns(weights)) for weights in (first, second)]
    sums = np.maximum(rows @ rounded[0], 0) @ rounded[1]
    shares = np.exp(sums - sums.max(axis=1, keepdims=True))
    expected = np.column_stack([np.zeros(50), shares / shares.sum(axis=1, keepdims=True)])
    found = run(quantized, rows)
    np.testing.assert_allclose(found, expected, atol=1e-4)
    alone = np.vstack([run(quantized, rows[index : index + 1]) for index in range(5)])
    np.testing.assert_allclose(alone, found[:5], atol=1e-6)  # a row's answer does not depend on the others
    assert quantize_model(model) == quantized
    kinds = {item.data_type for item in onnx.load_from_string(quantized).graph.initializer if len(item.raw_data) > 1000}
    assert kinds == {onnx.TensorProto.INT8}


@pytest.mark.feature("S20")
def test_a_model_without_layers_stays_as_it_is():
    assert quantize_model(model_bytes(0.0)) == model_bytes(0.0)


def arguments(folder, weights=GOOD, classes=2, **changes) -> dict:
    """Return the arguments of export_int8 for a bundle with *weights*; *changes* replace them."""
    task = "classification" if classes else "regression"
    bundle = write_bundle(folder / "bundle", weights, classes)
    write_json(folder / "metrics.json", {"cuts": {}})
    label = {"column": "label", "classes": {"no": ["no"], "yes": ["yes"]} if classes else {}}
    given = {"case": "parcels", "metrics": folder / "metrics.json", "model": folder / "int8"} | permit(bundle)
    given |= {"tables": [write_table(folder / "2004/all", [1.5, -0.7, 0.2], task=task)], "label": label}
    given |= {"columns": ["kind"], "min_slice": 50, "unit": None, "ranking": {"group": None, "k": 10}}
    given |= {"bootstrap": 30, "seed": 0, "int8": LIMITS, "measured": folder / "measured.json"}
    return given | changes


@pytest.mark.feature("S20")
@pytest.mark.parametrize("classes", [0, 2])
def test_a_good_int8_form_is_a_bundle_and_its_drop_is_measured_by_slice(tmp_path, classes):
    given = arguments(tmp_path, classes=classes)
    export_int8(**given)
    measured, contract = read_json(given["measured"]), read_json(given["model"] / "contract.json")
    metrics = ("roc_auc", "balanced_accuracy") if classes else ("rmse",)
    slices = [("", 400), *((name, rows) for name, rows in count_kinds(given))]
    assert [(check["of"], check["rows"], check["metric"]) for check in measured["checks"]] == [
        (name, rows, metric) for name, rows in slices for metric in metrics
    ]
    assert all(check["passed"] and abs(check["drop"]) < 0.02 for check in measured["checks"])
    assert contract.get("threshold") == (0.4 if classes else None)
    golden = read_json(given["model"] / "golden.json")
    outputs = load_predictor(given["model"]).predict(encode_rows(ROWS, contract))
    assert golden == {"rows": ROWS, "outputs": outputs.tolist()}
    assert outputs.tolist() != read_json(given["bundle"] / "golden.json")["outputs"]
    np.testing.assert_allclose(outputs, read_json(given["bundle"] / "golden.json")["outputs"], atol=0.02)


def count_kinds(given: dict) -> list[tuple[str, int]]:
    """Return name and rows of each slice by kind."""
    import pyarrow.parquet as pq

    kinds = pq.read_table(given["tables"][0])["kind"].to_pylist()
    return [(f"kind={name}", kinds.count(name)) for name in ("a", "b")]


@pytest.mark.feature("S20")
def test_a_drop_in_one_slice_stops_the_export(tmp_path):
    """The decision of kind b rests on a weight that int8 rounds away next to a large one that no row needs."""
    given = arguments(tmp_path, weights=[[1.5], [-0.7], [0.2]])
    weights = np.array([[2000.0], [1.0], [0.0]])
    bundle = write_bundle(tmp_path / "other/bundle", weights)
    table = write_table(tmp_path / "2005/all", [0.0, 1.0, 0.0])
    zero_x(table)
    given |= permit(bundle) | {"tables": [table]}
    with pytest.raises(InputError) as stopped:
        export_int8(**given)
    said = str(stopped.value)
    assert "roc_auc of kind=a drops by 0.4" in said and "roc_auc of kind=b drops by 0.4" in said
    assert "balanced_accuracy drops by" in said and "400 rows), at most 0.02" in said
    assert not given["measured"].exists()


def zero_x(table) -> None:
    """Set x to 0 in all rows of *table*."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = table / "part-00000.parquet"
    rows = pq.read_table(path)
    pq.write_table(rows.set_column(0, "x", pa.array(np.zeros(len(rows)))), path)


@pytest.mark.feature("S20")
@pytest.mark.parametrize(
    ("limits", "said"),
    [
        ({"max_size_mb": 0.0001}, "size 0.0"),
        ({"max_latency_ms": 0.0001}, "ms (median), at most 0.0001"),
        ({"max_drop": 0.0}, "at most 0"),
    ],
)
def test_each_limit_stops_the_export(tmp_path, limits, said):
    given = arguments(tmp_path, int8=LIMITS | limits)
    with pytest.raises(InputError, match="the int8 form of the model is not exported") as stopped:
        export_int8(**given)
    assert said in str(stopped.value) and not given["measured"].exists()


@pytest.mark.feature("S20")
def test_what_is_not_blessed_or_has_no_layers_is_refused(tmp_path):
    given = arguments(tmp_path)
    with pytest.raises(InputError, match="not blessed"):
        export_int8(**given | permit(given["bundle"], blessed=False))
    permit(given["bundle"])
    (given["bundle"] / "model.onnx").write_bytes(model_bytes(0.0))
    permit(given["bundle"])
    with pytest.raises(InputError, match=r"family logistic has no matrices that int8 could hold"):
        export_int8(**given)
