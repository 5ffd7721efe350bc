"""What the folder of a sweep says, while jobs work in it or not: how far it is, and what the rest will cost.

Snakemake itself asks this, so only the standard library is at hand.

What Snakemake is asked about the sweep: how far it is, and what it will cost."""

import statistics
import sys
from pathlib import Path
from typing import NamedTuple

from scripts.provenance.recorded_job import Node
from scripts.provenance.staleness import Graph
from scripts.tune.heartbeat import ended
from scripts.tune.schedule import sweep_key
from scripts.tune.storage import names, read

SAMPLE = 100  # records that a price is made of


class Status(NamedTuple):
    """Paths of the records by trial, and of the claims of trials under way."""

    records: dict[int, Path]
    claims: dict[int, Path]


def status(folder: Path, trials: int) -> Status:
    """Return what lies in the *folder* of a sweep of so many *trials*."""
    found = Status({}, {})
    for number, attempt, path in names(folder, 0, trials):
        if path.suffix != ".lost":
            (found.claims if attempt else found.records)[number] = path
    for number in found.claims.keys() & found.records.keys():
        del found.claims[number]
    return found


def latest(sweeps: Path) -> Path | None:
    """Return the folder of the sweep that was begun last, None where there is none."""
    return max(
        (path for path in sweeps.glob("*") if path.is_dir()), key=lambda path: path.stat().st_mtime, default=None
    )


def price(sweeps: Path, key: str, trials: int, at_once: int, gpu: bool) -> str:
    """Return in a sentence what a sweep will cost by its latest trials, or by those of the sweep before.

    The interval is one of prediction, 95 %, for the sum of the durations that are to come. *at_once* trials share the
    GPU of a job.
    """
    found = status(sweeps / key, trials)
    left, kind = trials - len(found.records), "GPU-hours" if gpu else "CPU-hours"
    said = f"tune: {trials} trials, {len(found.records)} done, {left} to run"
    other = None if found.records else latest(sweeps)
    known = found.records or (status(other, 10**9).records if other else {})
    records = [record for number in sorted(known)[-SAMPLE:] if (record := read(known[number]))]
    if not left or len(records) < 2:
        return said if not left else f"{said}; what they cost is known once two have run"
    each = [record["seconds"] / (at_once if gpu else 1) / 3600 for record in records]
    spread = 1.96 * statistics.stdev(each) * (left + left**2 / len(each)) ** 0.5
    middle = left * statistics.mean(each)
    by = "" if found.records else " of an earlier sweep"
    return f"{said}: {max(0.0, middle - spread):.2g} to {middle + spread:.2g} {kind} by {len(each)} trials{by}"


def progress(folder: Path, trials: int, metric: str, at_once: int, gpu: bool) -> str:
    """Return how far a sweep is: trials done, failed and running, the best, the time left and the hours used."""
    found = status(folder, trials)
    if not found.records and not found.claims:
        return f"tune: none of {trials} trials has begun"
    records = [record for path in found.records.values() if (record := read(path))]
    owners = {claim["owner"] for path in found.claims.values() if (claim := read(path))}
    gone = {owner for owner in owners if ended(owner)}
    running = len(found.claims) if len(gone) < len(owners) else 0
    said = [f"tune: {len(records)}/{trials} trials"]
    if failed := sum(record["status"] != "ok" for record in records):
        said.append(f"{failed} failed")
    said.append(f"{running} running in {len(owners - gone)} jobs")
    whole = [record for record in records if record["loss"] is not None and "fraction" not in record]
    if best := min(whole, key=lambda record: (record["loss"], record["number"]), default=None):
        said.append(f"best {metric} {best['score']:.4f} ({best['family']}, trial {best['number']})")
    if running and records and len(records) < trials:
        seconds = statistics.median(record["seconds"] for record in records)
        said.append(f"about {duration(seconds * (trials - len(records)) / running)} left")
    used = sum(record["seconds"] for record in records) / (at_once if gpu else 1) / 3600
    return ", ".join([*said, f"{used:.2g} {'GPU' if gpu else 'CPU'}-hours used"])


def duration(seconds: float) -> str:
    """Return a duration as people say it."""
    for unit, size in (("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


class Asked:
    """The answers for the rule whose *record* is given, with the folder of all sweeps and the section of the config."""

    def __init__(self, graph: Graph, record: str, sweeps: Path, config: dict):
        self.graph, self.record, self.sweeps, self.config = graph, record, sweeps, config

    def facts(self, node: Node) -> tuple[str, int, bool]:
        """Return the key of the sweep that is to be run, how many trials a job runs at once, and whether on a GPU."""
        gpu = node.rule.resources.get("gpu")
        key = sweep_key(self.graph.fingerprint(node))
        return key, int(node.rule.resources["_cores"].value), bool(gpu and gpu.value)

    def price(self, node: Node) -> str:
        """Return in a sentence what the trials will cost that have not run."""
        key, *how = self.facts(node)
        return price(self.sweeps, key, self.config["trials"], *how)

    def progress(self, wildcards: object) -> None:
        """Say how far the sweep is, and leave Snakemake (an input function)."""
        key, *how = self.facts(self.graph.node(self.record))
        print(progress(self.sweeps / key, self.config["trials"], self.config["metric"], *how), flush=True)
        sys.exit(0)
