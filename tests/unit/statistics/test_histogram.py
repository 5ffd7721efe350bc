"""Bins are fixed, narrow, and add up in any grouping."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.statistics.histogram import LOG_LINEAR, MAX_BINS, Histogram, equal_width_histogram

DOUBLES = st.floats(allow_nan=False, allow_infinity=False)


def same(one, other):
    """Return whether two bins are equal."""
    return (
        one.level == other.level
        and one.keys.tolist() == other.keys.tolist()
        and one.counts.tolist() == (other.counts.tolist())
    )


@given(DOUBLES)
def test_a_bin_holds_its_value_and_is_narrow(value):
    bins = Histogram.from_values(np.array([value]))
    (low,), (high,) = bins.bounds()
    assert low <= value <= high and bins.counts.tolist() == [1] and bins.level == LOG_LINEAR
    if abs(value) > 1e-300:
        assert abs(bins.midpoints(False)[0] - value) <= abs(value) / 256
    assert Histogram.from_values(np.array([-value])).keys[0] == -bins.keys[0]


def test_bins_are_in_the_order_of_their_values_and_zero_has_one():
    values = np.array([-1e300, -3.0, -1e-5, -0.0, 0.0, 1e-5, 3.0, 1e300])
    bins = Histogram.from_values(values)
    assert bins.counts.tolist() == [1, 1, 1, 2, 1, 1, 1]
    assert bins.midpoints(True)[[1, 3, 5]].tolist() == [-3, 0, 3]
    assert (np.diff(bins.midpoints(False)) > 0).all()


@pytest.mark.slow
def test_whole_numbers_are_exact_up_to_256():
    values = np.arange(-256.0, 257.0)
    assert Histogram.from_values(values).midpoints(True).tolist() == values.tolist()
    large = np.arange(257.0, 5000.0)
    middles = np.concatenate(
        [Histogram.from_values(large[index : index + 1]).midpoints(True) for index in range(len(large))]
    )
    assert (middles == np.trunc(middles)).all() and (abs(middles / large - 1) <= 1 / 256).all()


def test_many_values_are_counted_as_few_are():
    rng = np.random.default_rng(0)
    values = rng.normal(size=20_000) * 10.0 ** rng.integers(-5, 5, 20_000)
    assert same(
        Histogram.from_values(values),
        Histogram.merge([Histogram.from_values(part) for part in np.array_split(values, 100)]),
    )
    counts = rng.integers(1, 5, 20_000)
    assert same(Histogram.from_values(values, counts), Histogram.from_values(np.repeat(values, counts)))


@pytest.mark.slow
@given(st.lists(st.lists(st.integers(-(2**40), 2**40), max_size=5), min_size=1, max_size=5), st.permutations(range(5)))
def test_steps_widen_the_same_way_in_any_grouping(parts, order):
    whole = Histogram.from_values(np.array([value for part in parts for value in part], float), linear=True)
    found = [Histogram.from_values(np.array(parts[index], float), linear=True) for index in order if index < len(parts)]
    assert same(Histogram.merge(found), whole)
    grouped = [Histogram.merge(found[:2]), *found[2:]]
    assert same(Histogram.merge(grouped), whole)
    if len(whole.keys):
        low, high = whole.bounds()
        assert whole.keys[-1] - whole.keys[0] < MAX_BINS and whole.counts.sum() == sum(map(len, parts))
        assert low[0] <= min(min(part) for part in parts if part) < high[0]


def test_dates_of_a_decade_have_a_bin_a_day():
    bins = Histogram.from_values(np.array([10_000.0, 10_001.0, 14_000.0]), linear=True)
    assert (bins.level, bins.midpoints(True).tolist()) == (0, [10_000, 10_001, 14_000])


@pytest.mark.parametrize("values", [[], [1.0], [-3.5, 0.0, 7.0, 7.0]])
@pytest.mark.parametrize("times", [1, 2**33])
def test_encoding_keeps_all(values, times):
    bins = Histogram.from_values(np.array(values), np.full(len(values), times))
    assert same(Histogram.from_json(bins.to_json()), bins)


def test_histogram_covers_both_ends():
    assert equal_width_histogram(np.array([0.0, 19.5, 20.0]), np.array([1, 1, 1]), 0, 20)["counts"] == [1] + [
        0
    ] * 18 + [2]
    assert equal_width_histogram(np.array([5.0]), np.array([2]), 5, 5)["counts"] == [2] + [0] * 19
