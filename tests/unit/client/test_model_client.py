"""The Python client: the server's answers, errors by class, retries on 503 only, threads and asyncio, alone."""

import asyncio
import datetime
import json
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from scripts.client import model_client as module
from scripts.client.model_client import (
    AsyncClient,
    Busy,
    Client,
    ClientError,
    InvalidRequest,
    NotFound,
    ServerFailure,
    Unreachable,
)
from tests.unit.serve.test_tasks import regression_bundle
from tests.unit.serve.tiny import ROW, ROWS, bundle, put, running

pytestmark = pytest.mark.feature("S22")
MODULE = Path(module.__file__)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server with birds versions 1 (champion) and 2 (challenger), and one for regression."""
    root = tmp_path_factory.mktemp("client") / "serving"
    put(root, "birds", 1, bundle(0.0))
    put(root, "birds", 2, bundle(2.0), label="challenger")
    put(root, "masses", 4, regression_bundle(1.0))
    with running(root) as process:
        yield process


@pytest.fixture
def client(server):
    """A client of the server."""
    with Client(f"http://127.0.0.1:{server.port}") as made:
        yield made


@pytest.mark.slow
def test_answers_are_those_of_the_routes(server, client):
    for options, path in (({}, ""), ({"version": 2}, "/versions/2"), ({"label": "challenger"}, "/labels/challenger")):
        reply = client.predict("birds", ROWS, request="by-client", **options)
        expected = server.ask("POST", f"/predict/birds{path}", ROWS)[1]
        assert (reply.request, reply.case, reply.version) == ("by-client", "birds", expected["version"])
        assert (reply.bundle, reply.answers) == (expected["bundle"], expected["predictions"])
        classified = client.classify("birds", ROWS, **options)
        assert classified.answers == server.ask("POST", f"/classify/birds{path}", ROWS)[1]["classifications"]
        explained = client.predict("birds", ROWS, explain=True, **options).answers
        assert explained == server.ask("POST", f"/predict/birds{path}?explain=true", ROWS)[1]["predictions"]
    with pytest.raises(InvalidRequest, match="no calibration for prediction sets"):
        client.predict("birds", ROWS, coverage=0.9, abstain=True)
    assert client.regress("masses", ROWS).answers == server.ask("POST", "/regress/masses", ROWS)[1]["regressions"]
    one, two = client.predict_by_each([{"case": "birds", "version": 2}, {"case": "masses"}], ROWS)
    assert one.answers == client.predict("birds", ROWS, version=2).answers
    assert two.answers == client.predict("masses", ROWS).answers
    assert client.is_ready() and client.models() == server.ask("GET", "/models")[1]
    assert client.metadata("birds", "challenger") == server.ask("GET", "/v2/models/birds/versions/2")[1]
    assert [item["version"] for item in client.statistics("birds")] == ["1", "2"]
    assert client.statistics("birds", 2)[0]["inference_count"] > 0


def test_dates_and_numpy_numbers_are_written_as_json(client):
    row = ROW | {"height": np.float64(500.0), "date": datetime.date(1996, 9, 30)}
    assert client.predict("birds", [row]).answers == client.predict("birds", [ROW]).answers
    with pytest.raises(TypeError, match=r"object <object .* is no value of a row"):
        client.predict("birds", [ROW | {"height": object()}])
    with pytest.raises(ValueError, match="not JSON compliant"):
        client.predict("birds", [ROW | {"height": float("nan")}])


ERRORS = [
    (lambda client: client.predict("birds", [ROW | {"height": "x"}]), InvalidRequest, 422, "UNEXPECTED_DATA_TYPE"),
    (lambda client: client.predict("birds", []), InvalidRequest, 422, "INVALID_REQUEST"),
    (lambda client: client.predict("birds", [ROW] * 10_001), InvalidRequest, 413, "TOO_MANY_ROWS"),
    (lambda client: client.regress("birds", ROWS), InvalidRequest, 422, "WRONG_TASK"),
    (lambda client: client.predict("nothing", ROWS), NotFound, 404, "UNKNOWN_CASE"),
    (lambda client: client.predict("../birds", ROWS), NotFound, 404, "NOT_FOUND"),
    (lambda client: client.predict("birds?x=1", ROWS), NotFound, 404, "NOT_FOUND"),
    (lambda client: client.predict("birds", ROWS, version=9), NotFound, 404, "UNKNOWN_VERSION"),
    (lambda client: client.predict("birds", ROWS, label="x"), NotFound, 404, "UNKNOWN_VERSION"),
    (lambda client: client.predict_by_each([], ROWS), InvalidRequest, 422, "INVALID_REQUEST"),
    (lambda client: client.metadata("nothing"), NotFound, 404, None),
]


@pytest.mark.parametrize("number", range(len(ERRORS)))
def test_errors_have_the_class_that_says_what_to_do(client, number):
    ask, kind, status, code = ERRORS[number]
    with pytest.raises(kind) as raised:
        ask(client)
    assert type(raised.value) is kind and isinstance(raised.value, ClientError) and str(raised.value)
    assert (raised.value.status, raised.value.code) == (status, code)
    assert client.predict("birds", [ROW]).version == 1


def test_the_place_of_an_error_is_known(client):
    with pytest.raises(InvalidRequest, match="height must be a number") as raised:
        client.predict("birds", [ROW, ROW | {"height": "x"}])
    assert (raised.value.column, raised.value.row) == ("height", 1)


def test_wrong_arguments():
    for url in ("127.0.0.1:8080", "ftp://127.0.0.1", "http://", "http://127.0.0.1/predict", "http://127.0.0.1?x"):
        with pytest.raises(ValueError, match="is no address like"):
            Client(url)
    with pytest.raises(ValueError, match="a version or a label"):
        Client().predict("birds", ROWS, version=1, label="champion")


class Scripted(BaseHTTPRequestHandler):
    """Answers with the `replies` of its server, (status, headers, body), one after another; the last for ever."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked += 1
        waiting = self.server.replies
        status, headers, body = waiting.pop(0) if len(waiting) > 1 else waiting[0]
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(body))} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


GOOD = {"request": "r", "case": "birds", "version": 1, "bundle": "b", "predictions": []}
OK = (200, {}, json.dumps(GOOD).encode())
BUSY = (503, {"Retry-After": "1"}, b'{"error": {"code": "BUSY", "message": "try again"}}')


@pytest.fixture
def scripted(monkeypatch):
    """A function that starts a server with replies and returns it with a client; pauses are recorded, not made."""
    servers, pauses = [], []
    monkeypatch.setattr(module.time, "sleep", pauses.append)

    def start(*replies, **options):
        fake = ThreadingHTTPServer(("127.0.0.1", 0), Scripted)
        fake.replies, fake.asked, fake.pauses = list(replies), 0, pauses
        threading.Thread(target=fake.serve_forever, args=(0.01,), daemon=True).start()
        servers.append(fake)
        return fake, Client(f"http://127.0.0.1:{fake.server_port}", **options)

    yield start
    for fake in servers:
        fake.shutdown()
        fake.server_close()


def test_a_busy_server_is_asked_again_after_a_pause(scripted):
    fake, client = scripted(BUSY, BUSY, OK)
    assert client.predict("birds", [ROW]).request == "r"
    assert fake.asked == 3 and len(fake.pauses) == 2 and all(0.5 <= pause <= 1 for pause in fake.pauses)


def test_a_server_that_stays_busy_is_given_up(scripted):
    fake, client = scripted(BUSY, retries=2)
    with pytest.raises(Busy, match="try again") as raised:
        client.predict("birds", [ROW])
    assert fake.asked == 3 and (raised.value.status, raised.value.code) == (503, "BUSY")
    fake, client = scripted(BUSY, retries=0)
    with pytest.raises(Busy):
        client.predict("birds", [ROW])
    assert fake.asked == 1


def test_pauses_grow_and_are_limited():
    assert 0.05 <= module.choose_pause(None, 0) <= 0.1 and 0.4 <= module.choose_pause(None, 3) <= 0.8
    assert module.choose_pause("3600", 0) <= module.MAX_PAUSE >= module.choose_pause(None, 50)
    assert module.choose_pause("Fri, 31 Dec 1999 23:59:59 GMT", 0) <= 0.1


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        ((500, {}, b"Internal Server Error"), ServerFailure),
        ((200, {}, b"{cut"), ServerFailure),
        ((500, {}, b'{"error": "broken"}'), ServerFailure),
        ((429, {}, b'{"error": {"message": "slower"}}'), InvalidRequest),
        ((404, {}, b"[]"), NotFound),
        ((400, {}, b"null"), InvalidRequest),
        ((302, {"Location": "http://example.com"}, b"{}"), ServerFailure),
    ],
)
def test_nothing_else_is_sent_again(scripted, reply, kind):
    fake, client = scripted(reply)
    with pytest.raises(kind) as raised:
        client.predict("birds", [ROW])
    assert type(raised.value) is kind and fake.asked == 1 and not fake.pauses


def test_a_connection_that_the_server_closes_is_replaced(scripted):
    fake, client = scripted((200, {"Connection": "close"}, OK[2]))
    assert [client.predict("birds", [ROW]).request for _ in range(3)] == ["r"] * 3 and fake.asked == 3


def test_an_idle_connection_that_was_closed_is_noticed_before_it_is_used(server):
    client = Client(f"http://127.0.0.1:{server.port}")
    client.predict("birds", [ROW])
    (link,) = client._idle
    link.sock.shutdown(socket.SHUT_RDWR)
    assert client.predict("birds", [ROW]).version == 1 and client._idle[0] is not link


def test_a_server_that_is_not_there_or_silent_is_unreachable():
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        port = silent.getsockname()[1]
        client = Client(f"http://127.0.0.1:{port}", timeout=0.2)
        with pytest.raises(Unreachable, match=f"no answer from 127.0.0.1:{port}: ConnectionRefusedError"):
            client.predict("birds", [ROW])
        assert client.is_ready() is False
        silent.listen()
        with pytest.raises(Unreachable, match="TimeoutError"):
            client.predict("birds", [ROW])


def test_threads_share_a_client_and_each_gets_its_own_answers(server, client):
    def is_right(number: int) -> bool:
        rows = [ROW | {"height": float(number * 10 + index)} for index in range(1 + number % 3)]
        reply = client.predict("birds", rows, request=f"thread-{number}")
        expected = server.ask("POST", "/predict/birds", rows)[1]["predictions"]
        return reply.answers == expected and reply.request == f"thread-{number}"

    with ThreadPoolExecutor(16) as threads:
        assert all(threads.map(is_right, range(100)))


def test_asyncio(server, client):
    async def ask_all() -> list:
        async with AsyncClient(f"http://127.0.0.1:{server.port}") as own:
            assert await own.is_ready() and await own.models() == client.models()
            assert await own.metadata("birds") == client.metadata("birds")
            assert (await own.classify("birds", ROWS)).answers == client.classify("birds", ROWS).answers
            assert (await own.regress("masses", ROWS)).answers == client.regress("masses", ROWS).answers
            assert len(await own.statistics("birds")) == 2
            (both,) = await own.predict_by_each([{"case": "masses"}], ROWS)
            assert both.answers == client.predict("masses", ROWS).answers
            with pytest.raises(NotFound):
                await own.predict("nothing", ROWS)
            rows = [[ROW | {"height": float(number)}] for number in range(100)]
            return await asyncio.gather(*(own.predict("birds", row, version=2) for row in rows))

    replies = asyncio.run(ask_all())
    for number, reply in enumerate(replies):
        expected = client.predict("birds", [ROW | {"height": float(number)}], version=2)
        assert (reply.answers, reply.version) == (expected.answers, 2)


def test_the_file_needs_nothing_else(server, tmp_path):
    (tmp_path / "model_client.py").write_bytes(MODULE.read_bytes())
    program = (
        "import sys; from model_client import Client\n"
        f"print(Client('http://127.0.0.1:{server.port}').predict('birds', [{ROW!r}]).version)\n"
        "print([name for name in sys.modules if 'site-packages' in (getattr(sys.modules[name], '__file__', '') or '')])"
    )
    done = subprocess.run([sys.executable, "-S", "-c", program], cwd=tmp_path, capture_output=True, text=True, env={})
    assert done.stdout.splitlines() == ["1", "[]"], done.stderr
