"""Lags of requests (`ingest.window`): types of the columns that only lags need, one reply per row."""

import json
import math

import pytest

from scripts.bundle.encode import encode_rows
from scripts.bundle.lags import describe_lags
from scripts.client.model_client import Client as ModelClient
from scripts.errors import ContractError
from scripts.schema.schema import validate_schema
from scripts.serve import prediction_pb2 as pb
from scripts.serve.model import add_request_lags, request_columns
from tests.unit.serve.test_grpc import Client, make_rows
from tests.unit.serve.tiny import LAGS, RICH_ROW, put, rich_bundle, running

pytestmark = pytest.mark.feature("S2")
WINDOW = {"key": ["k"], "order": "t", "columns": ["x"], "size": 2, "complete": False}
TYPES = {"site": "text", "step": "integer", "height": "number"}


def lag_bundle(**changes) -> dict[str, bytes]:
    """Return the files of a bundle whose lags have types, and *changes*."""
    contents = rich_bundle(0.0)
    contract = json.loads(contents["contract.json"]) | {"window": LAGS | {"types": TYPES} | changes}
    return contents | {"contract.json": json.dumps(contract).encode()}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server with a case with typed lags."""
    root = tmp_path_factory.mktemp("lags") / "serving"
    put(root, "series", 1, lag_bundle())
    put(root, "complete", 2, lag_bundle(complete=True))
    rules = {"site": {"type": "text", "domain": ["A", "B"]}, "step": {"type": "integer", "max": 99, "serving": "flag"}}
    schema = json.dumps(validate_schema({"columns": rules})).encode()
    put(root, "ruled", 1, lag_bundle() | {"schema.json": schema})
    with running(root, grpc=True) as process:
        yield process


def contract_of(**types: str) -> dict:
    """Return a contract with a lag of x, by the key k and the order t, whose columns are of *types*."""
    types = {"k": "text", "t": "integer", "x": "number"} | types
    columns = {"x@1": {"type": types["x"], "tensor": "number"}}
    return {"columns": columns, "window": WINDOW | {"types": types}}


WRONG = {
    "an order as text": ({}, "t", [9, "10", 11], 1, "t must be an integer of 64 bits or null, got '10'"),
    "orders as text": ({}, "t", ["10", "11", "9"], 0, "t must be an integer of 64 bits or null, got '10'"),
    "an order that is true": ({}, "t", [0, True, 2], 1, "t must be an integer of 64 bits or null, got true"),
    "an order with a fraction": ({}, "t", [1, 1.5, 2], 1, "t must be an integer of 64 bits or null, got 1.5"),
    "a key as number": ({}, "k", ["a", "a", 1], 2, "k must be a string or null, got 1"),
    "a key that is true": ({"k": "integer"}, "k", [1, True, 1], 1, "k must be an integer of 64 bits or null, got true"),
    "a key as float": ({"k": "integer"}, "k", [1, 1.0, 1], 1, "k must be an integer of 64 bits or null, got 1.0"),
    "a key as text": ({"k": "boolean"}, "k", [True, False, "true"], 2, "k must be true, false or null, got 'true'"),
    "a day of another form": ({"t": "date"}, "t", ["2001-01-01", "2001-01-02", "2001-1-3"], 2, "t must be a date like"),
    "the latest value": ({}, "x", [1, 2, "3"], 2, "x must be a number from"),
    "a key that is a list": ({}, "k", ["a", ["a"], "a"], 1, "k must be a string or null, got ['a']"),
}


@pytest.mark.parametrize("name", WRONG)
def test_the_columns_that_lags_need_are_of_their_types(name):
    types, column, values, row, message = WRONG[name]
    rows = [{"k": None, "t": None, "x": 1} | {column: value} for value in values]
    with pytest.raises(ContractError, match="must be") as raised:
        add_request_lags(rows, contract_of(**types))
    found = raised.value
    assert (found.code, found.column, found.row) == ("UNEXPECTED_DATA_TYPE", column, row)
    assert str(found).startswith(f"row {row}: {message}")


@pytest.mark.parametrize("taken", [["x@1", "x@2"], ["x@2"], ["x@1"], ["x@2", "x"]])
def test_lags_that_the_model_does_not_take_are_left_out(taken):
    contract = contract_of() | {"columns": {name: {"type": "number", "tensor": "number"} for name in taken}}
    contract["window"] = contract["window"] | {"size": 3}
    rows = [{"k": "a", "t": step, "x": 10.0 * step} for step in range(3)]
    found, numbers = add_request_lags(rows, contract)
    assert [*numbers] == [0, 1, 2] and found[2] == {name: {"x@1": 10, "x@2": 0, "x": 20}[name] for name in taken}
    assert encode_rows(found, contract).keys() == {*taken}


@pytest.mark.parametrize("own", ["x@1", "x@2"])
@pytest.mark.parametrize("value", [900.0, None])
def test_a_lag_that_a_row_brings_is_never_replaced(own, value):
    contract = contract_of() | {"columns": {f"x@{step}": {"type": "number", "tensor": "number"} for step in (1, 2)}}
    contract["window"] = contract["window"] | {"size": 3}
    rows = [{"k": "a", "t": 1, "x": 5.0}, {"k": "a", "t": 2, "x": 5.0, own: value}]
    assert add_request_lags(rows, contract)[0] is rows
    with pytest.raises(ContractError, match=r"row 0 lacks x@1"):
        encode_rows(rows, contract)


@pytest.mark.parametrize("wrong", [None, [], "x"])
def test_a_row_that_is_no_object_is_named(wrong):
    with pytest.raises(ContractError, match="row 1: an object was expected") as raised:
        add_request_lags([{"k": "a", "t": 1, "x": 5.0}, wrong], contract_of())
    assert raised.value.row == 1


def test_a_model_says_of_which_types_they_are():
    types = {"k": "boolean", "t": "date", "x": "number"}
    described = describe_lags({"k": "boolean", "t": "date:%d.%m.%Y", "x": "number", "y": "text"}, WINDOW)
    assert described == WINDOW | {"types": types} and describe_lags({}, WINDOW | {"columns": []}) is None
    assert request_columns(contract_of(k="boolean", t="date")) == types


def tensor(name: str, datatype: str, values: list) -> dict:
    """Return an input tensor of *values* with JSON data."""
    return {"name": name, "datatype": datatype, "shape": [len(values)], "data": values}


@pytest.mark.slow
def test_each_protocol_refuses_another_type(server):
    rows = [RICH_ROW | {"step": step} for step in ("10", "11", "9")]
    status, reply = server.ask("POST", "/predict/series", rows)
    assert status == 422 and reply["error"]["column"] == "step" and reply["error"]["row"] == 0
    assert "step must be an integer of 64 bits or null, got '10'" in reply["error"]["message"]
    datatypes = {"height": "FP64", "step": "BYTES"}
    inputs = [tensor(name, datatypes.get(name, "BYTES"), [row[name] for row in rows]) for name in RICH_ROW]
    status, reply = server.ask("POST", "/v2/models/series/infer", {"inputs": inputs})
    assert status in (400, 422) and "step" in reply["error"] and "a integer column takes" in reply["error"]
    message = {"model": pb.ModelSpec(case="series"), "rows": make_rows(rows)}
    assert "step must be an integer" in Client(server.grpc_port).refused("Predict", **message)[1]
    status, reply = server.ask("GET", "/v2/models/series")
    assert {item["name"]: item["datatype"] for item in reply["inputs"]}["step"] == "INT64"


# rows 0, 1 are the first of their series, row 3 is of a series of its own
SITES = "ABACB"
SERIES = [RICH_ROW | {"site": site, "step": step, "height": 100 * step} for step, site in enumerate(SITES)]
PREDICTED = [2, 4]
REASON = "no prediction: the row has no complete window, 2 rows of its key"


def test_each_row_has_its_own_prediction_in_all_protocols(server):
    whole = server.ask("POST", "/predict/series", SERIES)[1]["predictions"]
    status, reply = server.ask("POST", "/predict/complete", SERIES)
    assert status == 200 and len(reply["predictions"]) == len(SERIES)
    flags = [{"code": "INCOMPLETE_WINDOW", "column": None, "message": REASON}]
    for number, (found, expected) in enumerate(zip(reply["predictions"], whole, strict=True)):
        none = {"label": None, "score": None, "probabilities": dict.fromkeys(expected["probabilities"]), "flags": flags}
        assert found == (expected if number in PREDICTED else none)
    classified = server.ask("POST", "/classify/complete", SERIES)[1]["classifications"]
    assert [item["label"] is not None for item in classified] == [number in PREDICTED for number in range(5)]
    assert classified[0]["flags"] == flags and {item["probability"] for item in classified[0]["classes"]} == {None}
    with ModelClient(f"http://127.0.0.1:{server.port}") as client:
        assert client.predict("complete", SERIES).answers == reply["predictions"]

    datatypes = {"height": "FP64", "step": "INT64"}
    inputs = [tensor(name, datatypes.get(name, "BYTES"), [row[name] for row in SERIES]) for name in RICH_ROW]
    outputs = server.ask("POST", "/v2/models/complete/infer", {"inputs": inputs})[1]["outputs"]
    found = {output["name"]: output for output in outputs}
    assert found["score"]["shape"] == [5] and found["probabilities"]["shape"] == [5, 2]
    assert found["score"]["data"] == [item["score"] for item in reply["predictions"]]
    assert found["label"]["data"] == [item["label"] or "" for item in reply["predictions"]]
    assert json.loads(found["flags"]["data"][0]) == flags and found["flags"]["data"][2] == ""

    rows = make_rows(SERIES)
    messages = Client(server.grpc_port).call("Predict", model=pb.ModelSpec(case="complete"), rows=rows).predictions
    assert [message.label for message in messages] == found["label"]["data"]
    assert [None if math.isnan(message.score) else message.score for message in messages] == found["score"]["data"]
    assert messages[0].flags[0].code == "INCOMPLETE_WINDOW"


def test_rows_without_a_whole_window_have_no_reasons(server):
    status, reply = server.ask("POST", "/predict/complete?explain=true", SERIES)
    assert status == 200
    for number, found in enumerate(reply["predictions"]):
        assert ("reasons" in found) == (number in PREDICTED)
        if reasons := found.get("reasons"):
            assert reasons["base"] + sum(reasons["contributions"].values()) == pytest.approx(reasons["value"])


def test_the_schema_has_rules_for_what_only_lags_are_made_of(server):
    status, reply = server.ask("POST", "/predict/ruled", [RICH_ROW, RICH_ROW | {"step": 1, "site": "C"}])
    error = reply["error"]
    assert (status, error["code"], error["column"]) == (422, "ENUM_TYPE_UNEXPECTED_STRING_VALUES", "site"), reply
    status, reply = server.ask("POST", "/predict/ruled", [RICH_ROW, RICH_ROW | {"step": 100}])
    assert status == 200 and [[flag["column"] for flag in item.get("flags", [])] for item in reply["predictions"]] == [
        [],
        ["step"],
    ]


@pytest.mark.parametrize(
    ("change", "code"), [({"height": "x"}, "UNEXPECTED_DATA_TYPE"), ({"height": 2000}, "DOMAIN_INVALID_FOR_DATA")]
)
@pytest.mark.parametrize("number", PREDICTED)
def test_errors_name_the_row_of_the_request(server, number, change, code):
    rows = [row | change if index == number else row for index, row in enumerate(SERIES)]
    status, reply = server.ask("POST", "/predict/complete", rows)
    assert status == 422 and reply["error"]["row"] == number
    assert reply["error"]["message"].startswith(f"row {number}: ")


def test_only_predicted_rows_are_logged(server):
    server.ask("POST", "/predict/complete", SERIES, X_Request_Id="logged")
    root = server.errors.parent

    def find_entry() -> dict | None:
        lines = [line for path in root.rglob("*.jsonl") for line in path.read_text().splitlines()]
        return next((entry for entry in map(json.loads, lines) if entry["request"] == "logged"), None)

    entry = server.until(find_entry)
    assert len(entry["rows"]) == len(entry["scores"]) == len(PREDICTED)
    assert [row["height@1"] for row in entry["rows"]] == [0, 100]
    assert entry["positions"] == PREDICTED  # by which late labels find their rows


def test_a_request_without_any_complete_window_is_refused(server):
    status, reply = server.ask("POST", "/predict/complete", SERIES[:2])
    assert status == 422 and "no row has a complete window" in reply["error"]["message"]
