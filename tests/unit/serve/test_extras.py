"""Prediction sets and abstaining over HTTP: by the quantiles in the contract, refused where there are none."""

import json

import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper

from scripts.bundle.encode import encode_rows
from scripts.serve import prediction_pb2 as pb
from tests.unit.serve.test_grpc import Client, make_rows
from tests.unit.serve.test_tasks import regression_bundle
from tests.unit.serve.tiny import CONTRACT, ROW, ROWS, bundle, model_bytes, put, running

pytestmark = pytest.mark.feature("S19")
CONFORMAL = {"rows": 40, "quantiles": {"60": 0.2, "90": 0.45, "95": 0.6}}


def multiclass_bundle() -> dict[str, bytes]:
    """Return the files of a calibrated bundle with three classes, of which two have equal probabilities."""
    graph = onnx.load_from_string(model_bytes(0.0))
    (joined,) = (node for node in graph.graph.node if node.op_type == "Concat")
    del joined.input[:], graph.graph.output[:]
    joined.input.extend(["negative", "part", "part"])
    others = list(graph.graph.node)
    del graph.graph.node[:]
    half = helper.make_node("Mul", ["positive", "half"], ["part"])
    graph.graph.node.extend([*others[:-1], half, joined])
    graph.graph.initializer.append(helper.make_tensor("half", TensorProto.DOUBLE, [1, 1], [0.5]))
    graph.graph.output.append(helper.make_tensor_value_info("probabilities", TensorProto.DOUBLE, [None, 3]))
    model = graph.SerializeToString(deterministic=True)
    contract = CONTRACT | {"classes": ["absent", "few", "many"], "positive": None, "conformal": CONFORMAL}
    contract |= {"counterfactual": ["height"]}
    session = ort.InferenceSession(model, providers=["CPUExecutionProvider"])
    golden = {"rows": ROWS, "outputs": session.run(["probabilities"], encode_rows(ROWS, contract))[0].tolist()}
    return bundle(model=model, contract=json.dumps(contract).encode(), golden=json.dumps(golden).encode())


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server with calibrated birds and masses, and birds without calibration."""
    root = tmp_path_factory.mktemp("extras") / "serving"
    contract = CONTRACT | {"threshold": 0.5, "conformal": CONFORMAL}
    put(root, "birds", 1, bundle(contract=json.dumps(contract).encode()))
    contents = regression_bundle(1.0)
    contract = json.loads(contents["contract.json"]) | {"conformal": CONFORMAL}
    put(root, "masses", 1, contents | {"contract.json": json.dumps(contract).encode()})
    put(root, "plain", 1, bundle())
    put(root, "counts", 1, multiclass_bundle())
    with running(root, grpc=True) as process:
        yield process


def ask(server, path, rows=ROWS):
    """Return the answers to *rows*."""
    status, reply = server.ask("POST", path, rows)
    assert status == 200, reply
    return next(value for value in reply.values() if isinstance(value, list))


@pytest.mark.slow
@pytest.mark.parametrize(("coverage", "quantile"), [("0.6", 0.2), ("0.595", 0.2), ("0.9", 0.45), ("0.95", 0.6)])
def test_the_set_has_the_classes_within_the_quantile(server, coverage, quantile):
    plain = ask(server, "/predict/birds")
    for answer, expected in zip(ask(server, f"/predict/birds?coverage={coverage}"), plain, strict=True):
        probabilities = expected["probabilities"]
        chosen = [name for name in ("absent", "present") if 1 - probabilities[name] <= quantile]
        assert answer == expected | {"set": chosen}


def test_there_is_no_label_where_the_set_is_no_single_class_if_asked(server):
    rows = [ROW, ROW | {"height": 5000.0}, ROW | {"height": -800.0}]  # 0.77, 0.997 and 0.475
    found = ask(server, "/classify/birds?coverage=0.6&abstain=true", rows)
    assert [(item["set"], item["abstain"], item["label"]) for item in found] == [
        ([], True, None),
        (["present"], False, "present"),
        ([], True, None),
    ]
    (both,) = ask(server, "/predict/birds?coverage=0.95&abstain=true", rows[2:])
    assert (both["set"], both["abstain"], both["label"]) == (["absent", "present"], True, None)


@pytest.mark.parametrize("case", ["counts", "birds"])
def test_an_answer_without_a_label_has_the_reasons_of_its_score(server, case):
    asked = f"/predict/{case}?explain=true&coverage=0.6"
    labelled, unlabelled = ask(server, asked), ask(server, f"{asked}&abstain=true")
    assert any(answer["abstain"] for answer in unlabelled)
    assert [answer["reasons"] for answer in unlabelled] == [answer["reasons"] for answer in labelled]


def test_values_have_an_interval(server):
    for answer, expected in zip(
        ask(server, "/regress/masses?coverage=0.9"), ask(server, "/regress/masses"), strict=True
    ):
        assert answer == expected | {"interval": [expected["value"] - 0.45, expected["value"] + 0.45]}


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("birds?coverage=0.99", "40 rows were too few to calibrate a coverage of 0.99"),
        ("birds?coverage=0.4", "must be a number from 0.5 to 0.99"),
        ("birds?coverage=nan", "must be a number from 0.5 to 0.99"),
        ("birds?coverage=", "must be a number from 0.5 to 0.99"),
        ("birds?abstain=true", "needs a coverage"),
        ("birds?coverage=0.9&abstain=1", "?abstain=1 must be true or false"),
        ("birds?cover=0.9", "?cover: explain, coverage and abstain, each once"),
        ("birds?coverage=0.9&coverage=0.9", "each once"),
        ("plain?coverage=0.9", "has no calibration"),
        ("masses?coverage=0.9&abstain=true", "abstain is for classification"),
    ],
)
def test_what_cannot_be_given_is_refused(server, path, told):
    status, reply = server.ask("POST", f"/predict/{path}", ROWS)
    assert (status, reply["error"]["code"]) == (422, "INVALID_PARAMETER") and told in reply["error"]["message"]


@pytest.mark.feature("S2")
@pytest.mark.parametrize(
    ("method", "case", "asked"),
    [
        ("Predict", "birds", {"explain": True}),
        ("Predict", "counts", {"explain": True, "coverage": 0.6, "abstain": True}),
        ("Classify", "birds", {"coverage": 0.6, "abstain": True}),
        ("Regress", "masses", {"explain": True, "coverage": 0.9}),
        ("Predict", "plain", {}),
    ],
)
def test_grpc_gives_them_with_raw_rows_as_rest_does(server, method, case, asked):
    rows = [ROW, ROW | {"height": -800.0}]
    query = "&".join(f"{name}={str(value).lower()}" for name, value in asked.items())
    expected = ask(server, f"/{method.lower()}/{case}{'?' * bool(query)}{query}", rows)
    reply = Client(server.grpc_port).call(method, model=pb.ModelSpec(case=case), rows=make_rows(rows), **asked)
    ((_, messages),) = [item for item in reply.ListFields() if item[0].name != "answered"]
    for message, answer in zip(messages, expected, strict=True):
        extras = message.extras
        assert message.HasField("extras") == bool(asked)
        assert [*extras.set] == answer.get("set", []) and [*extras.interval] == answer.get("interval", [])
        assert (extras.abstain if extras.HasField("abstain") else None) == answer.get("abstain")
        assert "label" not in answer or message.label == (answer["label"] or "")
        reasons = answer.get("reasons")
        assert extras.HasField("reasons") == bool(reasons)
        if not reasons:
            continue
        own = {name: getattr(extras.reasons, name) for name in ("scale", "base", "value", "exact")}
        assert own == {name: reasons[name] for name in own}
        assert dict(extras.reasons.contributions) == reasons["contributions"]
        found = reasons.get("counterfactual")
        assert extras.reasons.HasField("counterfactual") == bool(found)
        if found:
            changes = {name: value.number for name, value in extras.reasons.counterfactual.changes.items()}
            assert (changes, extras.reasons.counterfactual.label) == (found["changes"], found["label"])
            assert extras.reasons.counterfactual.score == found["score"]


@pytest.mark.feature("S2")
@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"coverage": 0.4}, "coverage must be a number from 0.5 to 0.99"),
        ({"coverage": float("nan")}, "coverage must be a number from 0.5 to 0.99"),
        ({"abstain": True}, "abstain needs a coverage"),
        ({"coverage": 0.99}, "40 rows were too few"),
    ],
)
def test_grpc_refuses_what_cannot_be_given(server, asked, told):
    spec = pb.ModelSpec(case="birds")
    code, details, error = Client(server.grpc_port).refused("Predict", model=spec, rows=make_rows([ROW]), **asked)
    assert (code.name, error["code"]) == ("INVALID_ARGUMENT", "INVALID_PARAMETER") and told in details


def test_several_models_give_predictions_alone(server):
    body = {"rows": ROWS, "models": [{"case": "birds"}]}
    for query, status in (("", 200), ("?explain=true", 422), ("?coverage=0.9&abstain=true", 422), ("?cover=0.9", 422)):
        got, reply = server.ask("POST", f"/multi-inference{query}", body)
        assert got == status and (status == 200 or reply["error"]["code"] == "INVALID_PARAMETER"), query
