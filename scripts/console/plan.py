"""What a run may do: all jobs of Snakemake's graph, which of them are to run, and how long each took the last time."""

import csv
import json
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from typing import Any


@dataclass
class PlannedJob:
    """A job of the graph. *seconds* are None where no run of it, or of its rule, was measured."""

    rule: str
    wildcards: dict[str, str]
    needed: bool
    record: str = ""
    works: bool = True  # no target that only names others
    seconds: float | None = None
    after: list[tuple] = field(default_factory=list)  # the jobs that come first
    before: dict[str, str] | None = None  # digests of the outputs that are to be made anew

    @property
    def key(self) -> tuple:
        return (self.rule, *self.wildcards.values())

    @property
    def name(self) -> str:
        return " ".join(map(str, self.key))


Plan = dict[tuple, PlannedJob]


def key_of(rule: str, wildcards: dict[str, str]) -> tuple:
    """Return what names a job in a plan."""
    return (rule, *wildcards.values())


def measured(path: str) -> float | None:
    """Return the seconds that the benchmark file at *path* gives, None where there is none."""
    try:
        with open(path, newline="") as file:
            return float(next(csv.DictReader(file, delimiter="\t"))["s"])
    except (OSError, StopIteration, KeyError, ValueError, TypeError):
        return None


def digests(record: str) -> dict[str, str] | None:
    """Return the digests of the outputs that the *record* names, None where there is none."""
    try:
        return json.loads(Path(record).read_text(encoding="utf-8"))["outputs"]
    except (OSError, ValueError, KeyError):
        return None


def read_plan(workflow: Any) -> Plan:
    """Return the plan of the *workflow*, whose graph is built and not being changed meanwhile."""
    dag, plan = workflow.dag, {}
    for job in dag.jobs:
        wildcards = {name: str(value) for name, value in job.wildcards_dict.items()}
        records = [str(path) for path in job.output if str(path).endswith("/record.json")]
        planned = PlannedJob(job.rule.name, wildcards, dag.needrun(job), *records[:1])
        planned.works = bool(job.output or job.log)
        planned.seconds = measured(str(job.benchmark)) if job.benchmark else 0.0
        planned.after = [key_of(other.rule.name, other.wildcards_dict) for other in dag.dependencies[job]]
        if planned.needed and planned.record:
            planned.before = digests(planned.record)
        plan[planned.key] = planned
    return fill_in(plan)


def fill_in(plan: Plan) -> Plan:
    """Return *plan*, in which jobs that were never measured take as long as others of their rule did on average."""
    known: dict[str, list[float]] = {}
    for job in plan.values():
        if job.seconds is not None:
            known.setdefault(job.rule, []).append(job.seconds)
    for job in plan.values():
        if job.seconds is None and job.rule in known:
            job.seconds = fmean(known[job.rule])
    return plan
