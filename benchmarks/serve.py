"""What a request costs: JSON, binary V2 tensors and gRPC against onnxruntime in process, in one run.

    envs/python test benchmarks/serve.py [--requests 300] [--rows 1 100 1000]
    envs/python test benchmarks/serve.py --batching [--requests 300] [--connections 1 8 32]

Prints medians over requests that alternate between the ways, of a small bundle, one client and kept connections, and
their ratio to onnxruntime; for single rows also what reasons cost. With --batching, it prints requests per second,
median duration and the server's processor time for a request of one row, without and with dynamic batching, of a model
in ONNX and one in skops, by the number of connections that ask at the same time; each figure is the median of 5 runs.
"""

import argparse
import contextlib
import http.client
import json
import os
import statistics
import struct
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import numpy as np
import onnxruntime
from google.protobuf.message_factory import GetMessageClass

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from scripts.bundle.encode import encode_rows  # noqa: E402
from scripts.serve import open_inference_pb2 as v2  # noqa: E402
from tests.unit.serve.tiny import CONTRACT, ROW, Running, bundle, neighbours_bundle, put, running  # noqa: E402

SERVICE = v2.DESCRIPTOR.services_by_name["GRPCInferenceService"]
Ways = dict[str, Callable[[], object]]


def pack_texts(texts: list[str]) -> bytes:
    """Return *texts* as elements of a BYTES tensor."""
    return b"".join(struct.pack("<I", len(text)) + text.encode() for text in texts)


def make_tensors(rows: list[dict]) -> list[tuple[str, str, bytes]]:
    """Return name, datatype and raw elements of the tensor of each column of *rows*."""
    return [
        ("height", "FP64", np.array([row["height"] for row in rows]).tobytes()),
        *((name, "BYTES", pack_texts([row[name] for row in rows])) for name in ("phase", "date")),
    ]


def post(connection: http.client.HTTPConnection, path: str, body: bytes, **headers: str) -> bytes:
    """Send a request and return the body of the reply."""
    connection.request("POST", path, body, {name.replace("_", "-"): value for name, value in headers.items()})
    response = connection.getresponse()
    content = response.read()
    assert response.status == 200, content
    return content


def make_ways(rows: list[dict], session: onnxruntime.InferenceSession, port: int, channel: grpc.Channel) -> Ways:
    """Return what asks for predictions of *rows* in each way; what is sent is made before."""
    connection, tensors = http.client.HTTPConnection("127.0.0.1", port), make_tensors(rows)
    inputs = [
        {"name": name, "datatype": kind, "shape": [len(rows), 1], "parameters": {"binary_data_size": len(raw)}}
        for name, kind, raw in tensors
    ]
    head = json.dumps({"inputs": inputs, "parameters": {"binary_data_output": True}}).encode()
    binary = head + b"".join(raw for _, _, raw in tensors)
    message = v2.ModelInferRequest(model_name="birds")
    for name, kind, raw in tensors:
        message.inputs.add(name=name, datatype=kind, shape=[len(rows), 1])
        message.raw_input_contents.append(raw)
    method = SERVICE.methods_by_name["ModelInfer"]
    infer = channel.unary_unary(
        f"/{SERVICE.full_name}/{method.name}",
        request_serializer=lambda sent: sent.SerializeToString(),
        response_deserializer=GetMessageClass(method.output_type).FromString,
    )
    encoded, text = encode_rows(rows, CONTRACT), json.dumps(rows).encode()
    json_type, length = {"Content_Type": "application/json"}, {"Inference_Header_Content_Length": str(len(head))}
    ways: Ways = {
        "onnxruntime": lambda: session.run(["probabilities"], encoded),
        "encode, onnxruntime": lambda: session.run(["probabilities"], encode_rows(rows, CONTRACT)),
        "REST JSON": lambda: post(connection, "/predict/birds", text, **json_type),
        "V2 binary": lambda: post(connection, "/v2/models/birds/infer", binary, **length),
        "gRPC": lambda: infer(message),
    }
    if len(rows) == 1:
        ways["explain"] = lambda: post(connection, "/predict/birds?explain=true", text, **json_type)
    return ways


def measure(ways: Ways, requests: int) -> dict[str, float]:
    """Return the median time (ms) of each of *ways*, which take turns."""
    times: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(requests + 10):
        for name, ask in ways.items():
            start = time.perf_counter()
            ask()
            if turn >= 10:  # the first find cold caches
                times[name].append(1000 * (time.perf_counter() - start))
    return {name: statistics.median(found) for name, found in times.items()}


def count_ticks(pid: int) -> int:
    """Return how much processor time the process *pid* has used, in ticks."""
    return sum(map(int, Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]))


def ask_by_many(server: Running, connections: int, requests: int) -> tuple[float, float, float]:
    """Return requests per second, their median duration and the server's processor time for one (ms).

    Each of *connections* asks for one row at a time, *requests* times in all.
    """
    body, times = json.dumps([ROW]).encode(), []

    def ask(count: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", server.port)
        for _ in range(count):
            start = time.perf_counter()
            post(connection, "/predict/birds", body, Content_Type="application/json")
            times.append(1000 * (time.perf_counter() - start))

    with ThreadPoolExecutor(connections) as pool:
        list(pool.map(ask, [2] * connections))
        times.clear()
        ticks, start = count_ticks(server.process.pid), time.perf_counter()
        list(pool.map(ask, [requests // connections] * connections))
        seconds, ticks = time.perf_counter() - start, count_ticks(server.process.pid) - ticks
    return len(times) / seconds, statistics.median(times), 1000 * ticks / os.sysconf("SC_CLK_TCK") / len(times)


def compare_batching(root: Path, connections: list[int], requests: int) -> None:
    """Print what dynamic batching changes, for each model and number of *connections*; the ways take turns."""
    ways = {"alone": (), "batching": ("--batch", "64", "0", "10000", "--batch-onnx")}
    for name, contents in (("ONNX", bundle(0.25)), ("skops", neighbours_bundle(20_000))):
        with contextlib.ExitStack() as stack:
            servers = {}
            for way, flags in ways.items():
                put(root / f"{name}-{way}", "birds", 1, contents)
                servers[way] = stack.enter_context(running(root / f"{name}-{way}", options=flags))
            for count in connections:
                runs = {way: [] for way in ways}
                for _ in range(5):
                    for way, server in servers.items():
                        runs[way].append(ask_by_many(server, count, requests))
                for way, found in runs.items():
                    rate, median, cost = map(statistics.median, zip(*found, strict=True))
                    figures = f"{rate:7.0f}/s {median:8.2f} ms  {cost:6.2f} ms of CPU"
                    print(f"{name:5} {count:3} at once  {way:8} {figures}", flush=True)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=300, help="of each way and number of rows")
    parser.add_argument("--rows", type=int, nargs="+", default=[1, 100, 1000], help="rows of a request")
    parser.add_argument("--batching", action="store_true", help="compare with dynamic batching instead")
    parser.add_argument("--connections", type=int, nargs="+", default=[1, 8, 32], help="that ask at the same time")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if options.batching:
            compare_batching(Path(folder), options.connections, options.requests)
            return
        root, contents = Path(folder) / "serving", bundle(0.25)
        put(root, "birds", 1, contents)
        settings = onnxruntime.SessionOptions()
        settings.intra_op_num_threads = settings.inter_op_num_threads = 1  # as in the server
        session = onnxruntime.InferenceSession(contents["model.onnx"], settings, providers=["CPUExecutionProvider"])
        with running(root, grpc=True) as server, grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
            for count in options.rows:
                rows = [ROW | {"height": float(number)} for number in range(count)]
                medians = measure(make_ways(rows, session, server.port, channel), options.requests)
                base = medians["onnxruntime"]
                for name, median in medians.items():
                    print(f"{count:5} rows  {name:20} {median:9.3f} ms  {median / base:7.1f} x", flush=True)


if __name__ == "__main__":
    main()
