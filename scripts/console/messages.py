"""Errors and messages of Snakemake (9.27) and of jobs: which people need, and in what form, without stack traces."""

import difflib
import os
import re
from collections.abc import Iterable
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
HEAD = re.compile(r"^(\w*(?:Error|Exception))(?: in (?:rule (\w+) in )?file \"?([^\"]+)\"?, line (\d+))?[:.]?$")
STACK = re.compile(r'^\s+File ".*", line \d+')
PLACE = re.compile(r'^\s+File "([^"<>]+)", line (\d+)')
LIBRARIES = re.compile(r"/(site-packages|dist-packages|lib/python3\.\d+)/")
CAUSE = re.compile(r"^[\w.]+(?:Error|Exception|Interrupt|Exit|Warning)\b.*")
INPUT_FUNCTION, WILDCARDS = "InputFunctionException", "Wildcards:"
TRACE = "Traceback (most recent call last)"
BATCH = re.compile(r"SLURM-job '([^']*)' failed, SLURM status is: '([^']*)'")
ENDED_BY_SLURM = {  # by the state of the job: why its log has nothing to say
    "TIMEOUT": "reached its time limit; request more time for {rule} (`runtime` in the profile)",
    "OUT_OF_MEMORY": "needed more memory than it had; request more for {rule} (`mem_mb` in the profile)",
    "NODE_FAIL": "lost its node; start the run again",
}
STATUS = re.compile(r"(returned non-zero exit status \d+|died with <Signals\.\w+: \d+>)")
NO_TARGET = re.compile(r"No rule to produce (.+) \(if you use input functions .*\)\.")
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
    """Return what the last stack trace in a log ends with, and the place in code that is no library's.

    Nothing where there is no stack trace.
    """
    if not any(line.startswith(TRACE) for line in lines):
        return []
    causes = [number for number, line in enumerate(lines) if CAUSE.match(line)]
    if not causes:
        return []
    frames = [PLACE.match(line) for line in lines[: causes[-1]]]
    places = [(match[1], match[2]) for match in frames if match and not LIBRARIES.search(match[1])]
    where = [f"({os.path.relpath(places[-1][0])}, line {places[-1][1]})"] if places else []
    return [*lines[causes[-1] :], *where]


def format_input_error(body: list[str], rule: str) -> list[str]:
    """Return the lines of an exception in an input function of *rule*: what it says, and for which wildcards."""
    end = body.index(WILDCARDS)
    wildcards = [line.strip() for line in body[end + 1 :] if "=" in line]
    lines = [line.removeprefix("  ") for line in body[:end] if line.strip() != TWICE.strip()] or [""]
    name, colon, sentence = lines[0].partition(": ")
    lines[0] = sentence if colon and name in PLAIN else lines[0]
    return [*lines, f"(asked for by {', '.join([f'rule {rule}', *wildcards])})"]


def limit_lines(lines: list[str]) -> list[str]:
    """Return *lines*, or the first of them where there are many."""
    return lines if len(lines) <= SHOWN else [*lines[:SHOWN], f"... {len(lines) - SHOWN} more lines"]


def suggest_target(line: str, targets: Iterable[str]) -> str:
    """Return *line*; if it says that a target is unknown, in other words, with those of *targets* that are like it."""
    if not (match := NO_TARGET.fullmatch(line)):
        return line
    near = difflib.get_close_matches(match[1], targets, 2)
    question = f"; did you mean {' or '.join(near)}?" if near else ""
    return f"no rule makes {match[1]}{question} (./ouroboros --list shows all rules)"


def format_error(text: str, targets: Iterable[str] = ()) -> list[str]:
    """Return the lines of Snakemake's report of an exception that people need: no class, place or stack of our own.

    What was not foreseen keeps its class and its place. *targets* are the rules that somebody may have meant.
    """
    lines = [line for line in text.strip().splitlines() if not STACK.match(line)]
    if not lines or not (head := HEAD.match(lines[0])):
        return [line.removeprefix(TWICE) for line in lines]
    name, rule, file, line = head.groups()
    body = [line for line in lines[1:] if line.strip()]
    if name == INPUT_FUNCTION and WILDCARDS in body:
        return format_input_error(body, rule)
    if name in PLAIN and body:
        return [suggest_target(line.removeprefix(TWICE), targets) for line in body]
    place = f" ({file}, line {line})" if file else ""
    return [f"{name}{place}: {body[0]}" if body else f"{name}{place}", *body[1:]]
