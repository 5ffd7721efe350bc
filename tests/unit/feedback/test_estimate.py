"""The rule's function on a bundle of its own: which version is estimated, by period, and what it says if it cannot."""

import datetime
import json
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from scripts.analyze.scores import ScoredSplit
from scripts.feedback import estimate as estimating
from scripts.feedback.estimate import ASSUMPTION, LEAST, Requested, estimate, estimate_requests
from scripts.provenance.canonical import read_json

CONTRACT = {"task": "classification", "classes": ["no", "yes"], "positive": "yes", "threshold": 0.5}
REGRESSION = {"task": "regression", "classes": [], "positive": None, "threshold": None}


def requested(x, score, days):
    """Return the requested rows of one column *x*."""
    times = [datetime.datetime(1999, 1, day) for day in days]
    moments = pa.array(times, pa.timestamp("us"))
    columns = {
        "time": moments,
        "request": [f"{value * 7919 % 100_003:06}" for value in range(len(x))],
        "position": [0] * len(x),
    }
    return pa.table(columns | {"score": score, "values.x": x, "values.day": pa.array([one.date() for one in times])})


def split(x, y, p):
    """Return the reference."""
    return ScoredSplit(y, p, pa.table({"x": x, "day": pa.array([datetime.date(1990, 1, 1)] * len(x))}))


@pytest.mark.feature("F2")
@pytest.mark.slow
def test_two_classes_are_estimated_by_period():
    rng = np.random.default_rng(0)
    x = rng.normal(0, 2, 6000)
    p = 1 / (1 + np.exp(-x))
    y = (rng.random(6000) < p).astype(int)
    near = np.concatenate([rng.normal(0, 2, 3000), rng.normal(0, 0.5, 3000)])  # the second week is harder
    score = 1 / (1 + np.exp(-near))
    later = (rng.random(6000) < score).astype(float)
    days = [4] * 3000 + [11] * 3000 + [18] * (LEAST - 1)
    rows = requested(np.append(near, near[: LEAST - 1]), np.append(score, score[: LEAST - 1]), days)
    found = estimate_requests(split(x, y, np.column_stack([1 - p, p])), CONTRACT, Requested([rows], "week", []), [])
    assert [part["period"] for part in found["periods"]] == ["1999-W01", "1999-W02"]  # the third is too short
    from scripts.feedback.cbpe import expected_metrics

    for number, part in enumerate(found["periods"]):
        chosen = slice(3000 * number, 3000 * (number + 1))
        realised = expected_metrics(score[chosen], later[chosen], 0.5)["roc_auc"]
        assert abs(part["metrics"]["roc_auc"] - realised) < 3 * part["error"]
    assert found["reference"]["metrics"]["roc_auc"] - found["periods"][1]["metrics"]["roc_auc"] > 0.15
    assert found["requests"]["rows"] == len(days) and found["metric"] == "roc_auc"
    assert found["changes"] == []  # the mean score stays, though rows of one time could be sorted into a trend
    assert found["multivariate"]["components"] == 1  # of x alone: dates always drift


@pytest.mark.feature("F2")
@pytest.mark.slow
def test_losses_of_a_regression_are_estimated_directly():
    rng = np.random.default_rng(1)
    x, asked = rng.uniform(0, 1, 8000), rng.uniform(0.5, 1, 4000)  # the larger x, the larger the error
    y = x + rng.normal(0, 0.1 + x)
    later = asked + rng.normal(0, 0.1 + asked)
    rows = requested(asked, asked, [4] * 4000)
    found = estimate_requests(split(x, y, x[:, None]), REGRESSION, Requested([rows], "day", ["x"]), [])
    root = np.sqrt(np.mean((later - asked) ** 2))
    assert found["reference"]["metrics"]["rmse"] == pytest.approx(np.sqrt(np.mean((y - x) ** 2)))
    assert found["requests"]["metrics"]["rmse"] == pytest.approx(root, rel=0.05)
    assert found["requests"]["metrics"]["mae"] == pytest.approx(np.abs(later - asked).mean(), rel=0.05)
    assert found["periods"][0]["period"] == "1999-01-04" and 0 < found["requests"]["error"] < 0.05


@pytest.mark.feature("F2")
@pytest.mark.slow
def test_of_many_requests_a_sample_is_estimated(monkeypatch):
    rng = np.random.default_rng(3)
    x = rng.normal(0, 2, 12_000)
    p = 1 / (1 + np.exp(-x))
    y = (rng.random(12_000) < p).astype(int)
    known, rows = split(x, y, np.column_stack([1 - p, p])), requested(x, p, [4] * 8000 + [11] * 4000)
    whole = estimate_requests(known, CONTRACT, Requested([rows], "week", []), [])
    monkeypatch.setattr(estimating, "MOST", 3000)
    batches = [rows.slice(start, 500) for start in range(0, 12_000, 500)]
    sampled = estimate_requests(known, CONTRACT, Requested(batches, "week", []), [])
    for one, other in zip(
        [whole["requests"], *whole["periods"]], [sampled["requests"], *sampled["periods"]], strict=True
    ):
        assert other["rows"] == 3000 < other["requested"] == one["requested"] == one["rows"]
        assert abs(other["metrics"]["roc_auc"] - one["metrics"]["roc_auc"]) < 3 * other["error"]


@pytest.mark.feature("F3")
def test_pseudonyms_are_no_drift():
    rng = np.random.default_rng(2)
    x = rng.normal(0, 1, 2000)
    p, who = 1 / (1 + np.exp(-x)), [f"user {number % 5}" for number in range(2000)]
    known = split(x, (rng.random(2000) < p).astype(int), np.column_stack([1 - p, p]))
    known = replace(known, table=known.table.append_column("who", pa.array(who)))
    rows = requested(x, p, [4] * 2000).append_column("values.who", pa.array([f"{len(name) * 31:016x}" for name in who]))
    asked = Requested([rows], "week", ["x", "who"])
    seen, hidden = (estimate_requests(known, CONTRACT, asked, names) for names in ([], ["who"]))
    assert hidden["multivariate"]["distance"] < 0.1 < seen["multivariate"]["distance"]
    nothing = estimate_requests(known, CONTRACT, asked, ["x", "who"])
    assert "multivariate" not in nothing and abs(nothing["requests"]["metrics"]["roc_auc"] - 0.74) < 0.03
    losses = estimate_requests(replace(known, p=x[:, None], y=x), REGRESSION, asked, ["x", "who"])
    assert "multivariate" not in losses and losses["requests"]["rows"] == 2000


@pytest.mark.feature("F2")
def test_what_cannot_be_estimated_says_why(tmp_path):
    out = tmp_path / "estimated.json"
    label = {"column": "effect", "classes": {"no": ["no"], "yes": ["yes"]}}
    estimate([], [], [], out, label, "week", {"pseudonyms": []})
    assert read_json(out) == {"version": None, "assumes": ASSUMPTION, "reason": "no version is published"}
    contract = tmp_path / "7" / "contract.json"
    contract.parent.mkdir()
    contract.write_text(json.dumps(CONTRACT | {"columns": {"x": {"type": "number"}}}))
    estimate([], [], [contract], out, label, "week", {"pseudonyms": []})
    assert read_json(out)["version"] == 7 and "fewer than 50 rows" in read_json(out)["reason"]
    contract.write_text(json.dumps(CONTRACT | {"columns": {}, "classes": ["a", "b", "c"], "positive": None}))
    estimate([], [], [contract], out, label, "week", {"pseudonyms": []})
    assert "more than two classes" in read_json(out)["reason"]
