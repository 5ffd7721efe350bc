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

from scripts.errors import BadInput
from scripts.schema.rules import Rule
from scripts.serve.model import Model

SERVER = Path(__file__).parents[1] / "serve" / "server.py"
START_SECONDS = 60
STRANGE = {  # values that many a rule forbids
    "number": (None, -3e38, 3e38),
    "integer": (None, -(2**63), 2**63 - 1),
    "boolean": (None, False, True),
    "text": (None, "", "\u241a", "\u241a" * 10_000),
    "date": (None, "0001-01-01", "9999-12-31"),
    "time": (None, "0001-01-01T00:00:00", "9999-12-31T00:00:00"),
}
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


def check_answers(connection: http.client.HTTPConnection, path: str, model: Model, golden: list[dict]) -> list[dict]:
    """Raise BadInput unless the server at *path* gives just the answers of *model*, and refuses what it must.

    Loading *model* proved it on the *golden* rows, made up without regard to the schema. The server gets them mended,
    and one that breaks the schema. Returns the mended rows.
    """
    rows = [row for row in (mended(model, row, golden) for row in golden) if not refused(model, row)]
    if rows:
        status, reply = ask(connection, "POST", path, rows)
        if status != 200:
            raise BadInput(f"the server refuses good rows: {status} {reply['error']['message']}")
        got = [{key: value for key, value in answer.items() if key != "flags"} for answer in reply["predictions"]]
        if got != model.decide(model.outputs(rows)):
            raise BadInput("the server's answers are not those of the bundle; train again")
    bad = breaking(model, (rows or golden)[0])
    if bad:
        status, reply = ask(connection, "POST", path, [bad])
        rule, error = refused(model, bad), reply.get("error", {})
        if (status, error.get("code"), error.get("column")) != (422, rule.code, rule.column or None):
            raise BadInput(f"the server does not keep the schema: {rule.code} in {rule.column} got {status} {error}")
    return rows or golden


def refused(model: Model, row: dict) -> Rule | None:
    """Return the first rule of the schema for which *row* must be refused."""
    return next((rule for rule in model.guard.broken(row) if model.guard.refuses(rule)), None)


def mended(model: Model, row: dict, others: list[dict]) -> dict:
    """Return *row* with each refused value replaced by that of another row, as far as there is a good one."""
    for name in model.contract["columns"]:
        for trial in (row | {name: other[name]} for other in [row, *others]):
            if all(rule.column != name for rule in model.guard.broken(trial)):
                row = trial
                break
    return row


def breaking(model: Model, row: dict) -> dict | None:
    """Return *row* with one value changed so that it breaks the schema, None where no simple change does."""
    trials = (
        row | {name: value} for name, spec in model.contract["columns"].items() for value in STRANGE[spec["type"]]
    )
    return next((trial for trial in trials if refused(model, trial)), None)


def latency_ms(connection: http.client.HTTPConnection, path: str, rows: list[dict]) -> float:
    """Return the median time of a request for a single row, in milliseconds."""
    times = []
    for index in range(REQUESTS):
        start = time.perf_counter()
        ask(connection, "POST", path, [rows[index % len(rows)]])
        times.append(time.perf_counter() - start)
    return 1000 * statistics.median(times)
