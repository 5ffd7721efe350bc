"""Properties of the distance: of counts, of histograms with other edges, of lists of frequent values."""

import random

import pytest

from scripts.statistics.drift import (
    BINS,
    common_edges,
    distance,
    js_distance,
    known_values,
    number_counts,
    place,
    spread,
    text_counts,
)


def numbers(values, missing=0, bins=20):
    """Return the statistics of numbers as validation writes them."""
    low, high = min(values), max(values)
    width = (high - low) / bins or 1.0
    counts = [0] * bins
    for value in values:
        counts[min(int((value - low) / width), bins - 1)] += 1
    histogram = {"edges": [low + width * index for index in range(bins + 1)], "counts": counts}
    return {"type": "number", "count": len(values), "missing": missing, "min": low, "max": high, "histogram": histogram}


def texts(counts, missing=0, top=10):
    """Return the statistics of texts as validation writes them."""
    listed = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:top]
    figures = {"count": sum(counts.values()), "distinct": len(counts), "top": [list(item) for item in listed]}
    return {"type": "text", "missing": missing, **figures}


NOTHING = {"type": "number", "count": 0, "missing": 5, "distinct": 0}


def test_distance_of_counts_is_a_metric_from_0_to_1():
    rng = random.Random(0)
    for _ in range(300):
        p, q, r = ([rng.choice([0, rng.random()]) for _ in range(6)] + [0.1] for _ in range(3))
        assert 0 <= js_distance(p, q) <= 1
        assert js_distance(p, q) == js_distance(q, p)
        assert js_distance(p, r) <= js_distance(p, q) + js_distance(q, r) + 1e-9
        assert js_distance(p, [7 * share for share in p]) < 1e-7


def test_distance_of_counts_at_known_points():
    assert js_distance([1, 0], [0, 1]) == 1
    assert js_distance([1, 1], [1, 0]) == pytest.approx(0.5579230452841438)  # scipy jensenshannon(base=2)
    assert (js_distance([0, 0], [0, 0]), js_distance([0, 0], [1, 0])) == (0, 1)


def test_every_value_has_one_bin():
    assert [place(value, [0, 1, 2]) for value in (-1, 0, 0.5, 1, 2, 2.1)] == [0, 1, 1, 2, 2, 3]
    assert [place(value, [3, 3]) for value in (2, 3, 4)] == [0, 1, 2]
    assert place(5, []) == 0


def test_spreading_keeps_the_sum_and_the_shares():
    assert spread([10, 20], [0, 1, 2], [0, 0.5, 2]) == [0, 5, 25, 0]
    assert spread([10], [-1, 1], [0, 1]) == [5, 5, 0]
    assert spread([10], [0, 4], [1, 2]) == [2.5, 2.5, 5]
    assert spread([10], [3, 3], [0, 3]) == [0, 10, 0]
    rng = random.Random(1)
    for _ in range(100):
        edges, onto = (sorted(rng.random() for _ in range(rng.randint(2, 9))) for _ in range(2))
        counts = [rng.randint(0, 9) for _ in edges[1:]]
        assert sum(spread(counts, edges, onto)) == pytest.approx(sum(counts))


def test_common_bins_are_as_wide_and_cover_all():
    edges = common_edges([numbers([0, 1]), numbers([5, 10]), NOTHING])
    assert (edges[0], edges[-1], len(edges)) == (0, 10, BINS + 1)
    assert common_edges([NOTHING]) == [] and common_edges([numbers([2, 2])]) == [2, 2]


def test_the_same_values_in_other_parts_are_near_and_others_far():
    rng = random.Random(2)
    values = [rng.gauss(0, 1) for _ in range(20_000)]
    parts = [numbers(values[:9000]), numbers(values[9000:])]
    other = numbers([rng.gauss(0, 1) for _ in range(20_000)])
    far = numbers([rng.gauss(3, 1) for _ in range(20_000)])
    assert distance(parts, parts) == pytest.approx(0, abs=1e-7)
    assert distance([numbers(values)], parts) < 0.05 and distance(parts, [other]) < 0.06
    assert distance(parts, [far]) > 0.6
    assert distance([numbers([4.0] * 9)], [numbers([4.0] * 5)]) == 0
    assert distance([numbers([4.0] * 9)], [numbers([5.0] * 9)]) == 1


def test_one_wild_value_does_not_hide_drift():
    before, after = [numbers([1, 2, 3, 4] * 50)], [numbers([3, 4] * 50 + [1e30])]
    assert distance(before, after) > 0.5


def test_missing_values_count():
    full, half = numbers([1, 2, 3, 4]), numbers([1, 2, 3, 4], missing=4)
    assert distance([full], [full]) == 0 < distance([full], [half])
    assert distance([full], [NOTHING]) == 1 and distance([NOTHING], [NOTHING]) == 0
    assert number_counts([half, NOTHING], [1, 4]) == [0, 4, 0, 9]


def test_texts_are_compared_on_values_known_everywhere():
    many = texts({f"v{index:02}": 100 - index for index in range(30)})
    few = texts({"v00": 3, "new": 7})
    assert known_values([many, few]) == [f"v{index:02}" for index in range(10)]
    assert known_values([few]) == ["new", "v00"]
    assert text_counts([many, few], ["v00"]) == [103, many["count"] - 100 + 7, 0]
    assert distance([many], [many]) == 0
    assert distance([texts({"a": 5, "b": 5})], [texts({"c": 5}, missing=1)]) == 1
    assert distance([texts({"a": 5, "b": 5})], [texts({"a": 9, "b": 1})]) > 0.3
