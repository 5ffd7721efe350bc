"""What is known of a run: its workflow and configuration, its jobs, and what has happened so far. It prints nothing.

The Snakefile names the workflow here (`attach`), the log handler reads it. The handler is created before the Snakefile
is read, and lives in the same process. Without it (a plain `snakemake`) these functions do nothing.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from scripts.console.findings import PROGRESS, covered, describe, is_routine, notes
from scripts.console.job import Job
from scripts.console.messages import reason
from scripts.console.progress import Plan, Progress, digests

if TYPE_CHECKING:
    from scripts.console.log_handler import LogHandler

SAME = "the same as before"


@dataclass
class Deployed:
    """A version that is served, with its metrics on the test split."""

    version: int
    metrics: dict[str, Any]


@dataclass
class Finished:
    """What is told of a job that has finished: seconds, what it found, and what else it said."""

    job: Job
    seconds: float
    found: str
    notes: list[str]


class Run:
    """The jobs of a run, what they said, and how it goes."""

    def __init__(self) -> None:
        self.plan: Plan = {}
        self.progress = Progress({})
        self.before: Deployed | None = None  # the version deployed when the run began
        self.watched = False  # a job of the life cycle is among the jobs
        self.jobs: dict[int, Job] = {}  # that run, by Snakemake's number
        self.failed: dict[int, tuple[Job, list[str]]] = {}
        self.said: list[str] = []  # by jobs that run
        self.covered: set[str] = set()  # last lines of logs, which findings stand for
        self.complained = False  # an error was printed that is no job's
        self.exception = ""  # the last one that may belong to a job
        self.state = ""  # nothing to do, stopped (by Ctrl-C) or finishing (by SIGTERM)

    def begin(self, plan: Plan, slots: int) -> None:
        """Take over the *plan* of a run with so many *slots* for jobs."""
        planned = {key: job for key, job in plan.items() if job.needed and job.works}
        self.plan, self.watched = plan, any(job.record for job in planned.values())
        self.progress = Progress(planned, min(slots, max(1, len(planned))))

    def start(self, job: Job) -> bool:
        """Note that *job* started; return whether it had failed before and is tried again."""
        self.jobs[job.number] = job
        self.progress.start(job.key)
        return bool(self.failed.pop(job.number, None))

    def finish(self, number: int) -> Finished | None:
        """Note that a job finished, and return what is told of it; None where it is unknown."""
        job = self.jobs.pop(number, None)
        if not job:
            return None
        took = self.progress.finish(job.key)
        found, said = describe(job), self.lines_of(job)
        self.covered.update(covered(job))
        planned = self.plan.get(job.key)
        if planned and planned.before and planned.before == digests(planned.record):
            found = f"{found} · {SAME}" if found else SAME
        return Finished(job, took, found, notes(job, said))

    def fail(self, number: int, logs: list[str], said: str = "") -> Finished | None:
        """Note that a job failed, and return what is told of it; None where it is unknown.

        *logs* say why, or what Snakemake *said*.
        """
        job = self.jobs.pop(number, None)
        if not job:
            return None
        took = self.progress.fail(job.key)
        self.lines_of(job)
        job.logs = logs or job.logs
        lines, self.exception = reason(job, said or self.exception), ""
        self.failed[number] = job, lines
        return Finished(job, took, lines[0], [])

    def hear(self, line: str) -> bool:
        """Take a *line* from stderr; return whether it belongs to no job and is to be printed at once."""
        if line in self.covered:
            return False
        if self.jobs:
            self.said.append(line)
        return not self.jobs

    def lines_of(self, job: Job) -> list[str]:
        """Return, and forget, what *job* said: the lines that are in its log, too."""
        logged, mine, others = Counter(job.log_lines()), [], []
        for line in self.said:
            (mine if logged[line.rstrip()] > 0 else others).append(line)
            logged[line.rstrip()] -= 1
        self.said = others
        return mine

    def left_over(self) -> list[str]:
        """Return what was said and belongs to no job that has ended."""
        return [line for line in self.said if line not in self.covered and not is_routine(line)]

    def doing(self) -> str:
        """Return what a job said last of its progress, or the names of the jobs that run."""
        progress = [line for line in self.said if PROGRESS.match(line)]
        return progress[-1] if progress else ", ".join(job.name for job in self.jobs.values())


@dataclass
class Session:
    """The workflow, its checked configuration, and the handler that prints."""

    workflow: Any = None
    config: dict = field(default_factory=dict)
    handler: "LogHandler | None" = None


SESSION = Session()


def attach(workflow: Any, config: dict) -> None:
    """Tell the console which *workflow* runs with which *config*."""
    SESSION.workflow, SESSION.config = workflow, config


def begin_console() -> None:
    """Tell the console that the graph is built and the first job is about to start."""
    if SESSION.handler:
        SESSION.handler.begin()
