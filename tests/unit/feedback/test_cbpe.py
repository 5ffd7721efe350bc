"""Performance without labels: expected metrics are right where its assumption holds, and only there."""

import numpy as np
import pytest

from scripts.analyze.bootstrap import Scores
from scripts.feedback.cbpe import auc_error, calibrate, expected_auc_error, expected_metrics
from scripts.feedback.density_ratio import estimate_ratios
from scripts.metrics.weighted import BINARY_METRICS


def sigmoid(x):
    """Return the logistic function of *x*."""
    return 1 / (1 + np.exp(-x))


@pytest.mark.feature("F2")
def test_with_known_labels_the_expected_metrics_are_the_realised_ones():
    rng = np.random.default_rng(0)
    p = np.round(rng.random(500), 2)
    y = (rng.random(500) < p).astype(int)
    realised = Scores(y, p, 0.4).metric_function(BINARY_METRICS)(np.ones(500))
    for name, value in expected_metrics(p, y.astype(float), 0.4).items():
        assert value == pytest.approx(realised[name], abs=1e-12), name


@pytest.mark.feature("F2")
def test_calibrated_chances_give_the_metrics_of_labels_that_come_later():
    rng = np.random.default_rng(1)
    x = rng.normal(0, 1.5, 40_000)
    y = (rng.random(len(x)) < sigmoid(x)).astype(int)
    p = sigmoid(2 * x + 1)  # far too sure of itself
    chance = calibrate(y[:20_000], p[:20_000])
    shifted = rng.normal(1, 0.7, 20_000)  # requests of another distribution
    later = (rng.random(len(shifted)) < sigmoid(shifted)).astype(float)
    asked = sigmoid(2 * shifted + 1)
    estimated, realised = expected_metrics(asked, chance(asked), 0.5), expected_metrics(asked, later, 0.5)
    assert expected_metrics(p, y.astype(float), 0.5)["roc_auc"] - realised["roc_auc"] > 0.1
    for name in ("roc_auc", "pr_auc", "brier", "precision", "recall", "f1", "accuracy", "specificity"):
        assert estimated[name] == pytest.approx(realised[name], abs=0.015), name


@pytest.mark.feature("F2")
def test_concept_drift_is_not_seen():
    rng = np.random.default_rng(2)
    p = rng.random(20_000)
    y = (rng.random(len(p)) < p).astype(int)
    turned = expected_metrics(p, (1 - y).astype(float), 0.5)["roc_auc"]  # what was true is false now
    estimated = expected_metrics(p, calibrate(y, p)(p), 0.5)["roc_auc"]
    assert turned < 0.2 and estimated > 0.8


@pytest.mark.feature("F2")
@pytest.mark.slow
def test_weights_follow_a_shift_of_what_the_score_does_not_know():
    rng = np.random.default_rng(3)

    def draw(mean, rows):
        x = np.column_stack([rng.normal(0, 1, rows), rng.normal(mean, 1, rows)])
        return x, sigmoid(x[:, 0]), (rng.random(rows) < sigmoid(x[:, 0] + 2 * x[:, 1])).astype(int)

    (x, p, y), (asked_x, asked, later) = draw(0, 20_000), draw(1.0, 20_000)
    true = later.mean()
    plain = calibrate(y, p)(asked).mean()
    weighted = calibrate(y, p, estimate_ratios(x, asked_x))(asked).mean()
    assert abs(plain - true) > 0.2 and abs(weighted - true) < 0.04


@pytest.mark.feature("F2")
def test_ratios_of_one_distribution_are_near_one():
    rng = np.random.default_rng(4)
    ratios = estimate_ratios(rng.normal(0, 1, (4000, 3)), rng.normal(0, 1, (4000, 3)))
    assert ratios.mean() == pytest.approx(1, abs=0.1) and np.quantile(ratios, 0.9) < 1.6
    assert estimate_ratios(np.zeros((3, 1)), np.zeros((0, 1))).tolist() == [1, 1, 1]


def test_the_error_of_an_area_is_that_of_samples():
    rng, y = np.random.default_rng(5), np.repeat([0.0, 1.0], [400, 100])
    samples = [sigmoid(rng.normal(0, 1, 500) + 1.5 * y) for _ in range(300)]
    areas = [expected_metrics(p, y, 0.5)["roc_auc"] for p in samples]
    assert np.mean([auc_error(p, y) for p in samples]) == pytest.approx(np.std(areas), rel=0.1)
    assert np.isnan(auc_error(samples[0], np.zeros(500)))
    assert expected_auc_error(samples[0], y) == pytest.approx(auc_error(samples[0], y))  # nothing is left to chance


def test_the_error_of_an_expected_area_is_that_of_samples_without_their_labels():
    rng = np.random.default_rng(6)
    samples = [sigmoid(rng.normal(0, 2, 500)) for _ in range(300)]  # calibrated
    areas = [expected_metrics(p, p, 0.5)["roc_auc"] for p in samples]
    assert np.mean([expected_auc_error(p, p) for p in samples]) == pytest.approx(np.std(areas), rel=0.15)
