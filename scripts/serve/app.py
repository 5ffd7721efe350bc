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
from scripts.serve.extras import NOTHING, Extras, parse_query
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
    read_traffic_key,
)
from scripts.serve.inference import InferenceService, check_row_count, describe_answer
from scripts.serve.json_body import parse_body
from scripts.serve.metrics import render_metrics
from scripts.serve.model_store import NAME, VERSION
from scripts.serve.rest_v2 import OpenInferenceREST
from scripts.serve.status_page import HEADERS, render_status
from scripts.serve.tasks import check_model_count, check_task, classify, regress
from scripts.serve.what_if_page import answer_what_if

CASE = f"({NAME.pattern})(?:/versions/({VERSION.pattern})|/labels/({NAME.pattern}))?"
MODEL, WHAT_IF = re.compile(f"/(predict|classify|regress)/{CASE}"), re.compile(f"/what-if/{CASE}")
MULTI_INFERENCE = "/multi-inference"
OTHERS = "/, /health, /models, /metrics"
FORMS = {  # by route: the task, the name of the answers, and the form of one
    "predict": (None, "predictions", dict),
    "classify": ("classification", "classifications", classify),
    "regress": ("regression", "regressions", regress),
}
MODEL_KEYS = ({"case"}, {"case", "version"}, {"case", "label"})
Reply = tuple[int, bytes, dict[str, str]]  # status, body, headers


def parse_json(body: bytes) -> Any:
    """Return the value of a JSON body. Raises HTTPError if it is none."""
    try:
        return parse_body(body)
    except orjson.JSONDecodeError as error:
        raise HTTPError(400, "INVALID_JSON", f"the body is not JSON: {error}") from None


def parse_rows(body: bytes) -> list:
    """Return the rows of a request body, a JSON list or {"rows": list}. Raises HTTPError on anything else."""
    value = parse_json(body)
    return check_rows(value["rows"] if isinstance(value, dict) and value.keys() == {"rows"} else value)


def check_rows(value: Any) -> list:
    """Return *value* if it can be the rows of a request. Raises HTTPError if not."""
    if not isinstance(value, list):
        raise HTTPError(422, "INVALID_REQUEST", 'a list of objects or {"rows": [...]} was expected')
    check_row_count(len(value))
    return value


def parse_multi_inference(body: bytes) -> tuple[list, list[dict]]:
    """Return rows and models of a body {"rows": [...], "models": [...]}. Raises HTTPError on anything else."""
    value = parse_json(body)
    if not isinstance(value, dict) or value.keys() != {"rows", "models"} or not isinstance(value["models"], list):
        raise HTTPError(422, "INVALID_REQUEST", '{"rows": [...], "models": [...]} was expected')
    check_model_count(len(value["models"]))
    for index, spec in enumerate(value["models"]):
        is_model = isinstance(spec, dict) and spec.keys() in MODEL_KEYS and isinstance(spec["case"], str)
        if not is_model or type(spec.get("version", 1)) is not int or not isinstance(spec.get("label", ""), str):
            expected = '{"case": name}, with "version": number or "label": name'
            raise HTTPError(422, "INVALID_REQUEST", f"models[{index}] must be {expected}")
    return check_rows(value["rows"]), value["models"]


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
            query = () if is_v2 else (scope["query_string"],)  # V2 has parameters in the body
            status, body, extra = await route(scope["method"], scope["path"], scope["headers"], receive, *query)
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

    async def route(self, method: str, path: str, headers: list, receive: Callable, query: bytes) -> Reply:
        """Return the reply of a JSON route. Raises HTTPError, ContractError or ClientDisconnected."""
        match, what_if = MODEL.fullmatch(path), WHAT_IF.fullmatch(path)
        if not match and not what_if and path not in ("/", "/health", "/models", "/metrics", MULTI_INFERENCE):
            paths = ", ".join(f"/{route}/<case>" for route in ("predict", "classify", "regress", "what-if"))
            paths += ", also with /versions/<n> or /labels/<label>"
            raise HTTPError(404, "NOT_FOUND", f"there are {paths}; {MULTI_INFERENCE}, {OTHERS} and /v2")
        allowed = "POST" if match or path == MULTI_INFERENCE else "GET"
        if method != allowed:
            raise HTTPError(405, "WRONG_METHOD", f"only {allowed} here", allow=allowed)
        if match:
            return await self.answer_model(*match.groups(), headers, receive, parse_query(query))
        if path == MULTI_INFERENCE:
            if parse_query(query) != NOTHING:
                raise HTTPError(422, "INVALID_PARAMETER", f"{MULTI_INFERENCE} gives predictions alone: ask each model")
            return await self.answer_models(headers, receive)
        if what_if:
            return await answer_what_if(self.service, path, *what_if.groups(), headers, query)
        if path == "/":
            return 200, render_status(self.service), HEADERS
        if path == "/health":
            ready = self.service.is_ready
            return 200 if ready else 503, orjson.dumps({"status": "ok" if ready else "no model"}), {}
        if path == "/metrics":
            content, kind = render_metrics(self.service)
            return 200, content, {"content-type": kind}
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

    async def answer_model(
        self,
        route: str,
        name: str,
        version: str | None,
        label: str | None,
        headers: list,
        receive: Callable,
        extras: Extras,
    ) -> Reply:
        """Answer a request to one model. Raises HTTPError, ContractError or ClientDisconnected."""
        task, key, form = FORMS[route]
        request = read_request_id(headers)
        number, traffic_key = int(version) if version else None, read_traffic_key(headers, request)
        model, shadows = self.service.choose_model(name, number, label, traffic_key)
        if task:
            check_task(model, task)

        def answer(body: bytes, received: int) -> bytes:
            with self.service.measured(name, model, received) as timing:
                predictions = self.service.predict(name, model, request, parse_rows(body), timing, shadows, extras)
                return orjson.dumps({**describe_answer(request, name, model), key: [*map(form, predictions)]})

        return await self.answer_body(answer, headers, receive)

    async def answer_models(self, headers: list, receive: Callable) -> Reply:
        """Answer a request that names several models. Raises HTTPError, ContractError or ClientDisconnected."""
        request = read_request_id(headers)
        key = read_traffic_key(headers, request)

        def answer(body: bytes, received: int) -> bytes:
            rows, models = parse_multi_inference(body)
            specs = [(spec["case"], spec.get("version"), spec.get("label")) for spec in models]
            answers = self.service.predict_by_each(specs, request, key, rows, received)
            results = [{**answered, "predictions": predictions} for answered, predictions in answers]
            return orjson.dumps({"request": request, "results": results})

        return await self.answer_body(answer, headers, receive)

    async def answer_body(self, answer: Callable[[bytes, int], bytes], headers: list, receive: Callable) -> Reply:
        """Return what *answer* makes of the body and of when the request was received."""
        check_content_type(headers)
        encoding, received = read_content_encoding(headers), time.perf_counter_ns()
        accepted = choose_encoding(headers)

        def answer_compressed(body: bytes) -> Reply:
            return 200, *compress(answer(decompress(body, encoding), received), accepted)

        with self.service.admitted():
            body = await read_body(receive)
            return await self.service.run(decompressed_size(body, encoding), answer_compressed, body)
