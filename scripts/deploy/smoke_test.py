"""Smoke test before publication: the real server, on a free port, answers the golden rows correctly and in time."""

import contextlib
import http.client
import json
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from scripts.bundle.clean import clean_rows
from scripts.errors import ContractError, InputError
from scripts.schema.check_row import RowChecker
from scripts.schema.columns import types_of
from scripts.schema.rules import Rule
from scripts.serve.model import Model

SERVER = Path(__file__).parents[1] / "serve" / "server.py"
START_SECONDS = 60
EXTREME_VALUES = {  # values that most schemas forbid
    "number": (None, -3e38, 3e38),
    "integer": (None, -(2**63), 2**63 - 1),
    "boolean": (None, False, True),
    "text": (None, "", "\u241a", "\u241a" * 10_000),
    "date": (None, "0001-01-01", "9999-12-31"),
    "time": (None, "0001-01-01T00:00:00", "9999-12-31T00:00:00"),
}
REQUESTS = 60  # enough that the first ones, which find cold caches, do not affect the median


@contextlib.contextmanager
def running_server(root: Path) -> Iterator[http.client.HTTPConnection]:
    """Run the server on *root* and provide a connection to it. Raises InputError if it does not start or load."""
    command = [sys.executable, str(SERVER), "--root", str(root), "--port", "0", "--poll", "60", "--until-eof"]
    pipes = {"stdin": subprocess.PIPE, "stderr": subprocess.PIPE}  # stdin ends with this process, even if it is killed
    own = {
        name: value for name, value in os.environ.items() if name != "OUROBOROS_TERMINAL"
    }  # its messages are read here
    with subprocess.Popen(command, text=True, env=own, **pipes) as process:
        limit = threading.Timer(START_SECONDS, process.kill)
        limit.start()
        try:
            lines = []
            for line in process.stderr:
                lines.append(line.strip())
                if line.startswith("serving http://"):
                    break
            limit.cancel()
            if not lines or not lines[-1].startswith("serving http://"):
                raise InputError(
                    f"the server did not start in {START_SECONDS} s: {' '.join(lines[-3:]) or 'no output'}"
                )
            connection = http.client.HTTPConnection("127.0.0.1", int(lines[-1].rpartition(":")[2]), timeout=30)
            status, _ = send_request(connection, "GET", "/health")
            if status != 200:
                raise InputError(f"the server does not load the bundle: {' '.join(lines[:-1])}")
            yield connection
            connection.close()
        finally:
            limit.cancel()
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(20)
            process.kill()


def send_request(
    connection: http.client.HTTPConnection, method: str, path: str, value: object = None
) -> tuple[int, dict]:
    """Send a request with *value* as JSON body (None: no body) and return its status and reply."""
    body = None if value is None else json.dumps(value)
    connection.request(method, path, body, {"Content-Type": "application/json"})
    response = connection.getresponse()
    return response.status, json.loads(response.read())


def check_answers(connection: http.client.HTTPConnection, path: str, model: Model, golden: list[dict]) -> list[dict]:
    """Raise InputError unless the server at *path* gives exactly the answers of *model* and enforces the schema.

    Loading *model* verified it on the *golden* rows, which were drawn without regard to the schema. The server gets
    them with valid values, and one row that violates the schema. Returns the valid rows, or *golden* if there are none.
    """
    valid = make_valid(model, golden)
    refused = {
        index
        for index, rules in model.guard.find_violations(clean_rows(valid, model.contract)).items()
        if any(map(model.guard.refuses, rules))
    }
    rows = [row for index, row in enumerate(valid) if index not in refused]
    if rows:
        status, reply = send_request(connection, "POST", path, rows)
        if status != 200:
            raise InputError(f"the server refuses valid rows: {status} {reply['error']['message']}")
        got = [{key: value for key, value in answer.items() if key != "flags"} for answer in reply["predictions"]]
        if got != model.decide(model.predict(rows)):
            raise InputError("the server's answers differ from the bundle's; train again")
    bad = make_invalid(model, (rows or golden)[0])
    if bad:
        status, reply = send_request(connection, "POST", path, [bad])
        rule, error = find_refusing_rule(model, bad), reply.get("error", {})
        if (status, error.get("code"), error.get("column")) != (422, rule.code, rule.column or None):
            raise InputError(
                f"the server does not enforce the schema: {rule.code} in {rule.column} got {status} {error}"
            )
    return rows or golden


def broken_rules(model: Model, row: dict) -> list[Rule]:
    """Return the rules of the schema that *row*, once cleaned, violates; [] if a date is not in its format."""
    try:
        return model.guard.broken_rules(clean_rows([row], model.contract)[0])
    except ContractError:
        return []


def find_refusing_rule(model: Model, row: dict) -> Rule | None:
    """Return the first rule of the schema for which *row* must be refused, None if it must be accepted."""
    return next((rule for rule in broken_rules(model, row) if model.guard.refuses(rule)), None)


def checkers_by_column(model: Model, custom: bool) -> dict[str, RowChecker]:
    """Return for each column of the model with rules the checker of these alone: the cost is linear in the columns."""
    rules: dict[str, list[Rule]] = {}
    for rule in model.guard.row_checker.rules:
        for name in sorted(model.contract["columns"].keys() & set(rule.columns)) if custom or rule.column else ():
            rules.setdefault(name, []).append(rule)
    types = types_of({"columns": model.guard.columns})
    return {name: RowChecker(found, types) for name, found in rules.items()}


def make_valid(model: Model, golden: list[dict]) -> list[dict]:
    """Return the *golden* rows; a value that breaks a rule on its column becomes the first one there that does not."""
    columns, cleaned = {}, clean_rows(golden, model.contract)
    for name, checker in checkers_by_column(model, custom=False).items():
        values = [row[name] for row in golden]
        broken = checker.find_violations([{name: row[name]} for row in cleaned])
        good = next((value for index, value in enumerate(values) if index not in broken), None)
        columns[name] = [good if index in broken else value for index, value in enumerate(values)]
    return [row | {name: columns[name][index] for name in columns} for index, row in enumerate(golden)]


def make_invalid(model: Model, row: dict) -> dict | None:
    """Return *row* with one of EXTREME_VALUES so that it must be refused, None if none of them is forbidden."""
    (cleaned,) = clean_rows([row], model.contract)
    for name, checker in checkers_by_column(model, custom=True).items():
        for value in EXTREME_VALUES[model.contract["columns"][name]["type"]]:
            try:
                (read,) = clean_rows([{name: value}], model.contract)
            except ContractError:  # no date in the format of the column
                continue
            if any(map(model.guard.refuses, checker.broken_rules(cleaned | read))):
                return row | {name: value}
    return None


def measure_request_ms(connection: http.client.HTTPConnection, path: str, rows: list[dict]) -> float:
    """Return the median time of a request with a single row, in milliseconds."""
    times = []
    for index in range(REQUESTS):
        start = time.perf_counter()
        send_request(connection, "POST", path, [rows[index % len(rows)]])
        times.append(time.perf_counter() - start)
    return 1000 * statistics.median(times)
