"""False alarms where nothing changed, at most as many as asked for, and alarms where something did."""

import numpy as np
import pytest

from scripts.statistics.drift import adjusted, p_value
from tests.unit.statistics.nulls import SHAPES, counted, sampled

COLUMNS = 20
RESAMPLES = 40


def q_values(draw, rows, seed, shift=0.0):
    """Return the q-values of COLUMNS columns, drawn twice; *shift* moves the last one of each shape."""
    rng = np.random.default_rng(seed)
    shapes = [SHAPES[index % len(SHAPES)] for index in range(COLUMNS)]
    shifts = [shift if index >= COLUMNS - len(SHAPES) else 0.0 for index in range(COLUMNS)]
    pairs = [
        ([draw(shape, rng, rows[0])], [draw(shape, rng, rows[1], by)]) for shape, by in zip(shapes, shifts, strict=True)
    ]
    return np.array(adjusted([p_value(before, after) for before, after in pairs]))


@pytest.mark.slow
@pytest.mark.feature("V14")
@pytest.mark.parametrize(
    ("draw", "rows"),
    [(sampled, (1000, 1000)), (counted, (1000, 1000)), (counted, (10**6, 10**6)), (counted, (10**6, 1000))],
)
def test_alarms_are_false_at_most_as_often_as_allowed(draw, rows):
    least = np.array([q_values(draw, rows, seed).min() for seed in range(RESAMPLES)])
    for alpha in (0.01, 0.05):
        error = np.sqrt(alpha * (1 - alpha) / RESAMPLES)
        assert (least <= alpha).mean() <= alpha + 3 * error


@pytest.mark.feature("V14")
def test_a_real_shift_is_found():
    found = q_values(sampled, (1000, 1000), 0, shift=0.5)
    changed = {shape for shape, value in zip(SHAPES, found[-len(SHAPES) :], strict=True) if value <= 0.01}
    assert changed >= {"normal", "zipf", "constant", "missing", "few"}
    assert "ids" not in changed and (found[: -len(SHAPES)] > 0.01).all()
    found = q_values(counted, (10**6, 10**6), 0, shift=0.02)
    changed = {shape for shape, value in zip(SHAPES, found[-len(SHAPES) :], strict=True) if value <= 0.01}
    assert changed >= set(SHAPES) - {"ids", "uniform"}


def test_drawn_sketches_are_those_of_drawn_values():
    for shape in SHAPES:
        counts = []
        for draw in (sampled, counted):
            rng = np.random.default_rng(1)
            one, other = draw(shape, rng, 20_000), draw(shape, rng, 20_000)
            counts.append(p_value([one], [other]))
        assert min(counts) > 1e-4
    for shape in set(SHAPES) - {"ids"}:  # whose categories are only the buckets
        rng = np.random.default_rng(2)
        assert p_value([sampled(shape, rng, 20_000)], [counted(shape, rng, 20_000)]) > 1e-3
