"""Sums are exact, whatever the order, the blocks and the range of the values."""

import math
import random
import statistics
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scripts.statistics import exact_sum

FINITE = st.floats(allow_nan=False, allow_infinity=False)


def fractions(values):
    """Return both sums in plain fractions."""
    found = [Fraction(value) for value in values]
    return sum(found), sum(value * value for value in found)


def sums(values, counts=None):
    """Return both sums of the module as fractions."""
    total, square = exact_sum.power_sums(np.array(values, float), counts)
    return Fraction(total, 2**exact_sum.UNIT), Fraction(square, 2 ** (2 * exact_sum.UNIT))


@pytest.mark.slow
@given(st.lists(FINITE, max_size=40), st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=200)
def test_any_doubles_in_any_order(values, rng):
    assert sums(values) == fractions(values)
    rng.shuffle(values)
    assert sums(values) == fractions(values)


@pytest.mark.slow
@pytest.mark.parametrize("scale", [1e-320, 1e-290, 1e-5, 1.0, 1e150, 1e300])
def test_many_values_over_several_blocks(scale):
    rng = np.random.default_rng(1)
    values = np.concatenate([rng.normal(3, 1, exact_sum.BLOCK + 1000) * scale, [0.0, -0.0, 5e-324, -scale]])
    chosen = values[:: len(values) // 500]
    assert sums(chosen) == fractions(chosen)
    whole = exact_sum.power_sums(values)
    parts = [exact_sum.power_sums(part) for part in np.array_split(rng.permutation(values), 7)]
    assert whole == tuple(sum(column) for column in zip(*parts, strict=True))


def test_counts_weigh():
    values, counts = [1.5, -2.25, 1e17], [3, 1, 2]
    assert sums(values, np.array(counts)) == fractions(np.repeat(values, counts))


@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=30))
def test_mean_and_deviation_are_correctly_rounded(values):
    mean, sd = exact_sum.mean_and_sd(*exact_sum.power_sums(np.array(values)), len(values))
    assert mean == float(statistics.mean(map(Fraction, values)))
    assert sd == pytest.approx(statistics.pstdev(map(Fraction, values)), rel=1e-15)


def test_deviation_far_from_zero_and_beyond_doubles():
    values = 1e9 + np.random.default_rng(2).random(1000)
    assert exact_sum.mean_and_sd(*exact_sum.power_sums(values), 1000)[1] == pytest.approx(
        np.std(values - 1e9), rel=1e-9
    )
    mean, sd = exact_sum.mean_and_sd(*exact_sum.power_sums(np.array([1e308, -1e308])), 2)
    assert (mean, sd) == (0.0, 1e308)
    assert exact_sum.mean_and_sd(*exact_sum.power_sums(np.array([5e-324, 5e-324])), 2) == (5e-324, 0.0)


def test_integers_as_text():
    rng = random.Random(0)
    for number in [
        0,
        1,
        -1,
        1 << 3000,
        *(rng.randrange(-(1 << 200), 1 << 200) << rng.randrange(2000) for _ in range(9)),
    ]:
        assert exact_sum.decode_integer(exact_sum.encode_integer(number)) == number
    assert len(exact_sum.encode_integer(math.factorial(20) << 2000)) < 30
