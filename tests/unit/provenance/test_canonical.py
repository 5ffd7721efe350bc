"""Canonical JSON and digests: the same content gives the same text and digest; files are written atomically."""

import datetime
import hashlib
import json
import math
from pathlib import Path

import numpy as np
import pytest

from scripts.provenance.canonical import (
    canonical,
    file_digest,
    json_digest,
    read_json,
    round_floats,
    to_json_types,
    write_bytes,
    write_json,
)


def test_order_of_keys_does_not_matter_and_order_of_items_does():
    assert canonical({"b": 1, "a": {"d": 2, "c": 3}}) == '{"a":{"c":3,"d":2},"b":1}'
    assert json_digest({"b": 1, "a": 2}) == json_digest({"a": 2, "b": 1})
    assert json_digest([1, 2]) != json_digest([2, 1])
    assert json_digest({"a": 1}) == hashlib.sha256(b'{"a":1}').hexdigest()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        (1, "1"),
        (1.0, "1.0"),
        ("ä€", '"ä€"'),
        ((1, (2,)), "[1,[2]]"),
        ({1: 2}, '{"1":2}'),
        (datetime.date(1996, 9, 30), '"1996-09-30"'),
        (datetime.datetime(1996, 9, 30, 1, 2, 3), '"1996-09-30T01:02:03"'),
        (Path("data/birds"), '"data/birds"'),
        ({"a": [Path("x"), datetime.date(1970, 1, 1)]}, '{"a":["x","1970-01-01"]}'),
    ],
)
def test_text_of_a_value(value, text):
    assert canonical(value) == text


@pytest.mark.parametrize("value", [{1, 2}, b"bytes", object(), lambda: 0, np.int64(1), [np.zeros(1)], {"a": {1j}}])
def test_what_has_no_canonical_form_is_refused(value):
    with pytest.raises(TypeError, match="has no canonical form"):
        to_json_types(value)


def test_types_that_python_takes_for_equal_have_their_own_digests():
    assert len({json_digest(value) for value in (1, 1.0, True, "1", [1], None, "", {})}) == 8


def test_floats_are_rounded_to_12_digits_and_nothing_else_is():
    assert round_floats(0.1 + 0.2) == 0.3
    assert round_floats(1 / 3) == 0.333333333333
    assert round_floats(123456789012345.0) == 123456789012000.0
    assert round_floats(123456789012345) == 123456789012345
    assert round_floats([{"a": (math.nan, math.inf, -math.inf)}]) == [{"a": [None, None, None]}]
    assert round_floats(sum([0.1] * 10)) == round_floats(math.fsum([0.1] * 10)) == 1.0
    assert round_floats(np.float64(0.1) + 0.2) == 0.3 and round_floats("0.30000000000000004") == "0.30000000000000004"


@pytest.mark.parametrize("key", ["examples", "strange", "threshold"])
def test_values_of_rows_and_thresholds_keep_all_digits(key):
    value = [{"id": 9007199254740992.0, "parts": (1 / 3, math.nan)}, 123456789012345.6]
    kept = [{"id": 9007199254740992.0, "parts": [1 / 3, None]}, 123456789012345.6]
    assert round_floats({"a": {key: value, "b": 1 / 3}}) == {"a": {key: kept, "b": 0.333333333333}}


def test_rounding_twice_is_rounding_once():
    for value in (1 / 3, 1e-300 / 3, 1e300 / 7, -2 / 3, 5e-324, 0.0):
        assert round_floats(round_floats(value)) == round_floats(value) == pytest.approx(value, rel=1e-11)


def test_json_file_is_canonical_and_comes_back(tmp_path):
    path = tmp_path / "value.json"
    write_json(path, {"b": 0.1 + 0.2, "a": ["ä", math.nan, None], "day": datetime.date(2000, 1, 2)})
    assert read_json(path) == {"a": ["ä", None, None], "b": 0.3, "day": "2000-01-02"}
    assert (
        path.read_bytes() == '{\n "a": [\n  "ä",\n  null,\n  null\n ],\n "b": 0.3,\n "day": "2000-01-02"\n}\n'.encode()
    )
    before = path.read_bytes()
    write_json(path, dict(reversed(read_json(path).items())))
    assert path.read_bytes() == before


def test_file_digest_is_that_of_the_bytes(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"x" * 1_000_000)
    assert file_digest(path) == hashlib.sha256(b"x" * 1_000_000).hexdigest()
    assert file_digest(str(path), "md5") == hashlib.md5(b"x" * 1_000_000).hexdigest()


def test_failed_write_leaves_the_old_content_and_nothing_else(tmp_path):
    path = tmp_path / "value.json"
    write_json(path, 1)
    with pytest.raises(TypeError):
        write_bytes(path, "text, not bytes")
    with pytest.raises(TypeError):
        write_json(path, {"a": object()})
    assert json.loads(path.read_text()) == 1
    assert [found.name for found in tmp_path.iterdir()] == ["value.json"]
