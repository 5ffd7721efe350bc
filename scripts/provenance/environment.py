"""The identity and the pinned versions of an environment, both from the requirement lines of its lock."""

import hashlib
import re
from functools import cache
from pathlib import Path

PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)")


@cache
def lock_lines(lock: Path) -> list[str]:
    """Return the lines of a hash-locked requirement file, stripped, without comments and empty lines."""
    lines = map(str.strip, lock.read_text().splitlines())
    return [line.partition(" #")[0].rstrip() for line in lines if line and line[0] != "#"]


@cache
def env_id(name: str, folder: Path = Path("envs")) -> str:
    """Return NAME-DIGEST (12 hexadecimal digits of the lock's sha256), the folder name of environment *name*."""
    lines = lock_lines(folder / f"{name}.txt")
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
