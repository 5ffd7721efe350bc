"""The stages that a model follows from, by the records next to their outputs, and the machine that they ran on."""

import platform
import subprocess
from pathlib import Path
from typing import Any

from scripts.errors import InputError
from scripts.provenance.canonical import read_json

ROOTS = ("analyze/metrics", "analyze/sentinel")  # the last stages whose outputs depend on nothing that was published
OWN_PATHS = (":!release", ":!trail")  # what releases and deployments write
FLAGS = ("sse4_2", "avx", "avx2", "fma", "avx512f", "asimd", "sve")  # that choose the code of numerical libraries


def walk_records(case: str, root: Path = Path()) -> list[tuple[str, dict]]:
    """Return the stages of *case* in the checkout *root*, each after those whose outputs it reads.

    A stage is its folder below results/<case>/ and its record. Raises InputError if a record is missing.
    """
    results = Path("results") / case
    found: dict[str, dict] = {}

    def visit(stage: str) -> None:
        path = root / results / stage / "record.json"
        if stage in found:
            return
        if not path.is_file():
            raise InputError(f"{path} is missing: not all stages have been run")
        record = read_json(path)
        inputs = [name for group in record["inputs"].values() for name in group]
        for name in sorted(inputs):
            if (folder := Path(name).parent).is_relative_to(results) and (root / folder / "record.json").is_file():
                visit(folder.relative_to(results).as_posix())
        found[stage] = record

    for stage in ROOTS:
        visit(stage)
    return list(found.items())


def describe_machine() -> dict[str, Any]:
    """Return what of this machine could make results differ: processor, system, interpreter."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    values = dict(line.partition(":")[::2] for line in lines if ":" in line)
    facts = {name.strip(): value.strip() for name, value in values.items()}
    flags = (facts.get("flags") or facts.get("Features") or "").split()
    return {
        "processor": facts.get("model name", platform.processor()),
        "flags": [flag for flag in FLAGS if flag in flags],
        "machine": platform.machine(),
        "system": " ".join([platform.system(), *platform.libc_ver()]).strip(),
        "python": platform.python_version(),
    }


def run_git(*words: str) -> str:
    """Return what git prints. Raises InputError with what it says if it fails."""
    run = subprocess.run(["git", *words], capture_output=True, text=True)
    if run.returncode:
        raise InputError(f"git {words[0]} failed: {run.stderr.strip()}")
    return run.stdout.strip()


def find_commit() -> str:
    """Return the commit of the checkout. Raises InputError if it has changes that are not committed."""
    if changes := run_git("status", "--porcelain", "--", ".", *OWN_PATHS):
        lines = changes.splitlines()
        more = f" and {len(lines) - 3} more" if len(lines) > 3 else ""
        raise InputError(
            f"not all changes are committed: {', '.join(line.split(maxsplit=1)[1] for line in lines[:3])}{more}; "
            "what is released or reproduced is a commit"
        )
    return run_git("rev-parse", "HEAD")
