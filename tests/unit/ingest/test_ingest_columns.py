"""Text to typed columns: what is read, what is set aside, and under which row's name."""

import datetime

import pyarrow as pa
import pytest

from scripts.ingest.columns import Bad, arrow_type, convert, schema_of, typed

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
        ("12345678901234567890", 12345678901234567890.0),
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
    schema = schema_of({"b": "number", "a": "text", "c": DAY})
    assert schema.names == ["b", "a", "c"] and schema.types == [pa.float64(), pa.string(), pa.date32()]


def test_rows_are_named_as_in_the_file_whatever_was_passed_over():
    bad = Bad()
    for row in (0, 3, 4):
        bad.skip(row, "short")
    for parsed in range(5):
        bad.add(parsed, "a", f"parsed {parsed}")
    assert {row: reason for row, (_, reason) in bad.rows.items()} == {
        0: "short",
        1: "parsed 0",
        2: "parsed 1",
        3: "short",
        4: "short",
        5: "parsed 2",
        6: "parsed 3",
        7: "parsed 4",
    }


def test_only_rows_with_a_wrong_value_leave_and_the_first_column_is_the_reason():
    batch = pa.record_batch(
        {"n": ["1", "x", None, "y"], "d": ["2020-01-01", None, "no", "no"], "t": ["a", "b", "c", "d"]}
    )
    bad = Bad()
    table = typed(batch, {"n": "number", "d": DAY, "t": "text"}, 10, bad)
    assert table.to_pylist() == [{"n": 1.0, "d": datetime.date(2020, 1, 1), "t": "a"}]
    assert bad.rows == {
        11: ("n", "'x' is not a number"),
        13: ("n", "'y' is not a number"),
        12: ("d", "'no' is not a date like %Y-%m-%d"),
    }


def test_batch_without_rows():
    columns = {"a": "number", "b": "text"}
    batch = pa.record_batch({name: pa.array([], pa.string()) for name in columns})
    assert typed(batch, columns, 5, Bad()).schema == schema_of(columns)
