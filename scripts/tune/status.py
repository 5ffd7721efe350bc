"""Status of a sweep: its progress, and a prediction of what the remaining trials will cost.

It is read from the folder of the sweep, whether jobs are running or not. Snakemake's own process imports this module,
so it uses the standard library only.
"""

import statistics
import sys
from pathlib import Path
from typing import NamedTuple

from scripts.provenance.recorded_job import RecordedJob
from scripts.provenance.snakemake_api import resource_value
from scripts.provenance.staleness import Staleness
from scripts.tune.heartbeat import has_ended
from scripts.tune.schedule import sweep_key
from scripts.tune.storage import WARNING, list_entries, read_entry

SAMPLE = 100  # records that a prediction uses


class Status(NamedTuple):
    """Paths of the records and of the claims of running trials, by trial."""

    records: dict[int, Path]
    claims: dict[int, Path]


def read_status(folder: Path, trials: int) -> Status:
    """Return the status of the sweep of *trials* in *folder*."""
    status = Status({}, {})
    for number, attempt, path in list_entries(folder, 0, trials):
        if path.suffix != ".lost":
            (status.claims if attempt else status.records)[number] = path
    for number in status.claims.keys() & status.records.keys():
        del status.claims[number]
    return status


def latest_sweep(sweeps: Path) -> Path | None:
    """Return the folder of the latest sweep, None if there is none."""
    return max(
        (path for path in sweeps.glob("*") if path.is_dir()), key=lambda path: path.stat().st_mtime, default=None
    )


def sample_trials(sweeps: Path, key: str, trials: int) -> tuple[int, list[dict], bool]:
    """Return how many of *trials* are to run, the latest records, and whether these are of an earlier sweep."""
    status = read_status(sweeps / key, trials)
    earlier = None if status.records else latest_sweep(sweeps)
    paths = status.records or (read_status(earlier, 10**9).records if earlier else {})
    records = [record for number in sorted(paths)[-SAMPLE:] if (record := read_entry(paths[number]))]
    return trials - len(status.records), records, bool(earlier)


def predict_seconds(sweeps: Path, key: str, trials: int, trials_per_job: int) -> float | None:
    """Return how long one job takes for the trials of a sweep that are to run, None if no trial was measured."""
    remaining, records, _ = sample_trials(sweeps, key, trials)
    if remaining and not records:
        return None
    return remaining * statistics.mean(record["seconds"] for record in records) / trials_per_job if remaining else 0.0


def predict_cost(sweeps: Path, key: str, trials: int, trials_per_job: int, gpu: bool) -> str:
    """Return a sentence that predicts the cost of a sweep from its latest trials, or from those of an earlier sweep.

    The range is a 95 % prediction interval for the sum of the remaining durations. On a *gpu*, *trials_per_job* trials
    share it.
    """
    remaining, records, is_earlier = sample_trials(sweeps, key, trials)
    unit = "GPU-hours" if gpu else "CPU-hours"
    progress = f"tune: {trials} trials, {trials - remaining} done, {remaining} to run"
    if not remaining or len(records) < 2:
        return progress if not remaining else f"{progress}; what they cost is known once two have run"
    hours = [record["seconds"] / (trials_per_job if gpu else 1) / 3600 for record in records]
    margin = 1.96 * statistics.stdev(hours) * (remaining + remaining**2 / len(hours)) ** 0.5
    expected = remaining * statistics.mean(hours)
    source = " of an earlier sweep" if is_earlier else ""
    return (
        f"{progress}: {max(0.0, expected - margin):.2g} to {expected + margin:.2g} {unit}"
        f" by {len(hours)} trials{source}"
    )


def describe_progress(folder: Path, trials: int, metric: str, trials_per_job: int, gpu: bool) -> str:
    """Return the progress of a sweep: trials done, failed and running, the best one, time left and hours used."""
    status = read_status(folder, trials)
    if not status.records and not status.claims:
        return f"tune: none of {trials} trials has begun"
    records = [record for path in status.records.values() if (record := read_entry(path))]
    owners = {claim["owner"] for path in status.claims.values() if (claim := read_entry(path))}
    dead = {owner for owner in owners if has_ended(owner)}
    running = len(status.claims) if len(dead) < len(owners) else 0
    parts = [f"tune: {len(records)}/{trials} trials"]
    if failed := sum(record["status"] != "ok" for record in records):
        parts.append(f"{failed} failed")
    parts.append(f"{running} running in {len(owners - dead)} jobs")
    full = [record for record in records if record["loss"] is not None and "fraction" not in record]
    if best := min(full, key=lambda record: (record["loss"], record["number"]), default=None):
        parts.append(f"best {metric} {best['score']:.4f} ({best['family']}, trial {best['number']})")
    if running and records and len(records) < trials:
        seconds = statistics.mean(record["seconds"] for record in records)  # trials of a sweep may differ by far
        parts.append(f"about {format_duration(seconds * (trials - len(records)) / running)} left")
    hours = sum(record["seconds"] for record in records) / (trials_per_job if gpu else 1) / 3600
    progress = ", ".join([*parts, f"{hours:.2g} {'GPU' if gpu else 'CPU'}-hours used"])
    warning = folder / WARNING
    return f"{progress}\ntune: {warning.read_text()}" if running and warning.exists() else progress


def format_duration(seconds: float) -> str:
    """Return a duration as text, in hours, minutes or seconds."""
    for unit, size in (("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


class SweepQueries:
    """Queries of rules/tune.smk about the job with *record*, given the folder of *sweeps* and the section `tune`."""

    def __init__(self, staleness: Staleness, record: str, sweeps: Path, config: dict):
        self.staleness, self.record, self.sweeps, self.config = staleness, record, sweeps, config

    def describe_sweep(self, job: RecordedJob) -> tuple[str, int, bool]:
        """Return the key of the current sweep, the number of trials per job, and whether they run on a GPU."""
        key = sweep_key(self.staleness.fingerprint(job))
        return key, int(resource_value(job.rule, "_cores")), bool(resource_value(job.rule, "gpu"))

    def predict_cost(self, job: RecordedJob) -> str:
        """Return a sentence that predicts the cost of the remaining trials."""
        key, *per_job = self.describe_sweep(job)
        return predict_cost(self.sweeps, key, self.config["trials"], *per_job)

    def predict_seconds(self, job: RecordedJob) -> float | None:
        """Return how long *job* takes for the trials that are to run; None if it is another job or not known."""
        if job.record != self.record or self.config["reuse"]:
            return None
        key, trials_per_job, _ = self.describe_sweep(job)
        return predict_seconds(self.sweeps, key, self.config["trials"], trials_per_job)

    def print_progress(self, wildcards: object) -> None:
        """Print the progress of the sweep and exit Snakemake (an input function)."""
        key, *per_job = self.describe_sweep(self.staleness.producer(self.record))
        print(describe_progress(self.sweeps / key, self.config["trials"], self.config["metric"], *per_job), flush=True)
        sys.exit(0)
