"""Multivariate drift: columns that are usual one by one and unusual together, and no alarm without drift."""

import numpy as np
import pytest

from scripts.feedback.reconstruction import measure_drift, principal_components


def draw(rng, rows, correlation):
    """Return rows of three columns with the same distribution each; the first two have a *correlation*."""
    x = rng.normal(0, 1, (rows, 3))
    x[:, 1] = correlation * x[:, 0] + np.sqrt(1 - correlation**2) * x[:, 1]
    return x


@pytest.mark.feature("F3")
def test_a_correlation_that_turns_is_drift_though_no_column_moves():
    rng = np.random.default_rng(0)
    reference = draw(rng, 4000, 0.95)
    same, turned = measure_drift(reference, draw(rng, 2000, 0.95)), measure_drift(reference, draw(rng, 2000, -0.95))
    assert same["distance"] < 0.1 and same["p_value"] > 0.01
    assert turned["distance"] > 0.3 and turned["p_value"] < 1e-9
    assert turned["requests_error"] > 1.5 * same["requests_error"]


@pytest.mark.feature("F3")
def test_without_drift_alarms_are_rare():
    alarms = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        alarms += measure_drift(draw(rng, 1000, 0.5), draw(rng, 500, 0.5))["p_value"] <= 0.01
    assert alarms <= 5


def test_missing_and_constant_columns_count_for_nothing():
    rng = np.random.default_rng(1)
    reference, requests = draw(rng, 1000, 0.5), draw(rng, 500, 0.5)
    more = [np.column_stack([side, np.full(len(side), np.nan), np.ones(len(side))]) for side in (reference, requests)]
    plain, padded = measure_drift(reference, requests), measure_drift(*more)
    assert padded == pytest.approx(plain)
    requests[:, 0] = np.nan
    assert np.isfinite(measure_drift(reference, requests)["distance"])


def test_components_have_the_variance_they_should():
    rng = np.random.default_rng(2)
    x = rng.normal(0, 1, (5000, 4)) * [3, 1, 0.1, 0.1]
    components = principal_components(x)
    assert components.shape == (4, 1) and abs(components[0, 0]) > 0.99
