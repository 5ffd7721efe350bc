"""A table of malformed requests by every way to ask: each is refused (4xx, or gRPC's status) and names its field."""

import http.client
import json

import grpc
import onnx
import pytest
from onnx import TensorProto, helper

from scripts.bundle.encode import encode_rows
from scripts.bundle.predictor import load_predictor
from scripts.serve import open_inference_pb2 as v2
from scripts.serve import prediction_pb2 as pb
from tests.unit.serve.test_grpc import KINDS, Client
from tests.unit.serve.tiny import CONTRACT, bundle, put, running

pytestmark = [pytest.mark.feature("S1", "S2", "S21"), pytest.mark.slow]
ROW = {
    "a number": 1.5,
    "an integer": 7,
    "a boolean": True,
    "a text": "Climb",
    "a date": "1996-09-30",
    "a time": "1996-09-30T23:59:00",
}
TYPES = {name: name.split()[1] for name in ROW}
DATATYPES = {"number": "FP64", "integer": "INT64", "boolean": "BOOL"}  # of tensors; BYTES otherwise
CONTENTS = {"FP64": "fp64_contents", "INT64": "int64_contents", "BOOL": "bool_contents", "BYTES": "bytes_contents"}
MISSING = object()
VALUES = {
    "a number": ["1.5", "", True, [1], {"a": 1}, 1e39, -1e300, 2**53 + 1, float("nan"), float("inf"), MISSING],
    "an integer": [1.5, "7", "", False, [7], 2**63, -(2**63) - 1, 1e30, float("nan"), float("-inf"), MISSING],
    "a boolean": ["true", "", 1, 0, 0.5, [True], MISSING],
    "a text": [1, 1.5, True, ["Climb"], {"Climb": 1}, MISSING],
    "a date": [
        "1996-9-30",
        "30.09.1996",
        "1996-02-30",
        "soon",
        "0000-01-01",
        "1996-09-30T00:00:00",
        9000,
        True,
        MISSING,
    ],
    "a time": [
        "1996-09-30",
        "1996-09-30 23:59:00",
        "1996-09-30T24:01:00",
        "now",
        "1996-09-30T23:59:00+01:00",
        0,
        MISSING,
    ],
    "another": [1, None, "x"],
    "": [1],
}


def typed_bundle() -> dict[str, bytes]:
    """Return the files of a bundle with a column of each type, which all count alike."""
    tensors = {name: TensorProto.STRING if name == "a text" else TensorProto.DOUBLE for name in ROW}
    inputs = [helper.make_tensor_value_info(name, kind, [None, 1]) for name, kind in tensors.items()]
    nodes = []
    for number, (name, kind) in enumerate(tensors.items()):
        if kind == TensorProto.STRING:
            nodes.append(helper.make_node("Equal", [name, "text"], [f"missing {number}"]))
        else:
            nodes.append(helper.make_node("IsNaN", [name], [f"missing {number}"]))
        nodes.append(helper.make_node("Cast", [f"missing {number}"], [f"part {number}"], to=TensorProto.DOUBLE))
    nodes += [
        helper.make_node("Sum", [f"part {number}" for number in range(len(ROW))], ["logit"]),
        helper.make_node("Sigmoid", ["logit"], ["positive"]),
        helper.make_node("Sub", ["one", "positive"], ["negative"]),
        helper.make_node("Concat", ["negative", "positive"], ["probabilities"], axis=1),
    ]
    constants = [
        helper.make_tensor("one", TensorProto.DOUBLE, [1, 1], [1.0]),
        helper.make_tensor("text", TensorProto.STRING, [1, 1], [""]),
    ]
    output = helper.make_tensor_value_info("probabilities", TensorProto.DOUBLE, [None, 2])
    opsets = [helper.make_opsetid("", 19)]
    graph = helper.make_graph(nodes, "typed", inputs, [output], constants)
    model = helper.make_model(graph, opset_imports=opsets, ir_version=9)
    helper.set_model_props(model, {"graph": CONTRACT["graph"]})
    onnx.checker.check_model(model)
    columns = {name: {"type": TYPES[name], "tensor": "text" if name == "a text" else "number"} for name in ROW}
    contents = bundle(contract=json.dumps(CONTRACT | {"columns": columns, "threshold": 0.5}).encode())
    contents["model.onnx"] = model.SerializeToString(deterministic=True)
    outputs = load_predictor(contents).predict(encode_rows([ROW], {"columns": columns})).tolist()
    return contents | {"golden.json": json.dumps({"rows": [ROW], "outputs": outputs}).encode()}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server with a case that has a column of each type, and connections to it."""
    root = tmp_path_factory.mktemp("malformed") / "serving"
    put(root, "typed", 1, typed_bundle())
    with running(root, grpc=True) as process:
        process.link = http.client.HTTPConnection("127.0.0.1", process.port, timeout=60)
        process.client = Client(process.grpc_port)
        yield process


def ask_rest(server, path: str, value) -> tuple[int, dict]:
    """Return status and reply of a POST of *value*; JSON has no NaN, so that bodies with it are no JSON."""
    return server.ask("POST", path, json.dumps(value).encode(), server.link)


def ask_rows(server, rows: list[dict]) -> tuple[int, str]:
    """Return the status and the refusal of the JSON route."""
    status, reply = ask_rest(server, "/predict/typed", rows)
    return status, reply.get("error", {}).get("message", "")


def ask_models(server, rows: list[dict]) -> tuple[int, str]:
    """Return the status and the refusal of several models."""
    status, reply = ask_rest(server, "/multi-inference", {"rows": rows, "models": [{"case": "typed"}]})
    return status, reply.get("error", {}).get("message", "")


def ask_tensors(server, rows: list[dict]) -> tuple[int, str]:
    """Return the status and the refusal of the Open Inference Protocol over HTTP."""
    inputs = []
    for name in dict.fromkeys(name for row in rows for name in row):
        values = [row[name] for row in rows if name in row]
        datatype = DATATYPES.get(TYPES.get(name), "BYTES")
        inputs.append({"name": name, "datatype": datatype, "shape": [len(values)], "data": values})
    status, reply = ask_rest(server, "/v2/models/typed/infer", {"inputs": inputs})
    return status, reply.get("error", "")


def call(server, method: str, message) -> tuple[int, str]:
    """Return the status of HTTP that a gRPC call corresponds to, and its refusal."""
    try:
        server.client.call(method, message)
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.INVALID_ARGUMENT, error
        return 422, error.details()
    return 200, ""


def call_rows(server, rows: list[dict]) -> tuple[int, str]:
    """Return the status and the refusal of raw rows over gRPC."""
    messages = [
        pb.Row(
            columns={
                name: pb.Value(**({} if value is None else {KINDS[type(value)]: value})) for name, value in row.items()
            }
        )
        for row in rows
    ]
    return call(server, "Predict", pb.PredictRequest(model=pb.ModelSpec(case="typed"), rows=messages))


def call_tensors(server, rows: list[dict]) -> tuple[int, str]:
    """Return the status and the refusal of the Open Inference Protocol over gRPC."""
    message = v2.ModelInferRequest(model_name="typed")
    for name in dict.fromkeys(name for row in rows for name in row):
        values = [row[name] for row in rows if name in row]
        datatype = DATATYPES.get(TYPES.get(name), "BYTES")
        values = [str(value).encode() for value in values] if datatype == "BYTES" else values
        item = message.inputs.add(name=name, datatype=datatype, shape=[len(values)])
        getattr(item.contents, CONTENTS[datatype]).extend(values)
    return call(server, "ModelInfer", message)


def can_send(way: str, name: str, value) -> bool:
    """Return whether a request by *way* can hold the wrong *value* of column *name*, and means it."""
    if value is MISSING or name not in ROW:
        return True
    if way == "gRPC rows":  # a message has values of four kinds, of which integers have 64 bits
        return type(value) in KINDS and not (type(value) is int and not -(2**63) <= value < 2**63)
    if value != value:  # NaN of a tensor is a missing value, and JSON has none
        return way != "gRPC tensors"
    if way == "REST tensors":
        return not (name in ("a date", "a time") and value == "")
    if way == "gRPC tensors":  # whose elements have the type of their field
        kind = {"number": float, "text": bytes, "integer": int, "boolean": bool}.get(TYPES[name], str)
        return type(value) is kind and not (kind is int and not -(2**63) <= value < 2**63)
    return True


WAYS = {
    "REST rows": ask_rows,
    "REST models": ask_models,
    "REST tensors": ask_tensors,
    "gRPC rows": call_rows,
    "gRPC tensors": call_tensors,
}
TABLE = [
    (way, name, value, row)
    for way in WAYS
    for name, values in VALUES.items()
    for value in values
    for row in ((0, 2) if way.endswith("rows") else (0,))
    if can_send(way, name, value)
]


def describe(item: tuple) -> str:
    """Return the name of a test: the way to ask, column, value and row."""
    way, name, value, row = item
    return f"{way}: {name or 'no name'} {'missing' if value is MISSING else repr(value)} in row {row}"


def test_the_table_has_every_way_and_a_row_without_a_fault_is_answered(server):
    assert len(TABLE) >= 200 and min(sum(way == item[0] for item in TABLE) for way in WAYS) >= 20
    for way, ask in WAYS.items():
        assert ask(server, [ROW] * 3) == (200, ""), way


@pytest.mark.parametrize("item", TABLE, ids=describe)
def test_a_malformed_request_is_refused_and_its_field_is_named(server, item):
    way, name, value, number = item
    rows = [dict(ROW) for _ in range(3)]
    if value is MISSING:
        del rows[number][name]
    else:
        rows[number][name] = value
    status, message = WAYS[way](server, rows)
    assert status in (400, 422) and 0 < len(message) < 1000, (status, message)
    if isinstance(value, float) and not abs(value) < float("inf") and way.startswith("REST"):
        assert message.startswith("the body is not JSON")
    elif type(value) is int and value < -(2**63) and way == "REST tensors":  # the JSON itself is refused
        assert message.startswith("the field 'data': -9223372036854775809 is not a number"), message
    else:
        assert name in message, message


def test_a_label_without_a_name_is_no_label(server):
    status, reply = ask_rest(server, "/multi-inference", {"rows": [ROW], "models": [{"case": "typed", "label": ""}]})
    assert status == 404 and "typed has no label" in reply["error"]["message"]
    spec = pb.ModelSpec(case="typed", label="")
    assert server.client.refused("Predict", pb.PredictRequest(model=spec))[0] == grpc.StatusCode.NOT_FOUND
    assert (
        server.client.refused("GetModelMetadata", pb.GetModelMetadataRequest(model=spec))[0]
        == grpc.StatusCode.NOT_FOUND
    )
