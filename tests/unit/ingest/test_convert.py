"""Text to typed columns: which values are converted, which records are quarantined, and with which row number."""

import datetime
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pytest

from scripts.ingest.convert import arrow_schema, arrow_type, convert
from scripts.ingest.convert import build_block as read_block

DAY = "date:%Y-%m-%d"


def read(kind: str, *texts) -> tuple[list, list[bool]]:
    """Return the values of *texts* as *kind* and which of them cannot be read."""
    values, bad, _ = convert(pa.array(texts, pa.string()), kind)
    assert values.type == arrow_type(kind) and len(values) == len(bad) == len(texts)
    return values.to_pylist(), bad.to_pylist()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1.0),
        ("-1.5", -1.5),
        ("+3", 3.0),
        (".5", 0.5),
        ("5.", 5.0),
        ("1e3", 1000.0),
        ("1E-2", 0.01),
        (" 7 ", 7.0),
        ("\t7", 7.0),
        ("007", 7.0),
        ("-0", 0.0),
        ("0.1", 0.1),
        ("9007199254740992", 2.0**53),
        ("9007199254740994.0", 2.0**53 + 2),
        ("123456789012345680000", 123456789012345680000.0),  # as a double is printed
        ("1.23456789012345678e20", 1.2345678901234568e20),
        ("0.1234567890123456789", 0.1234567890123456789),
    ],
)
def test_numbers(text, value):
    assert read("number", text) == ([value], [False])


WRONG = [
    "x",
    "nan",
    "inf",
    "-Infinity",
    "1,5",
    "1 000",
    "1_000",
    "0x10",
    "1e",
    "e5",
    ".",
    "-",
    "--1",
    "1.2.3",
    "٣",
    "½",
    "NULL",
]


@pytest.mark.parametrize("text", [*WRONG, "", " "])
def test_what_is_no_number(text):
    assert read("number", text) == ([None], [True])


@pytest.mark.parametrize(
    "text",
    ["9007199254740993", "-9007199254740993", " 9007199254740993.0 ", "12345678901234567890", "9007199254740992.5"],
)
def test_number_that_a_double_does_not_hold(text):
    assert read("number", "1", text) == ([1.0, None], [False, True])
    assert read("integer", "9007199254740993") == ([9007199254740993], [False])


@pytest.mark.parametrize(
    ("kind", "text", "zone", "value"),
    [
        ("time:%Y-%m-%d %H:%M:%S.%f", "2001-03-01 10:00:00.25", "UTC", datetime.datetime(2001, 3, 1, 10, 0, 0, 250000)),
        ("time:%d.%m.%Y %H:%M %z", "01.03.2001 23:30 -0500", "UTC", datetime.datetime(2001, 3, 2, 4, 30)),
        ("time:%d.%m.%Y %T %z", "01.03.2001 23:30:00 -0500", "Asia/Tokyo", datetime.datetime(2001, 3, 2, 13, 30)),
        ("date:%Y-%m-%dT%H:%M%z", "2001-03-01T23:30-05:00", "UTC", datetime.date(2001, 3, 2)),
        ("date:%Y-%m-%dT%H:%M%z", "2001-03-01T23:30-05:00", "America/New_York", datetime.date(2001, 3, 1)),
        ("time", "2001-07-01T12:00:00Z", "Europe/Berlin", datetime.datetime(2001, 7, 1, 14)),
        ("time", "2001-07-01T12:00:00", "Europe/Berlin", datetime.datetime(2001, 7, 1, 12)),
    ],
)
def test_times_with_fractions_and_zones(kind, text, zone, value):
    values, bad, _ = convert(pa.array([text, "x"]), kind, ZoneInfo(zone))
    assert values.type == arrow_type(kind) and values.to_pylist() == [value, None] and bad.to_pylist() == [False, True]


def test_missing_is_neither_wrong_nor_a_value():
    for kind in ("number", "text", DAY):
        assert read(kind, None, None) == ([None, None], [False, False])


def test_text_is_kept_as_it_is():
    texts = ["", " ", "ä\n€", "nan", "日本", "x" * 10_000]
    assert read("text", *texts) == (texts, [False] * 6)


def test_dates():
    values, bad = read(DAY, "2020-02-29", "1969-12-31", "0001-01-01", "9999-12-31", None)
    assert values == [datetime.date(*day) for day in [(2020, 2, 29), (1969, 12, 31), (1, 1, 1), (9999, 12, 31)]] + [
        None
    ]
    assert not any(bad)
    assert read("date:%m/%d/%Y %H:%M:%S", "9/30/1996 0:00:00", "12/31/1990 23:59:59")[0] == [
        datetime.date(1996, 9, 30),
        datetime.date(1990, 12, 31),
    ]


@pytest.mark.parametrize(
    "text", ["x", "", "2020", "2020-13-01", "2020-01-32", "2020-00-01", "30.09.1996", "2020-01-01 1"]
)
def test_what_is_no_date(text):
    assert read(DAY, text) == ([None], [True])


@pytest.mark.parametrize("text", ["2021-02-29", "2020-02-30", "2020-02-31", "2020-04-31"])
def test_day_that_the_month_does_not_have_is_no_date(text):
    assert read(DAY, text) == ([None], [True])


@pytest.mark.parametrize("text", ["1e400", "-1e400", "1e39"])
def test_number_that_a_bundle_cannot_take_is_set_aside(text):
    assert read("number", text) == ([None], [True])


def test_schema_keeps_the_order_of_the_columns():
    schema = arrow_schema({"b": "number", "a": "text", "c": DAY})
    assert schema.names == ["b", "a", "c"] and schema.types == [pa.float64(), pa.string(), pa.date32()]


def test_only_rows_with_a_wrong_value_leave_and_the_first_column_is_the_reason():
    raw = {"n": ["1", "x", None, "y", "2"], "d": ["2020-01-01", None, "no", "no", None], "t": ["a", "b", "c", "d", "e"]}
    arrays = {name: pa.array(values, pa.string()) for name, values in raw.items()}
    numbers = np.array([0, 1, 2, 4, 5])  # the parser passed record 3 over
    block = read_block(arrays, {"n": "number", "d": DAY, "t": "text"}, numbers, 6, {3: ("", "2 fields, expected 3")})
    assert block.rows.to_pylist() == [
        {"n": 1.0, "d": datetime.date(2020, 1, 1), "t": "a"},
        {"n": 2.0, "d": None, "t": "e"},
    ]
    assert block.row_numbers.tolist() == [0, 5] and block.records == 6
    assert block.errors == [
        (1, "n", "'x' is not a number"),
        (2, "d", "'no' is not a date like %Y-%m-%d"),
        (3, "", "2 fields, expected 3"),
        (4, "n", "'y' is not a number"),
    ]


def test_block_without_rows():
    columns = {"a": "number", "b": "text", "c": "time", "d": DAY, "e": "integer", "f": "boolean"}
    arrays = {name: pa.array([], pa.string()) for name in columns}
    assert read_block(arrays, columns, None, 0, {}).rows.schema == arrow_schema(columns)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("7", 7),
        ("-7", -7),
        ("+7", 7),
        (" 7 ", 7),
        ("007", 7),
        ("-0", 0),
        ("3.0", 3),
        ("3.", 3),
        ("9223372036854775807", 2**63 - 1),
        ("-9223372036854775808", -(2**63)),
        ("00000000000000000000012", 12),
        ("123456789012345678", 123456789012345678),
    ],
)
def test_integers(text, value):
    assert read("integer", text, None) == ([value, None], [False, False])


@pytest.mark.parametrize(
    "text", [*WRONG, "1.5", "1e3", "9223372036854775808", "-9223372036854775809", "9" * 30, "9" * 5000, ""]
)
def test_what_is_no_integer(text):
    assert read("integer", text, "1") == ([None, 1], [True, False])


@pytest.mark.parametrize("kind", ["integer", "number"])
def test_time_is_linear_in_the_long_numbers_of_a_block(kind, monkeypatch):
    make, elements = pa.array, []

    def count_elements(values, *arguments, **options):
        elements.append(len(values))
        return make(values, *arguments, **options)

    def measure(rows: int) -> int:
        texts = pa.array([str(1234567890123456789 + row) for row in range(rows)] + ["oops"])
        elements.clear()
        with monkeypatch.context() as patch:
            patch.setattr(pa, "array", count_elements)
            values, bad, _ = convert(texts, kind)
        assert bad[rows].as_py() and (kind == "number" or values[rows - 1].as_py() == 1234567890123456788 + rows)
        return sum(elements)

    assert measure(1000) <= 11 * measure(100)


def test_booleans():
    true, false = ["true", "TRUE", "True", "t", "1", "yes", " y"], ["false", "F", "0", "No", "n"]
    assert read("boolean", *true, *false, None) == ([True] * 7 + [False] * 5 + [None], [False] * 13)
    assert read("boolean", "2", "", "maybe", "truefalse") == ([None] * 4, [True] * 4)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2020-02-29", (2020, 2, 29)),
        ("2020-02-29 23:59:59", (2020, 2, 29, 23, 59, 59)),
        ("2020-02-29T23:59", (2020, 2, 29, 23, 59)),
        ("2020-02-29T23:59:59.000001", (2020, 2, 29, 23, 59, 59, 1)),
        (" 2020-02-29 23 ", (2020, 2, 29, 23)),
        ("2020-02-29T23:30:00Z", (2020, 2, 29, 23, 30)),
        ("2020-02-29T23:30:00+01:00", (2020, 2, 29, 22, 30)),
        ("2020-02-29T23:30:00-0130", (2020, 3, 1, 1, 0)),
    ],
)
def test_times(text, value):
    assert read("time", text) == ([datetime.datetime(*value)], [False])


@pytest.mark.parametrize(
    "text",
    ["", "x", "12:30", "2020-02-30", "2020-2-1", "2020-02-29 24:00", "2020-01-01T00:00:00.1234567", "0000-01-01"],
)
def test_what_is_no_time(text):
    assert read("time", text, None) == ([None, None], [True, False])


def test_times_of_another_format():
    found = read("time:%d.%m.%Y %H:%M", "29.02.2020 7:05", "30.02.2020 07:05", None)
    assert found == ([datetime.datetime(2020, 2, 29, 7, 5), None, None], [False, True, False])


def test_dates_without_format_are_those_of_iso():
    assert read("date", "2020-02-29", " 2020-03-01 ") == (
        [datetime.date(2020, 2, 29), datetime.date(2020, 3, 1)],
        [False] * 2,
    )
    assert read("date", "0000-01-01", "2020-2-30", "1.2.2020") == ([None] * 3, [True] * 3)
