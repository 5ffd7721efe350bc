"""gRPC: the answers of REST bit for bit, its refusals with gRPC's status, limits, fairness, drain."""

import asyncio
import json
import socket
import struct
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import numpy as np
import pytest
from google.protobuf.json_format import MessageToDict
from google.protobuf.message_factory import GetMessageClass

from scripts.serve import grpc_server
from scripts.serve import open_inference_pb2 as v2
from scripts.serve import prediction_pb2 as pb
from scripts.serve.http_request import HTTPError
from tests.unit.serve.test_tasks import regression_bundle
from tests.unit.serve.tiny import (
    RICH_ROW,
    ROW,
    ROWS,
    answers,
    bundle,
    model_bytes,
    put,
    rich_answers,
    rich_bundle,
    running,
    set_traffic,
)

ROOT = Path(__file__).parents[3]
SERVICES = [
    v2.DESCRIPTOR.services_by_name["GRPCInferenceService"],
    pb.DESCRIPTOR.services_by_name["PredictionService"],
]
METHODS = {method.name: method for service in SERVICES for method in service.methods}
CODES = grpc.StatusCode
pytestmark = pytest.mark.feature("S2")


class Client:
    """A gRPC client of a server."""

    def __init__(self, port: int, **options):
        arguments = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
        self.channel = grpc.insecure_channel(f"127.0.0.1:{port}", options=arguments, **options)

    def call(self, name: str, message=None, /, **fields):
        """Return the reply of method *name* to a *message*, given or made of *fields*; bytes are sent as they are."""
        method = METHODS[name]
        reply_class = GetMessageClass(method.output_type)
        send = self.channel.unary_unary(
            f"/{method.containing_service.full_name}/{name}",
            request_serializer=lambda value: value if isinstance(value, bytes) else value.SerializeToString(),
            response_deserializer=reply_class.FromString,
        )
        return send(GetMessageClass(method.input_type)(**fields) if message is None else message, timeout=120)

    def refused(self, name: str, message=None, /, **fields) -> tuple:
        """Return status, message and error (of the trailing metadata) of a call that fails."""
        with pytest.raises(grpc.RpcError) as raised:
            self.call(name, message, **fields)
        error = dict(raised.value.trailing_metadata() or ()).get("error-bin", b"{}")
        return raised.value.code(), raised.value.details(), json.loads(error).get("error")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server with birds versions 1 (champion) and 2 (challenger), a case with lags, and one for regression."""
    root = tmp_path_factory.mktemp("grpc") / "serving"
    put(root, "birds", 1, bundle(0.0))
    put(root, "birds", 2, bundle(2.0), label="challenger")
    put(root, "series", 3, rich_bundle(0.0))
    put(root, "masses", 4, regression_bundle(1.0))
    with running(root, grpc=True) as process:
        process.root = root
        yield process


@pytest.fixture(scope="module")
def client(server):
    """A gRPC client of the server."""
    return Client(server.grpc_port)


KINDS = {bool: "boolean", int: "integer", float: "number", str: "text"}


def make_rows(rows: list[dict]) -> list[pb.Row]:
    """Return JSON rows as messages."""
    return [
        pb.Row(
            columns={
                name: pb.Value() if value is None else pb.Value(**{KINDS[type(value)]: value})
                for name, value in row.items()
            }
        )
        for row in rows
    ]


def prediction_of(message: pb.Prediction, is_regression: bool = False) -> dict:
    """Return a message as the prediction of the JSON route."""
    found = {"prediction": message.prediction}
    if not is_regression:
        found = {"label": message.label, "score": message.score, "probabilities": dict(message.probabilities)}
    flags = [{"code": flag.code, "column": flag.column or None, "message": flag.message} for flag in message.flags]
    return found | ({"flags": flags} if flags else {})


def answered_of(message: pb.Answered) -> dict:
    """Return what a reply of the JSON route says of the model."""
    return {name: getattr(message, name) for name in ("request", "case", "version", "bundle")}


SPECS = {
    "birds": pb.ModelSpec(case="birds"),
    "birds/versions/2": pb.ModelSpec(case="birds", version=2),
    "birds/labels/challenger": pb.ModelSpec(case="birds", label="challenger"),
    "series": pb.ModelSpec(case="series"),
    "masses": pb.ModelSpec(case="masses"),
}


@pytest.mark.slow
@pytest.mark.parametrize("path", SPECS)
def test_predictions_for_raw_rows_are_those_of_rest_bit_for_bit(server, client, path):
    rows = ROWS
    if path == "series":
        rows = [RICH_ROW | {"step": step, "height": 950 - step} for step in range(6)]
    expected = server.ask("POST", f"/predict/{path}", rows, X_Request_Id="rpc-1")[1]
    reply = client.call("Predict", model=SPECS[path], rows=make_rows(rows), request="rpc-1")
    got = [prediction_of(message, path == "masses") for message in reply.predictions]
    assert {**answered_of(reply.answered), "predictions": got} == expected
    assert path != "series" or any("flags" in item for item in got)


def test_classify_and_regress_are_those_of_rest(server, client):
    expected = server.ask("POST", "/classify/birds", ROWS)[1]["classifications"]
    reply = client.call("Classify", model=SPECS["birds"], rows=make_rows(ROWS))
    got = [
        {"label": item.label, "classes": [{"name": one.name, "probability": one.probability} for one in item.classes]}
        for item in reply.classifications
    ]
    assert got == expected and len(reply.answered.request) == 32
    expected = server.ask("POST", "/regress/masses", ROWS)[1]["regressions"]
    reply = client.call("Regress", model=SPECS["masses"], rows=make_rows(ROWS))
    assert [{"value": item.value} for item in reply.regressions] == expected
    code, details, error = client.refused("Regress", model=SPECS["birds"], rows=make_rows(ROWS))
    assert (code, error["code"]) == (CODES.INVALID_ARGUMENT, "WRONG_TASK") and "ask classify" in details


@pytest.mark.feature("S18")
def test_several_models_are_those_of_rest(server, client):
    rows = [RICH_ROW | {"step": step} for step in range(4)]
    specs = [{"case": "birds"}, {"case": "series"}, {"case": "birds", "label": "challenger"}]
    expected = server.ask("POST", "/multi-inference", {"rows": rows, "models": specs}, X_Request_Id="m")[1]
    models = [pb.ModelSpec(**spec) for spec in specs]
    reply = client.call("MultiInference", models=models, rows=make_rows(rows), request="m")
    got = [
        {**answered_of(result.answered), "predictions": [*map(prediction_of, result.predictions)]}
        for result in reply.results
    ]
    assert {"request": reply.request, "results": got} == expected


def test_metadata_and_status(client):
    found = MessageToDict(client.call("GetModelMetadata", model=SPECS["birds"]))
    bundle_digest = found["answered"].pop("bundle")
    assert found == {
        "answered": {"case": "birds", "version": 1},
        "columns": [
            {"name": "height", "type": "number"},
            {"name": "phase", "type": "text"},
            {"name": "date", "type": "date"},
        ],
        "task": "classification",
        "classes": ["absent", "present"],
        "positive": "present",
        "threshold": 0.5,
    }
    found = MessageToDict(client.call("GetModelStatus", model=pb.ModelSpec(case="birds")))["versions"]
    assert [(item["version"], item["labels"]) for item in found] == [(1, ["champion"]), (2, ["challenger"])]
    assert found[0]["bundle"] == bundle_digest != found[1]["bundle"]
    found = client.call("GetModelStatus", model=SPECS["birds/labels/challenger"]).versions
    assert [item.version for item in found] == [2]


DATATYPES = {"height": "FP64", "phase": "BYTES", "date": "BYTES"}


def infer_request(rows: list[dict], raw: bool, **fields) -> v2.ModelInferRequest:
    """Return *rows* as raw or typed tensors; a missing value is NaN or an empty text."""
    message = v2.ModelInferRequest(model_name="birds", **fields)
    for name, datatype in DATATYPES.items():
        tensor = message.inputs.add(name=name, datatype=datatype, shape=[len(rows), 1])
        if datatype == "FP64":
            values = [float("nan") if row[name] is None else row[name] for row in rows]
        else:
            values = [(row[name] or "").encode() for row in rows]
        if raw and datatype == "FP64":
            message.raw_input_contents.append(np.array(values, np.float64).tobytes())
        elif raw:
            message.raw_input_contents.append(b"".join(struct.pack("<I", len(text)) + text for text in values))
        else:
            getattr(tensor.contents, {"FP64": "fp64_contents", "BYTES": "bytes_contents"}[datatype]).extend(values)
    return message


def outputs_of(reply: v2.ModelInferResponse) -> dict[str, list]:
    """Return the elements of each output of a reply, raw or typed."""
    outputs = {}
    for index, output in enumerate(reply.outputs):
        if not reply.raw_output_contents:
            values = output.contents.fp64_contents or [text.decode() for text in output.contents.bytes_contents]
            outputs[output.name] = list(values)
            continue
        raw = reply.raw_output_contents[index]
        if output.datatype == "FP64":
            outputs[output.name] = np.frombuffer(raw).tolist()
            continue
        texts = outputs[output.name] = []
        while raw:
            end = 4 + struct.unpack("<I", raw[:4])[0]
            texts.append(raw[4:end].decode())
            raw = raw[end:]
    return outputs


@pytest.mark.feature("S21")
@pytest.mark.parametrize("raw", [True, False])
def test_tensors_get_the_answers_of_rest_bit_for_bit(server, client, raw):
    rows = ROWS * 20
    answers = server.ask("POST", "/predict/birds", rows)[1]["predictions"]
    reply = client.call("ModelInfer", infer_request(rows, raw, id="by-rpc"))
    assert (reply.model_name, reply.model_version, reply.id) == ("birds", "1", "by-rpc")
    assert reply.parameters["request"].string_param == "by-rpc" and len(reply.parameters["bundle"].string_param) == 64
    assert bool(reply.raw_output_contents) is raw
    assert [list(output.shape) for output in reply.outputs] == [[60], [60], [60, 2], [60]]
    assert outputs_of(reply) == {
        "label": [answer["label"] for answer in answers],
        "score": [answer["score"] for answer in answers],
        "probabilities": [value for answer in answers for value in answer["probabilities"].values()],
        "flags": [""] * 60,
    }
    asked = infer_request(rows, raw, model_version="challenger", outputs=[{"name": "score"}])
    reply = client.call("ModelInfer", asked)
    expected = server.ask("POST", "/predict/birds/versions/2", rows)[1]["predictions"]
    assert outputs_of(reply) == {"score": [answer["score"] for answer in expected]} and reply.model_version == "2"


@pytest.mark.feature("S21")
@pytest.mark.parametrize("datatype", ["INT8", "INT16", "INT32", "INT64", "UINT8", "UINT16", "UINT32", "UINT64", "FP32"])
def test_each_datatype_has_its_contents(server, client, datatype):
    fields = {"INT64": "int64_contents", "UINT64": "uint64_contents", "FP32": "fp32_contents"}
    message = infer_request([ROW], raw=False)
    message.inputs[0].datatype = datatype
    message.inputs[0].ClearField("contents")
    field = fields.get(datatype, "uint_contents" if datatype.startswith("U") else "int_contents")
    getattr(message.inputs[0].contents, field).append(77)
    (answer,) = server.ask("POST", "/predict/birds", [ROW | {"height": 77}])[1]["predictions"]
    assert outputs_of(client.call("ModelInfer", message))["score"] == [answer["score"]]


@pytest.mark.feature("S21")
def test_the_protocol_describes_server_models_and_statistics_as_rest_does(server, client):
    assert client.call("ServerLive").live and client.call("ServerReady").ready
    assert client.call("ModelReady", name="birds").ready and client.call("ModelReady", name="birds", version="2").ready
    assert not client.call("ModelReady", name="birds", version="9").ready
    assert MessageToDict(client.call("ServerMetadata")) == server.ask("GET", "/v2")[1]
    for name, version in (("birds", ""), ("birds", "2"), ("series", ""), ("masses", "4")):
        found = MessageToDict(client.call("ModelMetadata", name=name, version=version))
        shapes = [*found["inputs"], *found["outputs"]]
        for item in shapes:
            item["shape"] = [*map(int, item["shape"])]
        path = f"/versions/{version}" if version else ""
        assert found == server.ask("GET", f"/v2/models/{name}{path}")[1]
    for name, path in (("", "/v2/models/stats"), ("birds", "/v2/models/birds/stats")):
        found = client.call("ModelStatistics", name=name).model_stats
        expected = server.ask("GET", path)[1]["model_stats"]
        assert [(item.name, item.version, item.inference_count) for item in found] == [
            (item["name"], item["version"], item["inference_count"]) for item in expected
        ]


def changed(raw: bool = False, **changes) -> v2.ModelInferRequest:
    """Return a request whose first input has other values of its fields."""
    message = infer_request([ROW], raw)
    for name, value in changes.items():
        if name == "contents":
            message.inputs[0].contents.CopyFrom(v2.InferTensorContents(**value))
        elif name == "shape":
            message.inputs[0].shape[:] = value
        elif name == "parameters":
            message.inputs[0].parameters["shared_memory_region"].string_param = value
        elif name == "raws":
            message.raw_input_contents[:] = value
        else:
            setattr(message.inputs[0], name, value)
    return message


def without(*names: str) -> v2.ModelInferRequest:
    """Return a request that lacks inputs."""
    message = infer_request([ROW], raw=False)
    kept = [item for item in message.inputs if item.name not in names]
    return v2.ModelInferRequest(model_name="birds", inputs=kept)


def rows_request(*rows: dict, case: str = "birds") -> pb.PredictRequest:
    """Return a request of raw rows."""
    return pb.PredictRequest(model=pb.ModelSpec(case=case), rows=make_rows(rows))


WRONG = CODES.INVALID_ARGUMENT
BAD = {
    "no message": ("ModelInfer", b"\xff\xff", WRONG, "a ModelInferRequest was expected"),
    "text that is not UTF-8": ("Predict", b"\x0a\x03\x0a\x01\xff", WRONG, "a PredictRequest was expected"),
    "unknown model": (
        "ModelInfer",
        v2.ModelInferRequest(model_name="x"),
        CODES.NOT_FOUND,
        "Request for unknown model: 'x'",
    ),
    "unknown version": (
        "ModelInfer",
        v2.ModelInferRequest(model_name="birds", model_version="9"),
        CODES.NOT_FOUND,
        "unknown model: 'birds' version '9'",
    ),
    "metadata of an unknown model": (
        "ModelMetadata",
        v2.ModelMetadataRequest(name="x"),
        CODES.NOT_FOUND,
        "unknown model",
    ),
    "statistics of an unknown model": (
        "ModelStatistics",
        v2.ModelStatisticsRequest(name="x"),
        CODES.NOT_FOUND,
        "unknown",
    ),
    "no inputs": (
        "ModelInfer",
        v2.ModelInferRequest(model_name="birds"),
        WRONG,
        '"inputs" must be a list of at least one',
    ),
    "missing input": ("ModelInfer", without("date"), WRONG, "SCHEMA_MISSING_COLUMN: input 'date' is missing"),
    "unknown input": ("ModelInfer", changed(name="speed"), WRONG, "SCHEMA_NEW_COLUMN: input 'speed' is no column"),
    "input twice": (
        "ModelInfer",
        changed(name="phase", datatype="BYTES", contents={"bytes_contents": [b""]}),
        WRONG,
        "twice",
    ),
    "no datatype": ("ModelInfer", changed(datatype=""), WRONG, "input 'height': datatype '' is none of"),
    "unknown datatype": ("ModelInfer", changed(datatype="BF16"), WRONG, "datatype 'BF16' is none of"),
    "datatype of another column": (
        "ModelInfer",
        changed(datatype="BOOL", contents={"bool_contents": [True]}),
        WRONG,
        "takes FP64",
    ),
    "FP16 without raw": (
        "ModelInfer",
        changed(datatype="FP16"),
        WRONG,
        "FP16 has no typed contents; send it in raw_input",
    ),
    "contents of another datatype": (
        "ModelInfer",
        changed(contents={"int_contents": [1]}),
        WRONG,
        "input 'height': elements of FP64 are sent in fp64_contents, got int_contents",
    ),
    "no contents": ("ModelInfer", changed(contents={}), WRONG, "shape [1, 1] needs 1 elements, got 0"),
    "too many elements": ("ModelInfer", changed(contents={"fp64_contents": [1, 2]}), WRONG, "needs 1 elements, got 2"),
    "out of INT8": (
        "ModelInfer",
        changed(datatype="INT8", contents={"int_contents": [200]}),
        WRONG,
        "from -128 to 127",
    ),
    "no shape": ("ModelInfer", changed(shape=[]), WRONG, "shape [rows] or [rows, 1] was expected"),
    "shape of a matrix": ("ModelInfer", changed(shape=[1, 2]), WRONG, "shape [rows] or [rows, 1] was expected"),
    "negative shape": ("ModelInfer", changed(shape=[-1]), WRONG, "shape [rows] or [rows, 1] was expected"),
    "huge shape": ("ModelInfer", changed(shape=[2**62]), CODES.RESOURCE_EXHAUSTED, "at most 10000"),
    "number out of the contract": (
        "ModelInfer",
        changed(contents={"fp64_contents": [1e300]}),
        WRONG,
        "row 0: height must be",
    ),
    "infinity": (
        "ModelInfer",
        changed(contents={"fp64_contents": [float("inf")]}),
        WRONG,
        "row 0: height must be a number",
    ),
    "raw of another size": (
        "ModelInfer",
        changed(raw=True, raws=[b"1", b"", b""]),
        WRONG,
        "8 bytes, 1 elements of FP64",
    ),
    "too few raw": (
        "ModelInfer",
        changed(raw=True, raws=[b""]),
        WRONG,
        "3 inputs need as many raw_input_contents, got 1",
    ),
    "raw and contents": (
        "ModelInfer",
        changed(raw=True, contents={"fp64_contents": [1]}),
        WRONG,
        "has both contents and raw",
    ),
    "text that is not UTF-8 in a tensor": (
        "ModelInfer",
        changed(raw=True, raws=[b"\0" * 8, struct.pack("<I", 1) + b"\xff", b"\0" * 4]),
        WRONG,
        "input 'phase': element 0 is not UTF-8",
    ),
    "shared memory": ("ModelInfer", changed(parameters="a"), WRONG, "send the tensor in the body"),
    "unknown output": (
        "ModelInfer",
        infer_request([ROW], True, outputs=[{"name": "x"}]),
        WRONG,
        "output 'x' does not exist",
    ),
    "no model": ("Predict", pb.PredictRequest(), CODES.NOT_FOUND, "no case "),
    "unknown case": ("Predict", rows_request(ROW, case="x"), CODES.NOT_FOUND, "no case x"),
    "no rows": ("Predict", rows_request(), WRONG, "a list of at least one row"),
    "too many rows": ("Predict", rows_request(*[{}] * 10_001), CODES.RESOURCE_EXHAUSTED, "10001 rows, at most 10000"),
    "missing column": ("Predict", rows_request({"height": 1}), WRONG, "row 0 lacks phase"),
    "new column": ("Predict", rows_request(ROW | {"speed": 1}), WRONG, "row 0: speed is not a column"),
    "text for a number": ("Predict", rows_request(ROW | {"height": "1"}), WRONG, "row 0: height must be a number"),
    "boolean for a number": ("Predict", rows_request(ROW | {"height": True}), WRONG, "row 0: height must be a number"),
    "NaN": ("Predict", rows_request(ROW | {"height": float("nan")}), WRONG, "row 0: height must be a number"),
    "no date": ("Predict", rows_request(ROW, ROW | {"date": "soon"}), WRONG, "row 1: date must be a date"),
    "no models": ("MultiInference", pb.MultiInferenceRequest(), WRONG, "0 models, from 1 to 16"),
    "column that one model lacks": (
        "MultiInference",
        pb.MultiInferenceRequest(models=[SPECS["birds"], SPECS["series"]], rows=make_rows([ROW])),
        WRONG,
        "series version 3: row 0 lacks site",
    ),
    "too large": ("Predict", b"\0" * (17 << 20), CODES.RESOURCE_EXHAUSTED, "larger than max"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", BAD)
def test_bad_requests_are_refused_with_what_was_expected(client, name):
    method, message, expected, words = BAD[name]
    code, details, _ = client.refused(method, message)
    assert code == expected and words in details and len(details) < 1000, details


def test_refusals_hold_what_rest_would_say(server, client):
    rows = [ROW, ROW | {"height": "x"}]
    expected = server.ask("POST", "/predict/birds", rows)[1]["error"]
    assert client.refused("Predict", rows_request(*rows))[2] == expected


def test_unknown_methods_are_refused(client):
    for path in ("/inference.GRPCInferenceService/RepositoryModelUnload", "/ouroboros.PredictionService/Reload", "/x"):
        with pytest.raises(grpc.RpcError) as raised:
            client.channel.unary_unary(path)(b"", timeout=10)
        assert raised.value.code() == CODES.UNIMPLEMENTED


@pytest.mark.slow
@pytest.mark.parametrize("algorithm", [grpc.Compression.Gzip, grpc.Compression.Deflate])
def test_messages_may_be_compressed_within_the_limit_of_their_size(server, client, algorithm):
    packed = Client(server.grpc_port, compression=algorithm)
    expected = client.call("Predict", rows_request(*ROWS)).predictions
    assert packed.call("Predict", rows_request(*ROWS)).predictions == expected
    code, details, _ = packed.refused("Predict", b"\0" * (64 << 20))
    assert code == CODES.RESOURCE_EXHAUSTED and "larger than max" in details


def test_a_message_that_does_not_come_is_given_up(monkeypatch):
    async def never():
        await asyncio.sleep(60)
        yield b""

    async def nothing():
        for message in ():
            yield message

    monkeypatch.setattr(grpc_server, "BODY_SECONDS", 0.05)
    with pytest.raises(HTTPError, match="no whole message") as refused:
        asyncio.run(grpc_server.read_message(never()))
    assert refused.value.status == 408
    with pytest.raises(HTTPError, match="a message was expected"):
        asyncio.run(grpc_server.read_message(nothing()))


def test_requests_of_all_protocols_share_one_limit(server, client):
    head = b"POST /predict/birds HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
    head += b"content-length: 9\r\n\r\n["
    links = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(64)]
    for link in links:
        link.sendall(head)
    server.until(lambda: server.ask("POST", "/predict/birds", [ROW])[0] == 503)
    code, details, error = client.refused("Predict", rows_request(ROW))
    assert (code, error["code"]) == (CODES.UNAVAILABLE, "BUSY") and "try again" in details
    assert client.call("ServerLive").live
    for link in links:
        link.close()
    server.until(lambda: server.ask("POST", "/predict/birds", [ROW])[0] == 200)
    assert client.call("Predict", rows_request(ROW)).answered.version == 1


@pytest.mark.slow
def test_many_clients_at_once_each_get_their_own_answers(server):
    def wrong_answers(number: int) -> int:
        own, wrong = Client(server.grpc_port), 0
        for step in range(20):
            rows = [ROW | {"height": float(100 * number + step + index)} for index in range(1 + step % 5)]
            expected = server.ask("POST", "/predict/birds", rows)[1]["predictions"]
            reply = own.call("Predict", rows_request(*rows))
            wrong += [*map(prediction_of, reply.predictions)] != expected
            scores = outputs_of(own.call("ModelInfer", infer_request(rows, bool(step % 2))))["score"]
            wrong += scores != [answer["score"] for answer in expected]
        own.channel.close()
        return wrong

    with ThreadPoolExecutor(8) as clients:
        assert sum(clients.map(wrong_answers, range(8))) == 0


@pytest.mark.slow
@pytest.mark.feature("S23")
def test_single_rows_overtake_large_requests(server, client):
    large = rows_request(*({**RICH_ROW, "step": step} for step in range(10_000)), case="series")
    done: list[str] = []

    def ask_much() -> None:
        Client(server.grpc_port).call("Predict", large)
        done.append("large")

    threads = [threading.Thread(target=ask_much) for _ in range(6)]
    for thread in threads:
        thread.start()
    server.until(lambda: done)
    reply = client.call("Predict", rows_request(RICH_ROW, case="series"))
    done.append("row")
    for thread in threads:
        thread.join()
    assert done.index("row") < 6 and done.count("large") == 6
    got = [[answer.probabilities[name] for name in ("absent", "present")] for answer in reply.predictions]
    assert got == rich_answers(0.0, [RICH_ROW])


PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0"  # and empty settings


@pytest.mark.feature("S23")
def test_clients_that_never_finish_harm_nobody(server):
    contents = [
        b"",
        b"PRI * HT",
        PREFACE,
        PREFACE + b"\0\xff\xff\1\4\0\0\0\1",
        b"GET / HTTP/1.1\r\n\r\n",
        b"\xff" * 100,
    ]
    links = [socket.create_connection(("127.0.0.1", server.grpc_port)) for _ in range(300)]
    for number, link in enumerate(links):
        link.sendall(contents[number % len(contents)])
    client = Client(server.grpc_port)
    assert [client.call("Predict", rows_request(ROW)).answered.version for _ in range(20)] == [1] * 20
    assert server.ask("GET", "/health")[0] == 200
    for link in links:
        link.close()
    assert client.call("ServerLive").live


@pytest.mark.slow
@pytest.mark.feature("S5", "S13")
def test_hot_updates_of_versions_and_traffic_fail_no_request(tmp_path):
    root, stop, wrong, seen = tmp_path / "serving", threading.Event(), [], set()
    put(root, "birds", 1, bundle(1.0))
    expected = {version: answers(model_bytes(float(version)), ROWS)[:, 1].tolist() for version in range(1, 9)}

    def ask_on() -> None:
        client = Client(server.grpc_port)
        while not stop.is_set():
            try:
                reply = client.call("Predict", rows_request(*ROWS))
                version, scores = reply.answered.version, [answer.score for answer in reply.predictions]
            except grpc.RpcError as error:
                version, scores = 0, str(error)
            seen.add(version)
            if scores != expected.get(version):
                wrong.append((version, scores))

    with running(root, grpc=True) as server:
        threads = [threading.Thread(target=ask_on) for _ in range(3)]
        for thread in threads:
            thread.start()
        for version in range(2, 9):
            label = ("champion", "challenger")[version % 2]
            put(root, "birds", version, bundle(float(version)), label=label)
            if version > 2:
                split = {"champion": 1 + version % 3, "challenger": 1}
                set_traffic(root, {"split": split, "shadow": [label]})
            server.until(lambda version=version: version in seen)
        stop.set()
        for thread in threads:
            thread.join()
    assert not wrong and seen == set(range(1, 9))


def count_ticks(pid: int) -> int:
    """Return the CPU time of a process so far, in ticks of the clock."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


@pytest.mark.slow
def test_the_last_answers_are_given_after_sigterm(tmp_path):
    root = tmp_path / "serving"
    put(root, "series", 3, rich_bundle(0.0))
    large = rows_request(*({**RICH_ROW, "step": step} for step in range(10_000)), case="series")
    with running(root, grpc=True) as server, ThreadPoolExecutor(1) as pool:
        client = Client(server.grpc_port)
        client.call("ServerLive")
        before = count_ticks(server.process.pid)
        asked = pool.submit(client.call, "Predict", large)
        while count_ticks(server.process.pid) < before + 5 and not asked.done():  # until it has arrived
            time.sleep(0.01)
        assert server.stop() == 0
        assert len(asked.result().predictions) == 10_000


@pytest.mark.slow
def test_only_loopback_is_bound_and_a_taken_port_exits_2(server, tmp_path):
    lines = [*Path("/proc/net/tcp").read_text().splitlines(), *Path("/proc/net/tcp6").read_text().splitlines()]
    bound = {line.split()[1].split(":")[0] for line in lines if f":{server.grpc_port:04X}" in line.split()[1]}
    assert bound and bound <= {"0100007F", "0000000000000000FFFF00000100007F"}
    script = ROOT / "scripts/serve/server.py"
    command = [
        sys.executable,
        str(script),
        "--root",
        str(tmp_path),
        "--port",
        "0",
        "--grpc-port",
        str(server.grpc_port),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert done.returncode == 2 and "set another serve.grpc_port" in done.stderr


def test_without_its_port_grpc_is_not_imported(tmp_path):
    program = "import sys, scripts.serve.server; print('grpc' in sys.modules, 'google.protobuf' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "False False\n"


@pytest.mark.parametrize("name", ["open_inference", "prediction"])
def test_generated_modules_are_what_the_protocol_files_give(tmp_path, name):
    proto = f"scripts/serve/{name}.proto"
    command = [sys.executable, "-m", "grpc_tools.protoc", "-I.", f"--python_out={tmp_path}", proto]
    subprocess.run(command, cwd=ROOT, check=True)
    made = (tmp_path / f"scripts/serve/{name}_pb2.py").read_text()
    assert made == (ROOT / f"scripts/serve/{name}_pb2.py").read_text(), "run " + " ".join(["python", *command[1:-2]])
