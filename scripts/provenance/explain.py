"""`snakemake explain`: every root cause of staleness once, the jobs that it makes stale, and what they will cost.

A root cause is a change of a job that is not due to a stale job upstream. For a changed pointer, the answer includes
how many rows were added and removed, if both versions of the data are available on this machine.
"""

import csv
import json
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from scripts.data.dvc_cache import cache_path
from scripts.provenance.canonical import read_json, to_json_types
from scripts.provenance.environment import PYTHON, pinned_versions
from scripts.provenance.fingerprint import Change
from scripts.provenance.record import read_record
from scripts.provenance.recorded_job import RecordedJob
from scripts.provenance.retraining import describe_verdict, is_verdict
from scripts.provenance.snakemake_api import named_params
from scripts.provenance.staleness import Staleness

MAX_COMPARED_BYTES = 64 << 20  # bytes of data that are compared row by row: explain must answer at once


def data_files(path: Path) -> list[Path]:
    """Return the files of a folder or of a folder's listing in DVC's cache (its name ends in .dir), or the file."""
    if path.is_dir():
        return [found for found in sorted(path.rglob("*")) if found.is_file() and found.name[0] != "."]
    if path.suffix == ".dir" and path.is_file():
        return [cache_path(entry["md5"]) for entry in read_json(path)]
    return [path]


def count_lines(md5: str, *places: Path) -> Counter | None:
    """Return the lines of the data *md5*, counted, from DVC's cache or *places*; None if missing or too large."""
    for place in (cache_path(md5), *places):
        paths = data_files(place)
        if all(path.is_file() for path in paths) and sum(path.stat().st_size for path in paths) <= MAX_COMPARED_BYTES:
            return Counter(line for path in paths for line in path.read_bytes().splitlines())
    return None


def count_row_changes(pointer: str, fetched: str, before: str, after: str) -> str:
    """Return "N rows added, M removed" between two versions of the data of *pointer*, "" if one is not available.

    *before* and *after* are the md5 of the versions, *after* the one in the pointer. *fetched* is the copy of the
    version *before* that the last run used; the files of a folder are next to it.
    """
    old = count_lines(before, Path(fetched).parent if before.endswith(".dir") else Path(fetched))
    new = count_lines(after, Path(pointer.removesuffix(".dvc")))
    if old is None or new is None:
        return ""
    return f"{(new - old).total()} rows added, {(old - new).total()} removed"


def describe_version_changes(job: RecordedJob, change: Change) -> str:
    """Return which packages of an environment have another version than in the record."""
    before = read_record(job.record)["pins"].get(change.name, {})
    after = {"python": PYTHON} | pinned_versions(change.name)
    changes = [
        f"{name} {before.get(name, 'none')} -> {after.get(name, 'none')}"
        for name in sorted({*before, *after})
        if before.get(name) != after.get(name)
    ]
    return ", ".join(changes) or "hashes or markers only"


def describe_change(job: RecordedJob, change: Change) -> str:
    """Return one line that describes *change* as a root cause."""
    keys = named_params(job.rule).get("cfg", {})
    values = (
        f"{json.dumps(to_json_types(change.before), ensure_ascii=False)} -> "
        f"{json.dumps(to_json_types(change.after), ensure_ascii=False)}"
    )
    match change.kind:
        case "output":
            return f"{change.after}: {change.name}"
        case "code":
            word = {True: "is new in the imports", False: "changed"}[change.before is None]
            return f"code: {change.name} {'is no longer imported' if change.after is None else word}"
        case "env":
            return f"environment: envs/{change.name}.txt: {describe_version_changes(job, change)}"
        case "config":
            argument, *rest = change.key
            return f"configuration: {'.'.join([keys.get(argument, argument), *rest])}: {values}"
        case "inputs":
            path = change.key[-1]
            if is_verdict(change):
                return f"input: {path}: {describe_verdict(path)}"
            word = {(True, False): "added", (False, True): "removed"}.get((change.before is None, change.after is None))
            return f"input: {path} {word or f'changed ({describe_digests(job, path, change)})'}"
        case "order":
            return f"order of the input {change.name} of rule {job.rule.name}: {values}"
        case "command":
            return f"command of rule {job.rule.name}: {change.name}: {values}"
        case "shell":
            return f"shell line of rule {job.rule.name}"
        case "params":
            return f"parameter of rule {job.rule.name}: {change.name}: {values}"
    return f"{change.kind}: {change.name}: {values}"


def describe_digests(job: RecordedJob, path: str, change: Change) -> str:
    """Return the digests of an input before and after; for a pointer, also how many rows were added and removed."""
    text = f"{shorten_digest(change.before)} -> {shorten_digest(change.after)}"
    if path.endswith(".dvc") and hasattr(job.rule.output, "raw"):
        md5 = (str(digest).partition(":")[2].partition(" as ")[0] for digest in (change.before, change.after))
        fetched = Path(job.format(job.rule.output.raw)) / Path(path).stem
        rows = count_row_changes(path, str(fetched), *md5)
        return f"{text}; {rows}" if rows else text
    return text


def shorten_digest(digest: Any) -> str:
    """Return the kind and the first ten characters of a digest; for renamed data, also the name."""
    kind, _, value = str(digest).partition(":")
    value, _, name = value.partition(" as ")
    return f"{kind} {value[:10]}{f' as {name}' * bool(name)}"


def format_text(result: dict[str, Any]) -> Iterator[str]:
    """Yield the lines of an explanation (the result of `explain`)."""
    if not result["causes"]:
        yield "Nothing is stale."
        return
    missing = [entry for entry in result["causes"] if entry["kind"] == "output"]
    if missing:
        yield f"missing outputs ({len(missing)}): " + ", ".join(group_jobs([n for e in missing for n in e["nodes"]]))
    for entry in result["causes"]:
        if entry["kind"] != "output" or len(missing) <= 4:
            yield f"{entry['cause']}"
            yield f"    reruns {', '.join(group_jobs(entry['nodes']))}"
    if result["follow"]:
        yield f"may follow, unless outputs stay the same: {', '.join(group_jobs(result['follow']))}"
    least, most = result["seconds"]
    if most:
        yield f"by past runs {least:g} to {most:g} s of jobs, each at most {result['megabytes']} MB"
    else:
        yield "none of these jobs was measured before, so their time is unknown"


def group_jobs(names: list[str]) -> list[str]:
    """Return the names of jobs, with those of the same rule grouped: "fetch 1990..1997 (8)"."""
    groups: dict[str, list[str]] = {}
    for name in dict.fromkeys(names):
        rule, _, rest = name.partition(" ")
        groups.setdefault(rule, []).append(rest)
    return [
        f"{rule} {rest[0]}..{rest[-1]} ({len(rest)})" if len(rest) > 2 else " ".join([rule, ", ".join(rest)]).strip()
        for rule, rest in groups.items()
    ]


def walk_upstream(staleness: Staleness, paths: list[str]) -> list[RecordedJob]:
    """Return all jobs that *paths* depend on, in topological order; transient producers only of stale jobs."""
    visited: dict[str, RecordedJob] = {}

    def visit(job: RecordedJob) -> None:
        if job.record not in visited:
            for producer in staleness.upstream(job):
                visit(producer)
            for producer in [] if staleness.is_fresh(job) else staleness.transient_producers(job):
                visit(producer)
            visited[job.record] = job

    for path in paths:
        if job := staleness.producer(path):
            visit(job)
    return list(visited.values())


def own_changes(staleness: Staleness, job: RecordedJob) -> list[Change]:
    """Return the changes of *job* itself, without those of inputs that a stale job upstream will make again."""
    if not read_record(job.record):
        return staleness.changes(job)
    pending = {
        path for producer in staleness.upstream(job) if not staleness.is_fresh(producer) for path in producer.outputs
    }
    return [change for change in staleness.changes(job) if not (change.kind == "inputs" and change.key[-1] in pending)]


def past_cost(job: RecordedJob) -> tuple[float, float]:
    """Return elapsed seconds and peak memory (MB) of the last run of *job*; 0 if it was not measured."""
    path = job.format(job.rule.benchmark) if job.rule.benchmark else ""
    if not os.path.exists(path):
        return 0.0, 0.0
    with open(path, newline="") as file:
        row = next(csv.DictReader(file, delimiter="\t"), {})
    return tuple(float(row[name]) if row.get(name, "-").strip("-NA") else 0.0 for name in ("s", "max_rss"))


def explain(
    staleness: Staleness, paths: list[str], predict_seconds: Callable[[RecordedJob], float | None]
) -> dict[str, Any]:
    """Return the root causes with the jobs that they make stale, the jobs that may follow, and the cost by past runs.

    *predict_seconds* gives the seconds of a job that will not do all of its work again, None for all others.
    {"causes": [{"cause", "kind", "nodes"}], "follow": [job, ...], "seconds": [least, most], "megabytes": peak}; kind is
    a part of the fingerprint, or "output" for a missing output.
    """
    roots: dict[str, dict] = {}
    follow, stale, least, most, peak = [], set(), 0.0, 0.0, 0.0
    for job in walk_upstream(staleness, paths):
        changes = own_changes(staleness, job)
        follows = any(producer.record in stale for producer in staleness.upstream(job))
        if not changes and not follows:
            continue
        stale.add(job.record)
        seconds, memory = past_cost(job)
        predicted = predict_seconds(job)
        seconds = seconds if predicted is None else predicted
        least, most, peak = least + (seconds if changes else 0.0), most + seconds, max(peak, memory)
        if not changes:
            follow.append(job.name)
        for change in changes:
            text = describe_change(job, change)
            key = change.key[-1] if change.kind == "inputs" else text  # many jobs may read the same input
            entry = roots.setdefault(key, {"cause": text, "kind": change.kind, "nodes": []})
            if job.name not in entry["nodes"]:
                entry["nodes"].append(job.name)
    seconds_range = [round(least, 1), round(most, 1)]
    return {"causes": list(roots.values()), "follow": follow, "seconds": seconds_range, "megabytes": round(peak)}


def print_explanation_and_exit(
    staleness: Staleness, paths: list[str], predict_seconds: Callable[[RecordedJob], float | None], output_format: str
) -> Callable:
    """Return an input function that prints the explanation (see `explain`) as "text" or "json" and exits.

    Snakemake calls it while it builds its graph, before any job could run. The exit code is 1 if anything is stale.
    """

    def print_and_exit(wildcards: object) -> None:
        result = explain(staleness, paths, predict_seconds)
        as_json = output_format == "json"
        text = json.dumps(result, indent=1, ensure_ascii=False) if as_json else "\n".join(format_text(result))
        try:
            print(text, flush=True)
        except BrokenPipeError:  # the reader, such as head, has seen enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1 if result["causes"] else 0)

    return print_and_exit
