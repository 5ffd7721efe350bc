"""A client of the model server, for one thread, several, or asyncio; it needs nothing but Python 3.11 and this file.

    client = Client("http://127.0.0.1:8080")
    reply = client.predict("birds", [{"height": 500.0, "phase": "Climb", "date": "1996-09-30"}])
    reply.answers[0]["label"], reply.version

Every error is a ClientError, of the class that says what to do about it. Only requests that the server was too busy to
answer (503) are sent again.
"""

import asyncio
import collections
import datetime
import http.client
import json
import random
import select
import time
import urllib.parse
from dataclasses import dataclass
from typing import Any

MAX_PAUSE = 5.0  # seconds between two tries


class ClientError(Exception):
    """No answer; *status* is that of HTTP, *code* the server's, *column* and *row* (from 0) the place, if known."""

    def __init__(
        self,
        message: str,
        status: int | None = None,
        code: str | None = None,
        column: str | None = None,
        row: int | None = None,
    ):
        super().__init__(message)
        self.status, self.code, self.column, self.row = status, code, column, row


class InvalidRequest(ClientError):
    """The request cannot be answered as it is (4xx); the message says what the server expects."""


class NotFound(InvalidRequest):
    """There is no such case, version, label or route (404)."""


class Busy(ClientError):
    """The server was too busy, or not ready, at each try (503)."""


class ServerFailure(ClientError):
    """The server failed (any other status), or its reply cannot be read."""


class Unreachable(ClientError):
    """There is no connection to the server, or it did not answer in time."""


@dataclass(frozen=True)
class Reply:
    """What one model answered: an item of *answers* for each row. *bundle* is the SHA-256 of the model's file."""

    request: str
    case: str
    version: int
    bundle: str
    answers: list[dict]


class Client:
    """A client of the server at *url*; threads may share it.

    It waits at most *timeout* seconds for a connection and for each part of a reply, and sends a request that got 503
    up to *retries* times again.
    """

    def __init__(self, url: str = "http://127.0.0.1:8080", timeout: float = 30, retries: int = 3):
        parts = urllib.parse.urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.path.strip("/") or parts.query:
            raise ValueError(f"{url!r} is no address like http://127.0.0.1:8080")
        self.timeout, self.retries = timeout, retries
        self._make = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._place = (parts.hostname, parts.port)
        self._idle: collections.deque[http.client.HTTPConnection] = collections.deque()

    def predict(self, case: str, rows: list[dict], **options: Any) -> Reply:
        """Return the predictions for *rows* by a version of *case* (default: as its traffic says).

        *options* are version (a number) or label (a name), key (whose requests get the same version where several
        share the traffic), request (an id for the server's log, up to 64 letters, digits, _ and -), explain (true for
        reasons with each answer), coverage (a share, for prediction sets), and abstain (true for no label where the
        set is not a single class). Raises ClientError.
        """
        return self._ask("predict", "predictions", case, rows, **options)

    def classify(self, case: str, rows: list[dict], **options: Any) -> Reply:
        """Return the classes of each row, the most probable first; *options* are those of predict()."""
        return self._ask("classify", "classifications", case, rows, **options)

    def regress(self, case: str, rows: list[dict], **options: Any) -> Reply:
        """Return the value of each row; *options* are those of predict()."""
        return self._ask("regress", "regressions", case, rows, **options)

    def predict_by_each(
        self, models: list[dict], rows: list[dict], *, request: str = "", key: str | None = None
    ) -> list[Reply]:
        """Return the predictions of several *models*, {"case": name} with "version" or "label", for the same *rows*.

        *request* and *key* are those of predict(). Raises ClientError.
        """
        value = self._send("POST", "/multi-inference", {"models": models, "rows": rows}, request, key)
        return [read_reply(result, "predictions") for result in value["results"]]

    def models(self) -> list[dict]:
        """Return what is served: cases, their labels and versions. Raises ClientError."""
        return self._send("GET", "/models")

    def metadata(self, case: str, version: int | str = "") -> dict:
        """Return inputs, outputs and properties of a version (a number or a label). Raises ClientError."""
        return self._send("GET", model_path(case, version))

    def statistics(self, case: str, version: int | str = "") -> list[dict]:
        """Return how often and how long versions of *case* were asked. Raises ClientError."""
        return self._send("GET", model_path(case, version) + "/stats")["model_stats"]

    def is_ready(self) -> bool:
        """Return whether the server answers and serves any model. Raises no ClientError."""
        try:
            return self._exchange("GET", "/health", None, {})[0] == 200
        except Unreachable:
            return False

    def close(self) -> None:
        """Close all connections; the client can still be used."""
        while self._idle:
            self._idle.pop().close()

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _ask(
        self,
        route: str,
        answers: str,
        case: str,
        rows: list[dict],
        *,
        version: int | None = None,
        label: str | None = None,
        request: str = "",
        key: str | None = None,
        explain: bool = False,
        coverage: float | None = None,
        abstain: bool = False,
    ) -> Reply:
        if version is not None and label is not None:
            raise ValueError("give a version or a label, not both")
        path = f"/{route}/{urllib.parse.quote(case, safe='')}"
        if version is not None:
            path += f"/versions/{version}"
        elif label is not None:
            path += f"/labels/{urllib.parse.quote(label, safe='')}"
        options = {"explain": "true" if explain else None, "coverage": coverage, "abstain": "true" if abstain else None}
        query = urllib.parse.urlencode({name: value for name, value in options.items() if value is not None})
        path += f"?{query}" if query else ""
        return read_reply(self._send("POST", path, {"rows": rows}, request, key), answers)

    def _send(self, method: str, path: str, value: Any = None, request: str = "", key: str | None = None) -> Any:
        """Return the JSON value of the reply to a request; 503 is tried again. Raises ClientError."""
        body = None if value is None else json.dumps(value, default=convert_value, allow_nan=False).encode()
        headers = {"Content-Type": "application/json"} | ({"X-Request-Id": request} if request else {})
        headers |= {} if key is None else {"X-Traffic-Key": key.encode()}
        for attempt in range(self.retries + 1):
            status, pause, content = self._exchange(method, path, body, headers)
            if status != 503 or attempt == self.retries:
                break
            time.sleep(choose_pause(pause, attempt))
        return read_value(status, content)

    def _exchange(self, method: str, path: str, body: bytes | None, headers: dict) -> tuple[int, str | None, bytes]:
        """Return status, Retry-After and body of the reply to one request. Raises Unreachable."""
        connection = self._connect()
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            content = response.read()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            host, port = self._place
            raise Unreachable(f"no answer from {host}:{port or ''}: {type(error).__name__}: {error}") from error
        except BaseException:
            connection.close()
            raise
        self._idle.append(connection)  # http.client opens it again if the server wanted it closed
        return response.status, response.headers.get("Retry-After"), content

    def _connect(self) -> http.client.HTTPConnection:
        """Return an idle connection that the server has not closed, or a new one."""
        while True:
            try:
                connection = self._idle.pop()
            except IndexError:
                return self._make(*self._place, timeout=self.timeout)
            if connection.sock is None or not select.select([connection.sock], [], [], 0)[0]:
                return connection
            connection.close()  # readable without a request: closed by the server


class AsyncClient:
    """A client for asyncio: the methods of Client as coroutines; each call has a thread while it waits."""

    def __init__(self, url: str = "http://127.0.0.1:8080", timeout: float = 30, retries: int = 3):
        self._client = Client(url, timeout, retries)

    async def predict(self, case: str, rows: list[dict], **options: Any) -> Reply:
        """Return what Client.predict() does."""
        return await asyncio.to_thread(self._client.predict, case, rows, **options)

    async def classify(self, case: str, rows: list[dict], **options: Any) -> Reply:
        """Return what Client.classify() does."""
        return await asyncio.to_thread(self._client.classify, case, rows, **options)

    async def regress(self, case: str, rows: list[dict], **options: Any) -> Reply:
        """Return what Client.regress() does."""
        return await asyncio.to_thread(self._client.regress, case, rows, **options)

    async def predict_by_each(self, models: list[dict], rows: list[dict], **options: Any) -> list[Reply]:
        """Return what Client.predict_by_each() does."""
        return await asyncio.to_thread(self._client.predict_by_each, models, rows, **options)

    async def models(self) -> list[dict]:
        """Return what Client.models() does."""
        return await asyncio.to_thread(self._client.models)

    async def metadata(self, case: str, version: int | str = "") -> dict:
        """Return what Client.metadata() does."""
        return await asyncio.to_thread(self._client.metadata, case, version)

    async def statistics(self, case: str, version: int | str = "") -> list[dict]:
        """Return what Client.statistics() does."""
        return await asyncio.to_thread(self._client.statistics, case, version)

    async def is_ready(self) -> bool:
        """Return what Client.is_ready() does."""
        return await asyncio.to_thread(self._client.is_ready)

    async def __aenter__(self) -> "AsyncClient":
        return self

    async def __aexit__(self, *_: object) -> None:
        self._client.close()


def model_path(case: str, version: int | str) -> str:
    """Return the path that describes a version of *case*."""
    path = f"/v2/models/{urllib.parse.quote(case, safe='')}"
    return path + (f"/versions/{urllib.parse.quote(str(version), safe='')}" if version != "" else "")


def choose_pause(retry_after: str | None, attempt: int) -> float:
    """Return how many seconds to wait after try *attempt* (from 0): as the server says, and not all clients at once."""
    seconds = float(retry_after) if retry_after and retry_after.isdecimal() else 0.1 * 2**attempt
    return min(MAX_PAUSE, seconds) * random.uniform(0.5, 1)


def convert_value(value: Any) -> Any:
    """Return a date, a time or a NumPy number as a value of JSON. Raises TypeError on anything else."""
    if isinstance(value, datetime.date):
        return value.isoformat()
    if hasattr(value, "item"):
        return value.item()
    raise TypeError(f"{type(value).__name__} {value!r:.60} is no value of a row")


def read_value(status: int, content: bytes) -> Any:
    """Return the JSON value of a reply. Raises ClientError if it is an error or no JSON."""
    try:
        value = json.loads(content)
    except ValueError:
        raise ServerFailure(f"status {status} with a reply that is not JSON: {content[:80]!r}", status) from None
    if status == 200:
        return value
    error = value.get("error") if isinstance(value, dict) else None
    if not isinstance(error, dict):
        error = {"message": error if isinstance(error, str) else f"status {status}"}
    kind = {404: NotFound, 503: Busy}.get(status, InvalidRequest if 400 <= status < 500 else ServerFailure)
    raise kind(error["message"], status, error.get("code"), error.get("column"), error.get("row"))


def read_reply(value: dict, key: str) -> Reply:
    """Return a JSON reply as a Reply, whose answers are at *key*."""
    return Reply(value["request"], value["case"], value["version"], value["bundle"], value[key])
