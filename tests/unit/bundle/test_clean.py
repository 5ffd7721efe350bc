"""Texts of requests are cleaned like those of JSON lines files."""

import datetime
import json

import numpy as np
import pyarrow as pa
import pytest

from scripts.bundle.clean import clean_rows, describe_cleaning
from scripts.bundle.encode import encode_rows, encode_table
from scripts.errors import ContractError
from scripts.ingest.jsonl_format import JsonLinesFormat
from scripts.train.golden_rows import make_golden_rows

NO_LAGS = {"key": [], "order": "", "columns": [], "size": 2}
DTYPES = {
    "lvl": "text",
    "at": "time",
    "day": "date:%d/%m/%Y",
    "iso": "date",
    "zoned": "time:%d/%m/%Y %H:%M:%S.%f %z",
    "size": "number",
    "acc": "integer",
    "flag": "boolean",
    "late": "text",
}
OPTIONS = {"trim": True, "null_values": ["", "NA"], "timezone": "America/New_York"}
COLUMNS = {
    name: {"type": kind, "tensor": "text" if kind in ("text", "boolean", "integer") else "number"}
    for name, kind in ((name, dtype.partition(":")[0]) for name, dtype in DTYPES.items())
    if name != "late"
}
CONTRACT = {"columns": COLUMNS, "cleaning": describe_cleaning(DTYPES, NO_LAGS, set(COLUMNS), **OPTIONS)}
ROW = {
    "lvl": " red ", "at": "2001-07-17T22:30:00Z", "day": "01/02/2001", "iso": "2001-02-03",
    "zoned": "01/02/2001 23:30:00.250 +0000", "size": 1.5, "acc": 7, "flag": True,
}  # fmt: skip
ROWS = [
    ROW,
    ROW | {"lvl": "NA", "at": "NA", "day": " 03/04/2001 ", "iso": "", "zoned": None},
    ROW | {"lvl": "", "at": "2001-01-14 23:30", "day": None, "acc": None, "flag": None, "size": None},
    ROW | {"lvl": "\x1f\u00a0red", "at": "2001-01-15T20:30:00-05:00", "iso": " 2001-12-31"},
]


def ingested(rows: list[dict]) -> pa.Table:
    """Return *rows* as ingestion reads them from JSON lines."""
    options = {"others": "refuse"} | OPTIONS
    raw = "".join(json.dumps(row) + "\n" for row in rows).encode()
    columns = {name: DTYPES[name] for name in COLUMNS}
    block = JsonLinesFormat(columns, options).parse_block(raw, list(columns), True, True)
    assert not block.errors
    return block.rows


def test_a_request_is_read_like_lines_of_json():
    assert CONTRACT["cleaning"]["columns"] == {name: DTYPES[name] for name in ("lvl", "at", "day", "iso", "zoned")}
    served, offline = encode_rows(clean_rows(ROWS, CONTRACT), CONTRACT), encode_table(ingested(ROWS), CONTRACT)
    for name in COLUMNS:
        assert np.array_equal(served[name], offline[name], equal_nan=COLUMNS[name]["tensor"] == "number"), name
    assert [row["lvl"] for row in clean_rows(ROWS, CONTRACT)] == ["red", None, None, "red"]
    assert clean_rows(ROWS, CONTRACT)[0]["at"] == "2001-07-17T18:30:00"
    assert clean_rows(ROWS, CONTRACT)[0]["day"] == "2001-02-01"
    assert ROWS[0]["lvl"] == " red "


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("day", "2001-02-13", "a date like %d/%m/%Y or null, got '2001-02-13'"),
        ("iso", "13/02/2001", "a date like %Y-%m-%d or null"),
        ("at", "noon", "a time like 1996-09-30T23:59:00 or null"),
    ],
)
def test_text_in_another_format_is_refused(name, text, expected):
    with pytest.raises(ContractError, match=f"row 1: {name} must be {expected}") as error:
        clean_rows([ROW, ROW | {name: text}], CONTRACT)
    assert (error.value.code, error.value.column, error.value.row) == ("UNEXPECTED_DATA_TYPE", name, 1)


def test_columns_that_only_lags_need_are_cleaned():
    lags = {"key": ["lvl"], "order": "day", "columns": ["size"], "size": 2}
    cleaning = describe_cleaning(DTYPES, lags, {"size", "size@1"}, **OPTIONS)
    assert cleaning["columns"] == {"lvl": "text", "day": DTYPES["day"]}


def test_what_is_no_row_is_left_to_the_contract():
    for rows in (None, "rows", [1], [[]], {}):
        assert clean_rows(rows, CONTRACT) == rows
    assert clean_rows([ROW | {"lvl": 5}], CONTRACT)[0]["lvl"] == 5
    assert clean_rows(ROWS, {"columns": COLUMNS}) == ROWS  # a bundle of an earlier version


def test_golden_rows_hold_raw_values():
    days = np.array([[float((datetime.date(2001, 2, 1) - datetime.date(1970, 1, 1)).days + n)] for n in range(200)])
    contract = CONTRACT | {
        "columns": {n: s | ({"known": ["red", "blue"]} if n == "lvl" else {}) for n, s in COLUMNS.items()}
    }
    data = {name: days for name, spec in COLUMNS.items() if spec["tensor"] == "number"}
    rows = make_golden_rows(contract, data, 200, 0)
    assert rows == make_golden_rows(contract, data, 200, 0)
    assert {None, "", "NA", "red", " red "} <= {row["lvl"] for row in rows}
    encoded = encode_rows(clean_rows(rows, contract), contract)
    assert np.nanmin(encoded["day"]) >= days.min() and np.nanmax(encoded["day"]) <= days.max()
    assert np.isnan(encoded["zoned"]).sum() < 60
