"""When a model is to be trained again: one drift, one verdict, whatever is killed, repeated or seen again."""

import random

import pytest

from scripts.feedback.verdict import find_decay, first_counted_day, update_verdict
from scripts.provenance.canonical import read_json
from tests.unit.feedback.test_feedback import ESTIMATED, draw, entry, report

__all__ = ["report"]
HEIGHT = {"kind": "drift", "column": "height", "distance": 0.6, "limit": 0.25}
PHASE = {"kind": "drift", "column": "phase", "distance": 0.4, "limit": 0.25}
DECAY = {"kind": "decay", "metric": "roc_auc", "source": "labels", "value": 0.8, "reference": 0.9}
FIRST = {"number": 1, "reasons": [HEIGHT], "training": "t", "version": 1, "day": "1999-01-10", "after": ""}
FIRST |= {"history": []}


@pytest.mark.feature("F6", "U13")
def test_the_first_drift_gives_a_verdict_and_a_steady_log_none():
    assert update_verdict({}, [], "t", 1, "1999-01-10", 7) == {}
    assert update_verdict({}, [HEIGHT], "t", 1, "1999-01-10", 7) == FIRST


@pytest.mark.feature("F8", "U13")
@pytest.mark.parametrize(
    ("reasons", "training", "version", "last"),
    [
        ([HEIGHT], "t", 1, "1999-01-10"),  # the same run again
        ([HEIGHT, PHASE], "t", 1, "1999-01-10"),  # more requests of the day
        ([PHASE], "t", 2, "1999-01-16"),  # a new one within the cooldown
        ([HEIGHT | {"distance": 0.9}], "t", 2, "1999-03-01"),  # the same for the same training rows
        ([], "u", 2, "1999-03-01"),
    ],
)
def test_a_verdict_stays_as_it_is(reasons, training, version, last):
    assert update_verdict(FIRST, reasons, training, version, last, 7) is FIRST


@pytest.mark.feature("F8", "U13")
@pytest.mark.parametrize(
    ("reasons", "training", "version", "expected"),
    [
        ([HEIGHT, PHASE], "t", 1, [HEIGHT, PHASE]),  # another column
        ([HEIGHT | {"distance": 0.9}], "u", 1, [HEIGHT | {"distance": 0.9}]),  # other training rows
        ([DECAY], "t", 1, [HEIGHT, DECAY]),
    ],
)
def test_a_new_reason_after_the_cooldown_gives_a_new_verdict(reasons, training, version, expected):
    found = update_verdict(FIRST, reasons, training, version, "1999-01-17", 7)
    assert found["number"] == 2 and found["reasons"] == expected
    assert (found["day"], found["after"]) == ("1999-01-17", "1999-01-10")
    assert found["history"] == [{"number": 1, "reasons": [HEIGHT], "day": "1999-01-10"}]


@pytest.mark.feature("F8")
def test_decay_is_new_for_a_new_version():
    before = FIRST | {"reasons": [DECAY]}
    assert update_verdict(before, [DECAY], "u", 1, "1999-02-01", 7) is before
    assert update_verdict(before, [DECAY], "u", 2, "1999-02-01", 7)["number"] == 2


@pytest.mark.feature("F8")
def test_requests_count_from_the_day_after_the_last_verdict():
    second = FIRST | {"day": "1999-02-10", "after": "1999-01-10"}
    assert first_counted_day({}, "1999-01-01") == ""
    assert first_counted_day(second, "1999-02-11") == "1999-02-10"
    assert first_counted_day(second, "1999-02-10") == "1999-01-10"  # judged again as then


def performance(realised, estimated, reference=0.9, error=0.002, metric="roc_auc"):
    """Return what measure.py and estimate.py give; *realised* is an interval."""
    value, low, high = realised
    period = {"period": "1999-W01", "metrics": {metric: {"value": value, "low": low, "high": high}}}
    side = {"metrics": {metric: reference}, "error": error, "sampling_error": error}
    known = {"version": 1, "metric": metric, "reference": side}
    known["requests"] = {"metrics": {metric: estimated}, "error": 2 * error, "sampling_error": error}
    return {"versions": {"1": {"periods": [period]}}}, known | {"periods": []}


@pytest.mark.feature("F6")
def test_decay_is_a_significant_loss_beyond_the_limit():
    assert find_decay(*performance((0.89, 0.88, 0.9), 0.899), max_drop=0.01) == []
    assert find_decay(*performance((0.86, 0.80, 0.92), 0.899), max_drop=0.01) == []  # large, but may be chance
    (found,) = find_decay(*performance((0.86, 0.85, 0.87), 0.899), max_drop=0.01)
    assert found == DECAY | {"value": 0.86, "reference": 0.9}
    (found,) = find_decay(*performance((None, None, None), 0.87), max_drop=0.01)
    assert (found["source"], found["value"]) == ("estimate", 0.87)
    assert find_decay(*performance((None, None, None), 0.87, error=0.01), max_drop=0.01) == []
    assert find_decay(*performance((0.95, 0.94, 0.96), 0.95), max_drop=0.0) == []  # better is no decay
    assert find_decay({"versions": {}}, {"version": None, "reason": "none"}, 0.01) == []


@pytest.mark.feature("F6")
def test_the_error_of_a_regression_decays_upwards():
    worse = performance((2.5, 2.4, 2.6), 2.0, reference=2.0, error=0.01, metric="rmse")
    assert [one["source"] for one in find_decay(*worse, max_drop=0.1)] == ["labels"]
    better = performance((1.5, 1.4, 1.6), 1.5, reference=2.0, error=0.01, metric="rmse")
    assert find_decay(*better, max_drop=0.1) == []


@pytest.mark.slow
@pytest.mark.feature("F6", "F8", "U13")
def test_a_log_gives_one_verdict_for_one_drift(report, tmp_path):
    path = tmp_path / "verdict.json"
    rng = random.Random(8)
    steady = {"1999-01-01.jsonl": entry(draw(rng, 300))}
    assert report(steady)["retraining"] == {} and not path.exists()
    moved = {"1999-01-02.jsonl": entry(draw(rng, 300, shift=900))}
    found = report(moved)
    assert found["verdict"] == "drift" and found["retraining"] == read_json(path)
    (reason,) = read_json(path)["reasons"]
    assert (reason["column"], reason["limit"]) == ("height", 0.25) and reason["distance"] > 0.4
    written, stat = path.read_bytes(), path.stat()
    assert report(moved) == found and path.stat().st_mtime_ns == stat.st_mtime_ns  # the same run again
    again = report({"1999-02-01.jsonl": entry(draw(rng, 300, shift=900))})  # the same drift, a month later
    assert again["verdict"] == "drift" and path.read_bytes() == written and path.stat().st_ino == stat.st_ino
    calm = report({"1999-03-01.jsonl": entry(draw(rng, 3000))}, days=1)
    assert calm["verdict"] == "steady" and path.read_bytes() == written
    report({"1999-04-01.jsonl": entry(draw(rng, 300, engines=(7, 8)))}, days=1)
    assert read_json(path)["number"] == 2
    assert {one["column"] for one in read_json(path)["reasons"]} == {"height", "engines"}


@pytest.mark.feature("F8")
def test_a_run_that_was_killed_before_its_report_gives_the_same_verdict_and_report(report, tmp_path):
    rng = random.Random(9)
    files = {"1999-01-01.jsonl": entry(draw(rng, 300)), "1999-01-02.jsonl": entry(draw(rng, 300, shift=900))}
    found = report(files)
    verdict = (tmp_path / "verdict.json").read_bytes()
    (tmp_path / "feedback.json").unlink()  # killed after the verdict was written
    assert report({}) == found and (tmp_path / "verdict.json").read_bytes() == verdict
    (tmp_path / "verdict.json").unlink()  # killed before
    assert report({}) == found and (tmp_path / "verdict.json").read_bytes() == verdict


@pytest.mark.feature("F3")
def test_drift_of_all_columns_together_is_a_reason(report, tmp_path, monkeypatch):
    together = {"distance": 0.4, "p_value": 1e-6}
    monkeypatch.setitem(ESTIMATED, "multivariate", together)
    steady = {"1999-01-01.jsonl": entry(draw(random.Random(8), 300))}
    found = report(steady)
    assert found["verdict"] == "drift" and found["drifted"] == []
    (reason,) = read_json(tmp_path / "verdict.json")["reasons"]
    assert reason == {"kind": "drift", "column": "all columns together", "distance": 0.4, "limit": 0.25}
    (tmp_path / "verdict.json").unlink()
    monkeypatch.setitem(together, "p_value", 0.5)
    assert report(steady)["verdict"] == "steady"
