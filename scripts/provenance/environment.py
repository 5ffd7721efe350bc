"""What an environment is: the requirement lines of its lock file."""

import hashlib
import re
from functools import cache
from pathlib import Path

PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)")


@cache
def lock_lines(lock: Path) -> list[str]:
    """Return the meaningful lines of a hash-locked requirement file, without comments and white space around."""
    lines = map(str.strip, lock.read_text().splitlines())
    return [line.partition(" #")[0].rstrip() for line in lines if line and line[0] != "#"]


@cache
def env_id(name: str, folder: Path = Path("envs")) -> str:
    """Return NAME-DIGEST (12 hexadecimal digits over the lock) of environment *name*; any builder uses this name."""
    lines = lock_lines(folder / f"{name}.txt")
    return f"{name}-{hashlib.sha256(chr(10).join(lines).encode()).hexdigest()[:12]}"


@cache
def pins(name: str, folder: Path = Path("envs")) -> dict[str, str]:
    """Return the pinned version of each package of environment *name*; where markers give several, all of them."""
    found: dict[str, str] = {}
    for line in lock_lines(folder / f"{name}.txt"):
        if match := PIN.match(line):
            package = match[1].lower()
            found[package] = f"{found[package]} or {match[2]}" if package in found else match[2]
    return found
