"""What a finished job found, in one line: read from the small files that it wrote.

FINDINGS has a function for each rule, kept in data_findings.py and model_findings.py. A rule without one, and a file
that is not as expected, give the last line of the job's log. Numbers are for people; programs read the files.
"""

import re
from collections.abc import Callable

from scripts.console import data_findings, model_findings
from scripts.console.job import Job

FINDINGS: dict[str, Callable[[Job], str]] = data_findings.FINDINGS | model_findings.FINDINGS
PROGRESS = re.compile(r"tune: \d+/\d+ trials|.* rows so far, ")  # how far a job is
ROUTINE = re.compile(r"(eval|test): |compared with |rebuilding ")  # what a finding makes needless
ALL_COUNT = {"gate_data", "propose"}  # rules whose last line is no summary


def describe(job: Job) -> str:
    """Return what *job* found, in one line; nothing where it says nothing."""
    try:
        return FINDINGS[job.rule](job)
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, OSError):
        return next(iter(job.log_lines()[-1:]), "")


def covered(job: Job) -> list[str]:
    """Return the line of the log that the finding of *job* stands for: the last one; nothing where it is none."""
    return [] if job.rule in ALL_COUNT else job.log_lines()[-1:]


def notes(job: Job, said: list[str]) -> list[str]:
    """Return those of the lines *said* by *job* that people need beside its finding."""
    if said and said[-1] in covered(job):
        said = said[:-1]
    return [line for line in said if not is_routine(line)]


def is_routine(line: str) -> bool:
    """Return whether *line* is one of those that jobs say on their way."""
    return bool(PROGRESS.match(line) or ROUTINE.match(line))
