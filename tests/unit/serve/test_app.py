"""Reading a request: slow and leaving clients, sizes, ids."""

import asyncio

import pytest

from scripts.serve import http_request as module
from scripts.serve.app import parse_rows
from scripts.serve.http_request import ClientDisconnected, HTTPError, read_body, read_request_id


def body_of(*events, wait=False):
    """Return what read_body makes of *events*; with *wait* nothing follows them."""
    waiting = list(events)

    async def receive():
        if waiting:
            return waiting.pop(0)
        return await asyncio.sleep(60 if wait else 0)

    return asyncio.run(read_body(receive))


def part(content, more=True):
    return {"type": "http.request", "body": content, "more_body": more}


def test_parts_are_joined():
    assert body_of(part(b"[1,"), part(b"2]", more=False)) == b"[1,2]"


def test_a_slow_body_is_refused_and_its_connection_closed(monkeypatch):
    monkeypatch.setattr(module, "BODY_SECONDS", 0.05)
    with pytest.raises(HTTPError) as refused:
        body_of(part(b"["), wait=True)
    assert refused.value.status == 408 and refused.value.headers == {"connection": "close"}


def test_a_client_that_left_gets_nothing():
    with pytest.raises(ClientDisconnected):
        body_of(part(b"["), {"type": "http.disconnect"})


def test_a_body_without_a_stated_length_is_limited_too(monkeypatch):
    monkeypatch.setattr(module, "MAX_BODY", 10)
    assert body_of(part(b"x" * 10, more=False)) == b"x" * 10
    with pytest.raises(HTTPError, match="12 bytes, at most 10") as refused:
        body_of(part(b"x" * 6), part(b"x" * 6, more=False))
    assert refused.value.status == 413


def test_rows_come_as_a_list_or_under_their_name():
    assert parse_rows(b"[{}]") == parse_rows(b'{"rows": [{}]}') == [{}]
    assert len(parse_rows(b"[" + b"1," * 9_999 + b"1]")) == 10_000


def test_an_id_that_is_not_well_formed_is_replaced():
    assert read_request_id([(b"x-request-id", b"A_1-z")]) == "A_1-z"
    assert read_request_id([(b"x-request-id", b"\xff")]) != read_request_id([])
