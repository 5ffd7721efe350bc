"""Partial dependence: exact for known functions, over values that a request may have, few predictions of few rows."""

import numpy as np
import pytest

from scripts.analyze import dependence
from scripts.analyze.dependence import make_grid, measure_dependence
from scripts.bundle.encode import EPOCH, parse_date
from scripts.provenance.canonical import write_json

pytestmark = pytest.mark.feature("A15")
COLUMNS = {
    "size": {"type": "number", "tensor": "number"},
    "rooms": {"type": "integer", "tensor": "number"},
    "day": {"type": "date", "tensor": "number"},
    "kind": {"type": "text", "tensor": "text", "known": ["flat", "house"]},
    "new": {"type": "boolean", "tensor": "number"},
    "note": {"type": "text", "tensor": "text", "known": ["big", "old"], "words": True},
}
ROWS = [
    {"size": 0.0, "rooms": 1, "day": "2001-01-01", "kind": "flat", "new": True, "note": "big"},
    {"size": 4.0, "rooms": 3, "day": "2001-03-01", "kind": "NEVER SEEN", "new": None, "note": None},
    {"size": None, "rooms": 2, "day": None, "kind": "house", "new": False, "note": "old big"},
]
NAMES = list(COLUMNS)
CONTRACT = {"columns": COLUMNS, "classes": ["no", "yes"], "positive": "yes"}


def important(*names: str) -> list[dict]:
    """Return the importance of columns, each with the same drop."""
    return [{"column": name, "drop": {"value": 0.1}} for name in names]


def write_bundle(folder, rows=ROWS):
    """Write the golden rows of a bundle and return its folder."""
    write_json(folder / "golden.json", {"rows": rows})
    return folder


def score(tensors: dict) -> np.ndarray:
    """Return the size, doubled in a house, as the probability of the last class."""
    size = np.nan_to_num(tensors["size"][:, 0]) * np.where(tensors["kind"][:, 0] == "house", 0.2, 0.1)
    return np.column_stack([1 - size, size])


def test_curves_are_those_of_the_function(tmp_path):
    size, kind = measure_dependence(write_bundle(tmp_path), score, CONTRACT, important("size", "kind"))
    grid = np.linspace(0, 4, dependence.STEPS)
    assert (size["column"], size["type"]) == ("size", "number") and size["values"] == pytest.approx(grid)
    assert [*size["average"]] == ["yes"] and size["average"]["yes"] == pytest.approx(grid * 0.4 / 3, rel=1e-3)
    assert np.array(size["individual"]) == pytest.approx(np.outer([0.1, 0.1, 0.2], grid), rel=1e-3)
    assert kind["values"] == ["flat", "house", ""] and kind["individual"] == [[0, 0, 0], [0.4, 0.8, 0.4], [0, 0, 0]]
    assert kind["average"] == {"yes": [0.1333, 0.2667, 0.1333]}


def test_values_are_those_that_a_column_may_have(tmp_path):
    found = measure_dependence(write_bundle(tmp_path), score, CONTRACT, important(*NAMES))
    values = {entry["column"]: entry["values"] for entry in found}
    assert values["rooms"] == [1, 2, 3] and values["new"] == [0, 1] and "note" not in values
    first, last = parse_date("2001-01-01"), parse_date("2001-03-01")
    assert (values["day"][0], values["day"][-1]) == (first, last) and all(day == round(day) for day in values["day"])
    assert EPOCH.year == 1970
    for missing in ([[np.nan]], [[5.0], [5.0]]):
        assert len(make_grid(COLUMNS["size"], np.array(missing))) < 2


def test_several_classes_and_values(tmp_path):
    def odds(tensors):
        size = np.nan_to_num(tensors["size"][:, :1])
        return np.hstack([size * weight for weight in (0, 0.01, -0.05, 0.02, 0.03, 0.001)])

    contract = CONTRACT | {"classes": list("abcdef"), "positive": None}
    (found,) = measure_dependence(write_bundle(tmp_path), odds, contract, important("size"))
    assert [*found["average"]] == ["b", "c", "d", "e"] and found["individual"] == []
    contract = CONTRACT | {"classes": [], "positive": None}
    (found,) = measure_dependence(write_bundle(tmp_path), lambda t: score(t)[:, 1:] * 100, contract, important("size"))
    assert found["average"]["prediction"][-1] == 53.33 and len(found["individual"]) == 3


def test_few_predictions_of_few_rows_for_many_columns_rows_and_values(tmp_path):
    calls = []
    contract = CONTRACT | {
        "columns": {f"c{n}": COLUMNS["kind"] | {"known": list(map(str, range(100)))} for n in range(50)}
    }
    rows = [dict.fromkeys(contract["columns"], str(number)) for number in range(200)]

    def count(tensors):
        calls.append(len(tensors["c0"]))
        share = np.array([float(text or 0) / 1000 for text in tensors["c3"][:, 0]])
        return np.column_stack([1 - share, share])

    found = measure_dependence(write_bundle(tmp_path, rows), count, contract, important(*contract["columns"]))
    assert len(found) == dependence.MOST_COLUMNS and set(calls) == {dependence.MOST_ROWS} and len(calls) < 300
    assert all(len(entry["values"]) == dependence.SHOWN_VALUES for entry in found)
    assert {"0", "96", ""} <= {*found[3]["values"]}  # those at both ends


def test_columns_that_do_not_matter_have_no_curves(tmp_path):
    useless = [{"column": "size", "drop": {"value": value}} for value in (0, -0.01, None)]
    assert measure_dependence(write_bundle(tmp_path), score, CONTRACT, useless) == []
    assert measure_dependence(write_bundle(tmp_path), score, CONTRACT, []) == []
