"""The sweep in the report: scales of hyperparameters and what stands for a trial, without plots."""

import pytest

from scripts.report import tuning_plots
from scripts.report.tuning import running_best, score_fifths
from scripts.report.tuning_plots import distributions, make_scale, make_scales

SPACE = {
    "C": {"loguniform": [0.01, 100]},
    "depth": {"quniform": [2, 8, 1]},
    "kernel": {"choice": ["linear", {"rbf": {"gamma": {"loguniform": [0.001, 1]}}}]},
    "tried by nobody": {"uniform": [0, 1]},
}


def trial(number: int, loss: float | None, **params) -> dict:
    """Return a trial of a sweep that wants much."""
    found = {"number": number, "family": "svm", "params": params, "loss": loss}
    failed = {"score": None, "status": "failed", "error": "ValueError: no"}
    return found | (failed if loss is None else {"score": 1 - loss, "status": "ok"})


def test_hyperparameters_of_options_are_found():
    assert distributions(SPACE)["gamma"] == "loguniform" and set(distributions(SPACE)) == {*SPACE, "gamma"}


def test_axes_follow_the_search_space():
    trials = [trial(0, 0.1, C=0.1, depth=2, kernel="rbf", gamma=0.01), trial(1, 0.2, C=10, depth=8, kernel="linear")]
    lanes = {lane.name: lane for lane in make_scales(trials, SPACE)}
    assert list(lanes) == ["C", "depth", "kernel", "gamma"]
    assert [lanes[name].log for name in ("C", "depth", "gamma")] == [True, False, True]
    assert lanes["C"].position(1) == pytest.approx(0.5) and lanes["depth"].position(5) == 0.5
    assert lanes["kernel"].names == ("linear", "rbf") and lanes["kernel"].position("rbf") == 1
    assert lanes["gamma"].position(0.01) == 0.5


@pytest.mark.parametrize(
    ("values", "distribution", "log"),
    [([0.001, 1], None, True), ([1, 9], None, False), ([0, 1000], None, False), ([0, 9], "loguniform", False)],
)
def test_axis_without_a_known_space(values, distribution, log):
    assert make_scale("x", values, distribution).log == log


@pytest.mark.parametrize("values", [[None, 5, 10], [True, False], ["a", 3, None]])
def test_values_that_are_no_numbers_become_categories(values):
    lane = make_scale("x", values, None)
    assert sorted(lane.position(value) for value in values) == [n / (len(values) - 1) for n in range(len(values))]


def test_scores_are_in_fifths():
    assert score_fifths([trial(n, n / 10) for n in range(10)] + [trial(10, None)]) == {n: 4 - n // 2 for n in range(10)}


def test_looks_of_sixteen_families_differ():
    assert len({tuning_plots.family_style(index) for index in range(16)}) == 16


def test_a_trial_in_words_and_as_a_mark():
    found = trial(3, 0.25, C=2.0) | {"losses": [0.2, 0.3], "spread": 0.0707, "fraction": 0.25}
    words = "trial 3, svm\nroc_auc 0.7500 ± 0.0707 (2 fits)\nC 2\non 25% of the resource"
    assert tuning_plots.trial_label(found, "roc_auc") == words
    assert tuning_plots.trial_label(trial(4, None), "roc_auc") == "trial 4, svm\nroc_auc –\nValueError: no"
    assert tuning_plots.dot(found, 2, (1.0, 2.5)).get("class") == "trial f2 c3 hollow"
    assert tuning_plots.dot(trial(4, None), 2, (1.0, 2.5)).get("class") == "trial f2 cross"


def test_part_of_the_resource_is_never_the_best():
    assert running_best([trial(0, 0.5), trial(1, 0.1) | {"fraction": 0.5}]) == [(0, 0.5), (1, 0.5)]
