"""The words in which `snakemake explain` answers."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from scripts.spine.canon import plain, read_json
from scripts.spine.env import pins
from scripts.spine.fingerprint import Cause
from scripts.spine.node import Node
from scripts.spine.rows import delta


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
