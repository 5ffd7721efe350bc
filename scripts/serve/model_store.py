"""The models that are served: cases, versions and labels as last published; requests never name files."""

import collections
import contextlib
import dataclasses
import json
import queue
import re
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from scripts.errors import BundleError
from scripts.provenance.run_job import echo
from scripts.serve.batching import Batching, batch_model
from scripts.serve.load_policy import EVERYTHING, LoadPolicy
from scripts.serve.model import Model, load_model
from scripts.serve.published_bundle import CHECKSUMS, read_file
from scripts.serve.traffic import Traffic, parse_traffic

LOAD_SECONDS = 60
NAME = re.compile(r"[a-z][a-z0-9_-]*")
VERSION = re.compile(r"[1-9][0-9]{0,8}")


@dataclass(frozen=True)
class Case:
    """What is served of one case: its models by version, and versions by label; *updated* is when, since 1970 (s)."""

    versions: dict[int, Model] = field(default_factory=dict)
    labels: dict[str, int] = field(default_factory=dict)
    traffic: Traffic = field(default_factory=Traffic)
    updated: float = 0


class ModelStore:
    """All cases under *root*; `refresh` replaces changed cases as a whole, so readers see the old or the new state.

    Each case is loaded in a thread of its own, so that none can hold up the others. With the public key *verify_key*,
    only bundles that are signed are served. *batching* is None for none.
    """

    def __init__(
        self,
        root: Path,
        verify_key: Path | None = None,
        batching: Batching | None = None,
        policy: LoadPolicy = EVERYTHING,
    ):
        self.root, self.verify_key, self.batching, self.policy = root, verify_key, batching, policy
        self.cases: dict[str, Case] = {}
        self.refused: collections.Counter[str] = collections.Counter()
        self._generations: dict[str, tuple[int, bytes] | None] = {}
        self._threads: dict[str, threading.Thread] = {}
        self._lock = threading.Lock()

    def refresh(self) -> None:
        """Start to load every case again whose .generation has changed since the last time."""
        folders: list[Path] = []
        with contextlib.suppress(
            OSError
        ):  # nothing is published yet, or the disk is out of reach: what is served stays
            folders = sorted(path for path in self.root.iterdir() if NAME.fullmatch(path.name) and path.is_dir())
        for folder in folders:
            name, state = folder.name, read_generation(folder)
            if name in self._generations and self._generations[name] == state:
                continue
            if name not in self._threads or not self._threads[name].is_alive():
                self._threads[name] = threading.Thread(target=self._update, args=(folder, state), daemon=True)
                self._threads[name].start()

    def wait(self, seconds: float) -> None:
        """Wait until all that refresh() started is loaded, but not longer than *seconds*."""
        end = time.monotonic() + seconds
        for thread in self._threads.values():
            thread.join(max(0, end - time.monotonic()))

    def _update(self, folder: Path, state: tuple[int, bytes] | None) -> None:
        """Serve what is published in *folder*, whose .generation is *state*."""
        try:
            self._serve(folder.name, self.load_case(folder))
            self._generations[folder.name] = state
        except Exception as error:  # serving must survive whatever is on the disk
            self.log_refusal(folder.name, f"{folder}: {type(error).__name__}: {error}")

    def _serve(self, name: str, case: Case) -> None:
        """Answer requests to the case *name* by *case* from now on."""
        with self._lock:
            self.cases = {**self.cases, name: case}

    def load_case(self, folder: Path) -> Case:
        """Return what can be served from *folder* now; whatever fails to load stays as it was."""
        before = self.cases.get(folder.name, Case())
        labelled_before = before.labels
        published = {int(path.name): path for path in folder.iterdir() if VERSION.fullmatch(path.name)}
        named = self.read_labels(folder, before.labels)
        wanted = self.policy.choose({*published}, {*named.values()})
        if self.policy.unload_first and not before.versions.keys() <= wanted:
            kept = {number: model for number, model in before.versions.items() if number in wanted}
            before = dataclasses.replace(before, versions=kept, labels=named)
            self._serve(folder.name, before)
        versions = {}
        for number in sorted(wanted):
            model = self.load_version(published[number], before.versions.get(number))
            if model:
                versions[model.version] = model
        labels = {}
        for label, number in named.items():
            if number in versions:
                labels[label] = number
                continue
            self.log_refusal(folder.name, f"{folder}/labels.json: {label} names version {number}, which does not exist")
            old = labelled_before.get(label)
            model = versions.get(old) or before.versions.get(old)
            if not model and old in published:  # it was unloaded first
                model = self.load_version(published[old], None)
            if model:
                labels[label], versions[old] = old, model
        traffic = self.read_traffic(folder, labels, before.traffic)
        return Case(dict(sorted(versions.items())), labels, traffic, time.time())

    def load_version(self, path: Path, before: Model | None) -> Model | None:
        """Return the model in *path*, or *before* if the bundle is unchanged or fails to load."""
        try:
            if before and before.checksums == read_file(path / CHECKSUMS).decode():
                return before
            return load_in_time(path, self.verify_key, self.batching)
        except Exception as error:  # a bundle can be broken in any way; serving must continue
            self.log_refusal(path.parent.name, f"{path}: {type(error).__name__}: {error}")
            return before

    def read_labels(self, folder: Path, before: dict[str, int]) -> dict[str, int]:
        """Return the labels of the case in *folder*, or *before* if labels.json is missing or invalid."""
        try:
            labels = json.loads(read_file(folder / "labels.json"))
            if all(NAME.fullmatch(label) and type(number) is int for label, number in labels.items()):
                return labels
            raise ValueError("label names to version numbers were expected")
        except FileNotFoundError:
            return before
        except (OSError, ValueError, AttributeError) as error:
            self.log_refusal(folder.name, f"{folder}/labels.json: {error}")
            return before

    def read_traffic(self, folder: Path, labels: dict[str, int], before: Traffic) -> Traffic:
        """Return the traffic of the case in *folder*, or *before* if traffic.json is invalid or names no label."""
        try:
            return parse_traffic(json.loads(read_file(folder / "traffic.json")), set(labels))
        except FileNotFoundError:
            return Traffic()
        except (OSError, ValueError) as error:
            self.log_refusal(folder.name, f"{folder}/traffic.json: {error}")
            return before

    def log_refusal(self, case: str, reason: str) -> None:
        """Count and log something of *case* that cannot be served, and the *reason*."""
        self.refused[case] += 1
        echo(f"refused {reason}; what was served before stays")


def read_generation(folder: Path) -> tuple[int, bytes] | None:
    """Return time and content of .generation, which change whenever something is published in *folder*, or None."""
    try:
        return (folder / ".generation").stat().st_mtime_ns, read_file(folder / ".generation")
    except OSError:
        return None


def load_in_time(path: Path, verify_key: Path | None, batching: Batching | None) -> Model:
    """Return the model in *path* as load_model() does, with *batching*.

    Raises BundleError after LOAD_SECONDS: a graph may never end.
    """
    results: queue.SimpleQueue[Model | Exception] = queue.SimpleQueue()

    def load() -> None:
        try:
            results.put(batch_model(load_model(path, verify_key), batching))
        except Exception as error:  # raised again below
            results.put(error)

    threading.Thread(target=load, daemon=True).start()  # it cannot be stopped, and ends with the server
    try:
        result = results.get(timeout=LOAD_SECONDS)
    except queue.Empty:
        raise BundleError(f"not loaded within {LOAD_SECONDS} s") from None
    if isinstance(result, Exception):
        raise result
    return result
