"""The change against the deployed version: paired, on the current rows, and clear if there is nothing to compare."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn import metrics

from benchmarks.statistics_changes import count_non_inferior, count_stopped
from benchmarks.statistics_seen_rows import estimate_changes
from scripts.analyze.bootstrap import Scores
from scripts.analyze.checks import check_change, format_check
from scripts.analyze.compare import Settings, compare_with_deployed, find_reference
from scripts.analyze.gate import gate
from scripts.analyze.latency import measure_prediction_ms
from scripts.bundle.files import bundle_digest
from scripts.errors import InputError
from scripts.provenance.canonical import read_json, write_json
from tests.unit.analyze.bundles import NAMES, bundle, table
from tests.unit.analyze.test_blessing import TEST

HOW = Settings(
    label={"column": "y", "classes": {name: [name] for name in NAMES[:2]}},
    columns=["flag", "area"],
    cuts={},
    least=60,
    unit=None,
    ranking={"group": None, "k": 10},
    samples=60,
    seed=0,
)


def two(rng: np.random.Generator, count: int, better: float = 0.0) -> tuple[Scores, Scores]:
    """Return the scores of two models that are equally good, or the first one *better*."""
    y = (rng.random(count) < 0.4).astype(np.int64)
    shared = rng.normal(0, 1, count)
    p = [1 / (1 + np.exp(-((1 + more) * (2 * y - 1) + shared + rng.normal(0, 0.5, count)))) for more in (better, 0)]
    return Scores(y, p[0], 0.5), Scores(y, p[1], 0.5)


@pytest.mark.feature("A9", "A11")
def test_change_is_new_less_old_and_its_share_of_the_old():
    new, old = two(np.random.default_rng(0), 500, 0.5)
    found = estimate_changes(new, old, 100, 0)
    for name, value in (("roc_auc", metrics.roc_auc_score), ("log_loss", metrics.log_loss)):
        a, b = value(new.y, new.p), value(old.y, old.p)
        assert found[name]["absolute"]["value"] == pytest.approx(a - b)
        assert found[name]["relative"]["value"] == pytest.approx((a - b) / abs(b))
    lower = (
        Scores(new.y.astype(float), new.p - 2, regression=True),
        Scores(new.y.astype(float), new.p - 1, regression=True),
    )
    bias = estimate_changes(*lower, 20, 0)["bias"]  # of a negative metric: it falls further, so the change is negative
    assert bias["absolute"]["value"] == pytest.approx(-1) and bias["relative"]["value"] < 0


@pytest.mark.feature("A9")
def test_samples_are_paired():
    new, old = two(np.random.default_rng(1), 400)
    change = estimate_changes(new, new, 50, 0)["roc_auc"]["absolute"]
    assert change == {"value": 0, "low": 0, "high": 0}
    paired = estimate_changes(new, old, 200, 0)["roc_auc"]["absolute"]
    alone = [figure["high"] - figure["low"] for figure in map(interval, (new, old))]
    assert paired["high"] - paired["low"] < 0.8 * np.hypot(*alone)  # what both have in common cancels


def interval(scores: Scores) -> dict:
    from scripts.analyze.estimates import estimate_metrics

    return estimate_metrics(scores, 200, 0)["roc_auc"]


@pytest.mark.slow
@pytest.mark.feature("A9")
def test_equal_models_pass_a_limit_of_drop_and_not_one_of_gain_as_often_as_the_interval_says():
    passed = {"drop": 0, "gain": 0}
    runs = 60
    for seed in range(runs):
        change = estimate_changes(*two(np.random.default_rng(seed), 200), 60, seed)["roc_auc"]
        for kind in passed:
            (check,) = check_change("", "roc_auc", {kind: 0.0}, change)
            passed[kind] += check["passed"]
    assert passed["drop"] >= 0.95 * runs - 3 and passed["gain"] <= 0.05 * runs + 3


@pytest.mark.slow
@pytest.mark.feature("A9")
def test_worse_models_do_not_pass_and_better_ones_do():
    for seed in range(10):
        better, worse = two(np.random.default_rng(seed), 1500, 0.7)
        assert not check_change("", "roc_auc", {"drop": 0.0}, estimate_changes(worse, better, 60, 0)["roc_auc"])[0][
            "passed"
        ]
        assert check_change("", "roc_auc", {"gain": 0.0}, estimate_changes(better, worse, 60, 0)["roc_auc"])[0][
            "passed"
        ]


@pytest.fixture
def tables(tmp_path: Path) -> list[Path]:
    return [table(tmp_path / "t/all", 1, 2)]


def publish(root: Path, source: Path, version: int, label: str = "champion") -> Path:
    """Publish the bundle *source* below *root* and let *label* name it."""
    folder = root / "tiny" / str(version)
    shutil.copytree(source, folder)
    write_json(folder / "contract.json", read_json(source / "contract.json") | {"threshold": 0.5})
    write_json(root / "tiny/labels.json", {label: version})
    return folder


@pytest.mark.feature("A4")
def test_first_run_says_that_there_is_nothing_to_compare(tmp_path, tables):
    made = bundle(tmp_path / "new", NAMES[:2])
    asked = {"roc_auc": {"drop": 0.0}}
    first = {"baseline": None, "first": True, "checks": []}
    assert compare_with_deployed(tables, made, 0.5, tmp_path / "serving", "tiny", "champion", asked, HOW) == first
    publish(tmp_path / "serving", made, 1, "other")
    assert compare_with_deployed(tables, made, 0.5, tmp_path / "serving", "tiny", "champion", asked, HOW) == first


@pytest.mark.feature("A3", "A4", "A10")
def test_baseline_is_what_the_label_names_now(tmp_path, tables):
    old, new = bundle(tmp_path / "old", NAMES[:2], 2.0), bundle(tmp_path / "new", NAMES[:2], -2.0)
    publish(tmp_path / "serving", old, 7)
    asked = {
        "roc_auc": {
            "drop": 0.1,
            "slices": {"flag=true": {"min": 0.1}, "area=-1": {"relative_drop": 0.1}, "x": {"drop": 1}},
        },
        "brier": {"rise": 0.9},
    }
    found = compare_with_deployed(tables, new, 0.5, tmp_path / "serving", "tiny", "champion", asked, HOW)
    assert found["baseline"] == {"version": 7, "bundle": bundle_digest(old)} and found["first"] is False
    assert [(check["metric"], check["of"], check["passed"]) for check in found["checks"]] == [
        ("brier", "", True),
        ("roc_auc", "", False),
        ("roc_auc", "area=-1", False),
        ("roc_auc", "x", False),
    ]
    assert found["checks"][1]["value"] < -0.4 and "missing" in found["checks"][3]["why"]


@pytest.mark.feature("A4")
def test_rows_that_the_deployed_version_has_seen_are_not_compared(tmp_path):
    """A fair model looks worse than one that has seen the test rows, and is not stopped for it."""
    tables = [table(tmp_path / name / "all", seed, 2) for seed, name in enumerate("tu")]
    old = bundle(tmp_path / "old", NAMES[:2], 2.0, seen=[{"trained": ["s/all", "t/all"], "chosen": [], "rule": None}])
    new = bundle(tmp_path / "new", NAMES[:2], 1.9, seen=[{"trained": ["s/all"], "chosen": [], "rule": None}])
    publish(tmp_path / "serving", old, 7)
    arguments = (0.5, tmp_path / "serving", "tiny", "champion", {"roc_auc": {"drop": 0.1}}, HOW)
    found = compare_with_deployed(tables, new, *arguments)
    assert found["baseline"] == {"version": 7, "bundle": bundle_digest(old), "left_out": ["t/all"]}
    alone = compare_with_deployed(tables[1:], new, *arguments)
    assert alone["checks"] == found["checks"] and "left_out" not in alone["baseline"]
    with pytest.raises(InputError, match=r"version 7 .* was trained or chosen on all test rows \(t/all\)"):
        compare_with_deployed(tables[:1], new, *arguments)
    write_json(old / "contract.json", {**read_json(old / "contract.json"), "seen": []})
    publish(tmp_path / "serving", old, 8)
    assert compare_with_deployed(tables, new, *arguments)["baseline"]["seen"] == "unknown"


def test_the_same_bundle_has_not_changed_and_is_not_scored(tmp_path, tables, monkeypatch):
    monkeypatch.setattr("scripts.analyze.compare.score_tables", None)
    made = bundle(tmp_path / "new", NAMES[:2])
    publish(tmp_path / "serving", made, 3)
    found = compare_with_deployed(
        tables, made, 0.5, tmp_path / "serving", "tiny", "champion", {"roc_auc": {"gain": 0.1}}, HOW
    )
    assert found == {"baseline": {"version": 3, "bundle": bundle_digest(made)}, "first": False, "checks": []}


@pytest.mark.feature("A4")
@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"column": "gone"}, "span t has no column gone"),
        ({"classes": ["a", "c"]}, r"its classes are \['a', 'c'\], not \['a', 'b'\]"),
        ({"columns": {"x": {"type": "text", "tensor": "number"}}}, "column x is integer now, not text"),
        ({"graph": "1" * 64}, "they do not belong together"),
    ],
    ids=str,
)
def test_baseline_that_cannot_be_scored_any_more_is_named(tmp_path, tables, changed, why):
    changed = dict(changed)
    old = bundle(tmp_path / "old", changed.pop("classes", NAMES[:2]), 1.0, changed.pop("column", "x"), **changed)
    publish(tmp_path / "serving", old, 4)
    new = bundle(tmp_path / "new", NAMES[:2])
    with pytest.raises(
        InputError, match=rf"the deployed version 4 .* cannot be scored on the test rows any more.*{why}"
    ):
        compare_with_deployed(tables, new, 0.5, tmp_path / "serving", "tiny", "champion", {"roc_auc": {"drop": 0}}, HOW)


@pytest.mark.feature("A4")
def test_version_that_is_gone_and_labels_that_say_nothing_are_named(tmp_path, tables):
    new, serving = bundle(tmp_path / "new", NAMES[:2]), tmp_path / "serving"
    shutil.rmtree(publish(serving, new, 4))
    arguments = (tables, new, 0.5, serving, "tiny", "champion", {"roc_auc": {"drop": 0}}, HOW)
    with pytest.raises(InputError, match=r"the deployed version 4 .* cannot be scored"):
        compare_with_deployed(*arguments)
    for content in ("[", "[4]", '{"champion": "four"}'):
        (serving / "tiny/labels.json").write_text(content)
        with pytest.raises(InputError, match=r"labels.json must be .* write it again"):
            compare_with_deployed(*arguments)


@pytest.mark.feature("A4")
def test_gate_writes_what_it_compared_with(tmp_path, tables):
    old, new = bundle(tmp_path / "old", NAMES[:2], 2.0), bundle(tmp_path / "new", NAMES[:2], 1.9)
    about = {"threshold": 0.5, "criterion": "f1", "bundle": bundle_digest(new), "size_mb": 1.5, "cuts": {}}
    about["conformal"] = {"rows": 3, "quantiles": {"50": 0.5}}
    write_json(tmp_path / "metrics.json", about | {"splits": {"test": TEST}})
    files = (tmp_path / "metrics.json", [new], tables, tmp_path / "blessing.json", str(tmp_path / "rejected"))
    how = vars(HOW) | {"case": "tiny", "tag": "champion", "min_slice": 60, "bootstrap": 60}
    options = {key: how[key] for key in how.keys() - {"cuts", "least", "samples", "factor"}}
    gate(*files, str(tmp_path / "serving"), {"roc_auc": {"drop": 0.0}}, {}, **options)
    first = read_json(tmp_path / "blessing.json")
    assert first["baseline"] is None and first["first"] is True and first["checks"] == []
    publish(tmp_path / "serving", old, 1)
    gate(*files, str(tmp_path / "serving"), {"roc_auc": {"drop": 0.0}}, {}, **options)
    then = read_json(tmp_path / "blessing.json")
    assert then["baseline"] == {"version": 1, "bundle": bundle_digest(old)} and then["first"] is False
    assert [check["kind"] for check in then["checks"]] == ["change"]


@pytest.mark.feature("A13")
def test_latency_is_measured_on_golden_rows(tmp_path):
    assert measure_prediction_ms(bundle(tmp_path / "new", NAMES[:2])) > 0


@pytest.mark.slow
@pytest.mark.parametrize("slices", [0, 10])
def test_equal_models_are_seldom_stopped_whatever_the_number_of_limits(slices):
    worlds = 12
    assert count_stopped(slices, worlds, samples=60, rows=300) <= 2 / worlds


@pytest.mark.slow
def test_a_model_at_the_limit_is_seldom_non_inferior_and_a_better_one_is():
    assert count_non_inferior(200, loss=0.05, limit=0.05, worlds=30, samples=60) <= 4 / 30
    assert count_non_inferior(2000, loss=0.0, limit=0.05, worlds=10, samples=60) >= 9 / 10
    limit = {"non_inferior": 0.02}
    (check,) = check_change("", "brier", limit, {"absolute": {"value": 0.005, "low": -0.01, "high": 0.021}})
    assert not check["passed"]
    (check,) = check_change("", "roc_auc", limit, {"absolute": {"value": 0.005, "low": -0.019, "high": 0.03}})
    assert check["passed"]


def test_the_smallest_change_that_would_be_found_is_said():
    new, old = two(np.random.default_rng(3), 400)
    change = estimate_changes(new, old, 200, 0)["roc_auc"]["absolute"]
    error = (change["high"] - change["low"]) / 2 / 1.96
    assert change["detectable"] == pytest.approx((1.96 + 0.8416) * error, rel=1e-3)
    (check,) = check_change("", "roc_auc", {"drop": 0.0}, {"absolute": change})
    assert f"detectable {change['detectable']:.4f}" in format_check(check)


def test_small_losses_are_compared_with_a_fixed_version_too(tmp_path, tables):
    first, deployed, new = (
        bundle(tmp_path / name, NAMES[:2], slope) for name, slope in (("a", 2), ("b", -2), ("c", -2.1))
    )
    publish(tmp_path / "serving", first, 1)
    publish(tmp_path / "serving", deployed, 2)
    asked = {"roc_auc": {"drop": 0.1}}
    arguments = (tables, new, 0.5, tmp_path / "serving", "tiny", "champion", asked)
    (alone,) = compare_with_deployed(*arguments, HOW)["checks"]
    assert alone["passed"] and "against" not in alone
    both = compare_with_deployed(*arguments, replace(HOW, reference=1))["checks"]
    assert [(check.get("against"), check["passed"]) for check in both] == [(None, True), ("version 1", False)]
    assert "roc_auc against version 1" in format_check(both[1])


def test_reference_that_is_not_published_is_named_by_its_key(tmp_path):
    for version in (2, 10):
        (tmp_path / str(version)).mkdir()
    assert find_reference(tmp_path, 10) == tmp_path / "10"
    with pytest.raises(InputError, match=r"analyze.reference_version: version 7 is not .*; published are 2, 10: name"):
        find_reference(tmp_path, 7)
