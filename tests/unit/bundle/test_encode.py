"""Encoding of rows: what a contract accepts and what it refuses, the same offline and in the server."""

import datetime
import json
import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scripts.bundle import encode
from scripts.bundle.encode import encode_column, encode_rows, encode_table
from scripts.column_types import MAX_NUMBER, list_values
from scripts.errors import ContractError

CONTRACT = {
    "columns": {
        "n": {"type": "number", "tensor": "number"},
        "t": {"type": "text", "tensor": "text"},
        "d": {"type": "date", "tensor": "number"},
    }
}
ROW = {"n": 1.5, "t": "word", "d": "1996-09-30"}
HUGE = 10**400


def refused(rows) -> ContractError:
    """Return why *rows* are refused."""
    with pytest.raises(ContractError) as error:
        encode_rows(rows, CONTRACT)
    return error.value


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (1, 1),
        (0, 0),
        (-2.5, -2.5),
        (1e38, 1e38),
        (MAX_NUMBER, MAX_NUMBER),
        (1e-60, 1e-60),
        (2**53 + 2, 2**53 + 2),
        (0.1, 0.1),
    ],
)
def test_numbers(value, number):
    made = encode_rows([ROW | {"n": value}], CONTRACT)["n"]
    assert made.dtype == np.float64 and made.shape == (1, 1) and made[0, 0] == number


@pytest.mark.parametrize(
    ("day", "number"),
    [("1970-01-01", 0), ("1969-12-31", -1), ("1996-09-30", 9769), ("0001-01-01", -719162), ("9999-12-31", 2932896)],
)
def test_dates(day, number):
    assert encode_rows([ROW | {"d": day}], CONTRACT)["d"][0, 0] == number


@pytest.mark.parametrize("text", ["", " ", "ä€日😀", "nan", "x" * 100_000])
def test_texts(text):
    made = encode_rows([ROW | {"t": text}], CONTRACT)["t"]
    assert made.dtype == object and made[0, 0] == text


def test_null_is_missing():
    made = encode_rows([dict.fromkeys(ROW)], CONTRACT)
    assert math.isnan(made["n"][0, 0]) and math.isnan(made["d"][0, 0]) and made["t"][0, 0] == ""


WRONG = {
    "n": [True, False, "1", "", "nan", math.inf, -math.inf, math.nan, 1e39, -1e39, HUGE, [1], {"a": 1}],
    "t": [1, 1.5, True, ["a"], {"a": "b"}],
    "d": [
        "30.09.1996",
        "1996-9-30",
        "1996-02-30",
        "1996-13-01",
        "1996-09-30T00:00:00",
        "",
        "today",
        9769,
        True,
        ["1996-09-30"],
    ],
}
EXPECTED = {
    "n": "a number from -3.4e+38 to 3.4e+38 or null",
    "t": "a string or null",
    "d": "a date like 1996-09-30 or null",
}


@pytest.mark.parametrize(("column", "value"), [(column, value) for column, values in WRONG.items() for value in values])
def test_value_of_another_type_is_refused(column, value):
    error = refused([ROW, ROW | {column: value}, ROW | {column: value}])
    assert (error.code, error.column, error.row) == ("UNEXPECTED_DATA_TYPE", column, 1)
    assert str(error).startswith(f"row 1: {column} must be {EXPECTED[column]}, got ") and len(str(error)) < 150


@pytest.mark.parametrize(("column", "value"), [(column, value) for column, values in WRONG.items() for value in values])
def test_json_brings_no_other_value(column, value):
    if value is HUGE:
        return
    text = json.dumps([ROW | {column: value}])
    assert refused(json.loads(text)).code == "UNEXPECTED_DATA_TYPE"


@pytest.mark.parametrize(
    ("rows", "code", "column", "row"),
    [
        ([{"n": 1, "t": "a"}], "SCHEMA_MISSING_COLUMN", "d", 0),
        ([ROW, {}], "SCHEMA_MISSING_COLUMN", "n", 1),
        ([ROW, ROW | {"x": 1}], "SCHEMA_NEW_COLUMN", "x", 1),
        ([ROW | {"N": 1}], "SCHEMA_NEW_COLUMN", "N", 0),
        ([ROW, [1, "a", None]], "INVALID_REQUEST", None, 1),
        ([ROW, None], "INVALID_REQUEST", None, 1),
        (["row"], "INVALID_REQUEST", None, 0),
        ([], "INVALID_REQUEST", None, None),
        ({}, "INVALID_REQUEST", None, None),
        (ROW, "INVALID_REQUEST", None, None),
        (None, "INVALID_REQUEST", None, None),
        ("rows", "INVALID_REQUEST", None, None),
        (5, "INVALID_REQUEST", None, None),
    ],
)
def test_rows_of_another_shape_are_refused(rows, code, column, row):
    error = refused(rows)
    assert (error.code, error.column, error.row) == (code, column, row)


def test_order_of_keys_does_not_matter():
    other = dict(reversed(ROW.items()))
    one, two = encode_rows([ROW, other], CONTRACT), encode_rows([other, ROW], CONTRACT)
    assert list(one) == ["n", "t", "d"] and all((one[name] == two[name]).all() for name in one)


def test_table_and_request_give_the_same_tensors():
    rows = [ROW, dict.fromkeys(ROW), {"n": -1e30, "t": "", "d": "1969-01-01"}, {"n": 0.1, "t": "ä", "d": None}]
    days = [row["d"] and datetime.date.fromisoformat(row["d"]) for row in rows]
    columns = {
        "n": pa.array([row["n"] for row in rows], pa.float64()),
        "t": pa.array([row["t"] for row in rows]),
        "d": pa.array(days),
    }
    table = pa.table(columns)
    asked = encode_rows(rows, CONTRACT)
    for whole in (table, pa.concat_tables([table[:1], table[1:]])):
        made = encode_table(whole, CONTRACT)
        assert list(made) == list(asked)
        for name in made:
            assert made[name].dtype == asked[name].dtype and made[name].shape == asked[name].shape == (4, 1)
            assert np.array_equal(made[name], asked[name], equal_nan=name != "t")


@pytest.mark.parametrize(("kind", "type_"), [("number", pa.float64()), ("text", pa.string()), ("date", pa.date32())])
def test_column_without_rows_or_values(kind, type_):
    spec = {"type": kind, "tensor": "text" if kind == "text" else "number"}
    assert encode_column(pa.chunked_array([], type_), spec).shape == (0, 1)
    made = encode_column(pa.chunked_array([[None, None]], type_), spec)
    assert made.tolist() == [[""], [""]] if kind == "text" else np.isnan(made).all()


@pytest.mark.parametrize("day", ["19960930", "1996-W40-1", "1996W401"])
def test_date_has_one_form(day):
    assert refused([ROW | {"d": day}]).column == "d"


TIMES = {
    "1970-01-01T00:00:00": 0,
    "1970-01-02T12:00:00": 1.5,
    "1969-12-31T18:00:00": -0.25,
    "1996-09-30T23:59:59.999999": 9770 - 1e-6 / 86_400,
    "1996-09-30T06:00:00.5": 9769.25 + 0.5 / 86_400,
}
STRANGE = {
    "number": [True, "1"],
    "integer": [1.5, 1.0, 1e3, True, "1", 2**63, -(2**63) - 1, [1]],
    "boolean": [0, 1, "true", 1.0, []],
    "date": [1, "1996-09-30T00:00:00"],
    "time": [
        "1996-09-30",
        "1996-09-30 12:00:00",
        "1996-09-30T12:00",
        "1996-09-30T12:00:00Z",
        "1996-09-30T12:00:00+01:00",
        "1996-09-30T12:00:00.",
        "1996-09-30T12:00:00.1234567",
        "1996-09-30T12:00:00,5",
        "19960930T120000.0000",
        "1996-02-30T12:00:00",
        "1996-09-30T24:00:00",
        0,
        True,
    ],
}


@pytest.mark.parametrize(("moment", "days"), TIMES.items())
def test_times(moment, days):
    spec = {"columns": {"m": {"type": "time", "tensor": "number"}}}
    made = encode_rows([{"m": moment}], spec)["m"]
    assert made.dtype == np.float64 and made[0, 0] == days


@pytest.mark.parametrize(("type_", "value"), [(type_, value) for type_, values in STRANGE.items() for value in values])
def test_types_are_strict(type_, value):
    for tensor in ("number", "text") if type_ in ("integer", "boolean") else ("number",):
        with pytest.raises(ContractError) as error:
            encode_rows([{"x": None}, {"x": value}], {"columns": {"x": {"type": type_, "tensor": tensor}}})
        assert (error.value.code, error.value.column, error.value.row) == ("UNEXPECTED_DATA_TYPE", "x", 1)


@pytest.mark.parametrize(
    ("type_", "tensor", "values", "made"),
    [
        ("integer", "text", [7, -1, 2**62, None], ["7", "-1", str(2**62), ""]),
        ("boolean", "text", [True, False, None], ["true", "false", ""]),
        ("integer", "number", [7, 2**53 + 1, None], [7, 2**53, np.nan]),
        ("boolean", "number", [True, False, None], [1, 0, np.nan]),
        ("text", "text", ["a", None], ["a", ""]),
    ],
)
def test_contract_decides_what_a_column_becomes(type_, tensor, values, made):
    cells = encode_rows([{"x": value} for value in values], {"columns": {"x": {"type": type_, "tensor": tensor}}})["x"]
    assert cells.dtype == (object if tensor == "text" else np.float64)
    if cells.dtype == object:
        assert cells.ravel().tolist() == made
    else:
        assert np.array_equal(cells.ravel(), np.array(made, np.float64), equal_nan=True)


ARROW = {
    "number": (pa.float64(), st.floats(-MAX_NUMBER, MAX_NUMBER, width=64)),
    "integer": (pa.int64(), st.integers(-(2**63), 2**63 - 1)),
    "boolean": (pa.bool_(), st.booleans()),
    "text": (pa.string(), st.text(st.characters(exclude_categories=["Cs"]))),
    "date": (pa.date32(), st.dates()),
    "time": (pa.timestamp("us"), st.datetimes()),
}
KINDS = [
    *(("number", type_) for type_ in ("number", "integer", "boolean")),
    *(("text", type_) for type_ in ("text", "integer", "boolean")),
    *(("number", "date"), ("number", "time")),
]


@pytest.mark.slow
@pytest.mark.parametrize(("tensor", "type_"), KINDS)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_table_and_request_agree_for_every_type_and_tensor(tensor, type_, data):
    arrow, values = ARROW[type_]
    raw = data.draw(st.lists(st.none() | values, min_size=1, max_size=12))
    cut = data.draw(st.integers(0, len(raw)))
    contract = {"columns": {"x": {"type": type_, "tensor": tensor}}}
    column = pa.chunked_array([pa.array(raw[:cut], arrow), pa.array(raw[cut:], arrow)], arrow)
    offline = encode_table(pa.table({"x": column}), contract)["x"]
    asked = [value.isoformat() if hasattr(value, "isoformat") else value for value in raw]
    online = encode_rows(json.loads(json.dumps([{"x": value} for value in asked])), contract)["x"]
    assert offline.dtype == online.dtype and offline.shape == online.shape == (len(raw), 1)
    assert np.array_equal(offline, online, equal_nan=offline.dtype != object)


JSON_VALUES = {
    "number": st.floats(-MAX_NUMBER, MAX_NUMBER) | st.sampled_from([1, 2**53 + 1, 1e39, HUGE, True, "1"]),
    "integer": st.integers(-(2**53) - 1, 2**53 + 1) | st.sampled_from([2**63, -(2**63), HUGE, 1.0, True, "1"]),
    "boolean": st.booleans() | st.sampled_from([0, 1.0, "true"]),
    "text": st.text(max_size=3) | st.sampled_from([0, 1.5, [], {}]),
    "date": st.dates().map(str) | st.sampled_from(["1996-9-30", "", 5, ["1996-09-30"]]),
    "time": st.datetimes().map(lambda moment: moment.isoformat()) | st.sampled_from(["1996-09-30", 5, {}]),
}


@pytest.mark.parametrize(("tensor", "type_"), KINDS)
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_many_values_are_encoded_and_refused_as_one_by_one(tensor, type_, data):
    usual = data.draw(st.lists(st.none() | JSON_VALUES[type_], min_size=1, max_size=4))
    contract, found = {"columns": {"x": {"type": type_, "tensor": tensor}}}, []
    for many in (1, 1000):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(encode, "MANY", many)
            try:
                cells = encode_rows([{"x": value} for value in usual], contract)["x"]
                found.append((cells.dtype, cells.shape, [repr(value) for value in cells.ravel().tolist()]))
            except ContractError as error:
                found.append((str(error), error.column, error.row))
    assert found[0] == found[1]


def test_equal_texts_of_a_column_are_one_object():
    made = encode_column(pa.chunked_array([["a", "b", "a", None, "a"]]), {"type": "text", "tensor": "text"}).ravel()
    assert made[0] is made[2] is made[4]


def test_list_in_a_message_ends_with_a_whole_value():
    names = [f"category {number}" for number in range(40)]
    assert list_values(names[:3]) == "'category 0', 'category 1', 'category 2'"
    said = list_values(names)
    assert len(said) <= 140 and said.endswith("'category 7' and 32 more")
    assert list_values(["x" * 500, "y"]) == f"{'x' * 500!r} and 1 more" and list_values([]) == ""


@pytest.mark.parametrize("value", [2**53 + 1, -(2**53) - 1, 12345678901234567890])
def test_number_that_a_double_does_not_hold_is_refused(value):
    contract = {"columns": {"x": {"type": "number", "tensor": "number"}}}
    with pytest.raises(ContractError, match="x must be a number that a double holds; a column of identifiers"):
        encode_rows([{"x": value}], contract)
    assert encode_rows([{"x": 2**53}, {"x": 2**60}, {"x": 123456789012345680000}], contract)["x"][0, 0] == 2.0**53
