"""What a client sends, read within limits; whatever is wrong with it becomes a refusal with a reason."""

import asyncio
import re
import uuid
from collections.abc import Awaitable, Callable

import orjson

MAX_BODY = 16 << 20
MAX_ROWS = 10_000
BODY_SECONDS = 10
REQUEST_ID = re.compile(rb"[A-Za-z0-9_-]{1,64}")


class Refusal(Exception):
    """A request is not answered: status, error code and message, and headers that the status asks for."""

    def __init__(self, status: int, code: str, message: str, **headers: str):
        super().__init__(message)
        self.status, self.code, self.headers = status, code, headers


class Gone(Exception):
    """The client left before its request was complete."""


def rows_of(body: bytes) -> list:
    """Return the rows of a request body, a JSON list or {"rows": list}. Raises Refusal on anything else."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Refusal(400, "INVALID_JSON", f"the body is not JSON: {error}") from None
    if isinstance(value, dict) and value.keys() == {"rows"}:
        value = value["rows"]
    if not isinstance(value, list):
        raise Refusal(400, "INVALID_REQUEST", 'a list of objects or {"rows": [...]} was expected')
    if len(value) > MAX_ROWS:
        raise Refusal(413, "TOO_MANY_ROWS", f"{len(value)} rows, at most {MAX_ROWS} are answered at once")
    return value


async def read_body(receive: Callable[[], Awaitable[dict]]) -> bytes:
    """Return the request body. Raises Refusal if it is too large or too slow, Gone if the client left."""
    parts, size = [], 0
    try:
        async with asyncio.timeout(BODY_SECONDS):
            while True:
                event = await receive()
                if event["type"] == "http.disconnect":
                    raise Gone
                size += len(event["body"])
                if size <= MAX_BODY:
                    parts.append(event["body"])
                if not event["more_body"]:  # read to the end even if too large, so that the client sees the answer
                    break
    except TimeoutError:
        raise Refusal(408, "TOO_SLOW", f"no whole body in {BODY_SECONDS} seconds", connection="close") from None
    if size > MAX_BODY:
        raise Refusal(413, "TOO_LARGE", f"{size} bytes, at most {MAX_BODY} are read")
    return b"".join(parts)


def request_id(headers: list[tuple[bytes, bytes]]) -> str:
    """Return the caller's X-Request-Id if it is well formed, else a new one."""
    for name, value in headers:
        if name == b"x-request-id" and REQUEST_ID.fullmatch(value):
            return value.decode()
    return uuid.uuid4().hex
