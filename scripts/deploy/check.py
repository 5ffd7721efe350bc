"""The check before publication: the real server, on a free port, gives the golden answers fast enough."""

import contextlib
import http.client
import json
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from scripts.spine.job import BadInput

SERVER = Path(__file__).parents[1] / "serve" / "server.py"
START_SECONDS = 60
REQUESTS = 60  # for the median; the first ones find everything cold and do not move it


@contextlib.contextmanager
def running(root: Path) -> Iterator[http.client.HTTPConnection]:
    """Run the server on *root* and give a connection to it. Raises BadInput if it does not start or load."""
    command = [sys.executable, str(SERVER), "--root", str(root), "--port", "0", "--poll", "60"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        limit = threading.Timer(START_SECONDS, process.kill)
        limit.start()
        try:
            said = []
            for line in process.stderr:
                said.append(line.strip())
                if line.startswith("serving http://"):
                    break
            limit.cancel()
            if not said or not said[-1].startswith("serving http://"):
                raise BadInput(f"the server did not start in {START_SECONDS} s: {' '.join(said[-3:]) or 'no word'}")
            connection = http.client.HTTPConnection("127.0.0.1", int(said[-1].rpartition(":")[2]), timeout=30)
            status, _ = ask(connection, "GET", "/health")
            if status != 200:
                raise BadInput(f"the server does not take the bundle: {' '.join(said[:-1])}")
            yield connection
            connection.close()
        finally:
            limit.cancel()
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(20)
            process.kill()


def ask(connection: http.client.HTTPConnection, method: str, path: str, value: object = None) -> tuple[int, dict]:
    """Return status and reply of a request with *value* as JSON body."""
    connection.request(method, path, None if value is None else json.dumps(value))
    response = connection.getresponse()
    return response.status, json.loads(response.read())


def check_answers(connection: http.client.HTTPConnection, path: str, golden: dict, classes: list[str]) -> None:
    """Raise BadInput unless the server at *path* repeats the *golden* probabilities bit for bit."""
    status, reply = ask(connection, "POST", path, golden["rows"])
    if status != 200:
        raise BadInput(f"the server refuses the golden rows: {status} {reply['error']['message']}")
    got = [[answer["probabilities"][name] for name in classes] for answer in reply["predictions"]]
    if got != golden["probabilities"]:
        raise BadInput("the server's answers to the golden rows are not the ones in golden.json; train again")


def latency_ms(connection: http.client.HTTPConnection, path: str, rows: list[dict]) -> float:
    """Return the median time of a request for a single row, in milliseconds."""
    times = []
    for index in range(REQUESTS):
        start = time.perf_counter()
        ask(connection, "POST", path, [rows[index % len(rows)]])
        times.append(time.perf_counter() - start)
    return 1000 * statistics.median(times)
