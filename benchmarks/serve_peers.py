"""Single rows: our server against other servers of the same ONNX model, and against onnxruntime in process.

    envs/python test benchmarks/serve_peers.py --peers DIR [--connections 16] [--seconds 3] [--rounds 3]

Each peer is installed into a throw-away environment in DIR, and serves with its defaults and one worker. All servers
are up at the same time and take turns; printed are the median time of a request of one connection, the requests per
second of all connections (medians of the rounds), our rate as a multiple of each, the memory (proportional set size of
all processes) and the CPU seconds of its start. Only ours checks rows against a schema and logs them.
"""

import argparse
import asyncio
import contextlib
import json
import math
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import onnxruntime
import uvloop

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.peers import install_peers  # noqa: E402
from scripts.bundle.encode import encode_rows  # noqa: E402
from tests.unit.serve.tiny import CONTRACT, ROW, SERVER, bundle, put  # noqa: E402

START_SECONDS = 120
IN_PROCESS = "in process"
SESSION = """
import numpy as np, onnxruntime
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = options.inter_op_num_threads = 1
session = onnxruntime.InferenceSession("model.onnx", options, providers=["CPUExecutionProvider"])
columns = {"height": np.float64, "phase": object, "date": np.float64}
def answer(rows):
    tensors = {name: np.array([[row[name]] for row in rows], kind) for name, kind in columns.items()}
    return session.run(["probabilities"], tensors)[0].tolist()
"""
PACKAGES = {
    "FastAPI": "fastapi>=0.115 uvicorn[standard]>=0.34 onnxruntime",
    "mosec": "mosec>=0.9 onnxruntime",
    "LitServe": "litserve>=0.2.16 onnxruntime",
    "BentoML": "bentoml>=1.4 onnxruntime",
    "KServe": "kserve>=0.15 onnxruntime",
    "mlflow": "mlflow>=3.10 onnxruntime",
}
APPS = {
    "FastAPI": """
from fastapi import FastAPI
from pydantic import BaseModel
class Row(BaseModel):
    height: float
    phase: str
    date: float
app = FastAPI()
@app.post("/predict")
def predict(rows: list[Row]):
    return answer([row.model_dump() for row in rows])
""",
    "mosec": """
from mosec import Server, Worker
class Birds(Worker):
    def forward(self, rows):
        return answer(rows)
if __name__ == "__main__":
    server = Server()
    server.append_worker(Birds)
    server.run()
""",
    "LitServe": """
import sys
import litserve
class Birds(litserve.LitAPI):
    def setup(self, device):
        pass
    def predict(self, rows):
        return answer(rows)
if __name__ == "__main__":
    server = litserve.LitServer(Birds(), accelerator="cpu")
    server.run(host="127.0.0.1", port=int(sys.argv[1]), generate_client_file=False)
""",
    "BentoML": """
import bentoml
@bentoml.service
class Birds:
    @bentoml.api
    def predict(self, rows: list[dict]) -> list:
        return answer(rows)
""",
    "KServe": """
import sys
import kserve
class Birds(kserve.Model):
    def __init__(self):
        super().__init__("birds")
        self.ready = True
    def predict(self, payload, headers=None):
        return {"predictions": answer(payload["instances"])}
if __name__ == "__main__":
    kserve.ModelServer(http_port=int(sys.argv[1]), enable_grpc=False).start([Birds()])
""",
    "mlflow": """
import mlflow
class Birds(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        return answer(model_input.to_dict("records"))
mlflow.models.set_model(Birds())
""",
}
COMMANDS = {
    "FastAPI": "-m uvicorn app:app --host 127.0.0.1 --port {port} --no-access-log",
    "mosec": "app.py --address 127.0.0.1 --port {port}",
    "LitServe": "app.py {port}",
    "BentoML": "-m bentoml serve app:Birds --host 127.0.0.1 --port {port}",
    "KServe": "app.py {port}",
    "mlflow": "-m mlflow models serve --model-uri saved --host 127.0.0.1 --port {port} --env-manager local",
}
PATHS = {
    "mosec": "/inference",
    "KServe": "/v1/models/birds:predict",
    "mlflow": "/invocations",
    "ours": "/predict/birds",
}
ENCODED = {"height": 500.0, "phase": "Climb", "date": 9769.0}  # what the graph takes: the date as days since 1970
BODIES = {
    "ours": [ROW],
    "BentoML": {"rows": [ENCODED]},
    "KServe": {"instances": [ENCODED]},
    "mlflow": {"dataframe_records": [ENCODED]},
}


class Connection(asyncio.Protocol):
    """Sends *request* again as soon as it is answered, until it is stopped."""

    def __init__(self, request: bytes):
        self.request, self.buffer, self.stopped = request, b"", False
        self.times: list[float] = []  # of answers (s)

    def connection_made(self, transport: asyncio.Transport) -> None:
        self.transport = transport
        self.send()

    def send(self) -> None:
        self.start = time.perf_counter()
        self.transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, found, body = self.buffer.partition(b"\r\n\r\n")
        if not found:
            return
        length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
        if len(body) < int(length):
            return
        assert head.split(b" ", 2)[1] == b"200", self.buffer
        self.buffer = b""
        self.times.append(time.perf_counter() - self.start)
        if self.stopped:
            self.transport.close()
        else:
            self.send()


async def ask(port: int, request: bytes, connections: int, seconds: float) -> tuple[float, float]:
    """Return how many requests the server on *port* answers in a second, and the median time of one (ms)."""
    loop = asyncio.get_running_loop()
    made = [await loop.create_connection(lambda: Connection(request), "127.0.0.1", port) for _ in range(connections)]
    start = time.perf_counter()
    await asyncio.sleep(seconds)
    times, took = [each for _, protocol in made for each in protocol.times], time.perf_counter() - start
    for _, protocol in made:
        protocol.stopped = True
    await asyncio.sleep(0.3)
    return len(times) / took, 1000 * statistics.median(times) if times else math.nan


def measure_in_process(seconds: float) -> float:
    """Return the median time (ms) of the prediction of a row by onnxruntime in this process."""
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = settings.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(bundle(0.25)["model.onnx"], settings, providers=["CPUExecutionProvider"])
    tensors, times, end = encode_rows([ROW], CONTRACT), [], time.perf_counter() + seconds
    while (start := time.perf_counter()) < end:
        session.run(["probabilities"], tensors)
        times.append(time.perf_counter() - start)
    return 1000 * statistics.median(times)


def list_processes(root: int) -> list[int]:
    """Return the process *root* and all that it has started."""
    children = [int(pid) for path in Path(f"/proc/{root}/task").glob("*/children") for pid in path.read_text().split()]
    return [root, *(pid for child in children for pid in list_processes(child))]


def read_usage(root: int) -> tuple[float, float]:
    """Return memory (MB, proportional) and CPU seconds of the process *root* and all that it has started."""
    memory, cpu = 0.0, 0.0
    for pid in list_processes(root):
        with contextlib.suppress(OSError):
            rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
            memory += next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:")) / 1000
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            cpu += sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")  # with children that have ended
    return memory, cpu


def find_port() -> int:
    """Return a free port."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


def make_request(name: str) -> bytes:
    """Return the HTTP request for one row to the server *name*."""
    body = json.dumps(BODIES.get(name, [ENCODED])).encode()
    head = f"POST {PATHS.get(name, '/predict')} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    return head.encode() + b"Content-Length: %d\r\n\r\n" % len(body) + body


@contextlib.contextmanager
def serving(name: str, python: str, folder: Path) -> Iterator[tuple[subprocess.Popen, int]]:
    """Run the server *name* by the interpreter *python* in *folder* until it answers; yield process and port."""
    port = find_port()
    folder.mkdir()
    if name == "ours":
        put(folder / "serving", "birds", 1, bundle(0.25))
        words = [str(SERVER), "--root", str(folder / "serving"), "--port", str(port)]
    else:
        (folder / "model.onnx").write_bytes(bundle(0.25)["model.onnx"])
        (folder / "app.py").write_text(SESSION + APPS[name])
        if name == "mlflow":
            save = 'import mlflow; mlflow.pyfunc.save_model("saved", python_model="app.py")'
            subprocess.run([python, "-c", save], cwd=folder, check=True, capture_output=True)
        words = COMMANDS[name].format(port=port).split()
    own = os.environ | {"PATH": f"{Path(python).parent}:{os.environ['PATH']}", "BENTOML_DO_NOT_TRACK": "1"}
    with open(folder / "log", "w") as log:
        process = subprocess.Popen(
            [python, *words], cwd=folder, env=own, stdout=log, stderr=log, start_new_session=True
        )
    try:
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end and process.poll() is None:
            with contextlib.suppress(OSError, AssertionError):
                if asyncio.run(ask(port, make_request(name), 1, 0.2))[0]:
                    break
            time.sleep(0.2)
        else:
            raise RuntimeError(f"{name} does not answer: {(folder / 'log').read_text()[-800:]}")
        yield process, port
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, 15)
            process.wait(20)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers", type=Path, required=True, help="temporary folder to install peers into")
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=3, help="of each server and round")
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    uvloop.install()
    subjects = {"ours": sys.executable} | install_peers(given.peers, PACKAGES)
    with tempfile.TemporaryDirectory() as place, contextlib.ExitStack() as stack:
        running, started = {}, {}
        for name, python in subjects.items():
            try:
                running[name] = stack.enter_context(serving(name, python, Path(place) / name))
                started[name] = read_usage(running[name][0].pid)[1]
            except RuntimeError as error:
                print(error, flush=True)
        times: dict[str, list[float]] = {name: [] for name in [*running, IN_PROCESS]}
        rates: dict[str, list[float]] = {name: [] for name in running}
        for _ in range(given.rounds):
            times[IN_PROCESS].append(measure_in_process(given.seconds))
            for name, (_, port) in running.items():
                request = make_request(name)
                times[name].append(asyncio.run(ask(port, request, 1, given.seconds))[1])
                rates[name].append(asyncio.run(ask(port, request, given.connections, given.seconds))[0])
        alone = statistics.median(times[IN_PROCESS])
        print(f"{IN_PROCESS:10} {alone:7.3f} ms")
        for name, found in rates.items():
            time_, rate, (memory, _) = (
                statistics.median(times[name]),
                statistics.median(found),
                read_usage(running[name][0].pid),
            )
            print(
                f"{name:10} {time_:7.3f} ms ({time_ / alone:4.1f} x in process) {rate:7.0f} requests/s "
                f"(ours {statistics.median(rates['ours']) / rate:5.1f} x) {memory:6.0f} MB {started[name]:5.1f} CPU s"
            )


if __name__ == "__main__":
    main()
