"""Bodies of requests are parsed like lines of JSON in a raw file: no field twice, no number that is rounded."""

import json

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.serve.http_request import HTTPError
from scripts.serve.json_body import parse_body

pytestmark = pytest.mark.feature("S2")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'[{"const":5,"const":6}]', "an object has the field 'const' twice"),
        (b'{"rows": [{"a":1,"a" :2}]}', "an object has the field 'a' twice"),
        (b'[{"a":1,"\\u0061":2}]', "an object has the field 'a' twice"),
        (b'[{"a":1,"a":2,"b":"\\u0022:"}]', "an object has the field 'a' twice"),
        (b'[{"a":{"b":1, "b":1}}]', "an object has the field 'b' twice"),
        (b'[{"a":123456789012345678901}]', "the field 'a': 123456789012345678901 is not a number that a double holds"),
        (
            b'[{"a":-123456789012345678901}]',
            "the field 'a': -123456789012345678901 is not a number that a double holds",
        ),
        (b'[{"a":9007199254740993.0}]', "the field 'a': 9007199254740993.0 is not a number that a double holds"),
        (b'{"a":[{"b":[1,[9007199254740993.0]]}]}', "the field 'b': 9007199254740993.0 is not a number"),
        (b"[9007199254740993.0]", "9007199254740993.0 is not a number that a double holds"),
        (b"[" * 1000 + b'{"a" :1}' + b"]" * 1000, "the body is nested too deeply"),
    ],
)
def test_what_a_raw_file_may_not_hold_is_refused(body, message):
    with pytest.raises(HTTPError, match=r"twice|double holds|too deeply") as raised:
        parse_body(body)
    assert raised.value.status == 422 and str(raised.value).startswith(message)


@pytest.mark.parametrize(
    "body",
    [
        b'[{"a":":","b":"\\":", "c" : "12:30:00"}, {"a":":"}]',
        b'[{"a":18446744073709551615,"b":-9223372036854775808,"c":1e300,"d":0.12345678901234567890}]',
        b'[{"a":"12345678901234567890123"}]',
        b"[123456789012345680000, [], 5]",
    ],
)
def test_all_else_is_what_orjson_gives(body):
    assert parse_body(body) == orjson.loads(body)


TEXTS = st.text('":\\ \t,a0\u00e9', max_size=3)


@given(
    st.lists(st.tuples(TEXTS, TEXTS | st.integers(0, 9)), max_size=4),
    st.booleans(),
    st.sampled_from([":", " : ", "\t:"]),
)
def test_any_field_that_comes_twice_is_found(pairs, escaped, colon):
    written = [[json.dumps(part, ensure_ascii=escaped) for part in pair] for pair in pairs]
    body = ("{" + ",".join(colon.join(pair) for pair in written) + "}").encode()
    if len(dict(pairs)) == len(pairs):
        assert parse_body(body) == dict(pairs)
    else:
        with pytest.raises(HTTPError, match="twice"):
            parse_body(body)
