"""What is known of a run: its workflow and configuration, its jobs, and what has happened so far. It prints nothing.

The Snakefile names the workflow here (`attach`), the log handler reads it. The handler is created before the Snakefile
is read, and lives in the same process. Without it (a plain `snakemake`) these functions do nothing.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from scripts.console.findings import PROGRESS, covered_lines, describe_job, is_routine, select_notes
from scripts.console.job import Job
from scripts.console.messages import STOPPED, explain_failure
from scripts.console.progress import Plan, Progress, read_digests

if TYPE_CHECKING:
    from scripts.console.log_handler import LogHandler

SAME = "the same as before"


@dataclass
class Deployed:
    """A version that is served, with its metrics on the test split."""

    version: int
    metrics: dict[str, Any]


@dataclass
class JobResult:
    """What is printed of a job that has ended: its seconds, its finding, and its other lines."""

    job: Job
    seconds: float
    finding: str
    notes: list[str]


class Run:
    """The jobs of a run, the lines that they wrote, and the state of the run."""

    def __init__(self) -> None:
        self.plan: Plan = {}
        self.progress = Progress({})
        self.deployed_before: Deployed | None = None  # the version deployed when the run began
        self.watched = False  # a job of the life cycle is among the jobs
        self.jobs: dict[int, Job] = {}  # that run, by Snakemake's number
        self.failed: dict[int, tuple[Job, list[str]]] = {}
        self.lines: list[str] = []  # written by jobs that run
        self.covered: set[str] = set()  # last lines of logs, which findings stand for
        self.error_printed = False  # an error was printed that is no job's
        self.exception = ""  # the last one that may belong to a job
        self.state = ""  # nothing to do, stopped (by Ctrl-C) or finishing (by SIGTERM)

    @property
    def is_stopped(self) -> bool:
        """Return whether Ctrl-C ended the run."""
        return self.state == STOPPED

    def begin(self, plan: Plan, slots: int) -> None:
        """Take over the *plan* of a run with so many *slots* for jobs."""
        planned = {key: job for key, job in plan.items() if job.is_needed and job.has_work}
        self.plan, self.watched = plan, any(job.record for job in planned.values())
        self.progress = Progress(planned, min(slots, max(1, len(planned))))

    def start(self, job: Job) -> bool:
        """Note that *job* started; return whether it had failed before and is tried again."""
        self.jobs[job.number] = job
        self.progress.start(job.key)
        return bool(self.failed.pop(job.number, None))

    def finish(self, number: int) -> JobResult | None:
        """Note that a job finished, and return what is printed of it; None where it is unknown."""
        job = self.jobs.pop(number, None)
        if not job:
            return None
        took = self.progress.finish(job.key)
        finding, lines = describe_job(job), self.take_lines(job)
        self.covered.update(covered_lines(job))
        planned = self.plan.get(job.key)
        if planned and planned.previous_digests and planned.previous_digests == read_digests(planned.record):
            finding = f"{finding} · {SAME}" if finding else SAME
        return JobResult(job, took, finding, select_notes(job, lines))

    def fail(self, number: int, logs: list[str], report: str = "") -> JobResult | None:
        """Note that a job failed, and return what is printed of it; None where it is unknown.

        *logs* say why, or the *report* of Snakemake.
        """
        job = self.jobs.pop(number, None)
        if not job:
            return None
        took = self.progress.fail(job.key)
        self.take_lines(job)
        job.logs = logs or job.logs
        lines, self.exception = explain_failure(job, report or self.exception), ""
        self.failed[number] = job, lines
        return JobResult(job, took, lines[0], [])

    def take_line(self, line: str) -> bool:
        """Take a *line* from stderr; return whether it belongs to no job and is to be printed at once."""
        if line in self.covered:
            return False
        if self.jobs:
            self.lines.append(line)
        return not self.jobs

    def take_lines(self, job: Job) -> list[str]:
        """Return, and forget, the lines that *job* wrote: those that are in its log, too."""
        logged, own, others = Counter(job.log_lines()), [], []
        for line in self.lines:
            (own if logged[line.rstrip()] > 0 else others).append(line)
            logged[line.rstrip()] -= 1
        self.lines = others
        return own

    def unclaimed_lines(self) -> list[str]:
        """Return the lines that belong to no job that has ended."""
        return [line for line in self.lines if line not in self.covered and not is_routine(line)]

    def activity(self) -> str:
        """Return the last line of a job about its progress, or the names of the jobs that run."""
        progress = [line for line in self.lines if PROGRESS.match(line)]
        return progress[-1] if progress else ", ".join(job.name for job in self.jobs.values())


@dataclass
class Session:
    """The workflow, its checked configuration, and the handler that prints."""

    workflow: Any = None
    config: dict = field(default_factory=dict)
    handler: "LogHandler | None" = None


SESSION = Session()


def attach(workflow: Any, config: dict) -> None:
    """Give the console the *workflow* that runs and its *config*."""
    SESSION.workflow, SESSION.config = workflow, config


def begin_console() -> None:
    """Tell the console that the graph is built and the first job is about to start."""
    if SESSION.handler:
        SESSION.handler.begin()
