"""The tiles that open the report."""

from scripts.report.report import feature_columns
from scripts.report.span_data import moving_columns
from scripts.report.verdicts import anomalies_tile, change_tile, drift_tile, gate_tile, metric_tile
from tests.results import complete, estimate

DRIFT = {"code": "COMPARATOR_JENSEN_SHANNON_DIVERGENCE_HIGH", "severity": "error"}
CHANGE = {"kind": "change", "of": "", "metric": "roc_auc", "limit": {"drop": 0.01}, "passed": True}


def test_gate_says_why_it_was_not_passed(given):
    checks = given["blessing"]["checks"]
    shut = gate_tile(given["blessing"])
    assert shut[:3] == ("Gate", "bad", "not passed") and shut.note == "brier 0.085 (0.075 to 0.095), limit at most 0.09"
    assert gate_tile({"blessed": True, "checks": checks[:1]})[1:4] == ("good", "passed", "1 check, all within limits")
    slices = [{**checks[1], "of": f"sky={n}", "why": "too few rows"} for n in range(4)]
    many = gate_tile({"blessed": False, "checks": checks[:1] + slices})
    assert many.note.startswith("brier of sky=0 too few rows, limit at most 0.09; brier of sky=1 ")
    assert many.note.endswith("; and 2 more")
    assert gate_tile({"blessed": False, "checks": []}).note == "no limit is configured"


def test_main_metric_comes_with_its_interval():
    tile = metric_tile({"roc_auc": estimate(0.9)}, "roc_auc")
    assert tile == ("ROC AUC on test", "plain", "0.900", "95 % interval 0.890 to 0.910", "metrics")
    assert metric_tile({"f1": estimate(None)}, "f1")[:4] == ("f1 on test", "plain", "–", "no interval")


def test_change_against_the_deployed_version(given):
    tile = change_tile(complete(given)["blessing"], "roc_auc")
    assert tile == ("Change", "good", "+0.004", "ROC AUC, −0.006 to +0.014, against version 12", "change")
    worse = CHANGE | {"metric": "f1", "limit": {"relative_drop": 0.1}, "passed": False} | estimate(-0.2)
    tile = change_tile({"baseline": {"version": 3}, "checks": [worse]}, "roc_auc")
    assert tile[1:4] == ("bad", "−20.0 %", "f1, −21.0 % to −19.0 %, against version 3")


def test_a_change_that_nobody_measured():
    assert change_tile({"checks": []}, "f1")[1:3] == ("plain", "not compared")
    assert change_tile({"baseline": None, "checks": []}, "f1")[1:3] == ("plain", "first version")
    unknown = CHANGE | estimate(None) | {"why": "the change is not defined"}
    tile = change_tile({"baseline": {"version": 3}, "checks": [unknown]}, "roc_auc")
    assert tile[1:] == ("warn", "not measured", "the change is not defined", "gate")


def test_drift_counts_columns_over_their_limit_and_names_the_worst_that_is_watched():
    drift = {"a": {"x": 0.1, "y": 0.25}, "b": {"x": None}, "key": {"x": 1.0}}
    calm = drift_tile({"drift": drift, "anomalies": [{"code": "NO_DATA_IN_SPAN"}]}, {"a", "b"})
    assert calm == ("Drift", "plain", "at most 0.25", "a in y; none over a limit", "drift")
    over = [DRIFT | {"column": "a"}, DRIFT | {"column": "a"}, DRIFT | {"column": "b"}]
    tile = drift_tile({"drift": drift, "anomalies": over}, {"a"})
    assert tile[1:4] == ("bad", "2 columns over limit", "largest of a feature: 0.25, a in y")
    waived = drift_tile({"drift": {}, "anomalies": [over[0] | {"severity": "waived"}]}, {"a"})
    assert waived[1:4] == ("warn", "1 column over limit", "")
    assert drift_tile({"drift": {}, "anomalies": []}, {"a"}).value == "not measured"


def test_anomalies_by_severity(given):
    assert anomalies_tile([])[1:3] == ("good", "none")
    assert anomalies_tile(given["anomalies"]["anomalies"])[1:4] == (
        "bad",
        "4 errors, 4 warnings",
        "most frequent: new_value",
    )
    assert anomalies_tile([{"severity": "waived", "code": "X"}])[1:3] == ("warn", "1 waived")


def test_columns_of_features_and_of_dates(given):
    features = {"a": [{"kind": "number"}], "b": [{"kind": "hash", "columns": ["c", "d"]}, {"kind": "text"}]}
    assert feature_columns(features) == {"a", "b", "c", "d"} and moving_columns(given["statistics"]) == {"date"}
