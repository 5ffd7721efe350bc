"""The decision threshold by each criterion."""

import numpy as np
import pytest
from sklearn import metrics

from benchmarks.statistics_thresholds import count_broken_demands
from scripts.analyze.curves import classification_curves, estimate_optimism, regression_curves, threshold_points
from scripts.errors import InputError
from scripts.metrics.threshold import choose_threshold, is_proven
from scripts.provenance.canonical import read_json, round_floats, write_json


def scores(seed: int, count: int = 60) -> tuple[np.ndarray, np.ndarray]:
    """Return labels and scores of two digits that depend on them."""
    rng = np.random.default_rng(seed)
    y = (rng.random(count) < 0.4).astype(np.int64)
    return y, np.round(1 / (1 + np.exp(-(1.4 * y - 0.7 + rng.normal(0, 1, count)))), 2)


def cost(y, said, fp: float, fn: float) -> float:
    return fp * ((said == 1) & (y == 0)).sum() + fn * ((said == 0) & (y == 1)).sum()


def best(y, p, worth) -> float:
    """Return the largest value of *worth* over all thresholds."""
    return max(worth(y, (p >= threshold).astype(int)) for threshold in [*np.unique(p), 2])


@pytest.mark.slow
@pytest.mark.feature("A14")
@pytest.mark.parametrize("seed", range(8))
def test_each_criterion_finds_the_best_threshold(seed):
    y, p = scores(seed)
    worths = [
        ("f1", metrics.f1_score),
        ("youden", metrics.balanced_accuracy_score),
        ({"cost": {"fp": 1, "fn": 5}}, lambda y, said: -cost(y, said, 1, 5)),
        ({"cost": {"fp": 50, "fn": 1}}, lambda y, said: -cost(y, said, 50, 1)),
    ]
    for criterion, worth in worths:
        found = choose_threshold(y, p, criterion)
        assert worth(y, (p >= found).astype(int)) == pytest.approx(best(y, p, worth)), criterion
        assert found == pytest.approx(round(found, 6), abs=1e-12)


@pytest.mark.slow
@pytest.mark.feature("A14")
@pytest.mark.parametrize("seed", range(8))
def test_demands_are_kept_at_the_least_price(seed):
    y, p = scores(seed)
    precise, complete = choose_threshold(y, p, {"precision": 0.6}), choose_threshold(y, p, {"recall": 0.9})
    tried = [(p >= threshold).astype(int) for threshold in np.unique(p)]
    recalls = [metrics.recall_score(y, said) for said in tried if metrics.precision_score(y, said) >= 0.6]
    assert metrics.precision_score(y, p >= precise) >= 0.6
    assert metrics.recall_score(y, p >= precise) == max(recalls)
    precisions = [metrics.precision_score(y, said) for said in tried if metrics.recall_score(y, said) >= 0.9]
    assert metrics.recall_score(y, p >= complete) >= 0.9
    assert metrics.precision_score(y, p >= complete) == max(precisions)


def test_a_demand_that_nothing_keeps_is_refused():
    with pytest.raises(InputError, match=r"analyze\.threshold: no threshold has a precision of 0\.9 on eval"):
        choose_threshold(np.array([0, 1, 0]), np.array([0.1, 0.2, 0.3]), {"precision": 0.9})


def test_a_value_is_taken_as_it_is():
    assert choose_threshold(np.array([0, 1]), np.array([0.1, 0.2]), {"value": 0.7}) == 0.7


def test_threshold_is_the_double_that_was_chosen(tmp_path):
    y, p = np.array([0, 0, 1, 1]), np.array([0.1, 0.2, 0.1234569, 0.9999999])
    threshold = choose_threshold(y, p, "f1")
    assert threshold == 0.1234569 and (p >= threshold).tolist() == [False, True, True, True]
    assert choose_threshold(np.array([0, 1]), np.array([0.0, 1.7e-7]), "f1") == 1.7e-7
    tiny, below = 1.7222222222222222e-7, 1.7222222222222220e-7
    threshold = choose_threshold(np.array([1, 0, 1]), np.array([tiny, below, 0.5]), "youden")
    write_json(tmp_path / "metrics.json", {"threshold": threshold, "splits": [{"threshold": threshold, "value": tiny}]})
    written = read_json(tmp_path / "metrics.json")
    assert written == {"threshold": tiny, "splits": [{"threshold": tiny, "value": 1.72222222222e-07}]}


def test_no_row_is_selected_if_that_costs_least():
    y, p = np.array([0, 0, 1]), np.array([0.2, 1.0, 0.1])
    threshold = choose_threshold(y, p, {"cost": {"fp": 5, "fn": 1}})
    assert threshold == np.nextafter(1, 2) and not (p >= threshold).any()


def test_curves_do_not_depend_on_the_order_of_rows():
    rng = np.random.default_rng(3)
    y, p = (rng.random(503) < 0.4).astype(np.int64), rng.integers(0, 3, 503) / 4
    order = rng.permutation(503)
    for curves in (classification_curves, regression_curves):
        first, second = (round_floats(curves(y[part], p[part])) for part in (np.arange(503), order))
        assert first == second


def test_figures_by_threshold_are_those_of_the_rows():
    rng = np.random.default_rng(2)
    p = rng.random(500).round(2)
    y = (rng.random(500) < p).astype(np.int64)
    points = threshold_points(y, p, 0.333)
    assert [point[0] for point in points] == sorted({point[0] for point in points}) and len(points) <= 101
    assert 0.333 in [point[0] for point in points]
    for at, rate, precision, recall in points:
        said = p >= at
        assert (rate, precision, recall) == pytest.approx((said.mean(), y[said].mean(), y[said].sum() / y.sum()))
    assert threshold_points(y, p, 2.0)[-1] == [2.0, 0.0, None, 0.0]


@pytest.mark.parametrize("name", ["precision", "recall"])
def test_a_demand_with_confidence_holds_for_new_rows_and_one_on_eval_does_not(name):
    broken = {key: count_broken_demands(name, 0.8, key, 500, 60)[0] for key in (None, 0.9)}
    assert broken[None] > 0.3 and broken[0.9] <= 0.2


def test_a_proof_goes_on_until_the_first_test_that_fails():
    hits, within = np.array([10, 19, 20, 59, 60]), np.array([10, 20, 30, 60, 61])
    assert is_proven(hits, within, 0.7, 1, 0.95).tolist() == [True, True, False, False, False]
    assert not is_proven(hits[:1], within[:1], 0.8, 1, 0.95).any()  # .8^10 is more than .05
    with pytest.raises(InputError, match=r"a precision of 0\.9 on eval with a confidence of 0\.95; require less"):
        choose_threshold(np.array([0, 1, 1]), np.array([0.1, 0.2, 0.3]), {"precision": 0.9, "confidence": 0.95})


@pytest.mark.slow
def test_optimism_is_what_new_rows_lack():
    found = {"f1": [], "true": []}
    new_y, new_p = scores(1000, 100_000)
    for seed in range(60):
        y, p = scores(seed, 80)
        threshold = choose_threshold(y, p, "f1")
        found["f1"].append(estimate_optimism(y, p, "f1", seed)["f1"])
        found["true"].append(metrics.f1_score(y, p >= threshold) - metrics.f1_score(new_y, new_p >= threshold))
    assert 0.4 < np.mean(found["f1"]) / np.mean(found["true"]) < 1.3
    assert np.mean(found["f1"]) > 0.02
