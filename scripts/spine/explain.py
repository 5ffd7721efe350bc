"""Why each stale output is stale: every root cause once, what it brings with it, and what that will cost."""

import csv
import json
import os
import sys
from collections.abc import Iterator
from typing import Any

from scripts.spine.canon import plain, read_json
from scripts.spine.env import pins
from scripts.spine.graph import Cause, Graph, Node


def walk(graph: Graph, paths: list[str]) -> list[Node]:
    """Return all nodes that *paths* stand on, each after those it needs."""
    found: dict[str, Node] = {}

    def visit(node: Node) -> None:
        if node.record not in found:
            for maker in graph.upstream(node):
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


def seconds(node: Node) -> float | None:
    """Return the elapsed seconds of the last run of *node* by its benchmark file, if there is one."""
    path = node.fill(node.rule.benchmark) if node.rule.benchmark else ""
    if not os.path.exists(path):
        return None
    with open(path, newline="") as file:
        row = next(csv.DictReader(file, delimiter="\t"), {})
    return float(row["s"]) if row.get("s") else None


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
    brief = f"{json.dumps(plain(cause.before), ensure_ascii=False)} -> {json.dumps(plain(cause.now), ensure_ascii=False)}"
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
            return f"input: {path} {word or 'changed'}" + ("" if word else f" ({short(cause.before)} -> {short(cause.now)})")
        case "shell":
            return f"shell line of rule {node.rule.name}"
        case "params":
            return f"parameter of rule {node.rule.name}: {cause.what}: {brief}"
    return f"{cause.kind}: {cause.what}: {brief}"


def short(digest: Any) -> str:
    """Return the start of a digest."""
    kind, _, value = str(digest).partition(":")
    return f"{kind} {value[:10]}"


def explain(graph: Graph, paths: list[str]) -> dict[str, Any]:
    """Return root causes with the nodes they make stale, the nodes that may follow, and the price.

    {"causes": [{"cause", "kind", "nodes"}], "follow": [node, ...], "seconds": [least, most]}
    """
    roots: dict[str, dict] = {}
    follow, stale, least, most = [], set(), 0.0, 0.0
    for node in walk(graph, paths):
        causes = own_causes(graph, node)
        behind = any(maker.record in stale for maker in graph.upstream(node))
        if not causes and not behind:
            continue
        stale.add(node.record)
        price = seconds(node) or 0.0
        most += price
        least += price if causes else 0.0
        if not causes:
            follow.append(node.name)
        for cause in causes:
            entry = roots.setdefault(sentence(node, cause), {"kind": cause.kind, "nodes": []})
            if node.name not in entry["nodes"]:
                entry["nodes"].append(node.name)
    causes = [{"cause": text, **entry} for text, entry in roots.items()]
    return {"causes": causes, "follow": follow, "seconds": [round(least, 1), round(most, 1)]}


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
    yield f"by past runs {least:g} to {most:g} s of jobs"


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


def answer(graph: Graph, paths: list[str], form: str) -> None:
    """Print the explanation as "text" or "json" and leave Snakemake: exit code 1 if anything is stale, else 0."""
    result = explain(graph, paths)
    print(json.dumps(result, indent=1, ensure_ascii=False) if form == "json" else "\n".join(lines(result)), flush=True)
    sys.exit(1 if result["causes"] else 0)
