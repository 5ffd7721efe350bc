"""Inputs must be what their makers recorded, before and after a job."""

from __future__ import annotations

import os

from scripts.spine.canon import path_digest


class BadInput(Exception):
    """What the user gave cannot be used; the message says what, where, and how to mend it."""


def signature(path: str) -> tuple[int, ...]:
    """Return what changes when a file (or one in a folder) is replaced or written: inode, size, both times."""
    inside = (os.path.join(place, name) for place, _, names in os.walk(path) for name in names if name[0] != ".")
    states = map(os.stat, sorted(inside) if os.path.isdir(path) else [path])
    return tuple(part for s in states for part in (s.st_ino, s.st_size, s.st_mtime_ns, s.st_ctime_ns))


def check_inputs(stamp: dict) -> dict[str, tuple[str, tuple[int, ...]]]:
    """Compare each input with the digest that its maker recorded; return digest and signature by path.

    Raises BadInput if a file was edited or rotted since.
    """
    seen = {}
    for group in [*stamp.get("inputs", {}).values(), stamp.get("means", {})]:
        for path, expected in group.items():
            if not expected.startswith("sha256:"):
                continue
            state = signature(path)
            if f"sha256:{path_digest(path)}" != expected:
                raise BadInput(
                    f"{path} is not what its job wrote (edited or damaged since); delete it and run snakemake again"
                )
            seen[path] = (expected, state)
    return seen


def check_unchanged(seen: dict[str, tuple[str, tuple[int, ...]]]) -> None:
    """Raise BadInput if a file of *seen* changed since it was checked."""
    for path, (expected, state) in seen.items():
        if signature(path) != state and f"sha256:{path_digest(path)}" != expected:
            raise BadInput(f"{path} changed while this job ran; nothing was written: run snakemake again")
