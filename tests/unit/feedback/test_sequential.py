"""Champion against challenger: looking every day does not find winners that there are not."""

import numpy as np
import pytest

from scripts.feedback.sequential import LEAST, Losses, compare_losses


def look_daily(champion, challenger, step=50):
    """Return the first winner that looks after each *step* rows of both find, None if there never is one."""
    sides = Losses(), Losses()
    for start in range(0, len(champion), step):
        for side, values in zip(sides, (champion, challenger), strict=True):
            side.add(values[start : start + step])
        if winner := compare_losses(*sides)["winner"]:
            return winner
    return None


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
    found = compare_losses(Losses(good), Losses(bad))
    assert found["low"] < 0.1 < found["high"] and found["low"] > 0


@pytest.mark.feature("F5")
def test_a_few_rows_say_nothing():
    found = compare_losses(Losses(np.zeros(LEAST - 1)), Losses(np.ones(1000)))
    assert found["winner"] is None and "at least 50 labelled rows" in found["reason"]


@pytest.mark.feature("F5")
def test_a_small_share_of_the_traffic_is_enough():
    rng = np.random.default_rng(2)
    many, few = (rng.random(20_000) < 0.3).astype(float), (rng.random(2000) < 0.2).astype(float)
    found = compare_losses(Losses(many), Losses(few))
    assert found["winner"] == "challenger"


def test_losses_that_come_in_batches_are_those_of_all():
    values = np.random.default_rng(3).normal(1e6, 1, 1000)
    found = Losses()
    for batch in np.split(values, [0, 1, 400]):
        found.add(batch)
    assert (found.rows, found.mean) == (1000, pytest.approx(values.mean(), rel=1e-14))
    assert found.variance == pytest.approx(values.var(ddof=1), rel=1e-9)
