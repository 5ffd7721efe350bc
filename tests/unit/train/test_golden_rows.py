"""Golden rows: synthetic, the same every time, and valid by the contract."""

import datetime

import numpy as np
import pytest

from scripts.bundle.encode import EPOCH, encode_rows
from scripts.bundle.value_range import describe_range
from scripts.train.golden_rows import draw_value, make_golden_rows

CONTRACT = {
    "columns": {
        "colour": {"type": "text", "tensor": "text", "known": ["", "red", "a=b"], "words": False},
        "day": {"type": "date", "tensor": "number"},
        "note": {"type": "text", "tensor": "text", "known": ["rain", "état"], "words": True},
        "weight": {"type": "number", "tensor": "number"},
    }
}
RNG = np.random.default_rng(0)
DATA = {
    "colour": np.array([["secret"]] * 200, object),
    "note": np.array([["private words"]] * 200, object),
    "day": np.append(RNG.integers(9000, 9400, 195), [np.nan] * 5).reshape(-1, 1),
    "weight": np.append(RNG.normal(70, 10, 198), [np.nan, 1e9]).reshape(-1, 1),
}


def test_rows_are_the_same_for_a_seed_and_others_for_another():
    assert make_golden_rows(CONTRACT, DATA, 20, 1) == make_golden_rows(CONTRACT, DATA, 20, 1)
    assert make_golden_rows(CONTRACT, DATA, 20, 1) != make_golden_rows(CONTRACT, DATA, 20, 2)
    assert make_golden_rows(CONTRACT, DATA, 20, 1)[:5] == make_golden_rows(CONTRACT, DATA, 5, 1)


def test_the_contract_takes_them():
    rows = make_golden_rows(CONTRACT, DATA, 200, 0)
    made = encode_rows(rows, CONTRACT)
    assert all(len(values) == 200 for values in made.values())


def test_values_are_known_ones_and_nobodys():
    rows = make_golden_rows(CONTRACT, DATA, 400, 0)
    assert {row["colour"] for row in rows} == {"red", "a=b", "NEVER SEEN", None}
    words = {word for row in rows for word in (row["note"] or "").split()}
    assert words == {"rain", "état"}
    weights = [row["weight"] for row in rows if row["weight"] is not None]
    low, high = np.nanquantile(DATA["weight"], [0.05, 0.95])
    assert low - 1 <= min(weights) and max(weights) <= high + 1  # three digits are kept
    assert all(weight == float(f"{weight:.3g}") for weight in weights)
    days = [(datetime.date.fromisoformat(row["day"]) - EPOCH.date()).days for row in rows if row["day"]]
    assert min(days) >= 9000 and max(days) <= 9400


def test_every_column_is_missing_now_and_then():
    rows = make_golden_rows(CONTRACT, DATA, 400, 0)
    for column in CONTRACT["columns"]:
        assert 0.04 < sum(row[column] is None for row in rows) / 400 < 0.2


@pytest.mark.parametrize("column", ["weight", "day"])
def test_column_without_values(column):
    data = DATA | {column: np.full((3, 1), np.nan, np.float64)}
    encode_rows(make_golden_rows(CONTRACT, data, 50, 0), CONTRACT)


def test_numbers_of_few_rows_say_nothing():
    for values in ([83421.77], [83421.77, 83421.78], [1234.5] * 4 + [np.nan] * 9):
        assert describe_range(np.array(values)) == (0.0, 1.0)
    low, high = describe_range(np.array([83421.77, 912.345, 12345.6, 5.4321, 777.77, 31.4159]))
    assert (low, high) == (11.9, 65700.0)


def test_columns_that_know_nothing():
    contract = {"columns": {"colour": {"type": "text", "tensor": "text"}}}
    assert {row["colour"] for row in make_golden_rows(contract, DATA, 50, 0)} == {"NEVER SEEN", None}


def test_a_single_value():
    spec = CONTRACT["columns"]["weight"]
    assert draw_value(np.random.default_rng(1), "weight", spec, {"weight": (5.0, 5.0)}) in (5.0, None)


def test_columns_of_every_type():
    contract = {
        "columns": {
            "area": {"type": "integer", "tensor": "text", "known": ["", "-2", "7"], "words": False},
            "count": {"type": "integer", "tensor": "number"},
            "flag": {"type": "boolean", "tensor": "text", "known": ["true"], "words": False},
            "sign": {"type": "boolean", "tensor": "number"},
            "when": {"type": "time", "tensor": "number"},
        },
    }
    data = {"count": np.array([[3], [9]] * 9, np.float64), "sign": np.array([[0], [1]], np.float64)}
    rows = make_golden_rows(contract, data | {"when": np.linspace(1.5, 2.5, 21).reshape(-1, 1)}, 300, 0)
    encode_rows(rows, contract)
    assert {row["area"] for row in rows} == {7, -2, 2**62, None}
    assert {row["flag"] for row in rows} == {row["sign"] for row in rows} == {True, False, None}
    assert {row["count"] for row in rows} == {3, 4, 5, 6, 7, 8, 9, None}
    assert all(row["when"] is None or "1970-01-02T13" <= row["when"] <= "1970-01-03T12" for row in rows)
