"""Which environments share one set of versions, and which locks went below what their environments ask for.

An environment that cannot share the versions of the others is an island: `# group: NAME` in its .in file names the
group that it shares versions with instead.
"""

import re
from collections import defaultdict
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from scripts.provenance.environment import pinned_versions

MAIN = "main"
GROUP = re.compile(r"^# group: ([a-z0-9-]+)$", re.M)
FLOORS = {">=", ">", "~=", "==", "==="}


def groups(envs: Path) -> dict[str, list[str]]:
    """Return the names of the environments in the folder *envs* by group, the main group first."""
    found = defaultdict(list)
    for path in sorted(envs.glob("*.in")):
        named = GROUP.search(path.read_text())
        found[named[1] if named else MAIN].append(path.stem)
    return {group: found[group] for group in sorted(found, key=lambda group: (group != MAIN, group))}


def constraints(group: str) -> str:
    """Return the name of the file that holds the versions of *group*."""
    return "constraints.txt" if group == MAIN else f"constraints-{group}.txt"


def lowest(versions: str) -> Version:
    """Return the lowest of *versions*, which are as pinned_versions() writes them."""
    return min(map(Version, versions.split(" or ")))


def asked(path: Path) -> list[str]:
    """Return what an .in file asks for, line by line, without comments."""
    lines = [line.partition("#")[0].strip() for line in path.read_text().splitlines()]
    return [line for line in lines if line]


def below_floors(envs: Path) -> list[str]:
    """Return a sentence for each requirement in the folder *envs* without a floor, or that its lock does not keep.

    A resolver goes back as far as it may, without a word: only a floor says how far that is.
    """
    return [
        sentence
        for path in sorted(envs.glob("*.in"))
        for line in asked(path)
        if (sentence := judge(line, path.name, pinned_versions(path.stem, envs)))
    ]


def judge(line: str, name: str, locked: dict[str, str]) -> str:
    """Return what is wrong with the requirement *line* of the file *name*, given what is *locked*; "" if nothing."""
    try:
        requirement = Requirement(line)
    except InvalidRequirement:
        return f"{name}: `{line}` is no requirement; write one package a line, with a floor: package>=version"
    package, limits = requirement.name, requirement.specifier
    versions = locked.get(canonicalize_name(package))
    if not versions:
        return f"{name}: {package} is not in the lock; run envs/lock"
    if not any(limit.operator in FLOORS for limit in limits):
        return (
            f"{name}: {package} has no floor and was resolved to {versions}; "
            f"if that is what you want, write {package}>={lowest(versions)}"
        )
    if not all(limits.contains(version, prereleases=True) for version in versions.split(" or ")):
        return (
            f"{name}: {package} was resolved to {versions}, but the file asks for {limits}; "
            "run envs/lock, or give the environment a group of its own (CONTRIBUTING.md, Add an environment)"
        )
    return ""
