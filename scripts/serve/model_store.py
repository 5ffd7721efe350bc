"""The models that are served: cases, versions and labels as last published; requests never name files."""

import collections
import contextlib
import json
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path

from scripts.serve.model import Model, load_model
from scripts.serve.published_bundle import CHECKSUMS

NAME = re.compile(r"[a-z][a-z0-9_-]*")
VERSION = re.compile(r"[1-9][0-9]{0,8}")


@dataclass(frozen=True)
class Case:
    """What is served of one case: its models by version, and versions by label."""

    versions: dict[int, Model] = field(default_factory=dict)
    labels: dict[str, int] = field(default_factory=dict)


class ModelStore:
    """All cases under *root*; `refresh` replaces changed cases as a whole, so readers see the old or the new state."""

    def __init__(self, root: Path):
        self.root = root
        self.cases: dict[str, Case] = {}
        self.refused: collections.Counter[str] = collections.Counter()
        self._generations: dict[str, tuple[int, bytes] | None] = {}

    def refresh(self) -> None:
        """Load every case again whose .generation has changed since the last time."""
        folders: list[Path] = []
        with contextlib.suppress(
            OSError
        ):  # nothing is published yet, or the disk is out of reach: what is served stays
            folders = sorted(path for path in self.root.iterdir() if NAME.fullmatch(path.name) and path.is_dir())
        for folder in folders:
            state = read_generation(folder)
            if folder.name in self._generations and self._generations[folder.name] == state:
                continue
            try:
                self.cases = {**self.cases, folder.name: self.load_case(folder)}
                self._generations[folder.name] = state
            except Exception as error:  # the thread must survive whatever is on the disk
                self.log_refusal(folder.name, f"{folder}: {type(error).__name__}: {error}")

    def load_case(self, folder: Path) -> Case:
        """Return what can be served from *folder* now; whatever fails to load stays as it was."""
        before = self.cases.get(folder.name, Case())
        versions = {}
        for path in sorted(folder.iterdir()):
            if VERSION.fullmatch(path.name):
                model = self.load_version(path, before.versions.get(int(path.name)))
                if model:
                    versions[model.version] = model
        labels = {}
        for label, number in self.read_labels(folder, before.labels).items():
            if number in versions:
                labels[label] = number
                continue
            self.log_refusal(folder.name, f"{folder}/labels.json: {label} names version {number}, which does not exist")
            if label in before.labels:
                labels[label] = before.labels[label]
                versions.setdefault(labels[label], before.versions[labels[label]])
        return Case(dict(sorted(versions.items())), labels)

    def load_version(self, path: Path, before: Model | None) -> Model | None:
        """Return the model in *path*, or *before* if the bundle is unchanged or fails to load."""
        try:
            if before and before.checksums == (path / CHECKSUMS).read_text(encoding="utf-8"):
                return before
            return load_model(path)
        except Exception as error:  # a bundle can be broken in any way; serving must continue
            self.log_refusal(path.parent.name, f"{path}: {type(error).__name__}: {error}")
            return before

    def read_labels(self, folder: Path, before: dict[str, int]) -> dict[str, int]:
        """Return the labels of the case in *folder*, or *before* if labels.json is missing or invalid."""
        try:
            labels = json.loads((folder / "labels.json").read_bytes())
            if all(NAME.fullmatch(label) and type(number) is int for label, number in labels.items()):
                return labels
            raise ValueError("label names to version numbers were expected")
        except FileNotFoundError:
            return before
        except (OSError, ValueError, AttributeError) as error:
            self.log_refusal(folder.name, f"{folder}/labels.json: {error}")
            return before

    def log_refusal(self, case: str, reason: str) -> None:
        """Count and log something of *case* that cannot be served, and the *reason*."""
        self.refused[case] += 1
        print(f"refused {reason}; what was served before stays", file=sys.stderr, flush=True)


def read_generation(folder: Path) -> tuple[int, bytes] | None:
    """Return time and content of .generation, which change whenever something is published in *folder*, or None."""
    try:
        return (folder / ".generation").stat().st_mtime_ns, (folder / ".generation").read_bytes()
    except OSError:
        return None
