"""Rows to tensors: what a contract takes and what it refuses, the same offline and at the server."""

import datetime
import json
import math

import numpy as np
import pyarrow as pa
import pytest

from scripts.bundle.encode import LARGEST, ContractError, from_column, from_rows, from_table

CONTRACT = {"columns": {"n": {"type": "number"}, "t": {"type": "text"}, "d": {"type": "date"}}}
ROW = {"n": 1.5, "t": "word", "d": "1996-09-30"}
HUGE = 10**400


def refused(rows) -> ContractError:
    """Return why *rows* are refused."""
    with pytest.raises(ContractError) as error:
        from_rows(rows, CONTRACT)
    return error.value


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (1, 1),
        (0, 0),
        (-2.5, -2.5),
        (1e38, np.float32(1e38)),
        (LARGEST, LARGEST),
        (1e-60, 0),
        (2**24 + 1, 2**24),
        (0.1, np.float32(0.1)),
    ],
)
def test_numbers(value, number):
    made = from_rows([ROW | {"n": value}], CONTRACT)["n"]
    assert made.dtype == np.float32 and made.shape == (1, 1) and made[0, 0] == number


@pytest.mark.parametrize(
    ("day", "number"),
    [("1970-01-01", 0), ("1969-12-31", -1), ("1996-09-30", 9769), ("0001-01-01", -719162), ("9999-12-31", 2932896)],
)
def test_dates(day, number):
    assert from_rows([ROW | {"d": day}], CONTRACT)["d"][0, 0] == number


@pytest.mark.parametrize("text", ["", " ", "ä€日😀", "nan", "x" * 100_000])
def test_texts(text):
    made = from_rows([ROW | {"t": text}], CONTRACT)["t"]
    assert made.dtype == object and made[0, 0] == text


def test_null_is_missing():
    made = from_rows([dict.fromkeys(ROW)], CONTRACT)
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
EXPECTED = {"n": "a finite number or null", "t": "a string or null", "d": "a date like 1996-09-30 or null"}


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
    one, two = from_rows([ROW, other], CONTRACT), from_rows([other, ROW], CONTRACT)
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
    asked = from_rows(rows, CONTRACT)
    for given in (table, pa.concat_tables([table[:1], table[1:]])):
        made = from_table(given, CONTRACT)
        assert list(made) == list(asked)
        for name in made:
            assert made[name].dtype == asked[name].dtype and made[name].shape == asked[name].shape == (4, 1)
            assert np.array_equal(made[name], asked[name], equal_nan=name != "t")


@pytest.mark.parametrize(("kind", "type_"), [("number", pa.float64()), ("text", pa.string()), ("date", pa.date32())])
def test_column_without_rows_or_values(kind, type_):
    assert from_column(pa.chunked_array([], type_), {"type": kind}).shape == (0, 1)
    made = from_column(pa.chunked_array([[None, None]], type_), {"type": kind})
    assert made.tolist() == [[""], [""]] if kind == "text" else np.isnan(made).all()


@pytest.mark.parametrize("day", ["19960930", "1996-W40-1", "1996W401"])
def test_date_has_one_form(day):
    assert refused([ROW | {"d": day}]).column == "d"
