"""Change points: found soon, rare without a change, and small in memory."""

import numpy as np
import pytest

from scripts.feedback.adwin import GROUPS, AdaptiveWindow, find_changes, merge


@pytest.mark.feature("F14")
def test_a_change_of_the_mean_is_noticed_soon_after_it():
    for seed in range(10):
        rng = np.random.default_rng(seed)
        values = np.concatenate([rng.random(2000) < 0.2, rng.random(1000) < 0.5]).astype(float)
        assert 2000 < find_changes(values)[0] < 2300


@pytest.mark.feature("F14")
def test_without_a_change_none_is_noticed():
    assert sum(bool(find_changes(np.random.default_rng(seed).random(2000))) for seed in range(25)) <= 1


@pytest.mark.feature("F14")
def test_a_window_keeps_only_what_came_after_the_change():
    window, rng = AdaptiveWindow(), np.random.default_rng(1)
    for value in [*rng.normal(0.2, 0.05, 3000), *rng.normal(0.8, 0.05, 2000)]:
        window.add(value)
    count = sum(number for number, _, _ in window.groups)
    assert 1900 < count < 2100 and sum(amount for _, amount, _ in window.groups) / count == pytest.approx(0.8, abs=0.02)


def test_groups_are_few_and_sum_to_all_values():
    window, values = AdaptiveWindow(), np.random.default_rng(2).random(5000)
    for value in values:
        window.add(value)
    sizes = [number for number, _, _ in window.groups]
    assert sizes == sorted(sizes, reverse=True) and max(sizes.count(size) for size in sizes) <= GROUPS
    total = window.groups[0]
    for group in window.groups[1:]:
        total = merge(total, group)
    assert total == pytest.approx((5000, values.sum(), 5000 * values.var()))
    assert len(window.groups) < 70
