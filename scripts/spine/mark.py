"""Small files below .snakemake: marks, newer than the outputs of a stale rule, and the stamps that jobs start with."""

import os
import time
from collections.abc import Callable
from pathlib import Path

from scripts.spine.canon import digest, write_json
from scripts.spine.fingerprint import Cause, lookup
from scripts.spine.node import Node

MARKS = Path(".snakemake/changed")
STAMPS = Path(".snakemake/ouroboros/stamps")


def mark(node: Node, cause: Cause) -> str:
    """Return a file newer than the outputs of *node*, and than those made from them, named after the *cause*."""
    path = MARKS / os.path.dirname(node.record) / cause.kind
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{cause.kind} {cause.what} {time.time_ns()}\n")
    # Snakemake keeps the time of a folder in a file inside
    files = [name for output in node.outputs for name in (output, f"{output}/.snakemake_timestamp")]
    newest = max((os.stat(name).st_mtime_ns for name in files if os.path.exists(name)), default=0)
    if path.stat().st_mtime_ns <= newest:
        os.utime(path, ns=(newest + 10**6, newest + 10**6))
    return str(path)


def kept(stamp: dict) -> Path:
    """Return the file that holds *stamp*, named after its content, so that it is what a job was started with."""
    path = STAMPS / f"{digest(stamp)[:16]}.json"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, stamp)
    return path


def question(config: dict, *keys: str) -> Callable:
    """Return the function of params that gives a stamp with these keys alone: of a script that leaves no record."""

    def stamp(wildcards):
        return kept({"config": {key.rpartition(".")[2]: lookup(config, key) for key in keys}})

    return stamp
