"""What a dry run says: the jobs that would run, and why each would."""

from pathlib import Path
from typing import Any

from scripts.console.job import Job
from scripts.console.printer import WIDEST, Printer
from scripts.console.progress import Progress, read_plan
from scripts.console.screen import row
from scripts.console.wording import count_of, duration

MARKS = ".snakemake/changed/"  # inputs that say why a job is stale, see scripts/provenance/snakemake_api.py
CAUSES = {"env": "environment", "config": "configuration", "inputs": "input", "shell": "shell line"}
MISSING, FOLLOWS = "no output yet", "may follow"


def why(job: Job, inputs: list[str]) -> str:
    """Return the kinds of cause that make *job* stale, by its *inputs*; or that others may make it so."""
    causes = sorted({Path(path.split()[0]).name for path in inputs if path.startswith(MARKS)})
    if "output" in causes:
        return MISSING
    return ", ".join(CAUSES.get(cause, cause) for cause in causes) or (FOLLOWS if job.records else "")


def print_total(printer: Printer, total: int) -> None:
    """Print how many jobs would run."""
    printer.line(f"{count_of(total, 'job')} would run:")


def print_job(printer: Printer, job: Job, inputs: list[str]) -> None:
    """Print a job that would run, and why."""
    printer.line(row(printer.screen, " ", job.name, why(job, inputs), "", WIDEST))


def print_end(printer: Printer, workflow: Any, nothing: bool) -> None:
    """Print what is up to date, and what the jobs took when they last ran."""
    plan = read_plan(workflow)
    fresh = count_of(sum(bool(job.record) and not job.needed for job in plan.values()), "job")
    if nothing:
        printer.line(f"nothing would run: {fresh} up to date")
        return
    left = Progress({key: job for key, job in plan.items() if job.needed}).time_left()
    price = f", by past runs {duration(left)} of jobs would run" if left else ""
    printer.line(f"{fresh} up to date{price}; ./ouroboros explain says why")
