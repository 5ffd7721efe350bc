"""Transformers that fail, scores that are not finite, models that fail: requests are refused, with the reason."""

import asyncio
import json
from types import SimpleNamespace

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper

from scripts.bundle import custom
from scripts.bundle.encode import encode_rows
from scripts.errors import BundleError, ContractError
from scripts.serve.explain import estimate_contributions, link
from scripts.serve.extras import Extras
from scripts.serve.http_request import HTTPError
from scripts.serve.inference import InferenceService
from scripts.serve.model import load_model
from tests.unit.serve.tiny import CONTRACT, RICH_ROW, ROW, ROWS, bundle, model_bytes, put, rich_bundle

pytestmark = pytest.mark.feature("S1")
FAILING = {
    "raises": (lambda values, state: 1 / 0, "raised ZeroDivisionError: division by zero"),
    "gives NaN": (lambda values, state: np.full((len(values), 1), np.nan), "returned NaN or infinity in row 0"),
    "gives infinity": (lambda values, state: np.full((len(values), 1), np.inf), "returned NaN or infinity in row 0"),
    "gives another width": (lambda values, state: np.zeros((len(values), 2)), r"returned float64 \[1, 2\], float64"),
    "gives other rows": (lambda values, state: np.zeros((0, 1)), r"returned float64 \[0, 1\], float64"),
    "gives integers": (lambda values, state: np.zeros((len(values), 1), int), "returned int64"),
    "gives nothing": (lambda values, state: None, r"returned object \[\]"),
    "gives lists of other lengths": (lambda values, state: [[1.0], [1.0, 2.0]], "raised ValueError: "),
}


def growing_bundle() -> dict[str, bytes]:
    """Return the files of a bundle for regression whose prediction grows exponentially with the height."""
    graph = onnx.load_from_string(model_bytes(0.0))
    kept = [node for node in graph.graph.node if node.op_type not in ("Sigmoid", "Sub", "Concat")]
    del graph.graph.node[:], graph.graph.output[:]
    graph.graph.node.extend([*kept, helper.make_node("Exp", ["logit"], ["prediction"])])
    graph.graph.output.append(helper.make_tensor_value_info("prediction", TensorProto.DOUBLE, [None, 1]))
    model = graph.SerializeToString(deterministic=True)
    contract = CONTRACT | {"task": "regression", "classes": [], "positive": None}
    session = ort.InferenceSession(model, providers=["CPUExecutionProvider"])
    golden = {"rows": ROWS, "outputs": session.run(["prediction"], encode_rows(ROWS, contract))[0].tolist()}
    return bundle(model=model, contract=json.dumps(contract).encode(), golden=json.dumps(golden).encode())


def make_service() -> InferenceService:
    """Return a service that serves nothing and logs nowhere."""
    return InferenceService(SimpleNamespace(cases={}), SimpleNamespace(put=lambda *_: None))


def load(folder, contents: dict[str, bytes]):
    """Return the model of a published bundle."""
    put(folder / "serving", "birds", 1, contents)
    return load_model(folder / "serving/birds/1")


def ask(model, rows: list[dict], **extras) -> list[dict]:
    """Return the predictions of *model*."""
    service = make_service()
    with service.measured("birds", model, 0) as timing:
        return service.predict("birds", model, "one", rows, timing, extras=Extras(**extras))


def test_a_transformer_that_is_loaded_needs_its_file_no_more(tmp_path, monkeypatch):
    model = load(tmp_path, rich_bundle(0.0))
    before = ask(model, [RICH_ROW])
    monkeypatch.setattr(custom, "ROOT", tmp_path)
    assert ask(model, [RICH_ROW]) == before


@pytest.mark.parametrize("name", FAILING)
def test_a_transformer_that_fails_is_a_refusal_that_names_its_column(tmp_path, monkeypatch, name):
    model = load(tmp_path, rich_bundle(0.0))
    transform, words = FAILING[name]
    monkeypatch.setattr(custom, "load_module", lambda module: SimpleNamespace(transform=transform))
    with pytest.raises(ContractError, match=words) as raised:
        ask(model, [RICH_ROW])
    assert (raised.value.code, raised.value.column) == ("TRANSFORMER_FAILED", "note")
    assert str(raised.value).startswith("note: transform of tests/unit/serve/hook.py")


def test_a_transformer_that_fails_on_another_value_that_reasons_need_is_a_refusal(tmp_path, monkeypatch):
    model = load(tmp_path, rich_bundle(0.0))
    model.contract["counterfactual"] = ["note"]
    model.contract["columns"]["note"]["known"] = ["a bird", "another"]
    transform = custom.load_module(model.contract["columns"]["note"]["module"]).transform
    choosy = SimpleNamespace(transform=lambda values, state: transform(values, state) / ("another" not in values))
    monkeypatch.setattr(custom, "load_module", lambda module: choosy)
    assert ask(model, [RICH_ROW])[0]["label"] == "present"
    with np.errstate(divide="ignore"), pytest.raises(ContractError, match="note: transform of"):
        ask(model, [RICH_ROW], explain=True)


@pytest.mark.parametrize("number", [0, 1])
def test_a_score_that_is_not_finite_is_a_refusal_that_names_its_row(tmp_path, number):
    model, rows = load(tmp_path, growing_bundle()), [ROW, ROW]
    rows[number] = ROW | {"height": 1e38}
    with pytest.raises(
        ContractError, match=rf"row {number}: its numbers are too large for the model, .* \[inf\]"
    ) as raised:
        ask(model, rows, explain=True)
    assert (raised.value.code, raised.value.row) == ("NOT_FINITE", number)


def test_reasons_have_no_numbers_that_are_not_finite(tmp_path):
    model = load(tmp_path, growing_bundle())
    assert link(model, np.array([[1.0], [np.inf]])) is None and link(model, np.array([[1.0]])).tolist() == [1.0]
    tensors = {name: np.array([[1e38 if name == "height" else 0]], object) for name in ("height", "phase", "date")}
    blind = SimpleNamespace(
        digest="", predictor=SimpleNamespace(predict=lambda rows: np.full((len(rows["height"]), 1), np.nan))
    )
    with pytest.raises(HTTPError, match="the reasons of a row cannot be estimated"):
        estimate_contributions(blind, tensors, 0, tensors, 1, 0)


def test_golden_rows_need_finite_scores(tmp_path):
    contents = growing_bundle()
    golden = json.loads(contents["golden.json"])
    golden["rows"][0]["height"], golden["outputs"][0] = 1e38, [float("inf")]
    with pytest.raises((BundleError, ContractError), match="row 0: its numbers are too large"):
        load(tmp_path, contents | {"golden.json": json.dumps(golden).encode()})


def test_any_other_failure_is_told_by_the_log_alone(capfd):
    def fail() -> None:
        raise RuntimeError("a secret of the model")

    with pytest.raises(HTTPError) as raised:
        asyncio.run(make_service().run(1, fail))
    assert (raised.value.status, raised.value.code) == (500, "INTERNAL_ERROR") and "secret" not in str(raised.value)
    assert "RuntimeError: a secret of the model" in capfd.readouterr().err
