"""The Open Inference Protocol (V2) over HTTP, with its binary tensor extension and its statistics extension.

A tensor is given by JSON, flat or nested, or by the bytes that follow the JSON object in the body; the header
Inference-Header-Content-Length says how long that object is. There is no route that loads or unloads a model.
"""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson

from scripts.serve.http_request import (
    JSON_TYPE,
    REQUEST_ID,
    Headers,
    HTTPError,
    choose_encoding,
    compress,
    decompress,
    decompressed_size,
    find_header,
    read_body,
    read_content_encoding,
    read_request_id,
    read_traffic_key,
)
from scripts.serve.inference import InferenceService
from scripts.serve.model_metadata import (
    choose_version,
    describe_model,
    describe_server,
    describe_statistics,
    find_version,
)
from scripts.serve.open_inference import (
    Tensor,
    check_elements,
    check_parameters,
    check_tensor,
    choose_outputs,
    decode_raw,
    encode_raw,
    read_rows,
    refuse,
    write_outputs,
)

HEADER_LENGTH = b"inference-header-content-length"
LENGTH = re.compile(rb"[0-9]{1,9}")
SERVER_PATHS = ("/v2", "/v2/", "/v2/health/live", "/v2/health/ready", "/v2/models/stats")
MODEL = re.compile("/v2/models/([^/]+)(?:/versions/([^/]+))?(?:/(ready|infer|stats))?")
BINARY_TYPE = re.compile(rb"\s*application/octet-stream\s*(?:;.*)?", re.I)
Reply = tuple[int, bytes, dict[str, str]]


@dataclass(frozen=True)
class InferRequest:
    """An inference request: id, input tensors, and the outputs that it asks for (None: all), each binary or not."""

    id: str | None
    inputs: list[Tensor]
    outputs: list[tuple[str, bool]] | None
    binary: bool


def check_infer_type(headers: Headers) -> None:
    """Raise HTTPError if a web page of another origin could send a body of this type without permission.

    A body without a type can only come from a page with its origin, which check_sender() refuses.
    """
    content_type = find_header(headers, b"content-type")
    if content_type is not None and not (JSON_TYPE.fullmatch(content_type) or BINARY_TYPE.fullmatch(content_type)):
        expected = "Content-Type: application/json, or application/octet-stream for binary tensors,"
        raise HTTPError(415, "WRONG_CONTENT_TYPE", f"the header {expected} was expected")


def split_body(body: bytes, header_length: bytes | None) -> tuple[dict, bytes]:
    """Return the JSON object of a body and the binary tensors after it. Raises HTTPError if there is no object."""
    length = len(body)
    if header_length is not None:
        if not LENGTH.fullmatch(header_length) or int(header_length) > len(body):
            given = header_length[:20].decode("latin-1")
            raise refuse(f"Inference-Header-Content-Length must be a number up to {len(body)}, got {given!r}")
        length = int(header_length)
    try:
        value = orjson.loads(memoryview(body)[:length])
    except orjson.JSONDecodeError as error:
        raise HTTPError(400, "INVALID_JSON", f"the body is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise refuse('an object with "inputs" was expected')
    return value, body[length:]


def parse_request(body: bytes, header_length: bytes | None) -> InferRequest:
    """Return the inference request of a *body*, whose JSON object has *header_length*. Raises HTTPError."""
    value, binary = split_body(body, header_length)
    identity = value.get("id")
    if identity is not None and not isinstance(identity, str):
        raise refuse('"id" must be a string')
    inputs, at = [], 0
    for item in read_list(value, "inputs"):
        name, parameters = read_item(item, "input")
        size = parameters.get("binary_data_size")
        if size is not None and (type(size) is not int or not 0 <= size <= len(binary) - at):
            left = len(binary) - at
            raise refuse(f"input {name[:80]!r}: binary_data_size must be a number up to the {left} bytes that are left")
        inputs.append(parse_input(name, item, None if size is None else binary[at : at + size]))
        at += size or 0
    if at != len(binary):
        raise refuse(f"{len(binary) - at} bytes follow the binary tensors; binary_data_size of the inputs says {at}")
    parameters = read_parameters(value, "the request")
    default = read_flag(parameters, "binary_data_output", False)
    outputs = None
    if value.get("outputs") is not None:
        chosen = [read_item(item, "output") for item in read_list(value, "outputs")]
        outputs = [(name, read_flag(options, "binary_data", default)) for name, options in chosen]
    return InferRequest(identity, inputs, outputs, default)


def read_list(value: dict, key: str) -> list:
    """Return the list at *key*. Raises HTTPError if there is none or it is empty."""
    items = value.get(key)
    if not isinstance(items, list) or not items:
        raise refuse(f'"{key}" must be a list of at least one tensor')
    return items


def read_parameters(value: dict, what: str) -> dict:
    """Return the parameters of a request or tensor. Raises HTTPError on those of another kind of server."""
    parameters = value.get("parameters")
    if parameters is None:
        return {}
    if not isinstance(parameters, dict):
        raise refuse(f'{what}: "parameters" must be an object')
    check_parameters(parameters, what)
    return parameters


def read_flag(parameters: dict, name: str, default: bool) -> bool:
    """Return the boolean parameter *name*. Raises HTTPError if it is something else."""
    value = parameters.get(name, default)
    if not isinstance(value, bool):
        raise refuse(f"the parameter {name} must be true or false")
    return value


def read_item(item: Any, what: str) -> tuple[str, dict]:
    """Return name and parameters of an input or output. Raises HTTPError if it has none."""
    if not isinstance(item, dict) or not isinstance(item.get("name"), str):
        raise refuse(f'each {what} must be an object with a "name"')
    return item["name"], read_parameters(item, f"{what} {item['name'][:80]!r}")


def parse_input(name: str, item: dict, raw: bytes | None) -> Tensor:
    """Return the input tensor of a JSON *item*, with the elements *raw* if they are binary. Raises HTTPError."""
    shape, datatype, data = item.get("shape"), item.get("datatype"), item.get("data")
    if not isinstance(shape, list):
        raise refuse(f'input {name[:80]!r}: "shape" must be a list, as [rows] or [rows, 1]')
    sizes = check_tensor(name, datatype, shape)
    if raw is not None:
        if data is not None:
            raise refuse(f'input {name[:80]!r} has both "data" and binary_data_size; send one of them')
        return decode_raw(name, datatype, sizes, raw)
    if not isinstance(data, list):
        raise refuse(f'input {name[:80]!r}: "data" must be a list, or binary_data_size given')
    if len(sizes) == 2 and data and all(isinstance(part, list) and len(part) == 1 for part in data):
        data = [part[0] for part in data]
    if len(data) != sizes[0]:
        raise refuse(f"input {name[:80]!r}: shape {shape} needs {sizes[0]} elements, got {len(data)}")
    return Tensor(name, datatype, sizes, check_elements(name, datatype, data))


def format_reply(head: dict, outputs: list[tuple[Tensor, bool]]) -> tuple[bytes, dict[str, str]]:
    """Return body and headers of a reply whose *outputs* are binary or not."""
    described, parts = [], []
    for tensor, is_binary in outputs:
        output: dict[str, Any] = {"name": tensor.name, "datatype": tensor.datatype, "shape": tensor.shape}
        if is_binary:
            parts.append(encode_raw(tensor))
            output["parameters"] = {"binary_data_size": len(parts[-1])}
        else:
            output["data"] = tensor.values
        described.append(output)
    text = orjson.dumps({**head, "outputs": described})
    if not parts:
        return text, {}
    headers = {"inference-header-content-length": str(len(text)), "content-type": "application/octet-stream"}
    return b"".join([text, *parts]), headers


class OpenInferenceREST:
    """The routes below /v2."""

    def __init__(self, service: InferenceService):
        self.service = service

    async def route(self, method: str, path: str, headers: Headers, receive: Callable) -> Reply:
        """Return the reply to a request. Raises HTTPError, ContractError or ClientDisconnected."""
        match = None if path in SERVER_PATHS else MODEL.fullmatch(path)
        if not match and path not in SERVER_PATHS:
            routes = ", ".join((*SERVER_PATHS[2:], "/v2/models/<case> and /v2/models/<case>/versions/<n>"))
            raise HTTPError(404, "NOT_FOUND", f"there are /v2, {routes}, the last two also with /ready, /infer, /stats")
        allowed = "POST" if match and match[3] == "infer" else "GET"
        if method != allowed:
            raise HTTPError(405, "WRONG_METHOD", f"only {allowed} here", allow=allowed)
        if not match:
            status, value = self.describe_server(path)
            return status, orjson.dumps(value), {}
        name, version, what = match[1], match[2] or "", match[3]
        if what == "stats":
            return 200, orjson.dumps(describe_statistics(self.service, name, version)), {}
        if what == "infer":
            return await self.infer(name, version, headers, receive)
        model = find_version(self.service, name, version)
        if what == "ready":
            return 200, orjson.dumps({"name": name, "ready": True}), {}
        return 200, orjson.dumps(describe_model(name, self.service.find_case(name), model)), {}

    def describe_server(self, path: str) -> tuple[int, dict]:
        """Return HTTP status and JSON value of one of SERVER_PATHS."""
        match path:
            case "/v2/health/live":
                return 200, {"live": True}
            case "/v2/health/ready":
                ready = self.service.is_ready
                return 200 if ready else 503, {"ready": ready}
            case "/v2/models/stats":
                return 200, describe_statistics(self.service, "", "")
        return 200, describe_server()

    async def infer(self, name: str, version: str, headers: Headers, receive: Callable) -> Reply:
        """Answer an inference request to a model. Raises HTTPError, ContractError or ClientDisconnected."""
        check_infer_type(headers)
        encoding, received = read_content_encoding(headers), time.perf_counter_ns()
        header_length, accepted = find_header(headers, HEADER_LENGTH), choose_encoding(headers)
        own_id = read_request_id(headers)
        model, shadows = choose_version(self.service, name, version, read_traffic_key(headers, own_id))

        def answer(body: bytes) -> Reply:
            with self.service.measured(name, model, received) as timing:
                request = parse_request(decompress(body, encoding), header_length)
                given = request.id or ""
                logged = given if REQUEST_ID.fullmatch(given.encode()) else own_id
                names = None if request.outputs is None else [output for output, _ in request.outputs]
                outputs, rows = choose_outputs(model.contract, names), read_rows(request.inputs, model)
                tensors = write_outputs(outputs, self.service.predict(name, model, logged, rows, timing, shadows))
                binary = [flag for _, flag in request.outputs or ()] or [request.binary] * len(tensors)
                head = {"model_name": name, "model_version": str(model.version)}
                head |= {} if request.id is None else {"id": request.id}
                parameters = {"request": logged, "bundle": model.digest}
                reply, extra = format_reply({**head, "parameters": parameters}, list(zip(tensors, binary, strict=True)))
                reply, compressed = compress(reply, accepted)
                return 200, reply, {**extra, **compressed}

        with self.service.admitted():
            body = await read_body(receive)
            return await self.service.run(decompressed_size(body, encoding), answer, body)
