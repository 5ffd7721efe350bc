"""What a run has to do, how far it is, and how long it will still take by what earlier runs took.

The plan has all jobs of Snakemake's graph; the share that is done never falls.
"""

import csv
import heapq
import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from typing import Any

from scripts.provenance.snakemake_api import graph_jobs, job_dependencies, needs_run

FASTEST, SLOWEST = 0.5, 4.0  # how much faster or slower than in earlier runs a run is taken to be
NEARLY = 0.95  # of the time a running job is taken to need, at most
ENOUGH = 0.8  # share of the jobs left whose time must be known for a time left


@dataclass
class PlannedJob:
    """A job of the graph. *seconds* are None where no run of it, or of its rule, was measured."""

    rule: str
    wildcards: dict[str, str]
    is_needed: bool
    record: str = ""
    has_work: bool = True  # no target that only names others
    seconds: float | None = None
    dependencies: list[tuple] = field(default_factory=list)  # the jobs whose outputs it reads
    previous_digests: dict[str, str] | None = None  # digests of the outputs that are to be made anew

    @property
    def key(self) -> tuple:
        return (self.rule, *self.wildcards.values())

    @property
    def name(self) -> str:
        return " ".join(map(str, self.key))


Plan = dict[tuple, PlannedJob]


def job_key(rule: str, wildcards: dict[str, str]) -> tuple:
    """Return what identifies a job in a plan."""
    return (rule, *wildcards.values())


def read_seconds(path: str) -> float | None:
    """Return the seconds that the benchmark file at *path* gives, None where there is none."""
    try:
        with open(path, newline="") as file:
            return float(next(csv.DictReader(file, delimiter="\t"))["s"])
    except (OSError, StopIteration, KeyError, ValueError, TypeError):
        return None


def read_digests(record: str) -> dict[str, str] | None:
    """Return the digests of the outputs that the *record* names, None where there is none."""
    try:
        return json.loads(Path(record).read_text(encoding="utf-8"))["outputs"]
    except (OSError, ValueError, KeyError):
        return None


def read_plan(workflow: Any) -> Plan:
    """Return the plan of the *workflow*, whose graph is built and not being changed meanwhile."""
    plan: Plan = {}
    for job in graph_jobs(workflow):
        wildcards = {name: str(value) for name, value in job.wildcards_dict.items()}
        records = [str(path) for path in job.output if str(path).endswith("/record.json")]
        planned = PlannedJob(job.rule.name, wildcards, needs_run(workflow, job), *records[:1])
        planned.has_work = bool(job.output or job.log)
        planned.seconds = read_seconds(str(job.benchmark)) if job.benchmark else 0.0
        planned.dependencies = [
            job_key(other.rule.name, other.wildcards_dict) for other in job_dependencies(workflow, job)
        ]
        if planned.is_needed and planned.record:
            planned.previous_digests = read_digests(planned.record)
        plan[planned.key] = planned
    return estimate_seconds(plan)


def estimate_seconds(plan: Plan) -> Plan:
    """Return *plan*, in which jobs that were never measured take as long as others of their rule did on average."""
    known: dict[str, list[float]] = {}
    for job in plan.values():
        if job.seconds is not None:
            known.setdefault(job.rule, []).append(job.seconds)
    for job in plan.values():
        if job.seconds is None and job.rule in known:
            job.seconds = fmean(known[job.rule])
    return plan


class Progress:
    """The jobs of a run by their state. Snakemake's own count falls when its graph is looked at again."""

    def __init__(self, plan: Plan, cores: int = 1, clock=time.monotonic):
        self.jobs = {key: job for key, job in plan.items() if job.is_needed}
        self.cores, self.clock, self.start_time = max(1, cores), clock, clock()
        self.started: dict[tuple, float] = {}
        self.done: dict[tuple, float] = {}  # seconds that each job took
        self.highest = 0.0

    @property
    def total(self) -> int:
        """Return how many jobs the run has, as far as is known."""
        return len(self.jobs)

    def start(self, key: tuple) -> None:
        """Note that the job *key* has started; one that was not planned is added."""
        self.jobs.setdefault(key, PlannedJob(key[0], dict(enumerate(map(str, key[1:]))), True))
        self.started[key] = self.clock()

    def finish(self, key: tuple) -> float:
        """Note that the job *key* has finished, and return the seconds that it took."""
        start_time = self.started.pop(key, self.clock())
        self.done[key] = self.clock() - start_time
        return self.done[key]

    def fail(self, key: tuple) -> float:
        """Note that the job *key* runs no more, and return the seconds that it took; it may start again."""
        return self.clock() - self.started.pop(key, self.clock())

    @property
    def elapsed(self) -> float:
        """Return the seconds since the run began."""
        return self.clock() - self.start_time

    def share(self) -> float:
        """Return the share of the run that is done, from 0 to 1; never less than before."""
        weigh = self.job_weight
        whole = sum(map(weigh, self.jobs.values()))
        done = sum(weigh(self.jobs[key]) for key in self.done)
        done += sum(weigh(self.jobs[key]) * self.job_share(key) for key in self.started)
        self.highest = max(self.highest, done / whole if whole else 0.0)
        return self.highest

    def job_weight(self, job: PlannedJob) -> float:
        """Return the seconds that *job* is taken to need; where too few are known, jobs count alike."""
        return 1.0 if self.lacks_times() else 0.2 + (job.seconds or 0.0)

    def lacks_times(self) -> bool:
        """Return whether too little is known of the jobs of this run to weigh them by time."""
        known = sum(job.seconds is not None for job in self.jobs.values())
        return known < ENOUGH * len(self.jobs)

    def job_share(self, key: tuple) -> float:
        """Return the share of the running job *key* that is done, as far as its time is known."""
        seconds = self.jobs[key].seconds
        return min(NEARLY, (self.clock() - self.started[key]) / seconds) if seconds else 0.0

    def pace(self) -> float:
        """Return how much slower than in earlier runs the jobs of this one are."""
        known = [(took, self.jobs[key].seconds) for key, took in self.done.items() if self.jobs[key].seconds]
        expected = sum(seconds for _, seconds in known)
        return min(SLOWEST, max(FASTEST, sum(took for took, _ in known) / expected)) if expected > 1 else 1.0

    def time_left(self) -> float | None:
        """Return the seconds until the last job ends, None where too little is known of the jobs that are left.

        It plays the rest of the run: each job starts once those before it are done and a core is free.
        """
        left = {key: job for key, job in self.jobs.items() if key not in self.done}
        if not left or sum(job.seconds is not None for job in left.values()) < ENOUGH * len(left):
            return None
        now, pace = self.clock(), self.pace()
        free = [0.0] * self.cores
        ends: dict[tuple, float] = {}
        for key in self.run_order(left):
            needs = (left[key].seconds or 0.0) * pace
            if key in self.started:
                needs = max(needs * (1 - NEARLY), needs - (now - self.started[key]))
            ready = max((ends.get(other, 0.0) for other in left[key].dependencies), default=0.0)
            ends[key] = max(ready, heapq.heappop(free)) + needs
            heapq.heappush(free, ends[key])
        return max(ends.values())

    def run_order(self, left: Plan) -> list[tuple]:
        """Return the keys of *left*: those that run first, then each after those it needs."""
        order: dict[tuple, None] = dict.fromkeys(key for key in self.started if key in left)
        for first in left:
            stack = [(first, iter(left[first].dependencies))]
            while stack:
                key, others = stack[-1]
                following = next((other for other in others if other in left and other not in order), None)
                if following is None:
                    order[key] = None
                    stack.pop()
                else:
                    stack.append((following, iter(left[following].dependencies)))
        return list(order)
