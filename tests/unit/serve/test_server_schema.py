"""The server checks each row against the schema of the bundle: rows are refused with the anomaly's code, or flagged."""

import json

import pytest

from scripts.schema.schema import validate_schema
from tests.unit.serve.tiny import ROW, ROWS, bundle, put, running

SCHEMA = {
    "columns": {
        "height": {"type": "number", "min": 0, "max": 1000, "min_fraction": 1},
        "phase": {"type": "text", "domain": ["Climb", "Approach"], "serving": "flag", "min_fraction": 0.4},
        "date": {"type": "date", "min": "1990-01-01"},
        "gone": {"type": "text", "min_fraction": 1, "lifecycle": "deprecated"},
        "effect": {"type": "text", "min_fraction": 1, "environments": ["TRAINING"]},
    },
    "custom": [
        {"name": "late climb", "expression": "phase != 'Climb' or date < '2000-01-01'"},
        {"name": "often low", "expression": "height < 900", "limit": 0.2},
    ],
}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server of one bundle with rules."""
    root = tmp_path_factory.mktemp("guarded") / "serving"
    put(root, "birds", 1, bundle(0.0, schema=json.dumps(validate_schema(SCHEMA)).encode()))
    with running(root) as process:
        yield process


REFUSED = {
    "too small": ({"height": -1}, "FLOAT_TYPE_SMALL_FLOAT", "height", "must satisfy min 0, got -1"),
    "too big": ({"height": 1000.5}, "FLOAT_TYPE_BIG_FLOAT", "height", "must satisfy max 1000, got 1000.5"),
    "missing": ({"height": None}, "FEATURE_TYPE_LOW_FRACTION_PRESENT", "height", "must have a value"),
    "early": ({"date": "1989-12-31"}, "DATE_TYPE_EARLY", "date", "must satisfy min 1990-01-01, got '1989-12-31'"),
    "custom": ({"date": "2001-01-01"}, "CUSTOM_VALIDATION", None, "breaks the rule late climb"),
    "of another type first": ({"height": "x", "date": "1989-12-31"}, "UNEXPECTED_DATA_TYPE", "height", "number"),
}


@pytest.mark.slow
@pytest.mark.feature("V5", "V12")
@pytest.mark.parametrize("name", REFUSED)
def test_a_row_that_breaks_the_schema_gets_422_with_the_code_of_the_anomaly(server, name):
    change, code, column, words = REFUSED[name]
    status, reply = server.ask("POST", "/predict/birds", [ROW, ROW, ROW | change])
    assert status == 422 and set(reply) == {"error"}
    assert (reply["error"]["code"], reply["error"]["column"], reply["error"]["row"]) == (code, column, 2)
    assert words in reply["error"]["message"]


@pytest.mark.feature("V12")
def test_what_the_schema_tolerates_is_answered_and_flagged(server):
    status, reply = server.ask("POST", "/predict/birds", [ROW, ROW | {"phase": "Taxi", "height": 950}])
    assert status == 200 and "flags" not in reply["predictions"][0]
    flags = reply["predictions"][1]["flags"]
    assert [(flag["code"], flag["column"]) for flag in flags] == [
        ("ENUM_TYPE_UNEXPECTED_STRING_VALUES", "phase"),
        ("CUSTOM_VALIDATION", None),
    ]
    assert "'Taxi'" in flags[0]["message"] and "often low" in flags[1]["message"]


def test_limits_are_kept_exactly_and_a_share_of_missing_values_is_no_rule_for_one_row(server):
    rows = [ROW | {"height": 0}, ROW | {"height": 1000, "phase": None}, ROW | {"date": "1990-01-01"}]
    assert server.ask("POST", "/predict/birds", rows)[0] == 200


@pytest.mark.feature("S8")
def test_golden_rows_are_replayed_whatever_the_schema_says(server):
    assert server.ask("GET", "/models")[1][0]["refused"] == 0
    assert server.ask("POST", "/predict/birds", ROWS)[0] == 422


@pytest.mark.slow
def test_a_bundle_without_a_schema_is_not_served(tmp_path):
    root = tmp_path / "serving"
    put(root, "birds", 1, bundle())
    (root / "birds" / "1" / "schema.json").unlink()
    with running(root, poll=60) as server:
        assert "schema.json: No such file" in server.said
        assert server.ask("POST", "/predict/birds", [ROW])[0] == 404


@pytest.mark.slow
def test_the_time_of_a_pattern_grows_linearly_with_the_text(tmp_path):
    root, schema = tmp_path / "serving", {"columns": {"phase": {"type": "text", "matches": "(a+)+b"}}}
    put(root, "birds", 1, bundle(0.0, schema=json.dumps(validate_schema(schema)).encode()))
    with running(root) as server:  # backtracking takes 2 to the power of the length
        assert server.ask("POST", "/predict/birds", [ROW | {"phase": "a" * 1_000_000 + "b"}])[0] == 200
        status, reply = server.ask("POST", "/predict/birds", [ROW | {"phase": "a" * 1_000_000}])
    assert (status, reply["error"]["code"]) == (422, "STRING_TYPE_NO_MATCH")
