"""Intervals of every kind of figure: known values, coverage in small simulations, and reasons where there is none."""

import numpy as np
import pytest
from scipy import stats

from benchmarks.statistics_intervals import (
    NOISES,
    count_coverage,
    count_gap_coverage,
    count_importance_coverage,
    many_classes,
    measure_truth,
    regression,
    two_classes,
)
from scripts.analyze.bootstrap import Scores
from scripts.analyze.checks import check_bounds, format_check
from scripts.analyze.estimates import estimate_metrics
from scripts.analyze.intervals import (
    Share,
    positive_interval,
    pr_auc_influence,
    range_interval,
    roc_auc_influence,
    share_interval,
    skewed_interval,
)

WORLDS = 60
LEAST_COVERED = 52 / 60  # 1 % of simulations of an interval that covers in 95 % are below


def test_share_is_between_clopper_pearson_and_wilson_and_has_a_width_at_its_ends():
    low, high = share_interval(1.0, 10)
    assert high == 1 and low == pytest.approx(0.05 ** (1 / 10), abs=1e-9)  # half of p^10 is 2.5 %
    for hits in (1, 7, 19):
        low, high = share_interval(hits / 20, 20)
        exact = stats.binomtest(hits, 20).proportion_ci()
        assert exact.low < low < hits / 20 < high < exact.high
        assert stats.binom.sf(hits, 20, low) + stats.binom.pmf(hits, 20, low) / 2 == pytest.approx(0.025)


def test_mean_square_of_normal_residuals_has_nearly_the_chi_squared_interval():
    residual = np.random.default_rng(0).normal(size=5000)
    low, high = positive_interval(1.0, 2 / 5000)
    exact = 5000 / stats.chi2.ppf((0.975, 0.025), 5000)
    assert [low, high] == pytest.approx(exact, rel=2e-4)
    found = estimate_metrics(Scores(residual, np.zeros(5000), regression=True), 10, 0)["rmse"]
    assert found["low"] < 1 < found["high"]


@pytest.mark.parametrize("measure", [roc_auc_influence, pr_auc_influence])
def test_influence_values_are_derivatives_by_the_weights_of_rows(measure):
    rng = np.random.default_rng(1)
    y = rng.random(80) < 0.3
    p = np.round(0.3 + 0.1 * y + 0.1 * rng.normal(size=80).clip(-2, 2), 2)  # with ties
    value, influence = measure(y, p)
    name = "roc_auc" if measure is roc_auc_influence else "pr_auc"
    metrics = Scores(y.astype(np.int64), p, 0.5).metric_function(("roc_auc",))
    assert value == pytest.approx(metrics(np.ones(80))[name])
    assert influence.mean() == pytest.approx(0, abs=1e-12)
    for row in range(0, 80, 7):
        moved = np.ones(80)
        moved[row] += 1e-4
        assert (metrics(moved)[name] - value) / 1e-4 * 80 == pytest.approx(influence[row], abs=0.01)


@pytest.mark.slow
@pytest.mark.feature("A7")
@pytest.mark.parametrize(("base", "apart", "per_unit"), [(0.05, 1.5, 1), (0.5, 3.0, 1), (0.3, 1.0, 5)])
def test_intervals_of_two_classes_cover(base, apart, per_unit):
    world = two_classes(base, apart, per_unit)
    found = count_coverage(world, 200, WORLDS, measure_truth(world) | {"ece": 0.0}, 50)
    for name, (refused, covered, *_) in found.items():
        assert refused == 1 or covered >= LEAST_COVERED, (name, covered)


@pytest.mark.slow
def test_intervals_of_several_classes_cover():
    world = many_classes(4, 1.5)
    for name, (refused, covered, *_) in count_coverage(world, 300, WORLDS, measure_truth(world), 50).items():
        assert name == "ece" or refused == 1 or covered >= LEAST_COVERED, (name, covered)


@pytest.mark.slow
@pytest.mark.parametrize("noise", NOISES)
def test_intervals_of_errors_are_seldom_stated_and_wrong_whatever_the_tails(noise):
    world = regression(NOISES[noise])
    square = {"normal": 1, "laplace": 2, "t(5)": 5 / 3, "t(3)": 3, "t(2.5)": 5, "lognormal": np.exp(2) - np.exp(1)}
    truth = {"rmse": np.sqrt(square[noise]), "r2": 1 - square[noise] / (1 + square[noise]), "bias": 0.0}
    for name, (refused, _, _, wrong) in count_coverage(world, 200, 100, truth).items():
        assert wrong <= 0.13, (name, wrong)
        assert refused < 0.1 or noise != "normal"


@pytest.mark.slow
@pytest.mark.parametrize(("rows", "per_unit"), [(30, 1), (60, 5)])
def test_a_mean_of_skewed_values_is_covered(rows, per_unit):
    units, covered = np.arange(rows) // per_unit, 0
    for seed in range(300):
        values = NOISES["lognormal"](np.random.default_rng(seed), units.max() + 1)[units]
        low, high = skewed_interval(values.mean(), values - values.mean(), units)
        covered += low <= 0 <= high
    assert covered >= 0.88 * 300  # Student's: 85 % and 82 %


def test_a_mean_of_symmetric_values_has_the_interval_of_student():
    values = np.array([-2.0, -1.0, 0.0, 1.0, 2.0])
    expected = stats.t.interval(0.95, 4, 0, stats.sem(values))
    assert skewed_interval(0.0, values, None) == pytest.approx(expected)
    assert skewed_interval(1.0, np.zeros(5), None) == (1, 1)


@pytest.mark.slow
def test_gaps_between_equal_slices_contain_zero_and_true_gaps_are_found():
    for effect in (0.0, 0.6):
        for name, (refused, covered, *_) in count_gap_coverage(4, 150, effect, 20).items():
            assert refused == 0 and covered >= 17 / 20, (name, covered)
    assert range_interval(np.array([0.5, 0.9]), np.array([[0.45, 0.55], [0.85, 0.95]]))[0] > 0.3


@pytest.mark.slow
def test_importance_covers_what_many_rows_show():
    for name, (refused, covered, *_) in count_importance_coverage(300, 40).items():
        assert refused == 0 and covered >= 35 / 40, (name, covered)


def test_where_there_is_no_interval_the_reason_is_said_and_the_gate_fails_with_it():
    y = np.array([1, 1, 1] + [0] * 97)
    found = estimate_metrics(Scores(y, y * 0.8 + 0.1, 0.5), 20, 0)
    assert found["recall"] == {
        "value": 1.0,
        "low": None,
        "high": None,
        "reason": "too few positives: 3, at least 5 are needed",
    }
    check = check_bounds("value", "", "recall", {"min": 0.5}, found["recall"])
    assert not check["passed"]
    assert format_check(check) == "recall: too few positives: 3, at least 5 are needed (limit min 0.5)"
    units = np.repeat(np.arange(4), 25)
    few = estimate_metrics(Scores(np.tile([1, 0, 0, 0, 0], 20), np.linspace(0, 1, 100), 0.5, units=units), 20, 0)
    assert few["accuracy"]["reason"] == "too few subjects with rows: 4, at least 5 are needed"


def test_rows_of_a_subject_count_as_one():
    hits = np.repeat([True, False, True, True, True, True, False, True], 50)
    alone = Share(hits, np.ones(400, bool), "rows").interval()
    together = Share(hits, np.ones(400, bool), "rows", np.repeat(np.arange(8), 50)).interval()
    assert together[1] - together[0] > 5 * (alone[1] - alone[0])
