"""Classify, regress and multi-inference: the answers of predict in another form, for one model or several."""

import json
from types import SimpleNamespace

import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper

from scripts.bundle.encode import encode_rows
from scripts.errors import ContractError
from scripts.serve.inference import InferenceService
from scripts.serve.model_store import ModelStore
from tests.unit.serve.tiny import (
    CONTRACT,
    RICH_ROW,
    ROW,
    ROWS,
    bundle,
    model_bytes,
    put,
    rich_bundle,
    running,
    set_traffic,
)

pytestmark = pytest.mark.feature("S1")


def regression_bundle(bias: float) -> dict[str, bytes]:
    """Return the files of a bundle for regression, whose prediction is the probability of the other tiny bundle."""
    graph = onnx.load_from_string(model_bytes(bias))
    graph.graph.node.append(helper.make_node("Identity", ["positive"], ["prediction"]))
    del graph.graph.output[:]
    graph.graph.output.append(helper.make_tensor_value_info("prediction", TensorProto.DOUBLE, [None, 1]))
    model = graph.SerializeToString(deterministic=True)
    contract = CONTRACT | {"task": "regression", "classes": [], "positive": None}
    session = ort.InferenceSession(model, providers=["CPUExecutionProvider"])
    outputs = session.run(["prediction"], encode_rows(ROWS, contract))[0].tolist()
    golden = {"rows": ROWS, "outputs": outputs}
    return bundle(bias, model=model, contract=json.dumps(contract).encode(), golden=json.dumps(golden).encode())


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server with birds versions 1 (champion) and 2 (challenger), a case with lags, and one for regression."""
    root = tmp_path_factory.mktemp("tasks") / "serving"
    put(root, "birds", 1, bundle(0.0))
    put(root, "birds", 2, bundle(2.0), label="challenger")
    put(root, "series", 3, rich_bundle(0.0))
    put(root, "masses", 4, regression_bundle(1.0))
    with running(root) as process:
        process.root = root
        yield process


@pytest.mark.slow
@pytest.mark.parametrize("path", ["", "/versions/2", "/labels/challenger", "/labels/champion"])
def test_classify_gives_the_classes_by_probability(server, path):
    reply = server.ask("POST", f"/predict/birds{path}", ROWS, X_Request_Id="one")[1]
    status, classified = server.ask("POST", f"/classify/birds{path}", ROWS, X_Request_Id="one")
    assert status == 200
    answers, predictions = classified.pop("classifications"), reply.pop("predictions")
    assert classified == reply and len(answers) == len(ROWS)
    for answer, prediction in zip(answers, predictions, strict=True):
        assert answer["label"] == prediction["label"] and answer.keys() == {"label", "classes"}
        assert {item["name"]: item["probability"] for item in answer["classes"]} == prediction["probabilities"]
        assert answer["classes"][0]["probability"] >= answer["classes"][1]["probability"]


def test_regress_gives_the_values(server):
    predictions = server.ask("POST", "/predict/masses", ROWS)[1]["predictions"]
    status, reply = server.ask("POST", "/regress/masses/versions/4", {"rows": ROWS})
    assert status == 200 and reply["version"] == 4
    assert reply["regressions"] == [{"value": item["prediction"]} for item in predictions]
    assert [item["prediction"] for item in predictions] == [
        item["probabilities"]["present"] for item in regression_twin(server)
    ]


def regression_twin(server) -> list[dict]:
    """Return the answers of the classifier that the regression bundle was made of."""
    put(server.root, "twin", 1, bundle(1.0))
    server.until(lambda: server.ask("POST", "/predict/twin", ROWS)[0] == 200)
    return server.ask("POST", "/predict/twin", ROWS)[1]["predictions"]


def test_flags_are_kept(server):
    rows = [RICH_ROW | {"height": 950}]
    (answer,) = server.ask("POST", "/classify/series", rows)[1]["classifications"]
    assert answer["flags"] == server.ask("POST", "/predict/series", rows)[1]["predictions"][0]["flags"]


@pytest.mark.parametrize(
    ("path", "words"), [("/regress/birds", "ask classify, not regress"), ("/classify/masses", "ask regress, not")]
)
def test_a_model_for_another_task_is_refused(server, path, words):
    status, reply = server.ask("POST", path, ROWS)
    assert (status, reply["error"]["code"]) == (422, "WRONG_TASK") and words in reply["error"]["message"]


@pytest.mark.feature("S18")
def test_several_models_answer_the_same_rows_in_one_call(server):
    rows = [RICH_ROW | {"step": step} for step in range(4)]
    models = [{"case": "birds"}, {"case": "birds", "label": "challenger"}, {"case": "masses", "version": 4}]
    models += [{"case": "series"}]
    body = {"rows": rows, "models": models}
    status, reply = server.ask("POST", "/multi-inference", body, X_Request_Id="several")
    assert status == 200 and reply["request"] == "several"
    plain = [{name: row[name] for name in ROW} for row in rows]
    for result, path, sent in zip(
        reply["results"],
        ("birds", "birds/versions/2", "masses", "series"),
        (plain, plain, plain, rows),
        strict=True,
    ):
        assert result == server.ask("POST", f"/predict/{path}", sent, X_Request_Id="several")[1]


BAD = {
    "a list": ([ROW], 422, '{"rows": [...], "models": [...]} was expected'),
    "no models": ({"rows": [ROW]}, 422, '{"rows": [...], "models": [...]} was expected'),
    "more than models": ({"rows": [ROW], "models": [], "x": 1}, 422, '{"rows": [...], "models": [...]} was'),
    "models is an object": ({"rows": [ROW], "models": {"case": "birds"}}, 422, '"models": [...]} was expected'),
    "models is empty": ({"rows": [ROW], "models": []}, 422, "0 models, from 1 to 16"),
    "too many models": ({"rows": [ROW], "models": [{"case": "birds"}] * 17}, 422, "17 models, from 1 to 16"),
    "model is a name": ({"rows": [ROW], "models": ["birds"]}, 422, 'models[0] must be {"case": name}'),
    "model without a case": ({"rows": [ROW], "models": [{"version": 1}]}, 422, "models[0] must be"),
    "version and label": (
        {"rows": [ROW], "models": [{"case": "birds", "version": 1, "label": "champion"}]},
        422,
        "models[0] must be",
    ),
    "version is a text": ({"rows": [ROW], "models": [{"case": "birds", "version": "1"}]}, 422, "models[0] must be"),
    "version is true": ({"rows": [ROW], "models": [{"case": "birds", "version": True}]}, 422, "models[0] must be"),
    "unknown case": ({"rows": [ROW], "models": [{"case": "nothing"}]}, 404, "no case nothing"),
    "unknown version": ({"rows": [ROW], "models": [{"case": "birds", "version": 9}]}, 404, "birds has no version 9"),
    "unknown label": ({"rows": [ROW], "models": [{"case": "birds", "label": "x"}]}, 404, "birds has no label x"),
    "rows is null": ({"rows": None, "models": [{"case": "birds"}]}, 422, "a list of objects"),
    "no rows": ({"rows": [], "models": [{"case": "birds"}]}, 422, "birds version 1: a list of at least one row"),
    "too many rows": ({"rows": [ROW] * 10_001, "models": [{"case": "birds"}]}, 413, "at most 10000"),
    "row is a number": ({"rows": [1], "models": [{"case": "birds"}]}, 422, "row 0: an object was expected"),
    "column that no model takes": (
        {"rows": [ROW | {"speed": 1}], "models": [{"case": "masses"}, {"case": "birds"}]},
        422,
        "masses version 4: row 0: speed is not a column",
    ),
    "column that one model lacks": (
        {"rows": [ROW], "models": [{"case": "birds"}, {"case": "series"}]},
        422,
        "series version 3: row 0 lacks site",
    ),
}


@pytest.mark.feature("S18")
@pytest.mark.parametrize("name", BAD)
def test_bad_requests_to_several_models_are_refused_with_a_reason(server, name):
    body, expected, words = BAD[name]
    status, reply = server.ask("POST", "/multi-inference", body)
    assert status == expected and words in reply["error"]["message"], reply


@pytest.fixture
def service(tmp_path):
    """A service without a server, whose log is a list: birds 1 and 2 share the traffic, 3 is a shadow; series 4."""
    for version, label in enumerate(("champion", "challenger", "next"), 1):
        put(tmp_path, "birds", version, bundle(float(version)), label=label)
    set_traffic(tmp_path, {"split": {"champion": 1, "challenger": 1}, "shadow": ["next"]})
    put(tmp_path, "series", 4, rich_bundle(0.0))
    store, entries = ModelStore(tmp_path), []
    store.refresh()
    store.wait(60)
    log = SimpleNamespace(put=lambda case, entry, folder="requests": entries.append((folder, entry)))
    service = InferenceService(store, log)
    service.entries = entries
    yield service
    service.close()


def ask_each(service, *specs, key="", rows=(ROW,)):
    """Return the versions that answer *rows* for each of *specs*, with the request id "r"."""
    return [answered["version"] for answered, _ in service.predict_by_each([*specs], "r", key, [*rows], 0)]


@pytest.mark.feature("S13")
@pytest.mark.feature("S18")
def test_the_traffic_of_a_case_decides_among_several_models_too(service):
    seen = set()
    for key in map(str, range(20)):
        (version,) = ask_each(service, ("birds", None, None), key=key)
        assert version == service.choose_model("birds", key=key)[0].version
        seen.add(version)
    assert seen == {1, 2}
    assert ask_each(service, ("birds", 3, None), ("birds", None, "champion")) == [3, 1]
    service.shadow_pool.shutdown()
    assert [entry["version"] for folder, entry in service.entries if folder == "shadow"] == [3] * 20


@pytest.mark.feature("S15")
@pytest.mark.feature("S18")
def test_several_models_are_logged_if_all_answer_and_each_once(service):
    with pytest.raises(ContractError, match="series version 4: row 0 lacks site"):
        ask_each(service, ("birds", 1, None), ("series", None, None))
    assert service.entries == []
    assert ask_each(service, ("birds", 1, None), ("birds", None, "champion"), ("birds", 2, None)) == [1, 1, 2]
    assert [entry["version"] for _, entry in service.entries] == [1, 2]


@pytest.mark.feature("S21")
def test_statistics_of_a_case_without_a_champion(server):
    put(server.root, "stable", 5, bundle(3.0), label="stable")
    server.until(lambda: server.ask("POST", "/predict/stable/labels/stable", ROWS)[0] == 200)
    status, found = server.ask("GET", "/v2/models/stable/stats")
    assert status == 200 and [item["version"] for item in found["model_stats"]] == ["5"]
    assert server.ask("GET", "/v2/models/stable")[0] == 404  # which one is meant is not known
    assert server.ask("GET", "/v2/models/stable/versions/stable")[1]["properties"]["labels"] == "stable"


def test_methods(server):
    assert server.ask("GET", "/multi-inference")[0] == server.ask("GET", "/classify/birds")[0] == 405
