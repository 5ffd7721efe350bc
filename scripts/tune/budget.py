"""What a sweep may cost: no trial starts once that is spent."""

import time
from pathlib import Path

from scripts.tune.sweep import Sweep


class Budget:
    """The limits "minutes" (of wall time) and "gpu_hours"; None is no limit. GPU-hours count on GPUs only.

    Jobs that only help read in the folder of the sweep that nothing more may start.
    """

    def __init__(self, sweep: Sweep, limits: dict, gpus_per_trial: float, worker_only: bool):
        self.sweep, self.limits, self.gpus_per_trial, self.worker_only = sweep, limits, gpus_per_trial, worker_only
        self.stop_file: Path = sweep.storage.folder / "stop"
        self.started = time.monotonic()
        if not worker_only:
            self.stop_file.unlink(missing_ok=True)

    @property
    def gpu_hours(self) -> float:
        """The GPU-hours that the trials with a result took."""
        return self.sweep.seconds * self.gpus_per_trial / 3600

    def may_start(self) -> bool:
        """Return whether a trial may start."""
        if self.worker_only:
            return not self.stop_file.exists()
        spent = {"minutes": (time.monotonic() - self.started) / 60}
        if self.gpus_per_trial:
            spent["gpu_hours"] = self.gpu_hours
        allowed = all(self.limits[name] is None or spent[name] < self.limits[name] for name in spent)
        if not allowed:
            self.stop_file.touch()
        return allowed
