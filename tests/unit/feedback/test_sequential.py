"""Champion against challenger: looking every day does not find winners that there are not."""

import numpy as np
import pytest

from scripts.feedback.sequential import LEAST, compare_losses


def look_daily(champion, challenger, step=50):
    """Return the first winner that looks after each *step* rows of both find, None if there never is one."""
    found = (compare_losses(champion[:end], challenger[:end])["winner"] for end in range(step, len(champion) + 1, step))
    return next((winner for winner in found if winner), None)


@pytest.mark.slow
@pytest.mark.feature("F5")
def test_equal_versions_have_no_winner_however_often_one_looks():
    rng = np.random.default_rng(0)
    winners = [look_daily(*(rng.random((2, 5000)) < 0.2).astype(float)) for _ in range(200)]
    assert sum(winner is not None for winner in winners) <= 10  # at most 5 %


@pytest.mark.feature("F5")
def test_the_better_version_wins():
    rng = np.random.default_rng(1)
    good, bad = (rng.random(3000) < 0.2).astype(float), (rng.random(3000) < 0.3).astype(float)
    assert look_daily(bad, good) == "challenger" and look_daily(good, bad) == "champion"
    found = compare_losses(good, bad)
    assert found["low"] < 0.1 < found["high"] and found["low"] > 0


@pytest.mark.feature("F5")
def test_a_few_rows_say_nothing():
    found = compare_losses(np.zeros(LEAST - 1), np.ones(1000))
    assert found["winner"] is None and "at least 50 labelled rows" in found["reason"]


@pytest.mark.feature("F5")
def test_a_small_share_of_the_traffic_is_enough():
    rng = np.random.default_rng(2)
    found = compare_losses((rng.random(20_000) < 0.3).astype(float), (rng.random(2000) < 0.2).astype(float))
    assert found["winner"] == "challenger"
