"""Input and parameter functions that rules use; Snakemake calls them while it builds its graph of jobs.

They translate staleness into the one thing that Snakemake looks at, modification times: a stale rule gets a trigger
file as an input that is newer than its outputs.
"""

import os
import shlex
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from scripts.provenance.canonical import json_digest, to_exact_json, write_bytes
from scripts.provenance.environment import env_id
from scripts.provenance.fingerprint import Change, lookup
from scripts.provenance.record import read_record
from scripts.provenance.recorded_job import OnlyWhenStale, RecordedJob
from scripts.provenance.snakemake_api import (
    TRIGGER_INPUT,
    check_options,
    environment_name,
    is_forced,
    wait_for,
)
from scripts.provenance.staleness import Staleness

TRIGGERS = Path(".snakemake/changed")
JOB_SPECS = Path(".snakemake/ouroboros/job-specs")


def write_trigger(job: RecordedJob, change: Change) -> str:
    """Write the trigger file of *change* and return its path: it is newer than all outputs of *job*.

    The file contains the current time because Snakemake does not rely on modification times alone: where an input is
    newer than the outputs, `DAG.update_needrun` compares its checksum with the one stored after the last run. If the
    content were the same as then, Snakemake would consider the file unchanged and silently not run the job.
    """
    path = TRIGGERS / os.path.dirname(job.record) / change.kind
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{change.kind} {change.name} {time.time_ns()}\n")
    # Snakemake keeps the modification time of a directory output in a file inside it
    files = [name for output in job.outputs for name in (output, f"{output}/.snakemake_timestamp")]
    newest = max((os.stat(name).st_mtime_ns for name in files if os.path.exists(name)), default=0)
    if path.stat().st_mtime_ns <= newest:
        os.utime(path, ns=(newest + 10**6, newest + 10**6))
    return str(path)


def write_job_spec(job_spec: dict) -> Path:
    """Write *job_spec* to a file named after its digest, so that no later job can change it; return the path."""
    path = JOB_SPECS / f"{json_digest(job_spec)[:16]}.json"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(path, to_exact_json(job_spec))
    return path


def config_only_spec(config: dict, *keys: str) -> Callable:
    """Return a params function for a script without a record: it gives a job spec that holds these keys alone."""

    def write_spec(wildcards):
        return write_job_spec({"config": {key.rpartition(".")[2]: lookup(config, key) for key in keys}})

    return write_spec


def file_arguments(*groups: Any) -> Iterator[str]:
    """Yield `--name path ...` for each named input and output of *groups*, but the trigger files and the record."""
    for group in groups:
        for name, paths in group.items():
            if name not in (TRIGGER_INPUT, "record"):
                yield f"--{name}"
                yield from map(shlex.quote, [paths] if isinstance(paths, str) else paths)


class RuleFunctions:
    """The functions that rules use as inputs and parameters; *staleness* decides."""

    def __init__(self, staleness: Staleness):
        self.staleness = staleness
        self.described: set[str] = set()  # records of the jobs that a dry run has described

    def recorded_job(self, name: str, wildcards: dict) -> RecordedJob:
        """Return the job of the rule *name* with these *wildcards*, the same object for the same job."""
        return self.staleness.producer(RecordedJob(self.staleness.workflow.get_rule(name), dict(wildcards)).record)

    def when_stale(self, name: str, describe: Callable[[RecordedJob], str] | None = None) -> Callable:
        """Return the input function of rule *name* that gives trigger files exactly when its outputs are stale.

        While an upstream checkpoint is stale, the job waits for it: it appears in a dry run, and Snakemake calls the
        function again once the checkpoint has run. A dry run prints what *describe* says of the job, unless it is "".
        """

        def triggers(wildcards):
            check_options(self.staleness.workflow)
            job = self.recorded_job(name, wildcards)
            stale = [producer for producer in self.staleness.upstream(job) if not self.staleness.is_fresh(producer)]
            changes = [] if stale else self.staleness.changes_or_mark_fresh(job)
            if describe and (stale or changes):
                self.print_description(job, describe)
            if stale:  # the first one is enough: Snakemake asks again once its checkpoint has run
                wait_for(stale[0].rule, stale[0].record)
            return sorted({write_trigger(job, change) for change in changes})

        return triggers

    def print_description(self, job: RecordedJob, describe: Callable[[RecordedJob], str]) -> None:
        """Print what *describe* says of *job*, once, in a dry run."""
        if self.staleness.workflow.dryrun and job.record not in self.described:
            self.described.add(job.record)
            if text := describe(job):
                print(text, file=sys.stderr, flush=True)

    def only_when_stale(self, name: str, *templates: str) -> OnlyWhenStale:
        """Return the input function that gives *templates* if the outputs of rule *name* are stale, else nothing.

        Such inputs are transient: they do not count in the fingerprint, and nothing requests them while the outputs are
        fresh. ``{key}`` in a template stands for the digest of the fingerprint. The rule must not depend on a
        checkpoint, and the input must not be ancient: Snakemake skips a stale rule whose ancient inputs are made anew.
        """

        def find_paths(wildcards):
            job = self.recorded_job(name, wildcards)
            if not is_forced(self.staleness.workflow) and self.staleness.is_fresh(job):
                return []
            keyed = RecordedJob(job.rule, job.wildcards | {"key": json_digest(self.staleness.fingerprint(job))[:16]})
            return [keyed.format(template) for template in templates]

        return OnlyWhenStale(find_paths, list(templates))

    def transient_command(self, name: str) -> Callable:
        """Return the params function of rule *name*, whose outputs are transient inputs of another rule.

        It gives the command: launcher, environment, script, a job spec that holds configuration and outputs alone, so
        that the job leaves no record, and the named inputs and outputs.
        """

        def command(wildcards, input, output):
            job = RecordedJob(self.staleness.workflow.get_rule(name), dict(wildcards))
            job_spec = {"config": self.staleness.config_values(job), "outputs": job.outputs}
            environment = env_id(environment_name(job.rule))
            options = ["--job-spec", str(write_job_spec(job_spec)), *file_arguments(input, output)]
            return " ".join(["envs/python", environment, job.script, *options])

        return command

    def job_command(self, wildcards, input, output, resources) -> str:
        """Return the command of a recorded rule (a params function).

        It consists of launcher, environment, script, job spec, and `--name path ...` for each named input and output.
        With the resource `gpu`, the command uses the environment for GPUs and passes `--device cuda`; the job spec, and
        with it the fingerprint, stays the same. The command is "<TBD>" until the producers of all inputs have run;
        Snakemake then calls the function again.
        """
        job = self.staleness.producer(output.record)
        producers = self.staleness.transient_producers(job)
        if not all(read_record(producer.record) for producer in [*self.staleness.upstream(job), *producers]):
            return "<TBD>"
        transient = {path: self.staleness.input_digest(path) for path in job.transient_inputs}
        job_spec = self.staleness.fingerprint(job) | {
            "transient": transient,
            "outputs": job.outputs,
            "record": job.record,
        }
        name, environment = next(iter(job_spec["env"].items()))
        options = ["--job-spec", str(write_job_spec(job_spec))]
        if resources.get("gpu"):
            environment, options = env_id(f"{name}-gpu"), [*options, "--device", "cuda"]
        return " ".join(["envs/python", environment, job.script, *options, *file_arguments(input, output)])
