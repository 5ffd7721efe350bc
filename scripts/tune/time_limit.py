"""The time limit of the SLURM job that this process belongs to."""

import time

from scripts.tune.slurm import seconds_left

MARGIN = 60.0  # seconds before the limit at which the process leaves, at most a fifth of the time that it had


class TimeLimit:
    """Tells a process when to leave so that SLURM need not end it."""

    def __init__(self) -> None:
        left = seconds_left()
        self.margin = min(MARGIN, (left or 0.0) / 5)
        self.deadline = self.leave_at(left)
        self.reached = False

    def leave_at(self, left: float | None) -> float:
        """Return when to leave with so many seconds *left*, by this process's clock."""
        return float("inf") if left is None else time.monotonic() + left - self.margin

    def is_near(self) -> bool:
        """Return whether the limit is near; it is asked for again, since it may have been extended."""
        if not self.reached and time.monotonic() >= self.deadline:
            left = seconds_left()
            self.deadline = self.leave_at(left)
            self.reached = left is not None and left <= self.margin + 1
        return self.reached
