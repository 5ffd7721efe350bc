"""Parse JSON bodies of requests as ingestion parses lines of JSON: no field twice, no number that is rounded."""

import json
from typing import Any

import orjson

from scripts.column_types import IDENTIFIER_ADVICE, is_exact_number
from scripts.serve.http_request import HTTPError

ONE_DIGIT, SPACE = bytes.maketrans(b"123456789", b"0" * 9), b" \t\r\n"
LONG_NUMBERS = [start + b"0" * 16 for start in (b":", b",", b"[", b"-")]


def parse_body(body: bytes | memoryview) -> Any:
    """Return the value of a JSON body. Raises orjson.JSONDecodeError if it is none.

    Raises HTTPError if an object has a field twice, a double does not hold a number, or the value is nested too deeply.
    """
    value, body = orjson.loads(body), bytes(body)
    try:
        if may_lose(body, orjson.dumps(value)):
            exact = json.loads(body, object_pairs_hook=check_fields, parse_int=read_number, parse_float=read_number)
            check_exact(exact, "")
    except (RecursionError, orjson.JSONEncodeError):
        raise HTTPError(422, "INVALID_REQUEST", "the body is nested too deeply") from None
    return value


def may_lose(body: bytes, kept: bytes) -> bool:
    """Return whether *body* may hold fields or digits that *kept*, the JSON of its value, lacks.

    A few passes over the bytes, since most bodies lose nothing. All that ends a name of a field is counted; inside of
    texts the same is in both, unless the body has it as ``\\u0022`` or the like.
    """
    if b"\\u00" in body:
        return True
    body, kept = body.translate(ONE_DIGIT, SPACE), kept.translate(None, SPACE)
    return body.count(b'":') != kept.count(b'":') or any(number in body for number in LONG_NUMBERS)


class Inexact(str):
    """The text of a number that no double holds."""


def check_fields(pairs: list[tuple[str, Any]]) -> None:
    """Raise HTTPError if two fields of an object have the same name, or one has a number that no double holds."""
    names = [name for name, _ in pairs]
    if len(set(names)) < len(names):
        name = next(name for name in names if names.count(name) > 1)
        raise HTTPError(422, "INVALID_REQUEST", f"an object has the field {name[:80]!r} twice; send it once")
    for name, value in pairs:
        check_exact(value, f"the field {name[:80]!r}: ")


def check_exact(value: Any, place: str) -> None:
    """Raise HTTPError, which names the *place*, if *value* is a number that no double holds, or a list that has one."""
    if isinstance(value, Inexact):
        raise HTTPError(422, "UNEXPECTED_DATA_TYPE", f"{place}{value[:60]} is not a number{IDENTIFIER_ADVICE}")
    for item in value if isinstance(value, list) else ():
        check_exact(item, place)


def read_number(text: str) -> Inexact | None:
    """Return *text* if it is a number beyond 64 bits, or with a fraction, that a double does not hold, else None."""
    is_integer = text.lstrip("-").isdecimal() and -(2**63) <= int(text[:21]) < 2**64
    return None if is_integer or is_exact_number(text) else Inexact(text)
