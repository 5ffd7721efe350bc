"""Worker jobs of a sweep on a cluster: submitted as needed, cancelled when the sweep ends.

A worker job runs the same command as the job of the sweep, but it only runs trials. On SLURM it requests what that job
requested. One that ends is submitted again while there are trials that have not started.
"""

import contextlib
import os
import shlex
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from scripts.provenance.canonical import write_json
from scripts.provenance.run_job import echo
from scripts.tune.heartbeat import Heartbeats
from scripts.tune.slurm import CommandError
from scripts.tune.storage import WARNING
from scripts.tune.submitters import LOG_FOLDER, Submitter

QUEUE_INTERVAL = 20.0  # seconds between two checks of the queue


def notify(message: str) -> None:
    """Write *message* to the log and to the terminal, also to that of a Snakemake that submitted this job."""
    echo(message)
    if path := os.environ.get("OUROBOROS_NOTICES"):  # provenance/cluster.py prints what is appended to it
        with open(path, "a") as file:
            file.write(f"{message}\n")


class WorkerJobs:
    """Up to *count* worker jobs, in addition to this job, of the sweep in *folder*, whose *heartbeats* they write."""

    def __init__(self, count: int, submitter: Submitter | None, job_spec: dict, folder: Path, heartbeats: Heartbeats):
        self.count, self.submitter = count if submitter else 0, submitter
        self.job_spec = {key: value for key, value in job_spec.items() if key not in ("outputs", "record")}
        self.folder, self.heartbeats = folder, heartbeats
        self.submitted, self.last_check = 0, float("-inf")
        self.initial_workers = set(heartbeats.list_others())  # not of worker jobs
        self.seen_workers: set[str] = set()  # of worker jobs; a heartbeat file goes with its process
        self.warning = ""
        self.is_kept = False  # whether they are to stay although this job ends
        if count:
            (folder / WARNING).unlink(missing_ok=True)
        if count and not submitter:
            self.warn(
                f"{count} worker jobs are not submitted, this job runs all trials: it was not submitted to SLURM, and"
                " the profile has no command `submit` for tune (docs/cluster.md)"
            )

    def __enter__(self) -> "WorkerJobs":
        return self

    def __exit__(self, error: type | None, *_: object) -> None:
        if not self.count or self.is_kept:
            return
        (self.folder / WARNING).unlink(missing_ok=True)
        try:
            self.submitter.end(at_once=error is not None)
        except CommandError as problem:
            print(f"tune: {problem}", file=sys.stderr, flush=True)

    @contextlib.contextmanager
    def kept(self) -> Iterator[None]:
        """Keep the worker jobs if this process is ended from outside meanwhile, but not after an error."""
        self.is_kept = True
        try:
            yield
        except Exception:
            self.is_kept = False
            raise

    @property
    def is_due(self) -> bool:
        """Whether it is time to check the queue."""
        return self.count > 0 and time.monotonic() - self.last_check >= QUEUE_INTERVAL

    def top_up(self, wanted: int) -> None:
        """Submit the missing worker jobs, so that up to *wanted* are in the queue."""
        self.last_check = time.monotonic()
        workers = set(self.heartbeats.list_others()) - self.initial_workers
        self.seen_workers |= workers
        ended = len(self.seen_workers) - sum(map(self.heartbeats.is_alive, workers))
        try:
            queued = self.submitter.count_jobs(self.submitted - ended)
        except CommandError as problem:  # an outage: try again later
            print(f"tune: {problem}", file=sys.stderr, flush=True)
            return
        missing = min(self.count, wanted) - queued
        if missing <= 0 or not self.are_starting(queued):
            return
        try:
            self.submitted += self.submitter.submit(self.write_script(), missing)
        except CommandError as problem:
            self.warn(f"worker jobs cannot be submitted ({problem}), the sweep goes on with the jobs that it has")
        else:
            self.warning = ""
            (self.folder / WARNING).unlink(missing_ok=True)

    def are_starting(self, queued: int) -> bool:
        """Return whether submitted jobs start to work; if too many did not, report it and submit no more."""
        started = len(self.seen_workers)
        if self.submitted - started - queued <= 2 * self.count:
            return True
        self.warn(f"{self.submitted} worker jobs were submitted, {started} started; see {LOG_FOLDER}/; no more will be")
        self.last_check = float("inf")  # never again
        return False

    def warn(self, message: str) -> None:
        """Say *message* on the terminal, once, and leave it for `progress`."""
        if message != self.warning:
            self.warning = message
            notify(f"tune: {message}")
            (self.folder / WARNING).write_text(message)

    def write_script(self) -> Path:
        """Write the script of a worker job, which repeats this command in this folder, and return its path."""
        LOG_FOLDER.mkdir(parents=True, exist_ok=True)
        arguments = [sys.executable, *sys.argv, "--worker_only", "yes"]
        spec, script = self.folder.resolve() / "job-spec.json", self.folder.resolve() / "worker.sh"
        arguments[arguments.index("--job-spec") + 1] = str(spec)
        write_json(spec, self.job_spec)
        script.write_text(f"#!/bin/sh\ncd {shlex.quote(os.getcwd())} && exec {shlex.join(arguments)}\n")
        return script
