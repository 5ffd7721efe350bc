"""Realised performance: by version, period and slice it is what analysis gives for the same rows."""

import json

import numpy as np
import pytest

from scripts.analyze.bootstrap import Scores
from scripts.analyze.estimates import estimate_metrics
from scripts.feedback import label_files
from scripts.feedback import measure as measuring
from scripts.feedback.measure import measure
from scripts.feedback.request_table import request_table
from scripts.provenance.canonical import read_json, round_floats, write_json
from scripts.provenance.trail import read_events

COLUMNS = {"phase": "text", "height": "number"}
LABEL = {"column": "effect", "classes": {"absent": ["no"], "present": ["yes"]}, "positive": "present"}
SETTINGS = {"columns": ["phase", "span", {"column": "height", "quantiles": 2}], "min_slice": 30, "bootstrap": 20}
SETTINGS |= {"seed": 7, "period": "week"}


@pytest.fixture
def measured(tmp_path):
    """A function that writes log and labels, measures and returns what was written."""

    def run(days, labels, thresholds, label=LABEL, actions=(), aliases=(), **settings):
        tables = []
        for day, lines in days.items():
            log, folder = tmp_path / f"{day}.jsonl", tmp_path / day
            folder.mkdir(exist_ok=True)
            log.write_text("".join(lines))
            tables.append(folder / "requests.parquet")
            options = {
                "columns": COLUMNS,
                "window": {"columns": [], "size": 2},
                "label": label,
                "log_settings": {"pseudonyms": []},
            }
            request_table(log, log.stat().st_size, tables[-1], folder / "statistics.json", **options)
        contracts = [tmp_path / "serving" / version / "contract.json" for version in thresholds]
        for path, threshold in zip(contracts, thresholds.values(), strict=True):
            path.parent.mkdir(parents=True, exist_ok=True)
            write_json(path, {"threshold": threshold})
        late = tmp_path / "late.csv"
        late.write_text("request,label\n" + "".join(f"{name},{value}\n" for name, value in labels))
        out = tmp_path / "realised.json"
        options = {"tag": "champion", "aliases": [*aliases], "trail": tmp_path / "trail/birds.jsonl"}
        measure(tables, [late], [*actions], contracts, out, label, **SETTINGS | options | settings)
        return read_json(out)

    return run


def entry(request, day, score, version=1, **row):
    """Return a line of the request log."""
    head = {"time": f"{day}T12:00:00.000+00:00", "request": request, "version": version, "bundle": "b"}
    return json.dumps({**head, "rows": [row], "scores": [score]}) + "\n"


def draw(days, count=200, version=1):
    """Return the log of *days*, *count* requests each, and arrays of names, days, phases, scores and labels."""
    rng = np.random.default_rng(version)
    size = count * len(days)
    p, phase, day = rng.random(size), rng.choice(["Climb", "Taxi"], size), np.repeat(days, count)
    y = (rng.random(size) < p).astype(int)
    names = np.array([f"v{version}-{number}" for number in range(size)])
    lines = {name: [] for name in days}
    for row in range(size):
        line = entry(names[row], day[row], p[row], version, phase=phase[row], height=float(row))
        lines[day[row]].append(line)
    return lines, names, day, phase, p, y


@pytest.mark.feature("F1")
@pytest.mark.slow
def test_realised_metrics_are_those_of_analysis(measured):
    lines, names, day, phase, p, y = draw(["1999-01-03", "1999-01-04"])  # a Sunday and a Monday
    labelled = np.arange(len(y)) % 3 != 0
    words = np.array(["absent", "present"])[y]
    found = measured(lines, zip(names[labelled], words[labelled], strict=True), {"1": 0.4})
    assert found["labels"] == {"given": int(labelled.sum()), "joined": int(labelled.sum())} | {
        "left_out": {reason: {"count": 0, "examples": []} for reason in found["labels"]["left_out"]}
    }
    version = found["versions"]["1"]
    scores = Scores(y[labelled], p[labelled], 0.4)
    assert version["metrics"] == round_floats(estimate_metrics(scores, 20, 7))
    assert [(part["period"], part["rows"]) for part in version["periods"]] == [
        ("1998-W53", int(labelled[:200].sum())),
        ("1999-W01", int(labelled[200:].sum())),
    ]
    monday = scores.select(np.flatnonzero(day[labelled] == "1999-01-04"))
    assert version["periods"][1]["metrics"] == round_floats(estimate_metrics(monday, 20, [7, 1]))
    assert {part["name"] for part in version["slices"]} == {"phase=Climb", "phase=Taxi", "height=q1", "height=q2"}
    taxi = scores.select(np.flatnonzero(phase[labelled] == "Taxi"))
    part = next(part for part in version["slices"] if part["name"] == "phase=Taxi")
    assert part["metrics"]["roc_auc"] == round_floats(estimate_metrics(taxi, 20, [7, 1])["roc_auc"])


@pytest.mark.feature("F1")
@pytest.mark.slow
def test_a_removed_version_has_the_metrics_that_need_no_threshold(measured):
    lines, names, _, _, _, y = draw(["1999-01-04"], version=3)
    words = np.array(["absent", "present"])[y]
    found = measured(lines, zip(names, words, strict=True), {"4": 0.5})["versions"]["3"]["metrics"]
    assert found["roc_auc"]["value"] > 0.7 and found["brier"]["low"] is not None
    assert found["recall"]["value"] is None and "removed" in found["recall"]["reason"]


@pytest.mark.feature("F1")
@pytest.mark.parametrize("period", ["week", "day"])
def test_few_labels_have_no_interval_and_no_labels_no_version(measured, period):
    lines, names, _, _, _, _ = draw(["1999-01-04"], count=4)
    found = measured(lines, [(names[0], "present")], {"1": 0.5}, period=period)["versions"]["1"]
    assert found["rows"] == 1 and found["metrics"]["roc_auc"]["value"] is None
    assert found["periods"][0]["period"] == {"week": "1999-W01", "day": "1999-01-04"}[period]
    assert measured(lines, [], {"1": 0.5})["versions"] == measured({}, [], {})["versions"] == {}


@pytest.mark.slow
def test_a_regression_is_measured_too(measured):
    label = {"column": "effect", "classes": None, "positive": None}
    rng = np.random.default_rng(0)
    truth = rng.normal(10, 3, 300)
    guess = truth + rng.normal(0, 1, 300)
    lines = [entry(f"r{i}", "1999-01-04", guess[i], height=1.0) for i in range(300)]
    found = measured({"1999-01-04": lines}, [(f"r{i}", float(truth[i])) for i in range(300)], {"1": None}, label)
    metrics = found["versions"]["1"]["metrics"]
    assert metrics["rmse"]["value"] == pytest.approx(np.sqrt(np.mean((guess - truth) ** 2)))
    assert metrics["r2"]["low"] < metrics["r2"]["value"]


def test_more_than_two_classes_are_said_not_to_be_measured(measured):
    classes = {"label": {"column": "effect", "classes": {"a": ["a"], "b": ["b"], "c": ["c"]}, "positive": None}}
    found = measured({"1999-01-04": [entry("r", "1999-01-04", 0.7)]}, [("r", "c")], {"1": 0.5}, **classes)
    assert found["versions"] == {} and "more than two classes" in found["reason"] and found["labels"]["joined"] == 1


@pytest.mark.feature("F5")
@pytest.mark.slow
def test_labels_of_versions_are_compared_with_the_deployed_one(measured):
    lines, names, _, _, p, y = draw(["1999-01-04"], count=600)
    worse = [entry(f"w{row}", "1999-01-05", 0.5, version=2) for row in range(600)]
    words = np.array(["absent", "present"])
    labels = [*zip(names, words[y], strict=True), *((f"w{row}", words[row % 2]) for row in range(600))]
    found = measured(lines | {"1999-01-05": worse}, labels, {}, aliases=["champion=1", "challenger=2", "other=1"])
    (name,) = found["comparison"]
    result = found["comparison"][name]
    assert (name, result["champion"], result["challenger"], result["winner"]) == ("challenger", 1, 2, "champion")
    assert result["difference"] == pytest.approx(0.25 - np.mean((y - p) ** 2), abs=1e-9)
    assert measured(lines, labels, {}, aliases=["challenger=2"])["comparison"] == {}


@pytest.mark.feature("F5")
@pytest.mark.slow
def test_the_winner_of_two_versions_is_recorded_in_the_trail_once(measured, tmp_path):
    trail, aliases = tmp_path / "trail/birds.jsonl", ["champion=2", "challenger=1", "equal=3"]
    lines, names, _, _, _, y = draw(["1999-01-04"], count=600)
    for version in (2, 3):
        lines["1999-01-04"] += [entry(f"{version}-{row}", "1999-01-04", 0.5, version=version) for row in range(600)]
    words = np.array(["absent", "present"])
    labels = [*zip(names, words[y], strict=True)]
    labels += [(f"{version}-{row}", words[row % 2]) for version in (2, 3) for row in range(600)]
    measured(lines, labels[:10], {}, aliases=aliases)
    assert not trail.exists()  # too few labels for a winner
    for _ in range(2):
        found = measured(lines, labels, {}, aliases=aliases)["comparison"]["challenger"]
        (event,) = read_events(trail)
        expected = {"event": "winner", "case": "birds", "champion": 2, "challenger": 1, "winner": 1}
        assert event.items() >= (expected | {name: found[name] for name in ("difference", "low", "high")}).items()
    measured(lines, labels, {}, aliases=["champion=1", "former=2"])  # the same two, after the winner was deployed
    assert read_events(trail) == [event]


@pytest.mark.feature("F1")
@pytest.mark.slow
def test_batches_and_passes_change_nothing_and_of_many_rows_a_sample_is_measured(measured, monkeypatch):
    lines, names, _, _, _, y = draw(["1999-01-03", "1999-01-04"])
    labels = [*zip(names, np.array(["absent", "present"])[y], strict=True)]
    whole = measured(lines, labels, {"1": 0.5})
    monkeypatch.setattr(measuring, "BATCH", 37)
    assert measured(lines, labels, {"1": 0.5}) == whole
    monkeypatch.setattr(label_files, "MAX_BYTES", 1000)
    passes = measured(lines, labels, {"1": 0.5})
    monkeypatch.setattr(measuring, "MOST", 150)
    sampled = measured(lines, labels, {"1": 0.5})
    assert whole["labels"] == passes["labels"] == sampled["labels"]
    sides = [found["versions"]["1"] for found in (whole, passes, sampled)]
    for kind in ("periods", "slices"):
        for one, other, sample in zip(*(side[kind] for side in sides), strict=True):
            assert one["metrics"]["roc_auc"] == other["metrics"]["roc_auc"]
            same = {name: value for name, value in one.items() if name not in ("metrics", "bounds")}
            assert {name: other[name] for name in same} == same
            assert sample["measured"] == 150 < sample["rows"]
            roc_auc = sample["metrics"]["roc_auc"]
            assert roc_auc["low"] < one["metrics"]["roc_auc"]["value"] < roc_auc["high"]
    assert sides[2]["rows"] == 400 and sides[2]["measured"] == 150
    assert [part["positives"] for part in sides[2]["periods"]] == [part["positives"] for part in sides[0]["periods"]]
