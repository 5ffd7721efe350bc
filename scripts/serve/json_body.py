"""Parse JSON bodies of requests as ingestion parses lines of JSON: no field twice, no number that is rounded."""

import json
import re
from typing import Any

import orjson

from scripts.column_types import IDENTIFIER_ADVICE, is_exact_number
from scripts.serve.http_request import HTTPError

LONG_NUMBER = re.compile(rb"(?<![0-9.])[0-9]{16}")
SPACED_COLON = re.compile(rb'"\s+:')


def parse_body(body: bytes | memoryview) -> Any:
    """Return the value of a JSON body. Raises orjson.JSONDecodeError if it is none.

    Raises HTTPError if an object has a field twice, a double does not hold a number, or the value is nested too deeply.
    """
    value, body = orjson.loads(body), bytes(body)
    try:
        # what only looks like it, inside a text, costs a second look
        if body.count(b'":') != count_fields(value) or SPACED_COLON.search(body) or LONG_NUMBER.search(body):
            json.loads(body, object_pairs_hook=check_fields, parse_int=check_number, parse_float=check_number)
    except RecursionError:
        raise HTTPError(422, "INVALID_REQUEST", "the body is nested too deeply") from None
    return value


def count_fields(value: Any) -> int:
    """Return how many fields all objects in a JSON value have together."""
    if type(value) is dict:
        return len(value) + sum(count_fields(item) for item in value.values() if type(item) in (dict, list))
    return sum(count_fields(item) for item in value if type(item) in (dict, list)) if type(value) is list else 0


def check_fields(pairs: list[tuple[str, Any]]) -> None:
    """Raise HTTPError if two fields of an object have the same name."""
    names = [name for name, _ in pairs]
    if len(set(names)) < len(names):
        name = next(name for name in names if names.count(name) > 1)
        raise HTTPError(422, "INVALID_REQUEST", f"an object has the field {name[:80]!r} twice; send it once")


def check_number(text: str) -> None:
    """Raise HTTPError if *text* is a number beyond 64 bits, or with a fraction, that a double does not hold."""
    is_integer = text.lstrip("-").isdecimal() and -(2**63) <= int(text[:21]) < 2**64
    if not is_integer and not is_exact_number(text):
        raise HTTPError(422, "UNEXPECTED_DATA_TYPE", f"{text[:60]} is not a number{IDENTIFIER_ADVICE}")
