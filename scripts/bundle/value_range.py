"""The range of the numbers of a column, coarse enough that it tells nobody's value."""

import numpy as np

MIN_VALUES = 5  # of which a range is made


def describe_range(values: np.ndarray) -> tuple[float, float]:
    """Return the 5 % and 95 % quantiles of *values* to three digits; 0 and 1 if fewer than MIN_VALUES are numbers."""
    present = values[~np.isnan(values)]
    if len(present) < MIN_VALUES:
        return 0.0, 1.0
    low, high = (float(f"{quantile:.3g}") for quantile in np.quantile(present, [0.05, 0.95]))
    return low, high
