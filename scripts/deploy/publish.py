"""Move bundles and labels into the serving folder atomically: a server sees either the old or the new state."""

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scripts.bundle.aliases import read_aliases
from scripts.bundle.published import CHECKSUMS, published_model
from scripts.errors import BundleError, InputError
from scripts.provenance.canonical import write_bytes, write_json
from scripts.serve.published_bundle import format_checksums, read_bundle
from scripts.serve.traffic import parse_traffic


def fsync_folder(folder: Path) -> None:
    """Write the entries of *folder* to disk (fsync)."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def staged_bundle(serving: Path, case: str, version: int, contents: dict[str, bytes]) -> Iterator[Path]:
    """Provide a separate serving root within *serving* that contains only this bundle, as *case*/*version*.

    The root is removed in the end; what was published has been moved out of it.
    """
    root = serving / f".staged-{case}"  # one that a killed run has left is replaced
    folder = root / case / str(version)
    shutil.rmtree(root, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        for name, content in {**contents, CHECKSUMS: format_checksums(contents).encode()}.items():
            write_bytes(folder / name, content)
        fsync_folder(folder)
        yield root
    finally:
        shutil.rmtree(root, ignore_errors=True)


def publish(folder: Path, final: Path) -> list[Path]:
    """Move the bundle in *folder* to *final* unless it is there already, undamaged; return the files in *final*.

    The model of a published version never changes; its threshold and its schema may, and damaged files are replaced.
    Raises InputError if *final* holds another model.
    """
    if (there := published_model(final)) not in ("", published_model(folder)):
        raise InputError(
            f"{final} is another model (sha256 {there[:12]}), and a published version is never replaced; delete "
            f"results/{final.parent.name}/register and deploy again: the new model gets the next free number"
        )
    final.parent.mkdir(parents=True, exist_ok=True)
    if not is_already_published(folder, final):
        old = final.with_name(f".old-{final.name}")
        shutil.rmtree(old, ignore_errors=True)
        if final.exists():
            os.replace(final, old)
        os.replace(folder, final)
        fsync_folder(final.parent)
        shutil.rmtree(old, ignore_errors=True)
    return [final / name for name in sorted([*read_bundle(final), CHECKSUMS])]


def is_already_published(folder: Path, final: Path) -> bool:
    """Return whether *final* contains the same bundle as *folder*, undamaged."""
    try:
        return read_bundle(final) == read_bundle(folder)
    except BundleError:
        return False


def check_traffic(case: Path, traffic: dict, label: str) -> None:
    """Raise InputError if *traffic* names a label that no version in the folder *case* has, once *label* is set."""
    try:
        parse_traffic(traffic, {*read_aliases(case), label})
    except ValueError as error:
        raise InputError(f"deploy.traffic: {error}; deploy a version with that deploy.label first") from error


def move_label(case: Path, label: str, version: int) -> int | None:
    """Set *label* of the case in the folder *case* to *version* and return the version that it named before, if any.

    Running servers notice the change of `.generation`. Raises InputError if labels.json cannot be read.
    """
    labels = read_aliases(case)
    before = labels.get(label)
    write_json(case / "labels.json", labels | {label: version})
    write_bytes(case / ".generation", f"{time.time_ns()}\n".encode())
    fsync_folder(case)
    return before
