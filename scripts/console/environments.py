"""Which environments are being built just now: the first job that needs one builds it and says so to its log alone."""

import os
import re
from pathlib import Path

BUILT = re.compile(r"^\.([a-z][a-z-]*)-[0-9a-f]{12}\.(\d+)$")  # the folder that envs/build fills, with its process


def alive(process: int) -> bool:
    """Return whether a *process* of this machine is at work."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def place() -> Path:
    """Return the folder where envs/build puts environments."""
    return Path(os.environ.get("OUROBOROS_ENVS") or ".envs")


def is_built(name: str) -> bool:
    """Return whether an environment *name* is there."""
    return any(place().glob(f"{name}-????????????/bin/python"))


def being_built() -> list[str]:
    """Return the names of the environments that are being built."""
    try:
        found = [match for entry in os.scandir(place()) if (match := BUILT.match(entry.name))]
    except OSError:
        return []
    return sorted({match[1] for match in found if alive(int(match[2]))})
