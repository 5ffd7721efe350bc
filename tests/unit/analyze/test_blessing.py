"""The gate: a limit must hold for the whole interval, or the model is not blessed, and a file says why."""

from pathlib import Path

import pytest

from benchmarks.statistics_looks import count_passes
from scripts.analyze import checks as held
from scripts.analyze.checks import format_check
from scripts.analyze.gate import gate
from scripts.analyze.looks import count_look
from scripts.errors import InputError
from scripts.provenance.canonical import read_json, write_json
from scripts.provenance.trail import read_events

ESTIMATES = {
    "roc_auc": {"value": 0.9, "low": 0.88, "high": 0.92},
    "brier": {"value": 0.1, "low": 0.09, "high": 0.11},
    "f1": {"value": 0.5, "low": None, "high": None},
}


def around(value: float, spread: float = 0.02) -> dict:
    return {"value": value, "low": value - spread, "high": value + spread}


TEST = {
    "metrics": ESTIMATES,
    "slices": [
        {"name": "sex=f", "column": "sex", "rows": 90, "metrics": {"roc_auc": around(0.8), "brier": around(0.2)}},
        {"name": "sex=m", "column": "sex", "rows": 80, "metrics": {"roc_auc": around(0.9), "brier": around(0.1)}},
    ],
    "too_small": [{"name": "sex=(missing)", "column": "sex", "rows": 7}],
    "gaps": {"sex": {"roc_auc": around(0.1)}},
    "fairness": {},
}


@pytest.mark.feature("A3", "A9")
@pytest.mark.parametrize(
    ("limits", "passed"),
    [
        ({"roc_auc": {"min": 0.88}}, True),
        ({"roc_auc": {"min": 0.881}}, False),  # the value is above, the interval is not
        ({"brier": {"max": 0.11}}, True),
        ({"brier": {"max": 0.109}}, False),
        ({"roc_auc": {"min": 0.8, "max": 0.92}}, True),
        ({"roc_auc": {"min": 0.8, "max": 0.91}}, False),
        ({"roc_auc": {"min": 0.9, "max": 0.95}}, False),
        ({"f1": {"min": 0.0}}, False),  # no interval, no proof
    ],
)
def test_limits_of_values(limits, passed):
    (check,) = held.check_values(TEST, limits)
    ((metric, limit),) = limits.items()
    assert check == {"kind": "value", "of": "", "metric": metric, "limit": limit, "passed": passed, **ESTIMATES[metric]}


def test_a_limit_on_an_undefined_metric_fails_and_says_why():
    undefined = {"value": None, "low": None, "high": None, "reason": "a value is 0"}
    (check,) = held.check_values({"metrics": {"mape": undefined}}, {"mape": {"max": 0.5}})
    assert (check["passed"], check["why"], format_check(check)) == (
        False,
        "a value is 0",
        "mape: a value is 0 (limit max 0.5)",
    )


@pytest.mark.feature("A3", "A10")
def test_limits_of_slices():
    gate = {"roc_auc": {"slices": {"*": {"min": 0.81}, "sex=m": {"min": 0.85}}}}
    checks = held.check_slices(TEST, gate)
    assert [(check["of"], check["passed"]) for check in checks] == [("sex=f", False), ("sex=m", True), ("sex=m", True)]
    assert format_check(checks[0]) == "slice roc_auc of sex=f 0.8000 (0.7800 to 0.8200), limit min 0.81"


@pytest.mark.feature("A10")
@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("sex=(missing)", "only 7 rows, analyze.min_slice requires more"),
        ("sex=x", "no such slice, so no estimate"),
    ],
)
def test_named_slice_that_is_missing_or_small_fails_and_says_so(name, why):
    (check,) = held.check_slices(TEST, {"roc_auc": {"slices": {name: {"min": 0.1}}}})
    assert not check["passed"] and check["value"] is None and check["why"] == why
    assert format_check(check) == f"slice roc_auc of {name}: {why} (limit min 0.1)"


@pytest.mark.feature("A10")
def test_limit_of_every_slice_fails_where_there_is_none():
    empty = TEST | {"slices": []}
    (check,) = held.check_slices(empty, {"roc_auc": {"slices": {"*": {"min": 0.1}}}})
    assert not check["passed"] and check["why"] == "no slice has analyze.min_slice rows"


@pytest.mark.feature("A3")
def test_limits_across_slices():
    near, far = (held.check_gaps(TEST, {"roc_auc": {"gap": {"sex": most}}})[0] for most in (0.13, 0.11))
    assert near["passed"] and not far["passed"] and near["value"] == 0.1
    (check,) = held.check_gaps(TEST, {"roc_auc": {"gap": {"race": 0.5}}})
    assert not check["passed"] and check["why"] == "fewer than two slices have analyze.min_slice rows"


def fairness(**changes) -> dict:
    chosen = {"chosen": True, "groups": {"f": {}, "m": {}}, "metrics": {"equalized_odds_difference": around(0.1)}}
    other = {"chosen": False, "groups": {}, "metrics": {"equalized_odds_difference": around(0.9)}}
    return TEST | {"fairness": {"sex": {"reference": "m", "thresholds": [other, chosen]} | changes}}


@pytest.mark.feature("A6")
def test_limits_of_fairness_hold_at_the_chosen_threshold():
    for most, passed in ((0.13, True), (0.11, False)):
        (check,) = held.check_fairness(fairness(), {"equalized_odds_difference": {"max": most}})
        assert (check["of"], check["passed"], check["value"]) == ("sex", passed, 0.1)
    limit = {"equalized_odds_difference": {"max": 1}}
    (small,) = held.check_fairness(fairness(reference="x"), limit)
    assert not small["passed"] and small["why"] == "the reference x has fewer than analyze.min_slice rows"
    (none,) = held.check_fairness(fairness(thresholds=[]), limit)
    assert not none["passed"] and none["why"] == "fewer than two groups have analyze.min_slice rows"
    assert held.check_fairness(TEST, limit) == held.check_fairness(fairness(), {}) == []


CHANGE = {"absolute": {"value": -0.01, "low": -0.03, "high": -0.005}, "relative": around(-0.0125, 0.005)}


@pytest.mark.feature("A3", "A9", "A11")
@pytest.mark.parametrize(
    ("metric", "limits", "passed"),
    [
        ("f1", {"drop": 0.004}, False),  # the whole interval is beyond it
        ("f1", {"drop": 0.005}, True),
        ("f1", {"rise": 0.0}, True),
        ("f1", {"relative_drop": 0.007}, False),
        ("f1", {"relative_drop": 0.008}, True),
        ("f1", {"gain": 0.0}, False),
        ("brier", {"gain": 0.004}, True),  # less is better, and the whole interval is below
        ("brier", {"gain": 0.006}, False),
    ],
)
def test_limits_of_change(metric, limits, passed):
    (check,) = held.check_change("", metric, limits, CHANGE)
    assert check["passed"] is passed and check["limit"] == limits
    assert check["value"] == (-0.0125 if "relative_drop" in limits else -0.01)


def test_change_that_is_not_defined_fails():
    (check,) = held.check_change("sex=x", "f1", {"drop": 1}, {}, "missing")
    assert not check["passed"] and format_check(check) == "change of f1 of sex=x: missing (limit drop 1)"
    assert (
        held.check_change("", "f1", {"relative_drop": 1}, {"relative": held.UNDEFINED})[0]["why"]
        == "the change is not defined"
    )


@pytest.fixture
def measured(tmp_path: Path) -> Path:
    """Return the metrics file of a model."""
    path = tmp_path / "metrics.json"
    bad = {name: {"value": 0.0, "low": 0.0, "high": 0.0} for name in ESTIMATES}
    about = {"threshold": 0.25, "criterion": "f1", "bundle": "b" * 64, "size_mb": 1.5, "cuts": {}}
    about["conformal"] = {"rows": 3, "quantiles": {"50": 0.5}}
    write_json(path, about | {"splits": {"eval": {"metrics": bad}, "test": TEST}})
    return path


def judged(measured: Path, limits: dict, fair: dict | None = None) -> dict:
    """Return the blessing."""
    blessing = measured.with_name("blessing.json")
    gate(measured, [], [], blessing, str(measured.with_name("rejected")), "serving", limits, fair or {})
    return read_json(blessing)


@pytest.mark.feature("A14")
def test_blessing_says_what_was_checked(measured):
    made = judged(measured, {"roc_auc": {"min": 0.8}, "brier": {"max": 0.2}})
    assert made["blessed"] is True and made["threshold"] == 0.25 and made["criterion"] == "f1"
    assert made["conformal"] == {"rows": 3, "quantiles": {"50": 0.5}}
    assert made["bundle"] == "b" * 64 and "baseline" not in made  # nothing was asked of it
    assert [(check["metric"], check["passed"]) for check in made["checks"]] == [("brier", True), ("roc_auc", True)]
    assert not measured.with_name("rejected").exists()


@pytest.mark.feature("A3")
def test_every_limit_that_fails_is_named_and_the_model_stays_with_the_reasons(measured):
    limits = {"roc_auc": {"min": 0.95}, "brier": {"max": 0.2, "min": 0.1}, "size_mb": {"max": 1}}
    with pytest.raises(InputError) as error:
        judged(measured, limits)
    (kept,) = measured.with_name("rejected").iterdir()
    assert str(error.value) == (
        "the model is not blessed: brier 0.1000 (0.0900 to 0.1100), limit max 0.2, min 0.1; "
        "roc_auc 0.9000 (0.8800 to 0.9200), limit min 0.95; size_mb 1.5000 (1.5000 to 1.5000), limit max 1 "
        f"(test split; all metrics are in {measured}, all checks in {kept})"
    )
    assert not measured.with_name("blessing.json").exists()
    made = read_json(kept)
    assert made["bundle"] == "b" * 64 and made["blessed"] is False and kept.name.startswith("b" * 16)
    assert [check["metric"] for check in made["checks"] if not check["passed"]] == ["brier", "roc_auc", "size_mb"]
    with pytest.raises(InputError):
        judged(measured, limits)
    assert len(list(kept.parent.iterdir())) == 1  # the same verdict
    with pytest.raises(InputError):
        judged(measured, {"roc_auc": {"min": 0.99}})
    assert len(list(kept.parent.iterdir())) == 2 and read_json(kept) == made


@pytest.mark.feature("A5")
def test_no_limit_no_blessing(measured):
    with pytest.raises(InputError, match=r"no limit is configured under analyze\.gate, so no model is blessed"):
        judged(measured, {})


def test_limit_without_an_interval_is_named(measured):
    with pytest.raises(InputError, match=r"f1 0\.5000 \(no interval\), limit min 0\.1"):
        judged(measured, {"f1": {"min": 0.1}})


@pytest.mark.feature("A13")
def test_size_is_a_metric_with_a_limit(measured):
    made = judged(measured, {"size_mb": {"max": 2}})
    assert [(check["kind"], check["value"]) for check in made["checks"]] == [("size", 1.5)]


@pytest.mark.feature("A13")
@pytest.mark.parametrize(("took", "passed"), [(4.0, True), (6.0, False)])
def test_latency_is_gated_and_leaves_no_figure(measured, monkeypatch, capsys, took, passed):
    monkeypatch.setattr("scripts.analyze.latency.measure_prediction_ms", lambda bundle: took)
    blessing = measured.with_name("blessing.json")
    arguments = (measured, [measured.parent], [], blessing, str(measured.with_name("rejected")), "serving")
    if passed:
        gate(*arguments, {"latency_ms": {"max": 5}}, {})
        (check,) = read_json(blessing)["checks"]
        assert (check["kind"], check["limit"], check["passed"], check["value"]) == ("latency", {"max": 5}, True, None)
    else:
        with pytest.raises(InputError, match=r"latency_ms: slower, see the log \(limit max 5\)"):
            gate(*arguments, {"latency_ms": {"max": 5}}, {})
    assert f"a row takes {took:.3g} ms (median), limit 5" in capsys.readouterr().err


def test_looks_at_the_same_test_rows_are_counted_also_of_rejected_bundles(tmp_path):
    trail = tmp_path / "trail/tiny.jsonl"
    assert [count_look(trail, "t", bundle) for bundle in ("a", "b", "a", "c")] == [1, 2, 1, 3]
    assert count_look(trail, "u", "a") == 1 and count_look(trail, "t", "c") == 3
    assert [event["look"] for event in read_events(trail)] == [1, 2, 3, 1]


def test_with_more_looks_the_same_interval_may_fail_where_that_is_configured(measured):
    trail = measured.with_name("trail") / "tiny.jsonl"
    write_json(measured, read_json(measured) | {"test_digest": "t"})
    for number in range(20):
        count_look(trail, "t", str(number))

    def look(correct: bool) -> dict:
        blessing = measured.with_name("blessing.json")
        arguments = (measured, [], [], blessing, str(measured.with_name("rejected")), "serving", limits, {})
        gate(*arguments, trail=str(trail), correct_looks=correct)
        return read_json(blessing)

    limits = {"roc_auc": {"min": 0.875}}
    made = look(False)
    assert made["look"] == 21 and made["checks"][0]["low"] == 0.88
    with pytest.raises(InputError, match=r"not blessed: roc_auc 0\.9000 \(0\.8606 to 0\.9394\).*look 21 at these rows"):
        look(True)


@pytest.mark.slow
@pytest.mark.parametrize(("correct", "least", "most"), [(False, 0.12, 0.45), (True, 0.0, 0.1)])
def test_one_of_many_variants_at_the_limit_passes_by_chance_unless_looks_are_corrected(correct, least, most):
    assert least <= count_passes(variants=20, worlds=100, correct=correct) <= most
