"""What a running sweep says of itself."""

import time

from scripts.metrics.losses import score_of
from scripts.provenance.run_job import say
from scripts.tune.budget import Budget
from scripts.tune.sweep import Sweep

SECONDS = 2  # between two lines


class Progress:
    """Says how far the sweep is, now and then."""

    def __init__(self, sweep: Sweep, metric: str, spends: Budget):
        self.sweep, self.metric, self.spends = sweep, metric, spends
        self.kept, self.started, self.said = len(sweep.results), time.monotonic(), 0.0

    def __call__(self, running: int) -> None:
        """Say it, unless that was said a moment ago and there is more to come."""
        now, sweep = time.monotonic(), self.sweep
        if now - self.said < SECONDS and not sweep.complete:
            return
        self.said = now
        records = sweep.records()
        best, failures = sweep.plan.best(records), sum(record["status"] != "ok" for record in records)
        score = f"{self.metric} {score_of(self.metric, best['loss']):.4f} ({best['family']})" if best else "none yet"
        left = (now - self.started) / max(1, len(records) - self.kept) * (sweep.total - len(records))
        lost = f", {failures} failed" if failures else ""
        running += len(sweep.taken)
        gpus = f", {self.spends.gpu_hours:.2f} GPU-hours" if self.spends.gpus_per_trial else ""
        say(
            f"tune: {len(records)}/{sweep.total} trials{lost}, {running} running, best {score},"
            f" about {left:.0f} s left{gpus}"
        )
