"""Why a run stopped, in the words of the job or of the configuration, without stack traces."""

import re

from scripts.console.job import Job

SHOWN = 12  # lines of a long message
SENTENCE = "error: "  # how a job begins its sentence (scripts/provenance/run_job.py)
TWICE = "Error: "  # how some of Snakemake's messages begin
HEAD = re.compile(r"^(\w*(?:Error|Exception))(?: in (?:rule \w+ in )?file \"?([^\"]+)\"?, line (\d+))?[:.]?$")
STACK = re.compile(r'^\s+File ".*", line \d+')
CAUSE = re.compile(r"^[\w.]+(?:Error|Exception|Interrupt|Exit|Warning)\b.*")
STATUS = re.compile(r"(returned non-zero exit status \d+|died with <Signals\.\w+: \d+>)")
PLAIN = {
    "ConfigError",
    "WorkflowError",
    "MissingRuleException",
    "MissingInputException",
    "LockException",
    "CliException",
}
PLAIN |= {"BadInput", "ContractError", "ExpressionError", "ApiError", "IncompleteFilesException"}  # say all themselves


def reason(job: Job, exception: str = "") -> list[str]:
    """Return the lines of the sentence with which *job* failed: of its log, else of Snakemake's *exception*."""
    lines = job.log_lines()
    starts = [number for number, line in enumerate(lines) if line.startswith(SENTENCE)]
    if starts:
        found = lines[starts[-1] :]
        return limited([found[0].removeprefix(SENTENCE), *found[1:]])
    if any(line.startswith("Traceback (most recent call last)") for line in lines):
        causes = [number for number, line in enumerate(lines) if CAUSE.match(line)]
        if causes:
            return limited(lines[causes[-1] :])
    status = STATUS.search(exception)
    ended = f"its command {status[1]}" if status else "it ended without saying why"
    return limited([*lines[-1:], ended] if lines else [ended])


def limited(lines: list[str]) -> list[str]:
    """Return *lines*, or the first of them where there are many."""
    return lines if len(lines) <= SHOWN else [*lines[:SHOWN], f"... {len(lines) - SHOWN} more lines"]


def message_of(text: str) -> list[str]:
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
