"""Compare two versions on live traffic, as often as one likes: a confidence sequence of the difference of mean losses.

An interval that is looked at every day misses the truth sooner or later. A confidence sequence contains it at all times
together with probability 1 - ALPHA, so that one may stop at the first day that it excludes 0 (asymptotic confidence
sequence: Waudby-Smith et al. 2024, after Robbins 1970).
"""

import numpy as np

ALPHA = 0.05
TIGHTEST = 1000  # rows of both versions at which the sequence is as tight as it can be
LEAST = 50  # rows of each version, before which nothing is said


def sequence_half_width(variance: float, rows: int) -> float:
    """Return the half width of the sequence of a mean, with the *variance* of its *rows* observations."""
    ratio = (-2 * np.log(ALPHA) + np.log(-2 * np.log(ALPHA) + 1)) / TIGHTEST  # rho squared, optimal at TIGHTEST
    spread = rows * ratio + 1
    return float(np.sqrt(variance * 2 * spread / (rows**2 * ratio) * np.log(np.sqrt(spread) / ALPHA)))


class Losses:
    """Number, mean and variance of the losses of a version, which are added batch by batch (Chan et al. 1983)."""

    def __init__(self, values: np.ndarray | None = None):
        self.rows, self.mean, self.squares = 0, 0.0, 0.0
        self.add(np.empty(0) if values is None else values)

    def add(self, values: np.ndarray) -> None:
        """Add the losses *values* [rows]."""
        if not len(values):
            return
        rows, mean = self.rows + len(values), float(values.mean())
        gap = mean - self.mean
        self.squares += float(((values - mean) ** 2).sum()) + gap**2 * self.rows * len(values) / rows
        self.rows, self.mean = rows, self.mean + gap * len(values) / rows

    @property
    def variance(self) -> float:
        """The variance of a loss."""
        return self.squares / (self.rows - 1)


def compare_losses(champion: Losses, challenger: Losses) -> dict:
    """Return the difference of mean losses, challenger minus champion, with an always-valid interval, and the winner.

    The winner is "champion", "challenger" or None as long as neither is shown to be better.
    """
    if min(champion.rows, challenger.rows) < LEAST:
        needed = f"at least {LEAST} labelled rows of each version are needed"
        reason = f"{needed}; there are {champion.rows} and {challenger.rows}"
        return {"difference": None, "low": None, "high": None, "winner": None, "reason": reason}
    difference = challenger.mean - champion.mean
    rows = champion.rows + challenger.rows
    # as a mean over all rows, each with the loss of its version weighted by the inverse of its share
    variance = rows * sum(side.variance / side.rows for side in (champion, challenger))
    half = sequence_half_width(variance, rows)
    low, high = difference - half, difference + half
    winner = "challenger" if high < 0 else "champion" if low > 0 else None
    return {"difference": difference, "low": low, "high": high, "winner": winner}
