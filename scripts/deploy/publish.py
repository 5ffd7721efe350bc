"""Move bundles and labels into the serving folder so that a server sees the old or the new state, never a half."""

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scripts.bundle.aliases import labels_of
from scripts.errors import BundleError
from scripts.provenance.canonical import write_bytes, write_json
from scripts.serve.published_bundle import SUMS, read_bundle, sums_of


def sync(folder: Path) -> None:
    """Force the entries of *folder* to disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def staged(serving: Path, case: str, version: int, contents: dict[str, bytes]) -> Iterator[Path]:
    """Give a serving root of its own, beside the cases in *serving*, with just this bundle under *case*/*version*."""
    root = serving / f".staged-{case}"  # one left by a killed run is replaced
    folder = root / case / str(version)
    shutil.rmtree(root, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        for name, content in {**contents, SUMS: sums_of(contents).encode()}.items():
            write_bytes(folder / name, content)
        sync(folder)
        yield root
    finally:
        shutil.rmtree(root, ignore_errors=True)


def publish(folder: Path, final: Path) -> list[Path]:
    """Move the bundle in *folder* to *final* unless the same one is there whole; return the files at *final*."""
    final.parent.mkdir(parents=True, exist_ok=True)
    if not same(folder, final):
        old = final.with_name(f".old-{final.name}")
        shutil.rmtree(old, ignore_errors=True)
        if final.exists():
            os.replace(final, old)
        os.replace(folder, final)
        sync(final.parent)
        shutil.rmtree(old, ignore_errors=True)
    return [final / name for name in sorted([*read_bundle(final), SUMS])]


def same(folder: Path, final: Path) -> bool:
    """Return whether *final* holds, undamaged, the bundle that *folder* holds."""
    try:
        return read_bundle(final) == read_bundle(folder)
    except BundleError:
        return False


def move_label(case: Path, label: str, version: int) -> int | None:
    """Let *label* of the case at folder *case* name *version*, tell servers, and return what it named before.

    Raises BadInput if the labels there cannot be read.
    """
    labels = labels_of(case)
    before = labels.get(label)
    write_json(case / "labels.json", labels | {label: version})
    write_bytes(case / ".generation", f"{time.time_ns()}\n".encode())
    sync(case)
    return before
