"""The Open Inference Protocol over HTTP: the answers of the JSON route bit for bit, metadata, statistics, bad input."""

import gzip
import hashlib
import json
import struct
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from tests.unit.serve.tiny import RICH_ROW, ROW, ROWS, bundle, model_bytes, put, rich_bundle, running

pytestmark = pytest.mark.feature("S21")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server with birds versions 1 (champion) and 2 (challenger), and a case with lags."""
    root = tmp_path_factory.mktemp("v2") / "serving"
    put(root, "birds", 1, bundle(0.0))
    put(root, "birds", 2, bundle(2.0), label="challenger")
    put(root, "series", 3, rich_bundle(0.0))
    with running(root) as process:
        process.root = root
        yield process


DATATYPES = {"height": "FP64", "phase": "BYTES", "date": "BYTES", "note": "BYTES", "site": "BYTES", "step": "INT64"}


def tensors(rows: list[dict]) -> list[dict]:
    """Return *rows* as input tensors with JSON data."""
    return [
        {"name": name, "datatype": DATATYPES[name], "shape": [len(rows), 1], "data": [row[name] for row in rows]}
        for name in rows[0]
    ]


def binary(rows: list[dict]) -> tuple[list[dict], bytes]:
    """Return *rows* as binary input tensors and their bytes."""
    inputs, parts = [], []
    for item in tensors(rows):
        values = item.pop("data")
        if item["datatype"] == "BYTES":
            texts = [(value or "").encode() for value in values]
            raw = b"".join(struct.pack("<I", len(text)) + text for text in texts)
        else:
            raw = np.array(values, np.float64 if item["datatype"] == "FP64" else np.int64).tobytes()
        inputs.append(item | {"parameters": {"binary_data_size": len(raw)}})
        parts.append(raw)
    return inputs, b"".join(parts)


def send(server, body: bytes, path: str = "/v2/models/birds/infer", **headers: str) -> tuple[int, dict, bytes]:
    """Post *body* and return status, headers in lower case and content, decompressed."""
    link = server.connect()
    link.request("POST", path, body, {name.replace("_", "-"): value for name, value in headers.items()})
    response = link.getresponse()
    found, content = {name.lower(): value for name, value in response.getheaders()}, response.read()
    link.close()
    if "content-encoding" in found:
        content = {"gzip": gzip.decompress, "deflate": zlib.decompress}[found["content-encoding"]](content)
    return response.status, found, content


def outputs_of(found: dict, content: bytes) -> dict[str, list]:
    """Return the elements of each output of a reply, binary or not."""
    length = int(found.get("inference-header-content-length", len(content)))
    value, rest, outputs = json.loads(content[:length]), content[length:], {}
    for output in value["outputs"]:
        size = output.get("parameters", {}).get("binary_data_size")
        if size is None:
            outputs[output["name"]] = output["data"]
            continue
        raw, rest = rest[:size], rest[size:]
        if output["datatype"] == "FP64":
            outputs[output["name"]] = np.frombuffer(raw).tolist()
            continue
        texts = outputs[output["name"]] = []
        while raw:
            end = 4 + struct.unpack("<I", raw[:4])[0]
            texts.append(raw[4:end].decode())
            raw = raw[end:]
    assert not rest
    return outputs


def expected_outputs(server, rows: list[dict], case: str = "birds") -> dict[str, list]:
    """Return the outputs that the protocol must give for what the JSON route answers."""
    answers = server.ask("POST", f"/predict/{case}", rows)[1]["predictions"]
    return {
        "label": [answer["label"] for answer in answers],
        "score": [answer["score"] for answer in answers],
        "probabilities": [value for answer in answers for value in answer["probabilities"].values()],
        "flags": [json.dumps(answer["flags"]) if "flags" in answer else "" for answer in answers],
    }


def test_the_server_and_its_models_describe_themselves(server):
    described = server.ask("GET", "/v2")
    assert described == server.ask("GET", "/v2/") and described[0] == 200
    assert described[1]["name"] == "ouroboros" and described[1]["extensions"] == ["binary_tensor_data", "statistics"]
    assert server.ask("GET", "/v2/health/live") == (200, {"live": True})
    assert server.ask("GET", "/v2/health/ready") == (200, {"ready": True})
    for path in ("", "/versions/2", "/versions/challenger"):
        assert server.ask("GET", f"/v2/models/birds{path}/ready") == (200, {"name": "birds", "ready": True})
    status, model = server.ask("GET", "/v2/models/birds/versions/challenger")
    assert status == 200 and (model["name"], model["versions"], model["platform"]) == (
        "birds",
        ["1", "2"],
        "onnx_onnxv1",
    )
    assert model["inputs"] == [
        {"name": "height", "datatype": "FP64", "shape": [-1, 1]},
        {"name": "phase", "datatype": "BYTES", "shape": [-1, 1]},
        {"name": "date", "datatype": "BYTES", "shape": [-1, 1]},
    ]
    assert model["outputs"] == [
        {"name": "label", "datatype": "BYTES", "shape": [-1]},
        {"name": "score", "datatype": "FP64", "shape": [-1]},
        {"name": "probabilities", "datatype": "FP64", "shape": [-1, 2]},
        {"name": "flags", "datatype": "BYTES", "shape": [-1]},
    ]
    assert all(isinstance(value, str) for value in model["properties"].values())
    assert model["properties"] == {
        "version": "2",
        "digest": hashlib.sha256(model_bytes(2.0)).hexdigest(),
        "lineage": "birds/2/lineage.json",
        "labels": "challenger",
        "title": "Birds",
        "task": "classification",
        "types": '{"height": "number", "phase": "text", "date": "date"}',
        "classes": '["absent", "present"]',
        "positive": "present",
        "threshold": "0.5",
    }
    inputs = server.ask("GET", "/v2/models/series")[1]["inputs"]
    assert {item["name"]: item["datatype"] for item in inputs} == {
        "site": "BYTES",
        "step": "FP64",
        "height": "FP64",
        "phase": "BYTES",
        "date": "BYTES",
        "note": "BYTES",
    }


@pytest.mark.parametrize("is_flat", [True, False])
@pytest.mark.parametrize("encoding", [None, "gzip", "deflate"])
@pytest.mark.parametrize("accepted", [None, "gzip", "deflate", "br, gzip;q=0, deflate;q=0.5"])
def test_json_tensors_get_the_answers_of_the_json_route_bit_for_bit(server, is_flat, encoding, accepted):
    rows = ROWS * 20
    request = {"id": "42 é", "inputs": tensors(rows)}
    if not is_flat:
        for item in request["inputs"]:
            item["data"] = [[value] for value in item["data"]]
    body = json.dumps(request).encode()
    packed = {None: bytes, "gzip": gzip.compress, "deflate": zlib.compress}[encoding](body)
    headers = {"Content_Type": "application/json"} | ({"Content_Encoding": encoding} if encoding else {})
    headers |= {"Accept_Encoding": accepted} if accepted else {}
    status, found, content = send(server, packed, **headers)
    assert status == 200 and found["content-type"] == "application/json"
    assert found.get("content-encoding") == (accepted and accepted.split()[-1].split(";")[0])
    value = json.loads(content)
    assert (value["model_name"], value["model_version"], value["id"]) == ("birds", "1", "42 é")
    assert value["parameters"]["bundle"] == hashlib.sha256(model_bytes(0.0)).hexdigest()
    assert value["outputs"][2]["shape"] == [60, 2]
    assert outputs_of(found, content) == expected_outputs(server, rows)


@pytest.mark.parametrize("encoding", [None, "gzip", "deflate"])
def test_binary_tensors_get_the_same_answers(server, encoding):
    rows = [row | {"phase": row["phase"] or "", "height": row["height"] or 0.0} for row in ROWS] * 20
    inputs, raw = binary(rows)
    head = json.dumps({"inputs": inputs, "parameters": {"binary_data_output": True}}).encode()
    packed = {None: bytes, "gzip": gzip.compress, "deflate": zlib.compress}[encoding](head + raw)
    headers = {"Inference_Header_Content_Length": str(len(head))} | ({"Content_Encoding": encoding} if encoding else {})
    status, found, content = send(server, packed, **headers, **({"Accept_Encoding": encoding} if encoding else {}))
    assert status == 200 and found["content-type"] == "application/octet-stream", content
    assert outputs_of(found, content) == expected_outputs(server, rows)


def test_outputs_are_those_asked_for_each_in_its_own_form(server):
    asked = [{"name": "score", "parameters": {"binary_data": True}}, {"name": "label"}]
    body = json.dumps({"inputs": tensors(ROWS), "outputs": asked}).encode()
    status, found, content = send(server, body)
    expected = expected_outputs(server, ROWS)
    assert status == 200 and outputs_of(found, content) == {name: expected[name] for name in ("score", "label")}


def test_lags_and_flags_are_those_of_the_json_route(server):
    rows = [RICH_ROW | {"step": step, "height": 950 - step} for step in range(6)]
    status, found, content = send(
        server, json.dumps({"inputs": tensors(rows)}).encode(), path="/v2/models/series/infer"
    )
    assert status == 200, content
    got, expected = outputs_of(found, content), expected_outputs(server, rows, "series")
    assert got == expected and any(got["flags"])


@pytest.mark.parametrize(("version", "answers"), [("1", "1"), ("2", "2"), ("challenger", "2"), ("champion", "1")])
def test_versions_are_numbers_or_labels(server, version, answers):
    body = json.dumps({"inputs": tensors(ROWS)}).encode()
    content = send(server, body, path=f"/v2/models/birds/versions/{version}/infer")[2]
    assert json.loads(content)["model_version"] == answers


def test_requests_are_logged_by_their_id_as_rows(server):
    value = {"id": "by-tensors", "inputs": tensors([ROW])}
    reply = json.loads(send(server, json.dumps(value).encode())[2])
    assert reply["parameters"]["request"] == "by-tensors"
    (path,) = (server.root / "birds" / "requests").iterdir()
    server.until(lambda: '"by-tensors"' in path.read_text())
    (entry,) = (json.loads(line) for line in path.read_text().splitlines() if '"by-tensors"' in line)
    assert entry["rows"] == [ROW] and entry["scores"] == outputs_of({}, json.dumps(reply).encode())["score"]
    named = json.loads(send(server, json.dumps(value | {"id": "a b"}).encode(), X_Request_Id="mine")[2])
    assert (named["id"], named["parameters"]["request"]) == ("a b", "mine")


def test_statistics_count_what_was_asked_by_any_route(server):
    def ask_statistics(path: str) -> list[dict]:
        return server.ask("GET", path)[1]["model_stats"]

    (before,) = ask_statistics("/v2/models/birds/versions/2/stats")
    send(server, json.dumps({"inputs": tensors(ROWS)}).encode(), path="/v2/models/birds/versions/2/infer")
    server.ask("POST", "/predict/birds/versions/2", ROWS)
    server.ask("POST", "/predict/birds/versions/2", [])
    (after,) = ask_statistics("/v2/models/birds/versions/2/stats")
    assert after["inference_count"] - before["inference_count"] == 2 * len(ROWS)
    assert after["execution_count"] - before["execution_count"] == 2
    assert after["last_inference"] >= before["last_inference"]
    counts = {
        step: after["inference_stats"][step]["count"] - before["inference_stats"][step]["count"]
        for step in after["inference_stats"]
    }
    assert counts == {"success": 2, "fail": 1, **dict.fromkeys(list(counts)[2:], 2)}
    spent = [after["inference_stats"][step]["ns"] for step in list(counts)[2:]]
    assert 0 < sum(spent) <= after["inference_stats"]["success"]["ns"]
    assert [(item["name"], item["version"]) for item in ask_statistics("/v2/models/birds/stats")] == [
        ("birds", "1"),
        ("birds", "2"),
    ]
    assert len(ask_statistics("/v2/models/stats")) == 3


GOOD = {"inputs": tensors([ROW])}
HEIGHT, PHASE, DATE = GOOD["inputs"]


def with_height(**changes) -> dict:
    """Return a request whose first input is changed; a value of ... removes a key."""
    changed = {key: value for key, value in (HEIGHT | changes).items() if value is not ...}
    return {"inputs": [changed, PHASE, DATE]}


BINARY_HEIGHT = with_height(data=..., parameters={"binary_data_size": 8})
BAD = {
    "not JSON": (b"inputs", {}, 400, "the body is not JSON"),
    "empty": (b"", {}, 400, "the body is not JSON"),
    "NaN": (json.dumps(with_height(data=[float("nan")])).encode(), {}, 400, "the body is not JSON"),
    "a list": ([], {}, 400, 'an object with "inputs"'),
    "no inputs": ({}, {}, 400, '"inputs" must be a list of at least one tensor'),
    "inputs is null": ({"inputs": None}, {}, 400, '"inputs" must be a list'),
    "inputs is empty": ({"inputs": []}, {}, 400, '"inputs" must be a list of at least one'),
    "inputs is an object": ({"inputs": {}}, {}, 400, '"inputs" must be a list'),
    "input is null": ({"inputs": [None]}, {}, 400, 'each input must be an object with a "name"'),
    "input without a name": (with_height(name=...), {}, 400, 'each input must be an object with a "name"'),
    "name is a number": (with_height(name=3), {}, 400, 'each input must be an object with a "name"'),
    "id is a number": (GOOD | {"id": 3}, {}, 400, '"id" must be a string'),
    "no datatype": (with_height(datatype=...), {}, 400, "input 'height': datatype null is none of"),
    "unknown datatype": (with_height(datatype="FP128"), {}, 400, "datatype 'FP128' is none of BOOL"),
    "datatype of another type": (with_height(datatype="BOOL", data=[True]), {}, 400, "takes FP64, "),
    "texts for numbers": (with_height(datatype="BYTES", data=["1"]), {}, 400, "'height': a number column takes FP64"),
    "no shape": (with_height(shape=...), {}, 400, "input 'height': \"shape\" must be a list"),
    "shape is a number": (with_height(shape=1), {}, 400, "input 'height': \"shape\" must be a list"),
    "shape is empty": (with_height(shape=[]), {}, 400, "shape [rows] or [rows, 1] was expected, got []"),
    "shape is negative": (with_height(shape=[-1]), {}, 400, "shape [rows] or [rows, 1]"),
    "shape of a matrix": (with_height(shape=[1, 2], data=[1, 2]), {}, 400, "shape [rows] or [rows, 1]"),
    "shape of fractions": (with_height(shape=[1.0]), {}, 400, "shape [rows] or [rows, 1]"),
    "no rows": (with_height(shape=[0], data=[]), {}, 400, "input 'phase' has 1 rows, 'height' has 0"),
    "too many rows": (with_height(shape=[10_001], data=[0] * 10_001), {}, 413, "10001 rows, at most 10000"),
    "huge shape": (with_height(shape=[2**62]), {}, 413, "rows, at most 10000"),
    "no data": (with_height(data=...), {}, 400, "input 'height': \"data\" must be a list"),
    "data is a number": (with_height(data=1), {}, 400, "input 'height': \"data\" must be a list"),
    "data too short": (with_height(data=[]), {}, 400, "input 'height': shape [1, 1] needs 1 elements, got 0"),
    "data too long": (with_height(data=[1, 2]), {}, 400, "shape [1, 1] needs 1 elements, got 2"),
    "data nested too deep": (with_height(data=[[[1]]]), {}, 400, "element 0 must be a number"),
    "text in numbers": (with_height(data=["1"]), {}, 400, "element 0 must be a number from"),
    "boolean in numbers": (with_height(data=[True]), {}, 400, "element 0 must be a number from"),
    "out of INT8": (with_height(datatype="INT8", data=[128]), {}, 400, "an integer from -128 to 127 (INT8) or null"),
    "out of FP16": (with_height(datatype="FP16", data=[70000]), {}, 400, "from -6.55e+04 to 6.55e+04 (FP16)"),
    "number out of the contract": (with_height(data=[1e300]), {}, 422, "UNEXPECTED_DATA_TYPE: row 0: height must be"),
    "integer that a double does not hold": (with_height(datatype="UINT64", data=[2**64 - 1]), {}, 422, "row 0: height"),
    "text that is no date": (
        {"inputs": [HEIGHT, PHASE, DATE | {"data": ["soon"]}]},
        {},
        422,
        "row 0: date must be a date like 1996-09-30",
    ),
    "missing column": ({"inputs": [HEIGHT, PHASE]}, {}, 422, "SCHEMA_MISSING_COLUMN: input 'date' is missing"),
    "new column": (
        {"inputs": [*GOOD["inputs"], HEIGHT | {"name": "speed"}]},
        {},
        422,
        "SCHEMA_NEW_COLUMN: input 'speed' is no column of the model, which takes 'height', 'phase', 'date'",
    ),
    "column of a huge name": (with_height(name="x" * 100_000), {}, 422, "SCHEMA_NEW_COLUMN: input 'xxx"),
    "column twice": ({"inputs": [HEIGHT, *GOOD["inputs"]]}, {}, 400, "input 'height' was sent twice"),
    "rows differ": (
        {"inputs": [HEIGHT, PHASE, DATE | {"shape": [2], "data": [None, None]}]},
        {},
        400,
        "input 'date' has 2 rows, 'height' has 1",
    ),
    "parameters is a list": (GOOD | {"parameters": []}, {}, 400, '"parameters" must be an object'),
    "parameters of an input": (with_height(parameters=3), {}, 400, "input 'height': \"parameters\" must be"),
    "binary_data_output is a number": (GOOD | {"parameters": {"binary_data_output": 1}}, {}, 400, "true or false"),
    "outputs is empty": (GOOD | {"outputs": []}, {}, 400, '"outputs" must be a list of at least one'),
    "output without a name": (GOOD | {"outputs": [{}]}, {}, 400, 'each output must be an object with a "name"'),
    "unknown output": (
        GOOD | {"outputs": [{"name": "logit"}]},
        {},
        400,
        "output 'logit' does not exist; the model has",
    ),
    "classification": (
        GOOD | {"outputs": [{"name": "score", "parameters": {"classification": 2}}]},
        {},
        400,
        "the parameter classification is not supported; ask for the output probabilities",
    ),
    "shared memory": (with_height(parameters={"shared_memory_region": "a"}), {}, 400, "send the tensor in the body"),
    "sequence": (GOOD | {"parameters": {"sequence_id": 7}}, {}, 400, "send all rows of a series in one request"),
    "binary without its bytes": (
        BINARY_HEIGHT,
        {},
        400,
        "input 'height': binary_data_size must be a number up to the 0",
    ),
    "negative size": (with_height(parameters={"binary_data_size": -1}, data=...), {}, 400, "binary_data_size must be"),
    "data and bytes": (with_height(parameters={"binary_data_size": 0}), {}, 400, 'has both "data" and'),
    "length is no number": (GOOD, {"Inference_Header_Content_Length": "abc"}, 400, "must be a number up to"),
    "length is negative": (GOOD, {"Inference_Header_Content_Length": "-1"}, 400, "must be a number up to"),
    "length beyond the body": (GOOD, {"Inference_Header_Content_Length": "99999"}, 400, "must be a number up to"),
    "length of half the object": (GOOD, {"Inference_Header_Content_Length": "9"}, 400, "the body is not JSON"),
    "bytes that nobody names": (
        json.dumps(GOOD).encode() + b"1234",
        {"Inference_Header_Content_Length": str(len(json.dumps(GOOD)))},
        400,
        "4 bytes follow the binary tensors",
    ),
    "bytes of another size": (
        json.dumps(
            BINARY_HEIGHT | {"inputs": [BINARY_HEIGHT["inputs"][0] | {"datatype": "FP32"}, PHASE, DATE]}
        ).encode()
        + b"12345678",
        {
            "Inference_Header_Content_Length": str(
                len(json.dumps({"inputs": [BINARY_HEIGHT["inputs"][0] | {"datatype": "FP32"}, PHASE, DATE]}))
            )
        },
        400,
        "input 'height': 4 bytes, 1 elements of FP32, were expected, got 8 bytes",
    ),
    "form": (GOOD, {"Content_Type": "text/plain"}, 415, "Content-Type: application/json, or application/octet-stream"),
    "unknown encoding": (GOOD, {"Content_Encoding": "br"}, 415, "Content-Encoding 'br': gzip or deflate"),
    "encoding twice": (GOOD, {"Content_Encoding": "gzip, gzip"}, 415, "gzip or deflate was expected"),
    "not gzip": (GOOD, {"Content_Encoding": "gzip"}, 400, "the body is not in the format of Content-Encoding gzip"),
    "not deflate": (GOOD, {"Content_Encoding": "deflate"}, 400, "not in the format of Content-Encoding deflate"),
    "cut gzip": (gzip.compress(json.dumps(GOOD).encode())[:-9], {"Content_Encoding": "gzip"}, 400, "ends too early"),
    "more than gzip": (
        gzip.compress(json.dumps(GOOD).encode()) + b"more",
        {"Content_Encoding": "gzip"},
        400,
        "is followed by other bytes",
    ),
    "gzip bomb": (gzip.compress(b" " * (64 << 20)), {"Content_Encoding": "gzip"}, 413, "larger than 16777216 bytes"),
    "deflate bomb": (zlib.compress(b" " * (64 << 20)), {"Content_Encoding": "deflate"}, 413, "larger than 16777216"),
    "too large": (b" " * (17 << 20), {}, 413, "at most 16777216 are read"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_requests_are_refused_with_what_was_expected(server, name):
    value, headers, expected, words = BAD[name]
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    status, _, content = send(server, body, **({"Content_Type": "application/json"} | headers))
    error = json.loads(content)
    assert (status, [*error]) == (expected, ["error"]) and words in error["error"] and len(content) < 1000, content


@pytest.mark.parametrize(
    ("method", "path", "expected", "words"),
    [
        ("POST", "/v2/models/nothing/infer", 404, "Request for unknown model: 'nothing' is not found"),
        ("POST", "/v2/models/birds/versions/9/infer", 404, "Request for unknown model: 'birds' version '9'"),
        ("POST", "/v2/models/birds/versions/nobody/infer", 404, "birds has no label nobody"),
        ("GET", "/v2/models/birds/versions/-1", 404, "unknown model"),
        ("GET", "/v2/models/..%2f..%2fetc", 404, "there are /v2"),
        ("GET", "/v2/models/Birds/ready", 404, "unknown model"),
        ("GET", "/v2/models/nothing/stats", 404, "unknown model"),
        ("GET", "/v2/models/birds%0a", 404, "unknown model"),
        ("GET", "/v2/models", 404, "there are /v2"),
        ("GET", "/v2/models/birds/config", 404, "there are /v2"),
        ("POST", "/v2/repository/models/birds/unload", 404, "there are /v2"),
        ("POST", "/v2/repository/index", 404, "there are /v2"),
        ("GET", "/v2/models/birds/infer", 405, "only POST"),
        ("POST", "/v2/models/birds", 405, "only GET"),
        ("POST", "/v2/models/birds/stats", 405, "only GET"),
        ("DELETE", "/v2/models/birds", 405, "only GET"),
        ("POST", "/v2", 405, "only GET"),
    ],
)
def test_v2_paths_and_methods(server, method, path, expected, words):
    status, reply = server.ask(method, path, {} if method == "POST" else None)
    assert status == expected and [*reply] == ["error"] and words in reply["error"]


def test_web_pages_of_other_hosts_are_refused(server):
    status, reply = server.ask("POST", "/v2/models/birds/infer", GOOD, Origin="https://example.com")
    assert status == 403 and "web pages" in reply["error"]
    assert server.ask("GET", "/v2", Host="example.com")[0] == 421


@pytest.mark.slow
def test_many_clients_at_once_each_get_their_own_answers(server):
    def wrong_answers(client: int) -> int:
        wrong = 0
        for number in range(20):
            rows = [ROW | {"height": float(100 * client + number + index)} for index in range(1 + number % 5)]
            expected = [1000.0 * client + number]
            if number % 2:
                inputs, raw = binary(rows)
                head = json.dumps({"inputs": inputs, "id": str(expected)}).encode()
                reply = send(server, head + raw, Inference_Header_Content_Length=str(len(head)))
            else:
                body = gzip.compress(json.dumps({"inputs": tensors(rows), "id": str(expected)}).encode())
                reply = send(server, body, Content_Encoding="gzip", Accept_Encoding="gzip")
            found = outputs_of(*reply[1:])
            same = found == expected_outputs(server, rows)
            length = int(reply[1].get("inference-header-content-length", len(reply[2])))
            wrong += not (same and json.loads(reply[2][:length])["id"] == str(expected))
        return wrong

    with ThreadPoolExecutor(16) as clients:
        assert sum(clients.map(wrong_answers, range(16))) == 0
