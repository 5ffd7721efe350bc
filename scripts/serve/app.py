"""The HTTP interface of the model server (ASGI): JSON routes for raw rows, and the Open Inference Protocol under /v2.

A request that cannot be answered gets an HTTP error whose JSON body states an error code and the reason: 400 if its
body is not JSON, 422 if it is not what the model takes.
"""

import re
import time
from collections.abc import Callable
from typing import Any

import orjson

from scripts.errors import ContractError
from scripts.serve.connection import error_reply
from scripts.serve.http_request import (
    ClientDisconnected,
    HTTPError,
    check_content_type,
    check_sender,
    choose_encoding,
    compress,
    decompress,
    decompressed_size,
    read_body,
    read_content_encoding,
    read_request_id,
)
from scripts.serve.inference import InferenceService, check_row_count, describe_answer
from scripts.serve.model_store import NAME, VERSION
from scripts.serve.rest_v2 import OpenInferenceREST

PREDICT = re.compile(f"/predict/({NAME.pattern})(?:/versions/({VERSION.pattern})|/labels/({NAME.pattern}))?")
Reply = tuple[int, bytes, dict[str, str]]  # status, body, headers


def parse_json(body: bytes) -> Any:
    """Return the value of a JSON body. Raises HTTPError if it is none."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise HTTPError(400, "INVALID_JSON", f"the body is not JSON: {error}") from None


def parse_rows(body: bytes) -> list:
    """Return the rows of a request body, a JSON list or {"rows": list}. Raises HTTPError on anything else."""
    value = parse_json(body)
    if isinstance(value, dict) and value.keys() == {"rows"}:
        value = value["rows"]
    if not isinstance(value, list):
        raise HTTPError(422, "INVALID_REQUEST", 'a list of objects or {"rows": [...]} was expected')
    check_row_count(len(value))
    return value


class App:
    """The ASGI application: routes to an inference service."""

    def __init__(self, service: InferenceService):
        self.service = service
        self.open_inference = OpenInferenceREST(service)

    async def __call__(self, scope: dict, receive: Callable, send: Callable) -> None:
        """Answer one request."""
        is_v2 = scope["path"] == "/v2" or scope["path"].startswith("/v2/")
        route = self.open_inference.route if is_v2 else self.route
        extra: dict[str, str] = {}
        try:
            check_sender(scope["headers"])
            status, body, extra = await route(scope["method"], scope["path"], scope["headers"], receive)
        except ClientDisconnected:
            return
        except ContractError as error:
            column = error.column and error.column[:300]
            status, reply = 422, error_reply(error.code, str(error)[:300], column, error.row)
            body = orjson.dumps({"error": f"{error.code}: {str(error)[:300]}"} if is_v2 else reply)
        except HTTPError as error:
            status, extra = error.status, error.headers
            body = orjson.dumps({"error": str(error)} if is_v2 else error_reply(error.code, str(error)))
        headers = {"content-type": "application/json", "content-length": str(len(body)), **extra}
        pairs = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": status, "headers": pairs})
        await send({"type": "http.response.body", "body": body})

    async def route(self, method: str, path: str, headers: list, receive: Callable) -> Reply:
        """Return the reply of a JSON route. Raises HTTPError, ContractError or ClientDisconnected."""
        match = PREDICT.fullmatch(path)
        if not match and path not in ("/health", "/models"):
            routes = (
                "/health, /models, /predict/<case>, /predict/<case>/versions/<n> and /predict/<case>/labels/<label>"
            )
            raise HTTPError(404, "NOT_FOUND", f"there are {routes}, and /v2")
        allowed = "POST" if match else "GET"
        if method != allowed:
            raise HTTPError(405, "WRONG_METHOD", f"only {allowed} here", allow=allowed)
        if match:
            return await self.predict(*match.groups(), headers, receive)
        if path == "/health":
            ready = self.service.is_ready
            return 200 if ready else 503, orjson.dumps({"status": "ok" if ready else "no model"}), {}
        return 200, orjson.dumps(self.list_models()), {}

    def list_models(self) -> list[dict]:
        """Return what is served, and for each case how much was refused from disk and dropped from the log."""
        return [
            {
                "case": name,
                "labels": case.labels,
                "versions": [{"version": n, "bundle": model.digest} for n, model in case.versions.items()],
                "refused": self.service.store.refused[name],
                "dropped": self.service.log.dropped[name],
            }
            for name, case in sorted(self.service.store.cases.items())
        ]

    async def predict(
        self, name: str, version: str | None, label: str | None, headers: list, receive: Callable
    ) -> Reply:
        """Answer a prediction request. Raises HTTPError, ContractError or ClientDisconnected."""
        check_content_type(headers)
        encoding, received = read_content_encoding(headers), time.perf_counter_ns()
        model = self.service.find_model(name, int(version) if version else None, label)
        request, accepted = read_request_id(headers), choose_encoding(headers)

        def answer(body: bytes) -> Reply:
            with self.service.measured(name, model, received) as timing:
                rows = parse_rows(decompress(body, encoding))
                predictions = self.service.predict(name, model, request, rows, timing)
                reply = orjson.dumps({**describe_answer(request, name, model), "predictions": predictions})
                return 200, *compress(reply, accepted)

        with self.service.admitted():
            body = await read_body(receive)
            return await self.service.run(decompressed_size(body, encoding), answer, body)
