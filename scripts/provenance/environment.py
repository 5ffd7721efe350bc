"""The identity and the pinned versions of an environment: from the requirement lines of its lock, and its Python.

An environment has the Python that runs Snakemake, which builds it. Locks, images, Nix and conda agree on LOCKED_PYTHON.
"""

import hashlib
import re
import sys
from functools import cache
from pathlib import Path

LOCKED_PYTHON = "3.11"
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)")


@cache
def lock_lines(lock: Path) -> list[str]:
    """Return the lines of a hash-locked requirement file, stripped, without comments and empty lines."""
    lines = map(str.strip, lock.read_text().splitlines())
    return [line.partition(" #")[0].rstrip() for line in lines if line and line[0] != "#"]


@cache
def env_id(name: str, folder: Path = Path("envs")) -> str:
    """Return NAME-DIGEST, the folder name of environment *name*.

    The digest is 12 hexadecimal digits of a sha256: of the lock and, unless it is LOCKED_PYTHON, of the Python.
    """
    lines = lock_lines(folder / f"{name}.txt") + [f"python=={PYTHON}"] * (PYTHON != LOCKED_PYTHON)
    return f"{name}-{hashlib.sha256(chr(10).join(lines).encode()).hexdigest()[:12]}"


@cache
def pinned_versions(name: str, folder: Path = Path("envs")) -> dict[str, str]:
    """Return the pinned version by package of environment *name*, "A or B" if markers choose among several."""
    versions: dict[str, str] = {}
    for line in lock_lines(folder / f"{name}.txt"):
        if match := PIN.match(line):
            package = match[1].lower()
            versions[package] = f"{versions[package]} or {match[2]}" if package in versions else match[2]
    return versions
