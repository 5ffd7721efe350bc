"""What is served: cases, versions and labels as last published, replaced as a whole, never named by a request."""

import collections
import contextlib
import json
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path

from scripts.serve.model import Model, load
from scripts.serve.published_bundle import SUMS

NAME = re.compile(r"[a-z][a-z0-9_-]*")
VERSION = re.compile(r"[1-9][0-9]{0,8}")


@dataclass(frozen=True)
class Case:
    """What is served of one case."""

    versions: dict[int, Model] = field(default_factory=dict)
    labels: dict[str, int] = field(default_factory=dict)


class Shelf:
    """All cases under *root*; `refresh` replaces what changed, readers see either the old or the new state."""

    def __init__(self, root: Path):
        self.root = root
        self.cases: dict[str, Case] = {}
        self.refused: collections.Counter[str] = collections.Counter()
        self._seen: dict[str, tuple[int, bytes] | None] = {}

    def refresh(self) -> None:
        """Look again at every case whose .generation changed since the last time."""
        folders: list[Path] = []
        with contextlib.suppress(OSError):  # nothing published yet, or out of reach for now: what is served stays
            folders = sorted(path for path in self.root.iterdir() if NAME.fullmatch(path.name) and path.is_dir())
        for folder in folders:
            state = generation(folder)
            if folder.name in self._seen and self._seen[folder.name] == state:
                continue
            try:
                self.cases = {**self.cases, folder.name: self.look(folder)}
                self._seen[folder.name] = state
            except Exception as error:  # the watch must outlive whatever it meets on disk
                self.refuse(folder.name, f"{folder}: {type(error).__name__}: {error}")

    def look(self, folder: Path) -> Case:
        """Return what can be served from *folder* now; what fails to load stays as it was."""
        before = self.cases.get(folder.name, Case())
        versions = {}
        for path in sorted(folder.iterdir()):
            if VERSION.fullmatch(path.name):
                model = self.version(path, before.versions.get(int(path.name)))
                if model:
                    versions[model.version] = model
        labels = {}
        for label, number in self.labels(folder, before.labels).items():
            if number in versions:
                labels[label] = number
                continue
            self.refuse(folder.name, f"{folder}/labels.json: {label} names version {number}, which is not there")
            if label in before.labels:
                labels[label] = before.labels[label]
                versions.setdefault(labels[label], before.versions[labels[label]])
        return Case(dict(sorted(versions.items())), labels)

    def version(self, path: Path, before: Model | None) -> Model | None:
        """Return the model at *path*: the one from *before* if its bundle is the same or the new one fails."""
        try:
            if before and before.sums == (path / SUMS).read_text(encoding="utf-8"):
                return before
            return load(path)
        except Exception as error:  # a bundle can be broken in any way; whatever it is, serving goes on
            self.refuse(path.parent.name, f"{path}: {type(error).__name__}: {error}")
            return before

    def labels(self, folder: Path, before: dict[str, int]) -> dict[str, int]:
        """Return the labels of the case at *folder*, those from *before* if the file cannot be read."""
        try:
            found = json.loads((folder / "labels.json").read_bytes())
            if all(NAME.fullmatch(label) and type(number) is int for label, number in found.items()):
                return found
            raise ValueError("label names to version numbers were expected")
        except FileNotFoundError:
            return before
        except (OSError, ValueError, AttributeError) as error:
            self.refuse(folder.name, f"{folder}/labels.json: {error}")
            return before

    def refuse(self, case: str, reason: str) -> None:
        """Count and log something that cannot be served."""
        self.refused[case] += 1
        print(f"refused {reason}; what was served before stays", file=sys.stderr, flush=True)


def generation(folder: Path) -> tuple[int, bytes] | None:
    """Return what changes whenever something is published under *folder*."""
    try:
        return (folder / ".generation").stat().st_mtime_ns, (folder / ".generation").read_bytes()
    except OSError:
        return None
