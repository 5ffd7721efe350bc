"""How often a precision or recall that a threshold was chosen for does not hold for new rows.

Each line is the share of worlds with a threshold in which the demand does not hold, and that of worlds without one.
"""

from collections.abc import Iterator

import numpy as np
from scipy import stats

from benchmarks.simulation import rate
from scripts.errors import InputError
from scripts.metrics.threshold import choose_threshold

APART, BASE = 2.0, 0.3


def count_broken_demands(
    name: str, least: float, confidence: float | None, rows: int, worlds: int
) -> tuple[float, float]:
    """Return the share of thresholds that do not keep the demand *name* >= *least*, and of worlds that have none."""
    criterion = {name: least} | ({} if confidence is None else {"confidence": confidence})
    broken, none = 0, 0
    for seed in range(worlds):
        rng = np.random.default_rng(seed)
        y = (rng.random(rows) < BASE).astype(np.int64)
        try:
            threshold = choose_threshold(y, y * APART + rng.normal(size=rows), criterion)
        except InputError:
            none += 1
            continue
        recall, false = stats.norm.sf(threshold - APART), stats.norm.sf(threshold)
        truth = recall if name == "recall" else BASE * recall / (BASE * recall + (1 - BASE) * false)
        broken += truth < least
    return broken / max(1, worlds - none), none / worlds


def demands_on_new_rows(worlds: int) -> Iterator[tuple[str, str]]:
    """Demands on a threshold, with and without a confidence."""
    for rows in (200, 1000, 5000):
        for name, least in (("precision", 0.8), ("recall", 0.9)):
            for confidence in (None, 0.95):
                broken, none = count_broken_demands(name, least, confidence, rows, worlds)
                cell = f"rows {rows} {name} {least} confidence {confidence}"
                yield cell, f"broken {rate(broken, worlds)}, none {none:.3f}"


SIMULATIONS = (demands_on_new_rows,)
