"""What a dry run says: the jobs that would run, and why each would."""

from pathlib import Path
from typing import Any

from scripts.console.job import Job
from scripts.console.printer import WIDEST, Printer
from scripts.console.progress import Progress, read_plan
from scripts.console.screen import format_row
from scripts.console.wording import format_count, format_duration

TRIGGER_FILES = ".snakemake/changed/"  # inputs that say why a job is stale (scripts/provenance/rule_functions.py)
CAUSES = {"env": "environment", "config": "configuration", "inputs": "input", "shell": "shell line"}
MISSING, FOLLOWS = "no output yet", "may follow"


def name_causes(job: Job, inputs: list[str]) -> str:
    """Return the kinds of cause that make *job* stale, by its *inputs*; or that others may make it so."""
    causes = sorted({Path(path.split()[0]).name for path in inputs if path.startswith(TRIGGER_FILES)})
    if "output" in causes:
        return MISSING
    return ", ".join(CAUSES.get(cause, cause) for cause in causes) or (FOLLOWS if job.is_recorded else "")


def print_total(printer: Printer, total: int) -> None:
    """Print how many jobs would run."""
    printer.print_line(f"{format_count(total, 'job')} would run:")


def print_job(printer: Printer, job: Job, inputs: list[str]) -> None:
    """Print a job that would run, and why."""
    printer.print_line(format_row(printer.screen, " ", job.name, name_causes(job, inputs), "", WIDEST))


def print_end(printer: Printer, workflow: Any, nothing: bool) -> None:
    """Print what is up to date, and what the jobs took when they last ran."""
    plan = read_plan(workflow)
    fresh = format_count(sum(bool(job.record) and not job.is_needed for job in plan.values()), "job")
    if nothing:
        printer.print_line(f"nothing would run: {fresh} up to date")
        return
    left = Progress({key: job for key, job in plan.items() if job.is_needed}).time_left()
    cost = f", by past runs {format_duration(left)} of jobs would run" if left else ""
    printer.print_line(f"{fresh} up to date{cost}; ./ouroboros explain says why")
