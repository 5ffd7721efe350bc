"""The server as a process: routes, versions, labels, hot update, refusals, log, exit."""

import contextlib
import datetime
import gzip
import hashlib
import json
import signal
import socket
import subprocess
import threading
import time
import zlib

import numpy as np
import pytest

from tests.unit.serve.tiny import ROW, ROWS, Running, answers, bundle, model_bytes, put, running


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server with birds versions 1 (champion) and 2 (challenger), and another case."""
    root = tmp_path_factory.mktemp("served") / "serving"
    put(root, "birds", 1, bundle(0.0))
    put(root, "birds", 2, bundle(2.0), label="challenger")
    put(root, "other-case", 7, bundle(-1.0))
    with running(root) as process:
        process.root = root
        yield process


@pytest.mark.slow
@pytest.mark.feature("S16")
@pytest.mark.feature("S12")
def test_health_and_models(server):
    assert server.ask("GET", "/health") == (200, {"status": "ok"})
    status, listed = server.ask("GET", "/models")
    assert status == 200 and [item["case"] for item in listed] == ["birds", "other-case"]
    assert listed[0]["labels"] == {"champion": 1, "challenger": 2}
    digests = {item["version"]: item["bundle"] for item in listed[0]["versions"]}
    assert digests == {n: hashlib.sha256(model_bytes(bias)).hexdigest() for n, bias in ((1, 0.0), (2, 2.0))}
    assert (listed[0]["refused"], listed[0]["dropped"]) == (0, 0)


@pytest.mark.feature("S3", "S14")
@pytest.mark.parametrize(
    ("path", "version", "bias"),
    [
        ("/predict/birds", 1, 0.0),
        ("/predict/birds/labels/champion", 1, 0.0),
        ("/predict/birds/labels/challenger", 2, 2.0),
        ("/predict/birds/versions/2", 2, 2.0),
        ("/predict/other-case", 7, -1.0),
    ],
)
@pytest.mark.feature("S17")
def test_predictions_are_those_of_onnxruntime_bit_for_bit(server, path, version, bias):
    status, reply = server.ask("POST", path, {"rows": ROWS})
    assert status == 200 and reply["version"] == version and reply["case"] == path.split("/")[2]
    assert reply["bundle"] == hashlib.sha256(model_bytes(bias)).hexdigest()
    got = [[item["probabilities"][name] for name in ("absent", "present")] for item in reply["predictions"]]
    assert np.array(got, np.float64).tobytes() == answers(model_bytes(bias), ROWS).tobytes()
    for item in reply["predictions"]:
        assert item["score"] == item["probabilities"]["present"]
        assert item["label"] == ("present" if item["score"] >= 0.5 else "absent")


def test_request_ids(server):
    reply = server.ask("POST", "/predict/birds", [ROW], X_Request_Id="mine_1-a")[1]
    assert reply["request"] == "mine_1-a"
    for bad in ("", "a b", "x" * 65, "../../etc", "{}"):
        identity = server.ask("POST", "/predict/birds", [ROW], X_Request_Id=bad)[1]["request"]
        assert identity != bad and len(identity) == 32
    assert len({server.ask("POST", "/predict/birds", [ROW])[1]["request"] for _ in range(3)}) == 3


HEAD = b"POST /predict/birds HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
DEEP = b"[" * 100_000
MALFORMED = {
    "empty body": (b"", 400),
    "not JSON": (b"height=1", 400),
    "cut": (b'[{"height": 1', 400),
    "NaN": (b'[{"height": NaN, "phase": "Climb", "date": null}]', 400),
    "infinity": (b'[{"height": Infinity, "phase": "Climb", "date": null}]', 400),
    "not UTF-8": (b'[{"height": 1, "phase": "\xff\xfe", "date": null}]', 400),
    "lone surrogate": (b'[{"height": 1, "phase": "\\ud800", "date": null}]', 400),
    "deep": (DEEP, 400),
    "deep and closed": (DEEP + b"]" * len(DEEP), 400),
    "binary": (bytes(range(256)), 400),
    "a number": (b"1", 422),
    "a string": (b'"rows"', 422),
    "null": (b"null", 422),
    "an object": (b"{}", 422),
    "rows is null": (b'{"rows": null}', 422),
    "more than rows": (b'{"rows": [], "model": "/etc/passwd"}', 422),
    "no rows": ([], 422),
    "no rows in rows": ({"rows": []}, 422),
    "row is a list": ([[1, 2, 3]], 422),
    "row is null": ([None], 422),
    "missing column": ([{"height": 1, "phase": "Climb"}], 422),
    "new column": ([ROW | {"speed": 3}], 422),
    "column of a huge name": ([ROW | {"x" * 1_000_000: 3}], 422),
    "number as text": ([ROW | {"height": "1.5"}], 422),
    "number as true": ([ROW | {"height": True}], 422),
    "number as list": ([ROW | {"height": [1]}], 422),
    "number too large": ([ROW | {"height": 1e300}], 422),
    "number of 400 digits": (b'[{"height": 1' + b"0" * 400 + b', "phase": null, "date": null}]', (400, 422)),
    "exponent out of range": (b'[{"height": 1e999, "phase": null, "date": null}]', (400, 422)),
    "text as number": ([ROW | {"phase": 3}], 422),
    "text as object": ([ROW | {"phase": {}}], 422),
    "date as text": ([ROW | {"date": "yesterday"}], 422),
    "date that is none": ([ROW | {"date": "1996-02-30"}], 422),
    "deep value": ([ROW | {"phase": json.loads(b"[" * 900 + b"]" * 900)}], 422),
    "deep object": (
        b'[{"height": 1, "date": null, "phase": ' + b'{"a":' * 1000 + b"1" + b"}" * 1000 + b"}]",
        (400, 422),
    ),
    "date as number": ([ROW | {"date": 9000}], 422),
    "bad second row": ([ROW, ROW | {"height": "x"}], 422),
    "too many rows": ([ROW] * 10_001, 413),
    "too large": (b" " * (17 << 20), 413),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_bodies_are_refused_with_a_reason(server, name):
    body, expected = MALFORMED[name]
    status, reply = server.ask("POST", "/predict/birds", body)
    assert status == expected or (isinstance(expected, tuple) and status in expected)
    assert reply["error"]["code"] and reply["error"]["message"] and len(json.dumps(reply)) < 2000


def test_refusals_name_column_and_row(server):
    error = server.ask("POST", "/predict/birds", [ROW, ROW | {"height": "x"}])[1]["error"]
    assert (error["code"], error["column"], error["row"]) == ("UNEXPECTED_DATA_TYPE", "height", 1)
    assert "'x'" in error["message"]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (True, "got true"),
        (False, "got false"),
        (1e308, "must be a number from -3.4e+38 to 3.4e+38 or null, got 1e+308"),
        ([1, None, True, "a"], "got [1, null, true, 'a']"),
        ([[1]], "got a nested list"),
        ({"a": 1}, "got an object"),
        ("None", "got 'None'"),
    ],
)
def test_messages_show_values_as_json(server, value, words):
    assert server.ask("POST", "/predict/birds", [ROW | {"height": value}])[1]["error"]["message"].endswith(words)


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("POST", "/predict/nothing", 404),
        ("POST", "/predict/Birds", 404),
        ("POST", "/predict/birds/versions/3", 404),
        ("POST", "/predict/birds/versions/0", 404),
        ("POST", "/predict/birds/versions/-1", 404),
        ("POST", "/predict/birds/versions/1e0", 404),
        ("POST", "/predict/birds/versions/99999999999999999999", 404),
        ("POST", "/predict/birds/versions/%D9%A1", 404),
        ("POST", "/predict/birds/labels/nobody", 404),
        ("POST", "/predict/birds/labels/..", 404),
        ("POST", "/predict/..%2f..%2fetc", 404),
        ("POST", "/predict/../birds", 404),
        ("POST", "/predict/birds%00", 404),
        ("POST", "/predict/birds%0a", 404),
        ("POST", "/predict/birds/", 404),
        ("POST", "/predict/", 404),
        ("POST", "/", 405),
        ("POST", f"/predict/{'a' * 5000}", 404),
        ("POST", "/repository/models/birds/unload", 404),
        ("GET", "/predict/birds", 405),
        ("DELETE", "/predict/birds", 405),
        ("PUT", "/models", 405),
        ("POST", "/health", 405),
        ("HEAD", "/health", 405),
    ],
)
def test_paths_and_methods(server, method, path, expected):
    status, reply = server.ask(method, path, [ROW] if method == "POST" else None)
    assert status == expected and (method == "HEAD" or reply["error"]["message"])


RAW = [
    b"\r\n\r\n\r\n",
    b"NOTHTTP\r\n\r\n",
    b"GET /\xff\xfe HTTP/1.1\r\nhost: localhost\r\n\r\n",
    HEAD + b"content-length: -5\r\n\r\n",
    HEAD + b"content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    HEAD + b"transfer-encoding: chunked\r\n\r\nzz\r\n",
    HEAD + b"x-request-id: \xff\r\ncontent-length: 2\r\n\r\n[]",
    b"POST /predict/birds HTTP/9.9\r\nhost: localhost\r\ncontent-length: 2\r\n\r\n[]",
]


@pytest.mark.parametrize("content", RAW)
def test_malformed_http_is_refused_and_does_no_harm(server, content):
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as link:
        link.sendall(content)
        link.shutdown(socket.SHUT_WR)
        reply = b"".join(iter(lambda: link.recv(65536), b""))
    assert reply == b"" or reply.split()[1].startswith(b"4"), reply
    assert server.ask("GET", "/health")[0] == 200


def test_a_client_that_leaves_does_no_harm(server):
    for _ in range(80):  # more than may be in flight at once
        link = socket.create_connection(("127.0.0.1", server.port))
        link.sendall(HEAD + b"content-length: 100\r\n\r\n[")
        link.close()
    server.until(lambda: server.ask("POST", "/predict/birds", [ROW])[0] == 200)


def test_more_than_64_in_flight_are_told_to_wait(server):
    head = HEAD + b"content-length: 100\r\n\r\n["
    links = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(64)]
    for link in links:
        link.sendall(head)
    server.until(lambda: server.ask("POST", "/predict/birds", [ROW])[0] == 503)
    assert server.ask("GET", "/health")[0] == 200
    for link in links:
        link.close()
    server.until(lambda: server.ask("POST", "/predict/birds", [ROW])[0] == 200)


@pytest.mark.feature("S15")
def test_answers_are_logged_and_refusals_are_not(server):
    server.ask("POST", "/predict/other-case", [ROW | {"height": "x"}], X_Request_Id="refused")
    reply = server.ask("POST", "/predict/other-case", ROWS, X_Request_Id="logged")[1]
    day = datetime.datetime.now(datetime.UTC).date().isoformat()
    path = server.root / "other-case" / "requests" / f"{day}.jsonl"
    server.until(lambda: path.exists() and '"logged"' in path.read_text())
    assert '"refused"' not in path.read_text() and path.stat().st_mode & 0o777 == 0o600
    entry = json.loads(path.read_text().splitlines()[-1])
    when = datetime.datetime.fromisoformat(entry.pop("time"))
    assert abs(datetime.datetime.now(datetime.UTC) - when) < datetime.timedelta(seconds=30)
    assert entry == {
        "request": "logged",
        "case": "other-case",
        "version": 7,
        "bundle": reply["bundle"],
        "rows": ROWS,
        "scores": [item["score"] for item in reply["predictions"]],
    }


@pytest.mark.slow
@pytest.mark.feature("S4")
def test_a_broken_bundle_is_refused_while_the_old_one_answers(tmp_path):
    root = tmp_path / "serving"
    put(root, "birds", 1, bundle(0.0))
    good = bundle(1.0)
    cases = {
        2: bundle(1.0, model=b"not a model"),
        3: bundle(1.0, golden=bundle(2.0)["golden.json"]),
        4: bundle(1.0, golden=b'{"rows": [], "outputs": []}'),
        5: bundle(1.0, contract=good["contract.json"].replace(b'"positive": "present"', b'"positive": "maybe"')),
        6: bundle(1.0, contract=b"[1, 2"),
        7: bundle(1.0, contract=good["contract.json"].replace(b'"height"', b'"weight"')),
    }
    with running(root) as server:
        for version, content in cases.items():
            put(root, "birds", version, content)
            server.until(lambda version=version: f"labels.json: champion names version {version}" in server.said)
            assert server.ask("POST", "/predict/birds", [ROW])[1]["version"] == 1
            assert server.ask("POST", f"/predict/birds/versions/{version}", [ROW])[0] == 404
        put(root, "birds", 8, good)
        server.until(lambda: server.ask("POST", "/predict/birds", [ROW])[1]["version"] == 8)
        (root / "birds" / "8" / "model.onnx").write_bytes(bundle(5.0)["model.onnx"])  # unannounced: not looked at
        (root / "birds" / "labels.json").write_text("{cut")
        (root / "birds" / ".generation").write_text("again\n")
        server.until(lambda: server.said.count("labels.json: Expecting") == 1)
        assert server.ask("POST", "/predict/birds", [ROW])[1]["version"] == 8
        assert server.ask("GET", "/models")[1][0]["refused"] > len(cases)
    with running(root, poll=60) as server:  # from scratch: the damaged one is found by its digest, the first serves
        assert "model.onnx does not match SHA256SUMS" in server.said
        assert server.ask("POST", "/predict/birds/versions/1", [ROW])[0] == 200
        assert server.ask("POST", "/predict/birds", [ROW])[0] == 404


@pytest.mark.slow
def test_nothing_published_yet_then_a_first_case(tmp_path):
    root = tmp_path / "serving"
    with running(root) as server:
        assert server.ask("GET", "/health")[0] == 503
        put(root, "birds", 1, bundle())
        server.until(lambda: server.ask("POST", "/predict/birds", [ROW])[0] == 200)  # after /health: needs the label
        (root / "birds").rename(tmp_path / "away")  # a lost disk takes nothing away
        assert server.ask("POST", "/predict/birds", [ROW])[0] == 200
        server.until(lambda: "request log stopped" in server.said)
        assert server.ask("POST", "/predict/birds", [ROW])[0] == 200


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_drain_and_exit_0(tmp_path, number):
    root = tmp_path / "serving"
    put(root, "birds", 1, bundle())
    with running(root) as server:
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as link:
            body = json.dumps([ROW]).encode()
            head = HEAD + b"x-request-id: last\r\ncontent-length: "
            link.sendall(head + str(len(body)).encode() + b"\r\n\r\n" + body[:5])
            server.until(lambda: server.ask("GET", "/health")[0] == 200)
            server.process.send_signal(number)
            with pytest.raises(subprocess.TimeoutExpired):
                server.process.wait(0.3)
            link.sendall(body[5:])
            assert link.recv(65536).startswith(b"HTTP/1.1 200")
        assert server.process.wait(20) == 0
    logged = "".join(path.read_text() for path in (root / "birds" / "requests").iterdir())
    assert json.loads(logged)["request"] == "last"


@pytest.mark.slow
def test_no_request_on_an_open_connection_is_lost_when_the_server_stops(tmp_path):
    root, ends = tmp_path / "serving", []
    put(root, "birds", 1, bundle())
    with running(root) as server:

        def ask_until_told_to_go() -> None:
            with contextlib.closing(server.connect()) as link:
                link.connect()
                ready.wait()
                while True:
                    link.request("POST", "/predict/birds", json.dumps([ROW]), {"Content-Type": "application/json"})
                    reply = link.getresponse()
                    reply.read()
                    if reply.headers["connection"] == "close":
                        return ends.append(reply.status)

        ready = threading.Barrier(61)
        threads = [threading.Thread(target=ask_until_told_to_go, daemon=True) for _ in range(60)]
        for thread in threads:
            thread.start()
        ready.wait()
        time.sleep(0.5)
        server.process.terminate()
        for thread in threads:
            thread.join(20)
        assert ends == [200] * 60
        assert server.process.wait(20) == 0


@pytest.mark.slow
def test_a_taken_port_exits_2_with_one_sentence(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(AssertionError, match=r"error: port .* Address already in use"):
            Running(tmp_path / "serving", port=taken.getsockname()[1])


def test_only_loopback_is_bound(server):
    with open("/proc/net/tcp") as file:
        bound = {line.split()[1] for line in file if f":{server.port:04X}" in line.split()[1]}
    assert bound == {f"0100007F:{server.port:04X}"}


@pytest.mark.slow
@pytest.mark.feature("S21")
@pytest.mark.parametrize(("encoding", "pack"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
def test_json_routes_read_and_send_compressed_bodies(server, encoding, pack):
    rows = ROWS * 100
    plain = server.ask("POST", "/predict/birds", rows, X_Request_Id="packed")[1]
    with contextlib.closing(server.connect()) as link:
        headers = {"Content-Type": "application/json", "Content-Encoding": encoding, "Accept-Encoding": encoding}
        link.request("POST", "/predict/birds", pack(json.dumps(rows).encode()), headers | {"X-Request-Id": "packed"})
        response = link.getresponse()
        content = response.read()
    assert response.getheader("content-encoding") == encoding
    unpack = {"gzip": gzip.decompress, "deflate": zlib.decompress}[encoding]
    assert json.loads(unpack(content)) == plain and len(content) < len(json.dumps(plain)) / 4
    status, reply = server.ask("POST", "/predict/birds", pack(b" " * (64 << 20)), Content_Encoding=encoding)
    assert (status, reply["error"]["code"]) == (413, "TOO_LARGE")
    status, reply = server.ask("POST", "/predict/birds", b"[]", Content_Encoding=encoding)
    assert (status, reply["error"]["code"]) == (400, "INVALID_ENCODING")
