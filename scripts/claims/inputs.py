"""What Snakemake asks about claims while it builds its graph: the outputs that they need, and why these are stale."""

import functools
import os
from collections.abc import Callable
from pathlib import Path

from scripts.claims.values import claim_output
from scripts.errors import InputError
from scripts.provenance.canonical import write_bytes
from scripts.provenance.explain import explain, format_text
from scripts.provenance.staleness import Staleness


def claimed_outputs(staleness: Staleness, claims: list[dict], results: str, spans: list[str]) -> Callable:
    """Return an input function that gives the outputs, in the folder *results*, that *claims* are about.

    It raises InputError if no job of the case, which has the *spans*, writes one of them.
    """

    def find_outputs(wildcards: object) -> list[str]:
        paths = {claim["id"]: f"{results}/{claim_output(claim)}" for claim in claims}
        for name, path in paths.items():
            job = staleness.producer(path)
            if not job or path not in job.outputs or job.wildcards.get("span", spans[0]) not in spans:
                raise InputError(f"claim {name}: no job of this case writes {path}")
        return sorted(set(paths.values()))

    return find_outputs


def note_causes(staleness: Staleness, record: str, path: str) -> Callable:
    """Return an input function, of no input, that writes to *path* why the job that wrote *record* is stale now.

    It does so once, while Snakemake builds its graph, before a job could run; nothing is written where nothing is stale
    and where the job never ran.
    """

    @functools.cache
    def write_causes() -> None:
        if not os.path.exists(record):
            return
        result = explain(staleness, [record], lambda job: None)
        if result["causes"]:
            *causes, _ = format_text(result)  # the last line is about the time that jobs take
            os.makedirs(os.path.dirname(path), exist_ok=True)
            write_bytes(Path(path), "".join(f"{line}\n" for line in causes).encode())

    def find_none(wildcards: object) -> list[str]:
        write_causes()
        return []

    return find_none
