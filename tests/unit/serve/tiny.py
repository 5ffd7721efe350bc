"""A tiny bundle, a serving folder and a running server for tests."""

import contextlib
import hashlib
import http.client
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper

from scripts.bundle.custom import code_digest
from scripts.bundle.encode import encode_rows
from scripts.bundle.predictor import load_predictor
from scripts.bundle.skops_file import dump_estimator
from scripts.deploy.publish import move_label, publish, staged_bundle
from scripts.provenance.canonical import write_bytes, write_json
from scripts.schema.schema import validate_schema
from scripts.serve.model import add_request_lags

SERVER = Path(__file__).parents[3] / "scripts" / "serve" / "server.py"
COLUMNS = {
    "height": {"type": "number", "tensor": "number"},
    "phase": {"type": "text", "tensor": "text"},
    "date": {"type": "date", "tensor": "number"},
}
CONTRACT = {
    "case": "birds",
    "title": "Birds",
    "columns": COLUMNS,
    "task": "classification",
    "classes": ["absent", "present"],
    "positive": "present",
    "graph": "0" * 64,
}
ROW = {"height": 500.0, "phase": "Climb", "date": "1996-09-30"}
ROWS = [ROW, {"height": None, "phase": None, "date": None}, {"height": -3, "phase": "never seen", "date": "1990-01-01"}]


def model_bytes(bias: float) -> bytes:
    """Return a model of height, phase and date whose answers depend on *bias*."""
    column = [None, 1]
    inputs = [
        helper.make_tensor_value_info("height", TensorProto.DOUBLE, column),
        helper.make_tensor_value_info("phase", TensorProto.STRING, column),
        helper.make_tensor_value_info("date", TensorProto.DOUBLE, column),
    ]
    constants = {"scale": 0.001, "zero": 0.0, "one": 1.0, "bias": bias}
    nodes = [
        helper.make_node("IsNaN", ["height"], ["missing"]),
        helper.make_node("Where", ["missing", "zero", "height"], ["known"]),
        helper.make_node("Mul", ["known", "scale"], ["scaled"]),
        helper.make_node(
            "LabelEncoder",
            ["phase"],
            ["phased"],
            domain="ai.onnx.ml",
            keys_tensor=helper.make_tensor("keys", TensorProto.STRING, [2], ["Climb", "Approach"]),
            values_tensor=helper.make_tensor("values", TensorProto.DOUBLE, [2], [0.7, -0.3]),
            default_tensor=helper.make_tensor("default", TensorProto.DOUBLE, [1], [0.1]),
        ),
        helper.make_node("IsNaN", ["date"], ["undated"]),
        helper.make_node("Where", ["undated", "zero", "zero"], ["dated"]),
        helper.make_node("Sum", ["scaled", "phased", "dated", "bias"], ["logit"]),
        helper.make_node("Sigmoid", ["logit"], ["positive"]),
        helper.make_node("Sub", ["one", "positive"], ["negative"]),
        helper.make_node("Concat", ["negative", "positive"], ["probabilities"], axis=1),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        inputs,
        [helper.make_tensor_value_info("probabilities", TensorProto.DOUBLE, [None, 2])],
        [helper.make_tensor(name, TensorProto.DOUBLE, [1, 1], [value]) for name, value in constants.items()],
    )
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("ai.onnx.ml", 5)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=9)
    helper.set_model_props(model, {"graph": CONTRACT["graph"]})
    return model.SerializeToString(deterministic=True)


def answers(model: bytes, rows: list[dict]) -> np.ndarray:
    """Return what onnxruntime itself gives for *rows*."""
    session = ort.InferenceSession(model, providers=["CPUExecutionProvider"])
    return session.run(["probabilities"], encode_rows(rows, CONTRACT))[0]


def golden_of(model: bytes) -> dict:
    """Return the golden rows of *model*."""
    return {"rows": ROWS, "outputs": [[float(item) for item in row] for row in answers(model, ROWS)]}


def bundle(bias: float = 0.0, **changes: bytes) -> dict[str, bytes]:
    """Return the files of a bundle, those named by *changes* (without extension) replaced."""
    model = model_bytes(bias)
    contents = {
        "model.onnx": model,
        "contract.json": json.dumps(CONTRACT | {"threshold": 0.5}).encode(),
        "golden.json": json.dumps(golden_of(model)).encode(),
        "lineage.json": b"{}",
        "schema.json": b'{"columns": {}, "custom": []}',
    }
    return {name: changes.get(name.split(".")[0], content) for name, content in contents.items()}


def neighbours_bundle(rows: int) -> dict[str, bytes]:
    """Return the files of a bundle in skops: the neighbours of height, phase and date among *rows* random rows."""
    from sklearn.neighbors import KNeighborsClassifier

    from scripts.families.neighbours import Neighbours

    graph = onnx.load_from_string(model_bytes(0.0))
    graph.graph.node.append(helper.make_node("Concat", ["scaled", "phased", "dated"], ["features"], axis=1))
    del graph.graph.output[:]
    graph.graph.output.append(helper.make_tensor_value_info("features", TensorProto.DOUBLE, [None, 3]))
    features, rng = graph.SerializeToString(deterministic=True), np.random.default_rng(0)
    x = rng.random((rows, 3))
    estimator = KNeighborsClassifier(15, weights="distance", algorithm="kd_tree").fit(x, rng.integers(0, 2, rows))
    digest = hashlib.sha256(features).hexdigest()
    contract = CONTRACT | {"family": "neighbours", "graph": digest, "threshold": 0.5}
    contents = bundle(model=features, contract=json.dumps(contract).encode())
    contents["model.skops"] = dump_estimator(estimator, digest, Neighbours.types)
    outputs = load_predictor(contents).predict(encode_rows(ROWS, contract)).tolist()
    return contents | {"golden.json": json.dumps({"rows": ROWS, "outputs": outputs}).encode()}


HOOK = "tests/unit/serve/hook.py"
RICH_SCHEMA = {
    "columns": {
        "height": {"type": "number", "min": 0, "max": 1000, "min_fraction": 1},
        "phase": {"type": "text", "domain": ["Climb", "Approach", "taxi"], "matches": "[A-Z][a-z]+", "max_length": 8},
        "date": {"type": "date", "min": "1990-01-01", "max": "2009-12-31"},
        "note": {"type": "text", "max_length": 40},
    },
    "custom": [
        {"name": "late climb", "expression": "phase != 'Climb' or date < '2000-01-01'"},
        {"name": "often low", "expression": "height < 900", "limit": 0.2},
    ],
}
LAGS = {"key": ["site"], "order": "step", "columns": ["height"], "size": 2, "complete": False}
RICH_ROW = ROW | {"note": "a bird", "site": "A", "step": 0}


def rich_contract() -> dict:
    """Return the contract of a bundle with a lag of a time series and a custom transformer."""
    hook = {"type": "text", "tensor": "hook", "module": HOOK, "state": {"usual": 8.0}, "width": 1}
    columns = {"height@1": COLUMNS["height"], "note": hook | {"code": code_digest(HOOK)}}
    texts = {"site": "text", "phase": "text", "date": "date", "note": "text"}
    cleaning = {"trim": False, "null_values": [], "timezone": "UTC", "columns": texts}
    return CONTRACT | {"columns": COLUMNS | columns, "window": LAGS, "cleaning": cleaning, "threshold": 0.5}


def rich_model(bias: float) -> bytes:
    """Return a model that also depends on the earlier height and on the note."""
    model = onnx.load_from_string(model_bytes(bias))
    for name in ("height@1", "note"):
        model.graph.input.append(helper.make_tensor_value_info(name, TensorProto.DOUBLE, [None, 1]))
    (total,) = (node for node in model.graph.node if node.op_type == "Sum")
    before = [
        helper.make_node("IsNaN", ["height@1"], ["first"]),
        helper.make_node("Where", ["first", "one", "height@1"], ["before"]),
        helper.make_node("Mul", ["before", "scale"], ["before_scaled"]),
    ]
    total.input.extend(["before_scaled", "note"])
    others = list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend([*before, *others])
    return model.SerializeToString(deterministic=True)


def rich_answers(bias: float, rows: list[dict]) -> list[list[float]]:
    """Return what onnxruntime itself gives for raw *rows* of a time series."""
    contract = rich_contract()
    session = ort.InferenceSession(rich_model(bias), providers=["CPUExecutionProvider"])
    return session.run(["probabilities"], encode_rows(add_request_lags(rows, contract)[0], contract))[0].tolist()


def rich_bundle(bias: float) -> dict[str, bytes]:
    """Return the files of a bundle with rules, lags and a custom transformer."""
    model, contract = rich_model(bias), rich_contract()
    rows = [row | {"height@1": 7.5, "note": "a note"} for row in ROWS]
    session = ort.InferenceSession(model, providers=["CPUExecutionProvider"])
    outputs = session.run(["probabilities"], encode_rows(rows, contract))[0].tolist()
    values = {
        "contract": contract,
        "golden": {"rows": rows, "outputs": outputs},
        "schema": validate_schema(RICH_SCHEMA),
    }
    return bundle(bias, model=model, **{name: json.dumps(value).encode() for name, value in values.items()})


def put(root: Path, case: str, version: int, contents: dict[str, bytes], label: str = "champion") -> None:
    """Publish *contents* and move *label*, as deploy does but unchecked."""
    root.mkdir(exist_ok=True)
    with staged_bundle(root, case, version, contents) as stage:
        publish(stage / case / str(version), root / case / str(version))
    move_label(root / case, label, version)


def set_traffic(root, value: dict) -> None:
    """Write traffic.json of birds and announce it, as deploy does."""
    write_json(root / "birds" / "traffic.json", value)
    write_bytes(root / "birds" / ".generation", f"{time.time_ns()}\n".encode())


class Running:
    """A server process, its port and its standard error."""

    def __init__(self, root: Path, poll: float = 0.05, port: int = 0, grpc: bool = False, options: tuple = ()):
        self.errors = root.with_name(f"{root.name}.stderr")
        command = [sys.executable, str(SERVER), "--root", str(root), "--port", str(port), "--poll", str(poll)]
        command += [*(["--grpc-port", "0"] if grpc else []), *options]
        with open(self.errors, "w") as file:
            self.process = subprocess.Popen(command, stderr=file, env=os.environ)
        try:
            found = self.until(lambda: re.search(r"^serving http://127\.0\.0\.1:(\d+)$", self.said, re.M))
        except AssertionError:  # too late
            self.process.kill()
            raise
        self.port = int(found[1])
        self.grpc_port = int(re.search(r"^serving grpc://127\.0\.0\.1:(\d+)$", self.said, re.M)[1]) if grpc else None

    @property
    def said(self) -> str:
        """Return the standard error so far."""
        return self.errors.read_text()

    def until(self, condition, seconds: float = 90):
        """Wait for *condition* and return what it gives."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if found := condition():
                return found
            assert self.process.poll() is None, self.said
            time.sleep(0.02)
        raise AssertionError(f"not in time; the server said: {self.said}")

    def connect(self) -> http.client.HTTPConnection:
        """Return a connection of its own."""
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)

    def ask(self, method: str, path: str, value=None, connection=None, **headers: str):
        """Return status and reply; *value* is bytes or becomes JSON."""
        body = value if isinstance(value, bytes) or value is None else json.dumps(value).encode()
        sent = {name.replace("_", "-"): text for name, text in ({"Content_Type": "application/json"} | headers).items()}
        with contextlib.closing(self.connect()) if connection is None else contextlib.nullcontext(connection) as link:
            link.request(method, path, body, sent)
            response = link.getresponse()
            content = response.read()
        return response.status, json.loads(content) if content else None

    def stop(self) -> int:
        """Ask the server to stop and return its exit status."""
        self.process.terminate()
        return self.process.wait(20)


@contextlib.contextmanager
def running(root: Path, **options):
    """Provide a running server on *root*."""
    server = Running(root, **options)
    try:
        yield server
    finally:
        if server.process.poll() is None:
            server.stop()
