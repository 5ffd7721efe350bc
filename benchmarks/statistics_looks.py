"""How often one of several variants passes the gate by chance whose accuracy is exactly at the limit.

Variants agree in most rows, as models of one case do.
"""

from collections.abc import Iterator

import numpy as np

from benchmarks.simulation import rate
from scripts.analyze.checks import check_bounds
from scripts.analyze.intervals import Share
from scripts.analyze.looks import widen_intervals, widening

LIMIT, ROWS, SHARED = 0.8, 500, 0.5


def count_passes(variants: int, worlds: int, correct: bool) -> float:
    """Return the share of worlds in which one of *variants* passes a minimum that is its true accuracy."""
    passed = 0
    for seed in range(worlds):
        rng = np.random.default_rng(seed)
        common, same = rng.random(ROWS) < LIMIT, rng.random(ROWS) < SHARED
        for look in range(1, variants + 1):
            right = Share(np.where(same, common, rng.random(ROWS) < LIMIT), np.ones(ROWS, bool), "rows")
            low, high = right.interval()
            entry = {"value": right.value, "low": low, "high": high}
            entry = widen_intervals(entry, widening(look) if correct else 1.0)
            if check_bounds("value", "", "accuracy", {"min": LIMIT}, entry)["passed"]:
                passed += 1
                break
    return passed / worlds


def variants_at_the_limit(worlds: int) -> Iterator[tuple[str, str]]:
    """Variants whose true accuracy is the limit of the gate."""
    for variants in (1, 5, 20):
        for correct in (False, True):
            passed = count_passes(variants, worlds, correct)
            yield f"variants {variants} corrected {correct}", f"one passes {rate(passed, worlds)}"


SIMULATIONS = (variants_at_the_limit,)
