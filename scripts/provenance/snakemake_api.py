"""Everything that this project takes from Snakemake's private parts, in one place.

Read in Snakemake 9.27.1. None of it is promised to stay: before you raise the version in envs/driver.in, read
`DAG.update_needrun`, `Rule.expand_input`, `snakemake.io`, `snakemake.checkpoints` and `snakemake.logging` again, and
run tests/dag and tests/run/test_console.py.

`rerun-triggers: [mtime]` in profiles/default is part of correctness: a stale rule gets a trigger file
(rule_functions.py) as an input that is newer than its outputs. With Snakemake's other triggers, changes that do not
count would rerun jobs, too; two other options can hide that an output is stale. check_options() refuses both.
"""

import logging
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NoReturn, TextIO

TRIGGER_INPUT = "changed"  # the input of a recorded rule that takes its trigger files
RERUN_TRIGGER = "mtime"


def named_inputs(rule: Any) -> dict[str, Any]:
    """Return the input items of *rule* by name, as the rule file gives them, without the trigger files."""
    return {str(name): item for name, item in rule.input._allitems() if name != TRIGGER_INPUT}


def named_outputs(rule: Any) -> dict[str, list[str]]:
    """Return the templates of the outputs of *rule* by name, as the rule file gives them."""
    items = ((str(name), item) for name, item in rule.output._allitems())
    return {name: [str(item)] if isinstance(item, str) else [*map(str, item)] for name, item in items}


def named_params(rule: Any) -> dict[str, Any]:
    """Return the parameters of *rule* by name, as the rule file gives them."""
    return dict(rule.params._allitems())


def unwrap_function(item: Any) -> Any:
    """Return the function behind an input or parameter item of a rule, or the item itself."""
    return getattr(getattr(item, "_file", item), "callable", item)


def environment_name(rule: Any) -> str:
    """Return the name of the environment that *rule* runs in, "" if it names none."""
    return Path(str(rule.conda_env)).stem if rule.conda_env else ""


def resource_value(rule: Any, name: str) -> Any:
    """Return the value of the resource *name* of *rule*, None if it has none; "_cores" are its threads."""
    resource = rule.resources.get(name)
    return resource.value if resource else None


def is_forced(workflow: Any) -> bool:
    """Return whether the user forces jobs to run that may be up to date."""
    settings = workflow.dag_settings
    return bool(settings.forceall or settings.forcetargets or settings.forcerun)


def graph_jobs(workflow: Any) -> Iterable[Any]:
    """Return all jobs of the graph of *workflow*, which is built and does not change meanwhile."""
    return workflow.dag.jobs


def needs_run(workflow: Any, job: Any) -> bool:
    """Return whether *job* of the graph is to run."""
    return workflow.dag.needrun(job)


def job_dependencies(workflow: Any, job: Any) -> Iterable[Any]:
    """Return the jobs of the graph whose outputs *job* reads."""
    return workflow.dag.dependencies[job]


def rule_names(workflow: Any) -> list[str]:
    """Return the names of the rules of *workflow* that have been read; none where there is no workflow yet."""
    return [rule.name for rule in workflow.rules] if workflow else []


def count_slots(workflow: Any) -> int:
    """Return how many jobs may run at once: cores of this machine, or jobs submitted to a cluster."""
    resources = workflow.resource_settings
    return (resources.cores if workflow.local_exec else resources.nodes) or 1


def executor_name(workflow: Any) -> str:
    """Return the name of the executor that runs the jobs: "local", "slurm", ..."""
    return workflow.executor_plugin.name


def own_locks(workflow: Any) -> set[str]:
    """Return the absolute paths of the lock files that this run holds; none with --nolock."""
    return {os.path.realpath(path) for path in getattr(workflow.persistence, "_lockfile", {}).values()}


def log_files(workflow: Any) -> list[str]:
    """Return the paths of the log files that Snakemake itself writes in this run."""
    return workflow.logger_manager.get_logfile()


def build_log_handler(settings: Any, stream: TextIO) -> logging.Handler:
    """Return the log handler that Snakemake itself would use with these *settings*, writing to *stream*."""
    from snakemake.logging import ColorizingTextHandler, DefaultFilter, DefaultFormatter

    handler = ColorizingTextHandler(nocolor=settings.nocolor, stream=stream)
    handler.setFormatter(DefaultFormatter(settings.quiet, settings.show_failed_logs))
    shown = settings.debug_dag, settings.verbose, settings.dryrun, settings.printshellcmds
    handler.addFilter(DefaultFilter(settings.quiet, *shown))
    return handler


def find_unwritable_folder(path: str) -> str:
    """Return the first folder whose permissions keep the output at *path* from being replaced, "" if there is none.

    To replace a file, its folder must be writable; the file itself need not be.
    """
    inside = [place for place, _, _ in os.walk(path)]  # none for a file
    folders = [os.path.dirname(path) or ".", *inside]
    return next((folder for folder in folders if os.path.exists(path) and not os.access(folder, os.W_OK)), "")


def let_records_decide() -> None:
    """Take back three decisions of Snakemake that contradict the records.

    It would stop where an output is older than an input, which says that clocks differ and nothing else; run a target
    again whose benchmark is missing, which is no result; and refuse to replace an output that it may not write to, as
    those of another user who shares the folder: jobs replace files, so the permissions of the folder count.
    """
    from snakemake.dag import DAG
    from snakemake.exceptions import WorkflowError
    from snakemake.jobs import Job

    remove_existing_output = Job.remove_existing_output

    async def accept_times(dag, job, expanded_output):
        pass

    def products(job, include_logfiles=True):
        return [*job.output, *(job.log if include_logfiles else [])]

    async def check_replaceable(job):
        for path in job.output:
            if folder := find_unwritable_folder(str(path)):
                advice = "a folder that users share needs a group that may write to it, and umask 002"
                raise WorkflowError(f"{path} cannot be replaced, because {folder} is not yours to write to; {advice}")

    async def remove_outputs_and_benchmark(job):
        await remove_existing_output(job)
        if job.benchmark and await job.benchmark.protected():
            await job.benchmark.remove()

    DAG.check_output_mtime = accept_times
    Job.products = products
    Job.check_protected_output = check_replaceable
    Job.remove_existing_output = remove_outputs_and_benchmark


def make_checkpoints(workflow: Any, *names: str) -> None:
    """Make the rules *names* checkpoints, as the rules are whose parts they `use`: Snakemake forgets that."""
    for name in names:
        workflow.get_rule(name).is_checkpoint = True


def wait_for(rule: Any, output: str) -> NoReturn:
    """Let the job whose input function calls this wait for the checkpoint *rule*, which makes *output*."""
    from snakemake.exceptions import IncompleteCheckpointException
    from snakemake.io import checkpoint_target

    raise IncompleteCheckpointException(rule, checkpoint_target(output))


def find_option_problem(triggers: set[str], consider_ancient: bool, trust_io_cache: bool) -> str:
    """Return the sentence that says which of Snakemake's options must change, "" if all are right."""
    if triggers != {RERUN_TRIGGER}:
        return (
            "the records next to the results decide what is stale: add `rerun-triggers: [mtime]` to your profile, "
            f"or `--rerun-triggers mtime` to the command (now: {' '.join(sorted(triggers)) or 'none'})"
        )
    if consider_ancient:
        return "--consider-ancient can hide what is stale; leave it out"
    if trust_io_cache:
        return "--trust-io-cache can hide what has become stale since the dry run; leave it out"
    return ""


def check_options(workflow: Any) -> None:
    """Exit with one sentence if an option would make Snakemake run too many or too few jobs.

    To be called while the graph is built: before the first job, also in a dry run.
    """
    settings = workflow.dag_settings
    triggers = {str(trigger) for trigger in settings.rerun_triggers}
    consider_ancient = bool(workflow.workflow_settings.consider_ancient)
    if problem := find_option_problem(triggers, consider_ancient, settings.trust_io_cache):
        sys.exit(f"error: {problem}")
