"""Grids: the values of hyperparameters with a step, which are its multiples within the bounds.

A grid is searched as a continuous interval of which each value has a cell, the first and the last one included; on a
log scale, the cells of larger values are smaller. hyperopt's own quantized distributions round to multiples of the
step that may lie outside the bounds, and give the values at the bounds half the weight of the others.
"""

import math
from dataclasses import dataclass

CLOSE = 1e-9  # steps by which a bound may miss a multiple of the step because of rounding


@dataclass(frozen=True)
class Grid:
    """The multiples of *step* from number *first* to number *last* (None: without end); integers if *whole*."""

    step: float
    first: int
    last: int | None = None
    whole: bool = False

    def snap(self, value: float) -> float | int:
        """Return the value of the grid next to *value*."""
        index = max(self.first, math.floor(value / self.step + 0.5))
        index = index if self.last is None else min(index, self.last)
        return index if self.whole else index * self.step

    def interval(self, log: bool) -> tuple[float, float]:
        """Return the ends of the interval that the cells make up; on a *log* scale the first cell is symmetrical."""
        low = self.first**2 / (self.first + 0.5) if log else self.first - 0.5
        return low * self.step, (self.last + 0.5) * self.step


def make_grid(distribution: dict[str, list]) -> Grid | None:
    """Return the grid of {distribution: arguments}, None if it has none or its values have no bound."""
    ((kind, arguments),) = distribution.items()
    if kind == "uniformint":
        return Grid(1.0, int(arguments[0]), int(arguments[1]), whole=True)
    if kind in ("quniform", "qloguniform"):
        low, high, step = map(float, arguments)
        return Grid(step, math.ceil(low / step - CLOSE), math.floor(high / step + CLOSE))
    return Grid(float(arguments[-1]), 1) if kind == "qlognormal" else None
