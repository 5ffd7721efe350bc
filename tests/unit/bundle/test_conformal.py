"""Quantiles of split conformal prediction: as many rows within them as they promise, never too small."""

import numpy as np
import pytest

from scripts.bundle.conformal import calibrate, find_quantile, measure_nonconformity, round_up

pytestmark = pytest.mark.feature("S19")


def test_a_quantile_has_the_rank_of_the_theorem():
    # of 9 rows, the 9th smallest covers a tenth one with probability 9 / 10; more than that no row can
    made = calibrate(np.arange(9) / 10)
    assert made["rows"] == 9 and made["quantiles"]["90"] == 0.8 and "91" not in made["quantiles"]
    assert made["quantiles"]["50"] == 0.4
    assert find_quantile(made, 0.9) == 0.8 and find_quantile(made, 0.895) == 0.8 and find_quantile(made, 0.91) is None
    assert calibrate(np.zeros(0)) == {"rows": 0, "quantiles": {}}


def test_nonconformity_of_classes_and_values():
    outputs = np.array([[0.25, 0.75], [1.0, 0.0]])
    assert measure_nonconformity(np.array([1, 1]), outputs, 2).tolist() == [0.25, 1.0]
    assert measure_nonconformity(np.array([1.0, -2.0]), np.array([[3.0], [-2.0]]), 0).tolist() == [2.0, 0.0]


@pytest.mark.parametrize("value", [0.0, 1.0, 0.1234561, 0.9999999, 123456.1, 1e-9 / 3, 0.3])
def test_quantiles_are_rounded_up_to_six_digits(value):
    rounded = round_up(value)
    assert value <= rounded <= value * (1 + 2e-5) and float(f"{rounded:.12g}") == rounded


def test_coverage_is_kept_on_new_rows():
    rng = np.random.default_rng(0)
    held = []
    for _ in range(400):
        quantile = find_quantile(calibrate(rng.exponential(size=99)), 0.9)
        held.append((rng.exponential(size=200) <= quantile).mean())
    assert np.mean(held) == pytest.approx(0.9, abs=0.006)
