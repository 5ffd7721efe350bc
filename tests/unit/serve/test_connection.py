"""Clients at their limits: what they may send and who they may be, and that none of them stops the others."""

import contextlib
import json
import re
import socket
import time

import pytest

from tests.unit.serve.tiny import ROW, bundle, put, running

BODY = json.dumps([ROW]).encode()
HEAD = b"POST /predict/birds HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
LENGTH = b"content-length: %d\r\n\r\n" % len(BODY)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server of one bundle."""
    root = tmp_path_factory.mktemp("connected") / "serving"
    put(root, "birds", 1, bundle(0.0))
    with running(root) as process:
        yield process


def receive(link: socket.socket) -> tuple[int, dict]:
    """Return status and body of an answer, read until its end or until the server closes."""
    reply = b""
    while part := link.recv(65536):
        reply += part
        head, _, body = reply.partition(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head)
        if length and len(body) >= int(length[1]):
            return int(reply.split()[1]), json.loads(body)
    raise AssertionError(f"no answer, only {reply!r}")


def ask(server, content: bytes, *more: bytes) -> tuple[int, dict]:
    """Send *content*, then each of *more* a little later; return the answer."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as link:
        for part in (content, *more):
            link.sendall(part)
            time.sleep(0.05 * bool(more))
        return receive(link)


@pytest.mark.slow
@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:8080", "LOCALHOST:1", "[::1]:8080"])
def test_this_machine_is_answered(server, host):
    assert server.ask("POST", "/predict/birds", [ROW], Host=host)[0] == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost:x", "", "192.168.1.2", "localhos"]
)
@pytest.mark.parametrize(("method", "path"), [("POST", "/predict/birds"), ("GET", "/models"), ("GET", "/nothing")])
def test_requests_to_another_host_are_refused(server, host, method, path):
    status, reply = server.ask(method, path, [ROW] if method == "POST" else None, Host=host)
    assert (status, reply["error"]["code"]) == (421, "WRONG_HOST")


@pytest.mark.parametrize("hosts", [b"", b"host: localhost\r\nhost: evil.example\r\n"])
def test_a_request_names_one_host(server, hosts):
    assert ask(server, b"GET /health HTTP/1.1\r\n" + hosts + b"\r\n")[0] in (400, 421)


def test_web_pages_of_other_hosts_are_refused(server):
    for origin in ("http://evil.example", "null", "https://127.0.0.1.evil.example", "http://localhost@evil.example"):
        status, reply = server.ask("POST", "/predict/birds", [ROW], Origin=origin)
        assert (status, reply["error"]["code"]) == (403, "WRONG_ORIGIN")
    assert server.ask("POST", "/predict/birds", [ROW], Origin="http://localhost:3000")[0] == 200
    preflight = {"Origin": "http://evil.example", "Access_Control_Request_Method": "POST"}
    assert server.ask("OPTIONS", "/predict/birds", **preflight)[0] == 403


@pytest.mark.parametrize("sent", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "", "json"])
def test_what_a_form_of_a_web_page_can_send_is_refused(server, sent):
    status, reply = server.ask("POST", "/predict/birds", [ROW], Content_Type=sent)
    assert (status, reply["error"]["code"]) == (415, "WRONG_CONTENT_TYPE") and "application/json" in str(reply)


@pytest.mark.parametrize("sent", ["application/json; charset=utf-8", "Application/JSON", "application/json;x"])
def test_json_may_have_parameters(server, sent):
    assert server.ask("POST", "/predict/birds", [ROW], Content_Type=sent)[0] == 200


UPGRADE = b"connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAEAAEAAAAIAAAABAAMAAABk\r\n"


@pytest.mark.slow
@pytest.mark.parametrize("cuts", [[], [30], [150], [-60], [-3], [20, 40, 200, -40]])
def test_a_client_that_offers_http2_gets_its_answer_in_http1(server, cuts):
    content = HEAD + UPGRADE + LENGTH + BODY
    parts = [content[a:b] for a, b in zip([0, *cuts], [*cuts, None], strict=True)]
    status, reply = ask(server, *parts)
    assert status == 200 and len(reply["predictions"]) == 1


def test_chunks_and_later_requests_follow_an_upgrade(server):
    chunked = HEAD + UPGRADE + b"transfer-encoding: chunked\r\n\r\n"
    chunked += b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (BODY[:7], BODY[7:])) + b"0\r\n\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as link:
        for content in (chunked, HEAD + LENGTH + BODY, HEAD + UPGRADE + LENGTH + BODY):
            link.sendall(content)
            assert receive(link)[0] == 200


def test_the_server_is_no_proxy_and_no_websocket(server):
    assert ask(server, b"CONNECT evil.example:443 HTTP/1.1\r\nhost: evil.example:443\r\n\r\n")[0] == 405
    websocket = b"GET /models HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n"
    assert ask(server, websocket)[0] == 200


def test_a_client_that_closed_its_sending_side_gets_its_answer(server):
    for content in (HEAD + LENGTH + BODY, HEAD + UPGRADE + LENGTH + BODY):
        with socket.create_connection(("127.0.0.1", server.port), timeout=20) as link:
            link.sendall(content)
            link.shutdown(socket.SHUT_WR)
            assert receive(link)[0] == 200
            assert link.recv(1) == b""


def test_a_head_without_end_is_refused(server):
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as link:
        with contextlib.suppress(ConnectionError):
            link.sendall(b"GET /health HTTP/1.1\r\nhost: localhost\r\nx: ")
            for _ in range(100):
                link.sendall(b"x" * 10_000)
        with contextlib.suppress(ConnectionError):
            assert receive(link)[0] == 431
    assert server.ask("GET", "/health")[0] == 200


def test_a_head_in_many_parts_is_read(server):
    content = HEAD + b"x-padding: " + b"x" * 50_000 + b"\r\n" + LENGTH + BODY
    assert ask(server, *(content[at : at + 10_000] for at in range(0, len(content), 10_000)))[0] == 200


@pytest.mark.slow
def test_a_head_that_does_not_come_is_not_waited_for(server):
    with (
        socket.create_connection(("127.0.0.1", server.port), timeout=30) as silent,
        socket.create_connection(("127.0.0.1", server.port), timeout=30) as slow,
    ):
        slow.sendall(b"GET /health HTTP/1.1\r\nhost: ")
        assert receive(slow)[0] == 408
        assert silent.recv(1) == b""


@pytest.mark.slow
def test_many_open_connections_keep_nobody_out(server):
    with contextlib.ExitStack() as links:
        opened = []
        for _ in range(900):
            opened.append(links.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=20)))
            opened[-1].sendall(b"POST /predict/birds HTTP/1.1\r\n")
        assert server.ask("POST", "/predict/birds", [ROW])[0] == 200
        with contextlib.suppress(ConnectionError):
            assert opened[0].recv(1) == b""
