"""Distances of two columns, and the two-sample test."""

import random

import numpy as np
import pyarrow as pa
import pytest
from scipy import stats

from scripts.statistics.drift import (
    GROUPS,
    benjamini_hochberg,
    cells_for_distance,
    cells_for_test,
    chi_square_p_value,
    compare,
    distance,
    group_starts,
    js_distance,
    linf_distance,
    normalized_absolute_difference,
    p_value,
)
from tests.unit.statistics.made import described, sketch

NOTHING = described([None] * 5, pa.float64())


def numbers(values, missing=0):
    """Return the figures of numbers."""
    return described([*map(float, values), *[None] * missing], pa.float64())


def texts(counts, missing=0):
    """Return the figures of texts."""
    return described([value for value, count in counts.items() for _ in range(count)] + [None] * missing, pa.string())


def test_distance_of_counts_is_a_metric_from_0_to_1():
    rng = random.Random(0)
    for _ in range(300):
        p, q, r = ([rng.choice([0, rng.random()]) for _ in range(6)] + [0.1] for _ in range(3))
        assert 0 <= js_distance(p, q) <= 1
        assert js_distance(p, q) == js_distance(q, p)
        assert js_distance(p, r) <= js_distance(p, q) + js_distance(q, r) + 1e-9
        assert js_distance(p, [7 * share for share in p]) < 1e-7


def test_measures_of_counts_at_known_points():
    assert js_distance([1, 0], [0, 1]) == 1
    assert js_distance([1, 1], [1, 0]) == pytest.approx(0.5579230452841438)  # scipy jensenshannon(base=2)
    assert (js_distance([0, 0], [0, 0]), js_distance([0, 0], [1, 0])) == (0, 1)
    assert linf_distance([1, 3], [1, 1]) == 0.25 and linf_distance([0], [2]) == 1
    assert normalized_absolute_difference([1, 3], [1, 1]) == 2 / 6 and normalized_absolute_difference([0], [0]) == 0


def test_chi_square_is_scipys_and_puts_rare_cells_together():
    p, q = np.array([40, 60, 100]), np.array([60, 60, 90])
    assert chi_square_p_value(p, q) == pytest.approx(stats.chi2_contingency([p, q], correction=False).pvalue)
    assert chi_square_p_value(p[:2], q[:2]) == pytest.approx(
        stats.chi2_contingency([p[:2], q[:2]], correction=True).pvalue
    )
    assert chi_square_p_value(np.array([3, 2, 40, 60, 99, 1]), np.array([1, 3, 60, 60, 88, 2])) == pytest.approx(
        stats.chi2_contingency([[45, 60, 100], [64, 60, 90]], correction=False).pvalue
    )
    assert (
        chi_square_p_value(np.array([5, 0]), np.array([0, 5])) == chi_square_p_value(np.array([0]), np.array([9])) == 1
    )


def test_groups_keep_heavy_bins_alone_and_the_order():
    weights = np.array([1] * 100 + [1000] + [1] * 100 + [500, 500])
    starts = group_starts(weights)
    assert starts[0] == 0 and {100, 101, 201, 202} <= set(starts.tolist()) and len(starts) <= GROUPS + 6
    assert np.add.reduceat(weights, starts).sum() == weights.sum()
    assert group_starts(np.array([7])).tolist() == [0]


@pytest.mark.feature("V6")
def test_the_same_values_in_other_parts_are_near_and_others_far():
    rng = np.random.default_rng(2)
    values = rng.normal(size=20_000)
    parts = [numbers(values[:9000]), numbers(values[9000:])]
    same = {"distance": 0, "linf": 0, "normalized_difference": 0, "p_value": 1}
    assert compare(parts, [numbers(values)]) == same  # parts alone never look like drift
    near, far = numbers(rng.normal(size=20_000)), numbers(rng.normal(3, 1, 20_000))
    assert (
        0 < distance(parts, [near]) < 0.06 and compare(parts, [near])["linf"] < 0.02 and p_value(parts, [near]) > 0.01
    )
    assert distance(parts, [far]) > 0.6 and compare(parts, [far])["linf"] > 0.05 and p_value(parts, [far]) < 1e-100
    assert compare(parts, [far]) == compare([sketch(values)], [far])
    assert distance([numbers([4.0] * 9)], [numbers([4.0] * 5)]) == 0
    assert distance([numbers([4.0] * 9)], [numbers([5.0] * 9)]) == 1
    assert compare([numbers([4.0] * 9)], [numbers([4.0] * 5)])["normalized_difference"] == pytest.approx(4 / 14)


def test_one_wild_value_does_not_hide_drift():
    before, after = [numbers([1, 2, 3, 4] * 50)], [numbers([3, 4] * 50 + [1e30])]
    assert distance(before, after) > 0.5 and p_value(before, after) < 1e-6


@pytest.mark.feature("V6")
def test_missing_values_count():
    full, half = numbers([1, 2, 3, 4]), numbers([1, 2, 3, 4], missing=4)
    assert distance([full], [full]) == 0 < distance([full], [half])
    assert distance([full], [NOTHING]) == 1 and distance([NOTHING], [NOTHING]) == 0
    assert compare([full], [half])["linf"] == 0.5
    assert p_value([numbers(range(1000))], [numbers(range(900), missing=100)]) < 1e-10
    assert cells_for_distance(sketch([1.0, None, float("nan"), float("inf")]), sketch([1.0]))[0].tolist() == [
        1,
        1,
        1,
        1,
    ]


def test_dates_and_times_on_bins_of_other_widths_are_compared_on_the_wider():
    day, year = described(list(range(8000, 9000)), pa.date32()), described(list(range(0, 40_000, 40)), pa.date32())
    assert day["sketch"]["bins"]["level"] < year["sketch"]["bins"]["level"]
    assert distance([day], [year]) > 0.5 and distance([day, year], [year, day]) == 0


@pytest.mark.feature("V6")
def test_texts_are_compared_by_value():
    assert distance([texts({"a": 5, "b": 5})], [texts({"c": 5}, missing=1)]) == 1
    assert distance([texts({"a": 5, "b": 5})], [texts({"a": 9, "b": 1})]) > 0.3
    assert compare([texts({"a": 5, "b": 5})], [texts({"a": 9, "b": 1})])["linf"] == pytest.approx(0.4)
    assert compare([texts({"a": 5, "b": 5})], [texts({"a": 30})])["normalized_difference"] == pytest.approx(25 / 40)
    assert p_value([texts({"a": 500, "b": 500})], [texts({"a": 400, "b": 600})]) < 1e-4
    many = {f"v{index:02}": 100 - index for index in range(90)}
    p, q = cells_for_distance(sketch(list(many)), sketch(["v00"] * 90))
    assert (len(p), len(q), p[-1], q[1]) == (52, 52, 40, 90)
    assert compare([texts(many)], [texts(many)])["distance"] == 0


def test_texts_too_many_to_keep_are_tested_by_hash():
    ids = [[f"{side} {index}" for index in range(5000)] for side in ("x", "y")]
    one, other = sketch(ids[0] + ["a"] * 50), sketch(ids[1] + ["b"] * 700)
    assert one.truncated_parts == other.truncated_parts == 1 and 40 < len(cells_for_test(one, other)[0]) < 70
    assert cells_for_distance(one, other)[0].tolist() == [0, 5050]  # neither value was kept on both sides
    assert p_value([one], [other]) < 1e-6 < p_value([sketch(ids[0])], [sketch(ids[1])])


def test_columns_of_different_types_have_nothing_in_common():
    number, integer, text = numbers([1, 2]), described([1, 2], pa.int64()), texts({"1": 2})
    assert distance([number], [integer]) == 0
    nothing = {"distance": 1, "linf": 1, "normalized_difference": 1, "p_value": 0}
    assert compare([number], [text]) == compare([number, text], [number]) == nothing


@pytest.mark.feature("V14")
def test_q_values_are_benjamini_and_hochbergs():
    values = [0.01, 0.5, 0.02, 0.02, 1.0, 0.0001]
    assert benjamini_hochberg(values) == pytest.approx(stats.false_discovery_control(values).tolist())
    assert benjamini_hochberg([]) == []
