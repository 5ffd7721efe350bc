"""Errors and messages of Snakemake (9.27) and of jobs: which people need, and in what form, without stack traces."""

import re
from pathlib import Path

from scripts.console.job import Job, read_tail

NOTHING = "Nothing to be done"
STOPPED = "Terminating processes on user request"
FINISHING = "Will exit after finishing currently running jobs"
NOISE = (
    NOTHING,
    STOPPED,
    FINISHING,
    "Config file ",
    "Assuming unrestricted shared filesystem usage",
    "Building DAG of jobs",
    "Using shell:",
    "Provided ",
    "Rules claiming more threads",
    "Conda environments: ignored",
    "Select jobs to execute",
    "Execute ",
    "DAG of jobs will be updated",
    "Updating checkpoint dependencies",
    "Trying to restart job",
    "Shutting down, this might take some time",
    "Complete log",
    "Elapsed time",
    "Exiting because a job execution failed",
    "Removing output files of failed job",
    "Removing temporary output",
    "This was a dry-run",
    "The run involves checkpoint jobs",
    "Reasons:",
)
SUBMITTED = re.compile(
    r"(Group j|J)ob \S+ has been submitted with SLURM jobid|SLURM run ID: |Cleaning up SLURM log files"
)
FAILED = "At least one job did not complete successfully"
OF_JOBS = ("RuleException", "CalledProcessError")
SHOWN = 12  # lines of a long message
SENTENCE = "error: "  # how a job begins its sentence (scripts/provenance/run_job.py)
TWICE = "Error: "  # how some of Snakemake's messages begin
HEAD = re.compile(r"^(\w*(?:Error|Exception))(?: in (?:rule \w+ in )?file \"?([^\"]+)\"?, line (\d+))?[:.]?$")
STACK = re.compile(r'^\s+File ".*", line \d+')
CAUSE = re.compile(r"^[\w.]+(?:Error|Exception|Interrupt|Exit|Warning)\b.*")
TRACE = "Traceback (most recent call last)"
BATCH = re.compile(r"SLURM-job '([^']*)' failed, SLURM status is: '([^']*)'")
ENDED_BY_SLURM = {  # by the state of the job: why its log has nothing to say
    "TIMEOUT": "reached its time limit; request more time for {rule} (`runtime` in the profile)",
    "OUT_OF_MEMORY": "needed more memory than it had; request more for {rule} (`mem_mb` in the profile)",
    "NODE_FAIL": "lost its node; start the run again",
}
STATUS = re.compile(r"(returned non-zero exit status \d+|died with <Signals\.\w+: \d+>)")
PLAIN = {
    "ConfigError",
    "WorkflowError",
    "MissingRuleException",
    "MissingInputException",
    "LockException",
    "CliException",
}
PLAIN |= {"InputError", "ContractError", "ExpressionError", "ApiError", "IncompleteFilesException"}  # no class needed


def is_noise(message: str) -> bool:
    """Return whether people need not see *message*; what is not known here is shown."""
    return not message or message.startswith(NOISE) or bool(SUBMITTED.match(message))


def is_job_error(message: str) -> bool:
    """Return whether *message* is about an exception that is printed with the job that failed."""
    return message.startswith(OF_JOBS) or FAILED in message


def explain_failure(job: Job, report: str = "") -> list[str]:
    """Return the lines of the sentence with which *job* failed: of its log, else of Snakemake's *report* of it."""
    batch = BATCH.search(report)
    if batch and (reason := ENDED_BY_SLURM.get(batch[2])):
        return [f"SLURM job {batch[1]} {reason.format(rule=job.rule)}"]
    logs = [read_tail(Path(log)) for log in job.logs]
    for lines in logs:
        if sentence := find_sentence(lines) or find_exception(lines):
            return limit_lines(sentence)
    status = STATUS.search(report)
    ended = batch[0] if batch else f"its command {status[1]}" if status else "it ended without saying why"
    last = [line for lines in logs[:1] for line in lines[-1:]]
    return limit_lines([*last, ended])


def find_sentence(lines: list[str]) -> list[str]:
    """Return the sentence that a job wrote to its log, and what follows it; nothing where it wrote none."""
    starts = [number for number, line in enumerate(lines) if line.startswith(SENTENCE)]
    return [lines[starts[-1]].removeprefix(SENTENCE), *lines[starts[-1] + 1 :]] if starts else []


def find_exception(lines: list[str]) -> list[str]:
    """Return what the last stack trace in a log ends with; nothing where there is none."""
    if not any(line.startswith(TRACE) for line in lines):
        return []
    causes = [number for number, line in enumerate(lines) if CAUSE.match(line)]
    return lines[causes[-1] :] if causes else []


def limit_lines(lines: list[str]) -> list[str]:
    """Return *lines*, or the first of them where there are many."""
    return lines if len(lines) <= SHOWN else [*lines[:SHOWN], f"... {len(lines) - SHOWN} more lines"]


def format_error(text: str) -> list[str]:
    """Return the lines of Snakemake's report of an exception that people need: no class, place or stack of our own.

    What was not foreseen keeps its class and its place.
    """
    lines = [line for line in text.strip().splitlines() if not STACK.match(line)]
    if not lines or not (head := HEAD.match(lines[0])):
        return [line.removeprefix(TWICE) for line in lines]
    name, file, line = head.groups()
    body = [line for line in lines[1:] if line.strip()]
    if name in PLAIN and body:
        return [line.removeprefix(TWICE) for line in body]
    place = f" ({file}, line {line})" if file else ""
    return [f"{name}{place}: {body[0]}" if body else f"{name}{place}", *body[1:]]
