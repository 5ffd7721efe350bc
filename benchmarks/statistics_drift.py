"""Power and false alarms of the two-sample test behind drift, on sketches of numbers."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
from scipy.stats import ks_2samp

from benchmarks.simulation import share
from scripts.statistics.drift import cells_for_test, chi_square_p_value, two_sample_p_value
from scripts.statistics.sketch import sketch_column

LEVEL = 0.05


def finds_small_shifts(worlds: int) -> Iterator[tuple[str, str]]:
    """How often a shift of a normal column is significant at 5 % (0: false alarms), 1,000 rows on each side."""
    for shift in (0.0, 0.1, 0.2):
        before, now, exact = [], [], []
        for world in range(worlds):
            rng = np.random.default_rng([world, int(10 * shift)])
            values = rng.normal(size=1000), rng.normal(shift, size=1000)
            sides = [sketch_column(pa.chunked_array([pa.array(side)])) for side in values]
            before.append(chi_square_p_value(*cells_for_test(*sides)) <= LEVEL)
            now.append(two_sample_p_value(*sides) <= LEVEL)
            exact.append(ks_2samp(*values).pvalue <= LEVEL)
        figures = f"chi-square, as before {share(before)}, now {share(now)}, Kolmogorov-Smirnov {share(exact)}"
        yield f"shift by {shift} standard deviations", figures


SIMULATIONS = (finds_small_shifts,)
