"""Reasons: exact where columns act independently, estimated otherwise; they sum to the score, always the same."""

import itertools
import json
import math
from types import SimpleNamespace

import numpy as np
import onnx
import pytest
from onnx import helper

from scripts.bundle.encode import encode_rows
from scripts.column_types import MAX_NUMBER
from scripts.schema.schema import validate_schema
from scripts.serve import counterfactual, explain
from scripts.serve.http_request import HTTPError
from scripts.serve.model import load_model
from tests.unit.serve.test_tasks import regression_bundle
from tests.unit.serve.tiny import CONTRACT, RICH_ROW, ROW, ROWS, answers, bundle, model_bytes, put, rich_bundle, running

pytestmark = pytest.mark.feature("S19")
SCHEMA = {
    "columns": {
        "height": {"type": "number", "min": 0, "max": 1000},
        "phase": {"type": "text", "domain": ["Climb", "Approach", "Taxi"]},
    },
    "custom": [{"name": "low approach", "expression": "phase != 'Approach' or height < 400"}],
}


def crossed_bundle() -> dict[str, bytes]:
    """Return a bundle whose log-odds have the product of height and phase."""
    graph = onnx.load_from_string(model_bytes(-0.1))
    (total,) = (node for node in graph.graph.node if node.op_type == "Sum")
    total.input.append("product")
    others = list(graph.graph.node)
    at = others.index(total)
    del graph.graph.node[:]
    graph.graph.node.extend([*others[:at], helper.make_node("Mul", ["scaled", "phased"], ["product"]), *others[at:]])
    model = graph.SerializeToString(deterministic=True)
    golden = {"rows": ROWS, "outputs": answers(model, ROWS).tolist()}
    return bundle(model=model, golden=json.dumps(golden).encode())


def counterfactual_bundle(columns: list[str]) -> dict[str, bytes]:
    """Return a bundle with SCHEMA in which a counterfactual may change *columns*."""
    contract = json.dumps(CONTRACT | {"threshold": 0.5, "counterfactual": columns}).encode()
    return bundle(-0.9, schema=json.dumps(validate_schema(SCHEMA)).encode(), contract=contract)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server with a linear, a crossed, a regression and a time series case, and two with counterfactuals."""
    root = tmp_path_factory.mktemp("explain") / "serving"
    put(root, "birds", 1, bundle(0.3))
    put(root, "crossed", 1, crossed_bundle())
    put(root, "masses", 1, regression_bundle(1.0))
    put(root, "series", 1, rich_bundle(0.0))
    put(root, "change", 1, counterfactual_bundle(["height"]))
    put(root, "both", 1, counterfactual_bundle(["height", "phase"]))
    with running(root) as process:
        process.root = root
        yield process


def reasons(server, case, rows, route="predict"):
    """Return the answers of *case* to *rows* with their reasons."""
    status, reply = server.ask("POST", f"/{route}/{case}?explain=true", rows)
    assert status == 200, reply
    return next(value for key, value in reply.items() if isinstance(value, list))


def log_odds(height, phase, bias):
    """Return the log-odds of the tiny bundle."""
    return (height or 0) * 0.001 + {"Climb": 0.7, "Approach": -0.3}.get(phase, 0.1) + bias


@pytest.mark.slow
def test_a_linear_model_is_explained_exactly(server):
    (answer,) = reasons(server, "birds", [ROW])
    found = answer["reasons"]
    mean_height = (500 + 0 - 3) * 0.001 / 3
    mean_phase = (0.7 + 0.1 + 0.1) / 3
    assert (found["scale"], found["exact"]) == ("log-odds", True)
    assert found["contributions"] == pytest.approx({"height": 0.5 - mean_height, "phase": 0.7 - mean_phase, "date": 0})
    assert found["base"] == pytest.approx(mean_height + mean_phase + 0.3)
    assert found["value"] == pytest.approx(math.log(answer["score"] / (1 - answer["score"])))
    assert sum(found["contributions"].values()) == pytest.approx(found["value"] - found["base"], abs=1e-9)


def shapley(model, row) -> list[float]:
    """Return the exact Shapley values of *row*, by all orders and golden rows."""

    def score(rows):
        return model.predictor.predict(encode_rows(rows, model.contract))[:, 1]

    names, total = list(model.contract["columns"]), np.zeros(len(model.contract["columns"]))
    paths = list(itertools.product(ROWS, itertools.permutations(range(len(names)))))
    for background, order in paths:
        rows = [background]
        for at in order:
            rows.append(rows[-1] | {names[at]: row[names[at]]})
        total[list(order)] += np.diff(score(rows))
    return (total / len(paths)).tolist()


def test_another_model_is_estimated_and_the_sum_is_exact(server):
    rows = [ROW, {"height": 900.0, "phase": "Approach", "date": None}]
    for row, answer in zip(rows, reasons(server, "crossed", rows), strict=True):
        found, model = answer["reasons"], load_model(server.root / "crossed/1")
        assert (found["scale"], found["exact"], found["value"]) == ("score", False, answer["score"])
        base = float(answers(crossed_bundle()["model.onnx"], ROWS)[:, 1].mean())
        assert found["base"] == pytest.approx(base, abs=1e-12)
        assert sum(found["contributions"].values()) == pytest.approx(answer["score"] - base, abs=1e-12)
        # two orders of each of three golden rows are few, yet near; date has no influence in any order
        assert list(found["contributions"].values()) == pytest.approx(shapley(model, row), abs=0.01)
        assert found["contributions"]["date"] == 0


def test_effects_that_cancel_each_other_are_not_taken_for_independent():
    def multiply(tensors):
        return tensors["a"] * tensors["b"] - tensors["b"] * tensors["c"]

    contract = {"classes": [], "columns": dict.fromkeys("abc")}
    model = SimpleNamespace(contract=contract, predictor=SimpleNamespace(predict=multiply), digest="0")
    row, background = ({name: np.full((1, 1), value) for name in "abc"} for value in (1.0, 0.0))
    found = explain.explain_row(model, {"a": 1}, row, 0, {"prediction": 0.0}, background, lambda: None)
    assert not found["exact"] and found["contributions"] == {"a": 0.5, "b": 0.0, "c": -0.5}


def test_reasons_do_not_depend_on_the_other_rows_of_the_request(server):
    alone = [reasons(server, "crossed", [row])[0] for row in ROWS]
    assert reasons(server, "crossed", ROWS[::-1])[::-1] == alone == [reasons(server, "crossed", [r])[0] for r in ROWS]


def test_values_and_time_series_have_reasons(server):
    (answer,) = reasons(server, "masses", [ROW], "regress")
    assert answer["reasons"]["scale"] == "prediction"
    total = sum(answer["reasons"]["contributions"].values())
    assert answer["value"] - answer["reasons"]["base"] == pytest.approx(total, abs=1e-12)
    found = reasons(server, "series", [RICH_ROW, RICH_ROW | {"step": 1, "height": 4}])
    assert all(answer["reasons"]["exact"] for answer in found)
    assert found[1]["reasons"]["contributions"].keys() == {"height", "phase", "date", "height@1", "note"}


def test_the_nearest_counterfactual_keeps_the_schema(server):
    row = ROW | {"height": 100.0, "phase": "Climb"}
    assert log_odds(100, "Climb", -0.9) < 0
    (answer,) = reasons(server, "change", [row], "classify")
    found = answer["reasons"]["counterfactual"]
    step = 1000 / (counterfactual.GRID - 1)
    assert found["label"] == "present" and found["changes"] == {"height": math.ceil(200 / step) * step}
    # Approach can only be low, so height alone cannot reach the other label, but with Climb it can
    row = ROW | {"height": 300.0, "phase": "Approach"}
    assert reasons(server, "change", [row])[0]["reasons"]["counterfactual"] is None
    (answer,) = reasons(server, "both", [row])
    assert answer["reasons"]["counterfactual"]["changes"] == {"phase": "Climb"}
    row = ROW | {"height": 10.0, "phase": "Approach"}
    (answer,) = reasons(server, "both", [row])
    changes = answer["reasons"]["counterfactual"]["changes"]
    assert changes == {"height": math.ceil(200 / step) * step, "phase": "Climb"}
    reply = server.ask("POST", "/predict/both", [row | changes])[1]
    assert reply["predictions"][0]["label"] == "present" != answer["label"]


def load(tmp_path, contents):
    """Return the model of a bundle with these *contents*."""
    put(tmp_path, "birds", 1, contents)
    return load_model(tmp_path / "birds" / "1")


def explain_alone(model, rows):
    """Return the reasons of *rows* without a server."""
    tensors = encode_rows(rows, model.contract)
    return explain.explain_rows(model, rows, tensors, model.decide(model.predictor.predict(tensors)))


def test_the_reasons_of_a_request_have_a_limit_of_processor_time(tmp_path, monkeypatch):
    model = load(tmp_path, counterfactual_bundle(["height", "phase"]))
    monkeypatch.setattr(explain, "MAX_SECONDS", 0)
    with pytest.raises(HTTPError, match="the reasons of 0 of 3 rows took 0 seconds of processor time") as refused:
        explain_alone(model, ROWS)
    assert (refused.value.status, refused.value.code) == (413, "TOO_MANY_ROWS")
    clock = itertools.count()  # a second for each look at it: the first row is done in time, the second is not
    monkeypatch.setattr(explain, "MAX_SECONDS", 3.5)
    monkeypatch.setattr(explain, "time", SimpleNamespace(thread_time=lambda: next(clock)))
    with pytest.raises(HTTPError, match="the reasons of 1 of 3 rows took"):
        explain_alone(model, [ROW | {"height": 100.0}] * 3)


def test_the_same_number_has_the_same_reasons_however_it_is_written(tmp_path):
    model = load(tmp_path, crossed_bundle())
    assert explain_alone(model, [ROW | {"height": 5}]) == explain_alone(model, [ROW | {"height": 5.0}])


def test_the_nearest_changes_come_first_in_a_stable_order(monkeypatch):
    distances = {"a": np.array([0.5, 0.25, 1]), "b": np.array([0.25, 0.125]), "c": np.array([1.0])}
    for size in (1, 2):
        expected = [
            (sum(distances[name][place] for name, place in zip(chosen, places, strict=True)), number, *places)
            for number, chosen in enumerate(itertools.combinations(distances, size))
            for places in itertools.product(*(range(len(distances[name])) for name in chosen))
        ]
        combinations, changes = counterfactual.list_changes(distances, size)
        assert combinations == list(itertools.combinations(distances, size))
        assert changes.tolist() == [list(item[1:]) for item in sorted(expected, key=lambda item: item[0])]
    monkeypatch.setattr(counterfactual, "MAX_CHANGES", 3)  # far fewer than there are: left out as they come
    many = {name: np.arange(1, 8)[::-1] % 4 / 4 for name in "abcdefgh"}
    some = counterfactual.list_changes(many, 2)[1]
    monkeypatch.undo()
    assert some.tolist() == counterfactual.list_changes(many, 2)[1][:3].tolist()
    for found, size in (
        (counterfactual.list_changes({}, 1), 1),
        (counterfactual.list_changes({"a": np.array([1.0])}, 2), 2),
    ):
        assert found[0] == [] and found[1].shape == (0, 1 + size)


@pytest.mark.parametrize(
    ("dtype", "rules", "expected"),
    [
        ("integer", {"min": 0, "max": 2**63 - 1}, {0}),
        ("integer", {"min": -math.inf, "max": math.inf}, {0}),
        ("integer", {"domain": [1, 2, 2.5, "3", True]}, {1, 2}),
        ("number", {"min": 0, "max": 1e300}, {0.0, MAX_NUMBER}),
        ("boolean", {"domain": [True, "x"]}, {True}),
    ],
)
def test_a_counterfactual_has_only_values_that_a_request_may_have(dtype, rules, expected):
    contract = {"columns": {"x": {"type": dtype}}}
    model = SimpleNamespace(contract=contract, guard=SimpleNamespace(columns={"x": rules}), golden=[])
    found = counterfactual.list_candidates(model, "x", None)
    assert expected <= {*found} and all(counterfactual.is_value(item, dtype) for item in found)


def test_without_being_asked_nothing_is_explained_and_too_many_rows_are_refused(server):
    for query in ("", "?explain=false"):
        assert "reasons" not in server.ask("POST", f"/predict/birds{query}", ROWS)[1]["predictions"][0]
    status, reply = server.ask("POST", "/predict/birds?explain=true", [ROW] * (explain.MAX_EXPLAINED + 1))
    assert (status, reply["error"]["code"]) == (413, "TOO_MANY_ROWS") and "101 rows" in reply["error"]["message"]
    for query in ("explain=yes", "explian=true", "explain=true&explain=true", "explain"):
        status, reply = server.ask("POST", f"/predict/birds?{query}", ROWS)
        assert (status, reply["error"]["code"]) == (422, "INVALID_PARAMETER")


def test_the_protocol_has_reasons_as_an_output(server):
    inputs = [
        {"name": "height", "datatype": "FP64", "shape": [1], "data": [500.0]},
        {"name": "phase", "datatype": "BYTES", "shape": [1], "data": ["Climb"]},
        {"name": "date", "datatype": "BYTES", "shape": [1], "data": ["1996-09-30"]},
    ]
    status, reply = server.ask("POST", "/v2/models/birds/infer", {"inputs": inputs, "parameters": {"explain": True}})
    (output,) = (output for output in reply["outputs"] if output["name"] == "reasons")
    assert json.loads(output["data"][0]) == reasons(server, "birds", [ROW])[0]["reasons"]
    status, reply = server.ask("POST", "/v2/models/birds/infer", {"inputs": inputs})
    assert "reasons" not in [output["name"] for output in reply["outputs"]]
    status, reply = server.ask("POST", "/v2/models/birds/infer", {"inputs": inputs, "parameters": {"explain": 1}})
    assert status == 400 and "explain must be true or false" in reply["error"]
