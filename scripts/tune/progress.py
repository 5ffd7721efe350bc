"""Progress lines of a running sweep."""

import time

from scripts.metrics.losses import loss_to_score
from scripts.provenance.run_job import echo
from scripts.tune.budget import Budget
from scripts.tune.sweep import Sweep

INTERVAL = 2  # seconds between two lines


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
