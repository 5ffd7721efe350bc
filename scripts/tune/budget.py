"""Budget of a sweep: no trial starts once it is spent."""

import time
from pathlib import Path

from scripts.tune.sweep import Sweep


class Budget:
    """The limits "minutes" (wall time) and "gpu_hours" (on GPUs only); None means no limit.

    The job of the sweep writes a stop file once the budget is spent; its worker jobs (*worker_only*) read that.
    """

    def __init__(self, sweep: Sweep, limits: dict, gpus_per_trial: float, worker_only: bool):
        self.sweep, self.limits, self.gpus_per_trial, self.worker_only = sweep, limits, gpus_per_trial, worker_only
        self.stop_file: Path = sweep.storage.folder / "stop"
        self.started = time.monotonic()
        if not worker_only:
            self.stop_file.unlink(missing_ok=True)

    @property
    def gpu_hours(self) -> float:
        """The GPU-hours of all trials with a result."""
        return self.sweep.seconds * self.gpus_per_trial / 3600

    def may_start(self) -> bool:
        """Return whether a trial may start; if not, write the stop file."""
        if self.worker_only:
            return not self.stop_file.exists()
        spent = {"minutes": (time.monotonic() - self.started) / 60}
        if self.gpus_per_trial:
            spent["gpu_hours"] = self.gpu_hours
        allowed = all(self.limits[name] is None or spent[name] < self.limits[name] for name in spent)
        if not allowed:
            self.stop_file.touch()
        return allowed
