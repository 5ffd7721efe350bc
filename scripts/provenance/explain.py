"""How two versions of raw data differ in lines, where both are at hand.

The words in which `snakemake explain` answers.

Why each stale output is stale: every root cause once, what it brings with it, and what that will cost."""

import csv
import json
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from scripts.data.dvc_cache import cached
from scripts.provenance.canonical import plain, read_json
from scripts.provenance.environment import pins
from scripts.provenance.fingerprint import Cause
from scripts.provenance.recorded_job import Node
from scripts.provenance.staleness import Graph

LARGEST = 64 << 20  # bytes: a question must not take longer than a look


def files(path: Path) -> list[Path]:
    """Return the files of a folder, or of a folder's listing in DVC's cache (its name ends in .dir), or the file."""
    if path.is_dir():
        return [found for found in sorted(path.rglob("*")) if found.is_file() and found.name[0] != "."]
    if path.suffix == ".dir" and path.is_file():
        return [cached(entry["md5"]) for entry in read_json(path)]
    return [path]


def content(md5: str, *places: Path) -> Counter | None:
    """Return the lines of the data with digest *md5* that is in DVC's cache or one of *places*, if it is small."""
    for place in (cached(md5), *places):
        found = files(place)
        if all(path.is_file() for path in found) and sum(path.stat().st_size for path in found) <= LARGEST:
            return Counter(line for path in found for line in path.read_bytes().splitlines())
    return None


def delta(pointer: str, fetched: str, before: str, now: str) -> str:
    """Return "N rows added, M removed" between two versions of the data of *pointer*, "" where one is not at hand.

    *fetched* is the copy of the version *before* (md5) that the last run used, a folder's files lie beside it; *now*
    is the md5 in the pointer.
    """
    old = content(before, Path(fetched).parent if before.endswith(".dir") else Path(fetched))
    new = content(now, Path(pointer.removesuffix(".dvc")))
    if old is None or new is None:
        return ""
    return f"{(new - old).total()} rows added, {(old - new).total()} removed"


def pin_changes(node: Node, cause: Cause) -> str:
    """Return which packages of an environment changed their version."""
    before = read_json(node.record).get("pins", {}).get(cause.what, {})
    now = pins(cause.what)
    changed = [
        f"{name} {before.get(name, 'none')} -> {now.get(name, 'none')}"
        for name in sorted({*before, *now})
        if before.get(name) != now.get(name)
    ]
    return ", ".join(changed) or "hashes or markers only"


def sentence(node: Node, cause: Cause) -> str:
    """Return one line that names the root cause."""
    keys = dict(node.rule.params._allitems()).get("cfg", {})
    name, _, rest = cause.what.partition(".")
    brief = (
        f"{json.dumps(plain(cause.before), ensure_ascii=False)} -> {json.dumps(plain(cause.now), ensure_ascii=False)}"
    )
    match cause.kind:
        case "output":
            return f"missing: {cause.what}"
        case "code":
            word = {True: "is new in the imports", False: "changed"}[cause.before is None]
            return f"code: {cause.what} {'is no longer imported' if cause.now is None else word}"
        case "env":
            return f"environment: envs/{cause.what}.txt: {pin_changes(node, cause)}"
        case "config":
            key = keys.get(name, name)
            return f"configuration: {key}{'.' if rest else ''}{rest}: {brief}"
        case "inputs":
            path = rest or name
            word = {(True, False): "added", (False, True): "removed"}.get((cause.before is None, cause.now is None))
            return f"input: {path} {word or f'changed ({versions(node, path, cause)})'}"
        case "shell":
            return f"shell line of rule {node.rule.name}"
        case "params":
            return f"parameter of rule {node.rule.name}: {cause.what}: {brief}"
    return f"{cause.kind}: {cause.what}: {brief}"


def versions(node: Node, path: str, cause: Cause) -> str:
    """Return the digests of an input before and now, and for a data pointer how many rows came and went."""
    text = f"{short(cause.before)} -> {short(cause.now)}"
    if path.endswith(".dvc") and hasattr(node.rule.output, "raw"):
        md5 = (str(digest).partition(":")[2] for digest in (cause.before, cause.now))
        fetched = Path(node.fill(node.rule.output.raw)) / Path(path).stem
        rows = delta(path, str(fetched), *md5)
        return f"{text}; {rows}" if rows else text
    return text


def short(digest: Any) -> str:
    """Return the start of a digest."""
    kind, _, value = str(digest).partition(":")
    return f"{kind} {value[:10]}"


def lines(result: dict[str, Any]) -> Iterator[str]:
    """Yield the explanation as text."""
    if not result["causes"]:
        yield "Nothing is stale."
        return
    missing = [entry for entry in result["causes"] if entry["kind"] == "output"]
    if missing:
        yield f"not there ({len(missing)}): " + ", ".join(folded([n for e in missing for n in e["nodes"]]))
    for entry in result["causes"]:
        if entry["kind"] != "output" or len(missing) <= 4:
            yield f"{entry['cause']}"
            yield f"    reruns {', '.join(folded(entry['nodes']))}"
    if result["follow"]:
        yield f"may follow, unless outputs stay the same: {', '.join(folded(result['follow']))}"
    least, most = result["seconds"]
    yield f"by past runs {least:g} to {most:g} s of jobs, each at most {result['megabytes']} MB"


def folded(names: list[str]) -> list[str]:
    """Return node names with those of one rule folded: "fetch 1990..1997 (8)"."""
    groups: dict[str, list[str]] = {}
    for name in dict.fromkeys(names):
        rule, _, rest = name.partition(" ")
        groups.setdefault(rule, []).append(rest)
    return [
        f"{rule} {rest[0]}..{rest[-1]} ({len(rest)})" if len(rest) > 2 else " ".join([rule, ", ".join(rest)]).strip()
        for rule, rest in groups.items()
    ]


def walk(graph: Graph, paths: list[str]) -> list[Node]:
    """Return all nodes that *paths* stand on, each after those it needs; means only of nodes that have to run."""
    found: dict[str, Node] = {}

    def visit(node: Node) -> None:
        if node.record not in found:
            for maker in graph.upstream(node):
                visit(maker)
            for maker in [] if graph.fresh(node) else graph.makers(node):
                visit(maker)
            found[node.record] = node

    for path in paths:
        if node := graph.node(path):
            visit(node)
    return list(found.values())


def own_causes(graph: Graph, node: Node) -> list[Cause]:
    """Return why *node* is stale by itself, whatever is going on upstream of it."""
    if not os.path.exists(node.record):
        return graph.causes(node)
    waiting = {path for maker in graph.upstream(node) if not graph.fresh(maker) for path in maker.outputs}
    return [
        cause
        for cause in graph.causes(node)
        if not (cause.kind == "inputs" and any(cause.what.endswith(path) for path in waiting))
    ]


def price(node: Node) -> tuple[float, float]:
    """Return elapsed seconds and peak memory (MB) of the last run of *node*; 0 where nothing was measured."""
    path = node.fill(node.rule.benchmark) if node.rule.benchmark else ""
    if not os.path.exists(path):
        return 0.0, 0.0
    with open(path, newline="") as file:
        row = next(csv.DictReader(file, delimiter="\t"), {})
    return tuple(float(row[name]) if row.get(name, "-").strip("-NA") else 0.0 for name in ("s", "max_rss"))


def explain(graph: Graph, paths: list[str]) -> dict[str, Any]:
    """Return root causes with the nodes they make stale, the nodes that may follow, and the price.

    {"causes": [{"cause", "kind", "nodes"}], "follow": [node, ...], "seconds": [least, most], "megabytes": peak}
    """
    roots: dict[str, dict] = {}
    follow, stale, least, most, peak = [], set(), 0.0, 0.0, 0.0
    for node in walk(graph, paths):
        causes = own_causes(graph, node)
        behind = any(maker.record in stale for maker in graph.upstream(node))
        if not causes and not behind:
            continue
        stale.add(node.record)
        seconds, memory = price(node)
        least, most, peak = least + (seconds if causes else 0.0), most + seconds, max(peak, memory)
        if not causes:
            follow.append(node.name)
        for cause in causes:
            text = sentence(node, cause)
            key = cause.what.partition(".")[2] if cause.kind == "inputs" else text  # an input has many readers
            entry = roots.setdefault(key, {"cause": text, "kind": cause.kind, "nodes": []})
            if node.name not in entry["nodes"]:
                entry["nodes"].append(node.name)
    spans = [round(least, 1), round(most, 1)]
    return {"causes": list(roots.values()), "follow": follow, "seconds": spans, "megabytes": round(peak)}


def asked(graph: Graph, paths: list[str], form: str) -> Callable:
    """Return an input function that prints the explanation as "text" or "json" and leaves Snakemake.

    It answers while the graph is built, the earliest moment at which all is known. Exit code 1 if anything is stale.
    """

    def answer(wildcards: object) -> None:
        result = explain(graph, paths)
        print(
            json.dumps(result, indent=1, ensure_ascii=False) if form == "json" else "\n".join(lines(result)), flush=True
        )
        sys.exit(1 if result["causes"] else 0)

    return answer
