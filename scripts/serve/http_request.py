"""Reading an HTTP request: who may send one, and its body within limits of size and time, compressed or not.

The server has no authentication, so no web page may use it through a browser of this machine: requests must name the
loopback interface as their host, which DNS rebinding cannot, must come from no other origin, and bodies must have a
content type that a page of another origin may only send with a permission (CORS) that the server never gives.
"""

import asyncio
import re
import uuid
import zlib
from collections.abc import Awaitable, Callable

Headers = list[tuple[bytes, bytes]]

MAX_BODY = 16 << 20  # also of a body that was compressed
SMALL_BODY = 64 << 10
BODY_SECONDS = 10
MIN_COMPRESSED = 1 << 10  # a shorter reply is sent as it is
ENCODINGS = {"gzip": 31, "deflate": 15}  # zlib's window bits
REQUEST_ID = re.compile(rb"[A-Za-z0-9_-]{1,64}")
LOCAL_HOST = re.compile(rb"(?:localhost|127\.0\.0\.1|\[::1\])(?::[0-9]{1,5})?", re.I)
LOCAL_ORIGIN = re.compile(rb"https?://" + LOCAL_HOST.pattern, re.I)
JSON_TYPE = re.compile(rb"\s*application/json\s*(?:;.*)?", re.I)
NO_WEIGHT = re.compile(r"q=0(?:\.0*)?")


class HTTPError(Exception):
    """A request that cannot be answered: HTTP status, error code, message, and headers that the status requires."""

    def __init__(self, status: int, code: str, message: str, **headers: str):
        super().__init__(message)
        self.status, self.code, self.headers = status, code, headers


class ClientDisconnected(Exception):
    """The client disconnected before its request was complete."""


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


def find_header(headers: Headers, name: bytes) -> bytes | None:
    """Return the value of the header *name*, None if there is none. Raises HTTPError if there are several."""
    values = [value for found, value in headers if found == name]
    if len(values) > 1:
        raise HTTPError(400, "INVALID_HEADER", f"the header {name.decode()} was sent {len(values)} times; send one")
    return values[0] if values else None


def check_sender(headers: Headers) -> None:
    """Raise HTTPError unless the request names this machine as its host and, if it comes from a web page, as origin."""
    hosts = [value for name, value in headers if name == b"host"]
    if len(hosts) != 1 or not LOCAL_HOST.fullmatch(hosts[0]):
        raise HTTPError(421, "WRONG_HOST", "requests must have the header Host: localhost or 127.0.0.1")
    if not all(LOCAL_ORIGIN.fullmatch(value) for name, value in headers if name == b"origin"):
        raise HTTPError(403, "WRONG_ORIGIN", "web pages of other hosts may not use this server")


def check_content_type(headers: Headers) -> None:
    """Raise HTTPError unless the request says that its body is JSON."""
    types = [value for name, value in headers if name == b"content-type"]
    if len(types) != 1 or not JSON_TYPE.fullmatch(types[0]):
        raise HTTPError(415, "WRONG_CONTENT_TYPE", "the header Content-Type: application/json was expected")


def read_request_id(headers: Headers) -> str:
    """Return the client's X-Request-Id if it is well formed, otherwise a new one."""
    for name, value in headers:
        if name == b"x-request-id" and REQUEST_ID.fullmatch(value):
            return value.decode()
    return choose_request_id("")


def choose_request_id(given: str) -> str:
    """Return the id that a client has *given* to its request if it is well formed, otherwise a new one."""
    return given if REQUEST_ID.fullmatch(given.encode()) else uuid.uuid4().hex


def read_traffic_key(headers: Headers, request: str) -> str:
    """Return what decides which version answers: X-Traffic-Key, or without one the id of the *request*."""
    key = find_header(headers, b"x-traffic-key")
    return request if key is None else key.decode("latin-1")


def read_content_encoding(headers: Headers) -> str | None:
    """Return how the body is compressed, None if it is not. Raises HTTPError on an encoding that is not read."""
    value = find_header(headers, b"content-encoding")
    encoding = "identity" if value is None else value.decode("latin-1").strip().lower()
    if encoding in ("", "identity"):
        return None
    if encoding not in ENCODINGS:
        raise HTTPError(415, "WRONG_ENCODING", f"Content-Encoding {encoding[:40]!r}: gzip or deflate was expected")
    return encoding


def decompress(body: bytes, encoding: str | None) -> bytes:
    """Return *body* without its *encoding*. Raises HTTPError if it is not complete or larger than MAX_BODY."""
    if encoding is None:
        return body
    stream = zlib.decompressobj(ENCODINGS[encoding])
    try:
        content = stream.decompress(body, MAX_BODY + 1)
    except zlib.error as error:
        message = f"the body is not in the format of Content-Encoding {encoding}: {error}"
        raise HTTPError(400, "INVALID_ENCODING", message) from None
    if len(content) > MAX_BODY:
        raise HTTPError(413, "TOO_LARGE", f"the decompressed body is larger than {MAX_BODY} bytes")
    if not stream.eof or stream.unused_data:
        what = "ends too early" if not stream.eof else "is followed by other bytes"
        raise HTTPError(400, "INVALID_ENCODING", f"the {encoding} stream of the body {what}")
    return content


def decompressed_size(body: bytes, encoding: str | None) -> int:
    """Return the size of *body* without its *encoding*, or a size above SMALL_BODY if it is larger than that."""
    if encoding is None or len(body) > SMALL_BODY:
        return len(body)
    try:
        return len(zlib.decompressobj(ENCODINGS[encoding]).decompress(body, SMALL_BODY + 1))
    except zlib.error:  # decompress() says so
        return len(body)


def choose_encoding(headers: Headers) -> str | None:
    """Return the encoding in which a reply may be compressed, None if the client accepts none that is offered."""
    accepted = b",".join(value for name, value in headers if name == b"accept-encoding").decode("latin-1").lower()
    offers = [[part.strip() for part in offer.split(";")] for offer in accepted.split(",")]
    names = {name for name, *options in offers if not any(map(NO_WEIGHT.fullmatch, options))}
    return next((encoding for encoding in ENCODINGS if encoding in names), None)


def compress(body: bytes, encoding: str | None) -> tuple[bytes, dict[str, str]]:
    """Return *body* in *encoding* and the headers that say so; a short body is left as it is."""
    if encoding is None or len(body) < MIN_COMPRESSED:
        return body, {}
    stream = zlib.compressobj(1, zlib.DEFLATED, ENCODINGS[encoding])
    return stream.compress(body) + stream.flush(), {"content-encoding": encoding}
