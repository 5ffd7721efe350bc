"""The HTTP interface of the model server (ASGI): four routes, read only.

Request bodies are read within limits of size and time. A request that cannot be answered gets an HTTP error whose JSON
body states an error code and the reason: 400 if its body is not JSON, 422 if it is not what the model takes.

The server has no authentication, so no web page may use it through a browser of this machine: requests must name the
loopback interface as their host, which DNS rebinding cannot, and bodies must be application/json, which a page of
another origin may only send with a permission (CORS) that the server never gives.
"""

import asyncio
import os
import re
import uuid
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import orjson

from scripts.bundle.clean import clean_rows
from scripts.bundle.encode import encode_rows
from scripts.errors import ContractError
from scripts.serve.connection import error_reply
from scripts.serve.model import Model, add_request_lags, answer_score
from scripts.serve.model_store import NAME, VERSION, ModelStore
from scripts.serve.request_log import RequestLog

MAX_BODY = 16 << 20
SMALL_BODY = 64 << 10
MAX_ROWS = 10_000
BODY_SECONDS = 10
REQUEST_ID = re.compile(rb"[A-Za-z0-9_-]{1,64}")
LOCAL_HOST = re.compile(rb"(?:localhost|127\.0\.0\.1|\[::1\])(?::[0-9]{1,5})?", re.I)
LOCAL_ORIGIN = re.compile(rb"https?://" + LOCAL_HOST.pattern, re.I)
JSON_TYPE = re.compile(rb"\s*application/json\s*(?:;.*)?", re.I)


class HTTPError(Exception):
    """A request that cannot be answered: HTTP status, error code, message, and headers that the status requires."""

    def __init__(self, status: int, code: str, message: str, **headers: str):
        super().__init__(message)
        self.status, self.code, self.headers = status, code, headers


class ClientDisconnected(Exception):
    """The client disconnected before its request was complete."""


def parse_rows(body: bytes) -> list:
    """Return the rows of a request body, a JSON list or {"rows": list}. Raises HTTPError on anything else."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise HTTPError(400, "INVALID_JSON", f"the body is not JSON: {error}") from None
    if isinstance(value, dict) and value.keys() == {"rows"}:
        value = value["rows"]
    if not isinstance(value, list):
        raise HTTPError(422, "INVALID_REQUEST", 'a list of objects or {"rows": [...]} was expected')
    if len(value) > MAX_ROWS:
        raise HTTPError(413, "TOO_MANY_ROWS", f"{len(value)} rows, at most {MAX_ROWS} are answered at once")
    return value


async def read_body(receive: Callable[[], Awaitable[dict]]) -> bytes:
    """Return the request body. Raises HTTPError if it is too large or too slow, or ClientDisconnected."""
    parts, size = [], 0
    try:
        async with asyncio.timeout(BODY_SECONDS):
            while True:
                event = await receive()
                if event["type"] == "http.disconnect":
                    raise ClientDisconnected
                size += len(event["body"])
                if size <= MAX_BODY:
                    parts.append(event["body"])
                if not event[
                    "more_body"
                ]:  # read to the end even if it is too large, so that the client sees the answer
                    break
    except TimeoutError:
        raise HTTPError(408, "TOO_SLOW", f"no whole body in {BODY_SECONDS} seconds", connection="close") from None
    if size > MAX_BODY:
        raise HTTPError(413, "TOO_LARGE", f"{size} bytes, at most {MAX_BODY} are read")
    return b"".join(parts)


def check_sender(headers: list[tuple[bytes, bytes]]) -> None:
    """Raise HTTPError unless the request names this machine as its host and, if it comes from a web page, as origin."""
    hosts = [value for name, value in headers if name == b"host"]
    if len(hosts) != 1 or not LOCAL_HOST.fullmatch(hosts[0]):
        raise HTTPError(421, "WRONG_HOST", "requests must have the header Host: localhost or 127.0.0.1")
    if not all(LOCAL_ORIGIN.fullmatch(value) for name, value in headers if name == b"origin"):
        raise HTTPError(403, "WRONG_ORIGIN", "web pages of other hosts may not use this server")


def check_content_type(headers: list[tuple[bytes, bytes]]) -> None:
    """Raise HTTPError unless the request says that its body is JSON."""
    types = [value for name, value in headers if name == b"content-type"]
    if len(types) != 1 or not JSON_TYPE.fullmatch(types[0]):
        raise HTTPError(415, "WRONG_CONTENT_TYPE", "the header Content-Type: application/json was expected")


def read_request_id(headers: list[tuple[bytes, bytes]]) -> str:
    """Return the client's X-Request-Id if it is well formed, otherwise a new one."""
    for name, value in headers:
        if name == b"x-request-id" and REQUEST_ID.fullmatch(value):
            return value.decode()
    return uuid.uuid4().hex


MAX_IN_FLIGHT = 64
PREDICT = re.compile(f"/predict/({NAME.pattern})(?:/versions/({VERSION.pattern})|/labels/({NAME.pattern}))?")


class App:
    """The ASGI application on a model store and a request log.

    Large requests have threads of their own, so that small ones never wait until these are answered.
    """

    def __init__(self, store: ModelStore, log: RequestLog):
        self.store, self.log = store, log
        self.in_flight = 0
        threads = min(4, os.cpu_count() or 1)
        self.small_pool, self.large_pool = ThreadPoolExecutor(threads, "small"), ThreadPoolExecutor(threads, "large")

    async def __call__(self, scope: dict, receive: Callable, send: Callable) -> None:
        """Answer one request."""
        extra: dict[str, str] = {}
        try:
            status, reply = await self.route(scope, receive)
        except ClientDisconnected:
            return
        except ContractError as error:
            column = error.column and error.column[:300]
            status, reply = 422, error_reply(error.code, str(error)[:300], column, error.row)
        except HTTPError as error:
            status, extra, reply = error.status, error.headers, error_reply(error.code, str(error))
        body = reply if isinstance(reply, bytes) else orjson.dumps(reply)
        headers = {"content-type": "application/json", "content-length": str(len(body)), **extra}
        pairs = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": status, "headers": pairs})
        await send({"type": "http.response.body", "body": body})

    async def route(self, scope: dict, receive: Callable) -> tuple[int, Any]:
        """Return HTTP status and reply. Raises HTTPError, ContractError or ClientDisconnected."""
        method, path, headers = scope["method"], scope["path"], scope["headers"]
        check_sender(headers)
        match = PREDICT.fullmatch(path)
        if not match and path not in ("/health", "/models"):
            routes = (
                "/health, /models, /predict/<case>, /predict/<case>/versions/<n> and /predict/<case>/labels/<label>"
            )
            raise HTTPError(404, "NOT_FOUND", f"there are {routes}")
        allowed = "POST" if match else "GET"
        if method != allowed:
            raise HTTPError(405, "WRONG_METHOD", f"only {allowed} here", allow=allowed)
        if match:
            check_content_type(headers)
            model = self.find_model(*match.groups())
            return 200, await self.predict(match[1], model, read_request_id(headers), receive)
        return self.check_health() if path == "/health" else (200, self.list_models())

    def check_health(self) -> tuple[int, dict]:
        """Return HTTP status and reply of /health: 200 if any model is served, otherwise 503."""
        ready = any(case.versions for case in self.store.cases.values())
        return (200, {"status": "ok"}) if ready else (503, {"status": "no model"})

    def list_models(self) -> list[dict]:
        """Return what is served, and for each case how much was refused from disk and dropped from the log."""
        return [
            {
                "case": name,
                "labels": case.labels,
                "versions": [{"version": n, "bundle": model.digest} for n, model in case.versions.items()],
                "refused": self.store.refused[name],
                "dropped": self.log.dropped[name],
            }
            for name, case in sorted(self.store.cases.items())
        ]

    def find_model(self, name: str, version: str | None, label: str | None) -> Model:
        """Return the model that a path names by *version* or *label* (default: champion). Raises HTTPError."""
        case = self.store.cases.get(name)
        if not case:
            raise HTTPError(404, "UNKNOWN_CASE", f"no case {name[:80]}")
        number = int(version) if version else case.labels.get(label or "champion")
        if number not in case.versions:
            what = f"version {version}" if version else f"label {(label or 'champion')[:80]}"
            raise HTTPError(404, "UNKNOWN_VERSION", f"{name} has no {what}")
        return case.versions[number]

    async def predict(self, name: str, model: Model, request: str, receive: Callable) -> bytes:
        """Answer a prediction request to *model* of case *name*. Raises HTTPError or ClientDisconnected."""
        if self.in_flight >= MAX_IN_FLIGHT:
            raise HTTPError(503, "BUSY", f"{MAX_IN_FLIGHT} requests are being answered; try again", retry_after="1")
        self.in_flight += 1
        try:
            body = await read_body(receive)
            pool = self.small_pool if len(body) <= SMALL_BODY else self.large_pool
            return await asyncio.get_running_loop().run_in_executor(
                pool, self.answer_request, name, model, request, body
            )
        finally:
            self.in_flight -= 1

    def answer_request(self, name: str, model: Model, request: str, body: bytes) -> bytes:
        """Return the reply to a request *body* and log it; runs in a thread, so that the event loop is not blocked."""
        rows = add_request_lags(clean_rows(parse_rows(body), model.contract), model.contract)
        tensors, flags = encode_rows(rows, model.contract), model.check_schema(rows)
        predictions = model.decide(model.predictor.predict(tensors))
        for index, violations in flags.items():
            predictions[index]["flags"] = violations
        head = {"request": request, "case": name, "version": model.version, "bundle": model.digest}
        self.log.put(name, {**head, "rows": rows, "scores": [*map(answer_score, predictions)]})
        return orjson.dumps({**head, "predictions": predictions})
