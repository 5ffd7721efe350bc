"""The one thing that Snakemake looks at: a file newer than the outputs of a rule that is stale."""

import os
import time
from pathlib import Path

from scripts.spine.fingerprint import Cause
from scripts.spine.node import Node

MARKS = Path(".snakemake/changed")


def mark(node: Node, cause: Cause) -> str:
    """Return a file newer than the outputs of *node*, and than those made from them, named after the *cause*."""
    path = MARKS / os.path.dirname(node.record) / cause.kind
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{cause.kind} {cause.what} {time.time_ns()}\n")
    newest = max((os.stat(p).st_mtime_ns for p in node.outputs if os.path.exists(p)), default=0)
    if path.stat().st_mtime_ns <= newest:
        os.utime(path, ns=(newest + 10**6, newest + 10**6))
    return str(path)
