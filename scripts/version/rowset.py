"""The rows of one version of raw data: counted, digested, and picked by number, never all in memory."""

from collections.abc import Iterator
from hashlib import blake2b
from itertools import islice
from pathlib import Path

import numpy as np

from scripts.spine.formats import format_of
from scripts.spine.job import BadInput
from scripts.version.place import walk
from scripts.version.records import records

SIZE = 16  # bytes of a digest: a row costs twice that in memory


class Version:
    """The rows of the files of one version, in the order of their names."""

    def __init__(self, folder: Path, label: str, ingest: dict):
        self.folder, self.label, self.ingest = folder, label, ingest

    def rows(self) -> Iterator[dict[str, str]]:
        for _, path in sorted(walk(self.folder)):
            yield from (row for _, row in records(path, self.ingest) if row is not None)

    def columns(self) -> set[str]:
        """Return the names of all columns; JSON lines have to be read to the end for that."""
        first = all(format_of(path, self.ingest["format"]) != "jsonl" for _, path in walk(self.folder))
        return {name for row in islice(self.rows(), 1 if first else None) for name in row}

    def digests(self, key: list[str], columns: list[str]) -> tuple[np.ndarray, np.ndarray]:
        """Return the digest of the key and of the *columns* of each row. Raises BadInput on two rows of one key."""
        keys, whole = bytearray(), bytearray()
        for row in self.rows():
            keys += digest([row.get(name, "") for name in key])
            whole += digest([row.get(name, "") for name in columns])
        keys, whole = np.frombuffer(keys, f"S{SIZE}"), np.frombuffer(whole, f"S{SIZE}")
        if not key:
            return occurrences(whole), whole
        order = np.argsort(keys, kind="stable")
        twice = np.flatnonzero(keys[order][1:] == keys[order][:-1])
        if len(twice):
            first, second = order[twice[0]], order[twice[0] + 1]
            row = self.pick({first})[first]
            named = ", ".join(f"{name}={row.get(name, '')}" for name in key)
            raise BadInput(f"{self.label}: rows {first + 1} and {second + 1} have the same version.key ({named})")
        return keys, whole

    def pick(self, numbers: set[int]) -> dict[int, dict[str, str]]:
        """Return the rows with these numbers, from 0."""
        last = max(numbers, default=-1) + 1
        return {number: row for number, row in enumerate(islice(self.rows(), last)) if number in numbers}


def digest(values: list[str]) -> bytes:
    """Return the digest of a list of texts."""
    parts = "".join([f"{len(value)}:{value}" for value in values])
    return blake2b(parts.encode(errors="surrogateescape"), digest_size=SIZE).digest()


def occurrences(whole: np.ndarray) -> np.ndarray:
    """Return keys for rows without one: the digest of the row, and the how manieth of its kind it is."""
    if not len(whole):
        return whole
    order = np.argsort(whole, kind="stable")
    ordered = whole[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    number = np.empty(len(whole), ">i8")
    number[order] = np.arange(len(whole)) - np.repeat(starts, np.diff(np.r_[starts, len(whole)]))
    both = [part.view("u1").reshape(len(whole), -1) for part in (whole, number)]
    return np.ascontiguousarray(np.hstack(both)).view(f"S{SIZE + 8}").ravel()
