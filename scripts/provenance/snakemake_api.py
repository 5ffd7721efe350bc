"""Input and parameter functions that rules use; Snakemake calls them while it builds its graph of jobs.

They translate staleness into the one thing that Snakemake looks at, modification times: a stale rule gets a trigger
file as an input that is newer than its outputs. This depends on `rerun-triggers: [mtime]` in profiles/default, which is
part of correctness: with Snakemake's other triggers, changes that do not count would rerun jobs, too.

This module, together with recorded_job.py, staleness.py, explain.py and cluster.py, relies on private parts of
Snakemake: IncompleteCheckpointException and checkpoint_target, the _allitems() of inputs and parameters, the callable
behind an input function (_file.callable), rule.conda_env, and the workflow's dag_settings, dryrun and get_rule. They
were read in Snakemake 9.27; read `DAG.update_needrun` again before you raise its version in envs/driver.in.
"""

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from scripts.provenance.canonical import json_digest, write_json
from scripts.provenance.environment import env_id
from scripts.provenance.fingerprint import Change, lookup
from scripts.provenance.recorded_job import RecordedJob
from scripts.provenance.staleness import Staleness
from scripts.provenance.triggers import check_options

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
    path.write_text(f"{change.kind} {change.key} {time.time_ns()}\n")
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
        write_json(path, job_spec)
    return path


def config_only_spec(config: dict, *keys: str) -> Callable:
    """Return a params function for a script without a record: it gives a job spec that holds these keys alone."""

    def write_spec(wildcards):
        return write_job_spec({"config": {key.rpartition(".")[2]: lookup(config, key) for key in keys}})

    return write_spec


class RuleFunctions:
    """The functions that rules use as inputs and parameters; *staleness* decides."""

    def __init__(self, staleness: Staleness):
        self.staleness = staleness
        self.priced: set[str] = set()  # records of the jobs whose cost a dry run has printed

    def recorded_job(self, name: str, wildcards: dict) -> RecordedJob:
        """Return the job of the rule *name* with these *wildcards*, the same object for the same job."""
        return self.staleness.producer(RecordedJob(self.staleness.workflow.get_rule(name), dict(wildcards)).record)

    def when_stale(self, name: str, describe_cost: Callable[[RecordedJob], str] | None = None) -> Callable:
        """Return the input function of rule *name* that gives trigger files exactly when its outputs are stale.

        While an upstream checkpoint is stale, the function raises IncompleteCheckpointException for its record: the
        job appears in a dry run, and Snakemake calls the function again once the checkpoint has run. A dry run prints
        the cost of the job, as *describe_cost* words it.
        """
        from snakemake.exceptions import IncompleteCheckpointException
        from snakemake.io import checkpoint_target

        def triggers(wildcards):
            check_options(self.staleness.workflow)
            job = self.recorded_job(name, wildcards)
            stale = [producer for producer in self.staleness.upstream(job) if not self.staleness.is_fresh(producer)]
            changes = [] if stale else self.staleness.changes_or_mark_fresh(job)
            if (
                describe_cost
                and (stale or changes)
                and self.staleness.workflow.dryrun
                and job.record not in self.priced
            ):
                self.priced.add(job.record)
                print(describe_cost(job), file=sys.stderr, flush=True)
            # The first stale producer is enough: after its checkpoint has run, Snakemake asks again for the next one.
            if stale:
                raise IncompleteCheckpointException(stale[0].rule, checkpoint_target(stale[0].record))
            return sorted({write_trigger(job, change) for change in changes})

        return triggers

    def only_when_stale(self, name: str, *templates: str) -> Callable:
        """Return the input function that gives *templates* if the outputs of rule *name* are stale, else nothing.

        Such inputs are transient: they do not count in the fingerprint, and nothing requests them while the outputs are
        fresh. ``{key}`` in a template stands for the digest of the fingerprint. The rule must not depend on a
        checkpoint, and the input must not be ancient: Snakemake skips a stale rule whose ancient inputs are made anew.
        """

        def paths(wildcards):
            job = self.recorded_job(name, wildcards)
            settings = self.staleness.workflow.dag_settings
            forced = settings.forceall or settings.forcetargets or settings.forcerun
            if not forced and self.staleness.is_fresh(job):
                return []
            keyed = RecordedJob(job.rule, job.wildcards | {"key": json_digest(self.staleness.fingerprint(job))[:16]})
            return [keyed.format(template) for template in templates]

        paths.transient_templates = list(templates)
        return paths

    def transient_command(self, name: str) -> Callable:
        """Return the params function of rule *name*, whose outputs are transient inputs of another rule.

        It gives the command: launcher, environment, script, and a job spec that holds configuration and outputs alone,
        so that the job leaves no record.
        """

        def command(wildcards):
            job = RecordedJob(self.staleness.workflow.get_rule(name), dict(wildcards))
            job_spec = {"config": self.staleness.config_values(job), "outputs": job.outputs}
            environment, script = (
                env_id(Path(str(job.rule.conda_env)).stem),
                dict(job.rule.params._allitems())["code"],
            )
            return f"envs/python {environment} scripts/{script}.py --job-spec {write_job_spec(job_spec)}"

        return command

    def job_command(self, wildcards, output, resources) -> str:
        """Return the command of a recorded rule: launcher, environment, script and job spec (a params function).

        With the resource `gpu`, the command uses the environment for GPUs and passes `--device cuda`; the job spec, and
        with it the fingerprint, stays the same. The command is "<TBD>" until the producers of all inputs have run;
        Snakemake then calls the function again.
        """
        job = self.staleness.producer(output.record)
        producers = self.staleness.transient_producers(job)
        if not all(os.path.exists(producer.record) for producer in [*self.staleness.upstream(job), *producers]):
            return "<TBD>"
        transient = {path: self.staleness.input_digest(path) for path in job.transient_inputs}
        job_spec = self.staleness.fingerprint(job) | {
            "transient": transient,
            "outputs": job.outputs,
            "record": job.record,
        }
        name, environment = next(iter(job_spec["env"].items()))
        device = ""
        if resources.get("gpu"):
            environment, device = env_id(f"{name}-gpu"), " --device cuda"
        script = f"scripts/{dict(job.rule.params._allitems())['code'].split()[0]}.py"
        return f"envs/python {environment} {script} --job-spec {write_job_spec(job_spec)}{device}"
