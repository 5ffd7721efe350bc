"""Progress of a running sweep: the budget that may end it, and the lines that say how far it is."""

import os
import time
from pathlib import Path

from scripts.metrics.losses import loss_to_score
from scripts.provenance.canonical import write_json
from scripts.provenance.run_job import echo
from scripts.tune.storage import read_entry
from scripts.tune.sweep import Sweep

INTERVAL = 2  # seconds between two lines


class Budget:
    """The limits "minutes" (wall time) and "gpu_hours" (on GPUs only); None means no limit.

    The job of the sweep writes a stop file once the budget is spent; its worker jobs (*worker_only*) read that.
    """

    def __init__(self, sweep: Sweep, limits: dict, gpus_per_trial: float, worker_only: bool):
        self.sweep, self.limits, self.gpus_per_trial, self.worker_only = sweep, limits, gpus_per_trial, worker_only
        self.stop_file: Path = sweep.storage.folder / "stop"
        self.started, self.spent_file = time.monotonic(), sweep.storage.folder / "spent.json"
        if not worker_only:
            self.stop_file.unlink(missing_ok=True)
            spent = read_entry(self.spent_file)  # by this job before SLURM started it again
            if spent and spent["job"] == os.environ.get("SLURM_JOB_ID"):
                self.started -= spent["seconds"]
            self.spent_file.unlink(missing_ok=True)

    def save_spent(self) -> None:
        """Save how long this job has run, for when SLURM starts it again."""
        spent = {"job": os.environ["SLURM_JOB_ID"], "seconds": time.monotonic() - self.started}
        write_json(self.spent_file, spent)

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


class Progress:
    """Prints the progress of a sweep at intervals."""

    def __init__(self, sweep: Sweep, metric: str, budget: Budget):
        self.sweep, self.metric, self.budget = sweep, metric, budget
        self.known_results, self.started, self.last_report = len(sweep.results), time.monotonic(), 0.0

    def __call__(self, running: int) -> None:
        """Print a line if INTERVAL has passed or the sweep is complete; *running* trials run in this process."""
        now, sweep = time.monotonic(), self.sweep
        if now - self.last_report < INTERVAL and not sweep.is_complete:
            return
        self.last_report = now
        records = sweep.records()
        best, failures = sweep.schedule.best_trial(records), sum(record["status"] != "ok" for record in records)
        score = (
            f"{self.metric} {loss_to_score(self.metric, best['loss']):.4f} ({best['family']})" if best else "none yet"
        )
        seconds_left = (now - self.started) / max(1, len(records) - self.known_results) * (sweep.total - len(records))
        failed = f", {failures} failed" if failures else ""
        running += len(sweep.running_elsewhere)
        gpus = f", {self.budget.gpu_hours:.2f} GPU-hours" if self.budget.gpus_per_trial else ""
        echo(
            f"tune: {len(records)}/{sweep.total} trials{failed}, {running} running, best {score},"
            f" about {seconds_left:.0f} s left{gpus}"
        )
