"""Why each stale output is stale: every root cause once, what it brings with it, and what that will cost."""

import csv
import json
import os
import sys
from collections.abc import Callable
from typing import Any

from scripts.spine.fingerprint import Cause
from scripts.spine.graph import Graph
from scripts.spine.node import Node
from scripts.spine.words import lines, sentence


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
