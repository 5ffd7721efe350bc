"""The rows of one version of raw data: counted, digested, and picked by number, never all in memory.

Row-level difference of two versions of a span, by key."""

import json
import tempfile
from collections.abc import Iterator
from hashlib import blake2b
from itertools import islice
from pathlib import Path

import numpy as np

from scripts.data.formats import format_of
from scripts.data.pointer import pointer as read_pointer
from scripts.data.spans import sources
from scripts.errors import BadInput
from scripts.provenance.canonical import write_json
from scripts.provenance.run_job import main, say
from scripts.version.fetch import find, refuse
from scripts.version.files import walk
from scripts.version.git_history import version
from scripts.version.raw_rows import records

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


LISTED = 10_000  # rows of each kind in the file
SHOWN = 20  # rows on the terminal


def compare(old: Version, new: Version, key: list[str]) -> dict:
    """Return what differs: counts, and the first rows (at most LISTED) of each kind.

    Rows are compared in the columns that both versions have; the others are named.
    """
    before, after = old.columns(), new.columns()
    common = sorted(before & after if before and after else before | after)
    if lacking := [name for name in key if name not in common]:
        raise BadInput(f"{new.label}: no column {lacking[0]} in both versions, but version.key names it")
    (old_keys, old_rows), (new_keys, new_rows) = old.digests(key, common), new.digests(key, common)
    _, at_old, at_new = np.intersect1d(old_keys, new_keys, assume_unique=True, return_indices=True)
    differ = old_rows[at_old] != new_rows[at_new]
    order = np.argsort(at_new[differ], kind="stable")
    changed = list(zip(at_old[differ][order].tolist(), at_new[differ][order].tolist(), strict=True))
    removed = np.setdiff1d(np.arange(len(old_keys)), at_old).tolist()
    added = np.setdiff1d(np.arange(len(new_keys)), at_new).tolist()
    was = old.pick({*removed[:LISTED], *(number for number, _ in changed[:LISTED])})
    now = new.pick({*added[:LISTED], *(number for _, number in changed[:LISTED])})
    return {
        "columns": {"added": sorted(after - before), "removed": sorted(before - after)} if before and after else {},
        "counts": {"added": len(added), "removed": len(removed), "changed": len(changed), "same": int((~differ).sum())},
        "added": [now[number] for number in added[:LISTED]],
        "removed": [was[number] for number in removed[:LISTED]],
        "changed": [change(was[one], now[other], key, common) for one, other in changed[:LISTED]],
    }


def change(was: dict, now: dict, key: list[str], columns: list[str]) -> dict:
    """Return the key of a row and the values before and after of each column that differs."""
    pairs = {name: [was.get(name, ""), now.get(name, "")] for name in columns}
    return {
        "key": {name: now[name] for name in key},
        "columns": {name: pair for name, pair in pairs.items() if pair[0] != pair[1]},
    }


def lines(found: dict) -> Iterator[str]:
    """Yield what the terminal shows."""
    counts = ", ".join(f"{number} {kind}" for kind, number in found["counts"].items())
    yield f"{found['pointer']} {found['old'][:8]} -> {found['new'][:8]}: {counts}"
    for kind, names in found["columns"].items():
        if names:
            yield f"columns {kind}: {', '.join(names)}"
    shown = [f"+ {json.dumps(row, ensure_ascii=False)}" for row in found["added"]]
    shown += [f"- {json.dumps(row, ensure_ascii=False)}" for row in found["removed"]]
    for row in found["changed"]:
        named = ", ".join(f"{name}={value}" for name, value in row["key"].items())
        pairs = "; ".join(f"{name}: {was!r} -> {now!r}" for name, (was, now) in row["columns"].items())
        shown.append(f"~ {named}  {pairs}")
    yield from shown[:SHOWN]
    more = sum(found["counts"][kind] for kind in ("added", "removed", "changed")) - SHOWN
    if more > 0:
        yield f"and {more} more"


def diff(folder: Path, results: Path, span: str, old: str, new: str, key: list, pattern: str, ingest: dict) -> None:
    """Write the difference of two versions of *span* to *results* and show it.

    *old* and *new* are git revisions or md5s; without them the last other version in git, and what the pointer says.
    """
    known = sources(folder, pattern)
    if span not in known:
        raise BadInput(f"diff needs span=SPAN; spans of {folder}: {', '.join(known)}")
    pointer, target = Path(known[span].pointer), results / "diff" / f"{span}.json"
    now = read_pointer(pointer)
    now = version(pointer, new, now) if new else now
    was = version(pointer, old, now)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".tmp-") as place:
        both = []
        for name, named in (("old", was), ("new", now)):
            refuse(pointer, named)
            find(pointer, named, Path(place, name))
            both.append(Version(Path(place, name), f"{pointer} (md5 {named['md5']})", ingest))
        found = {"pointer": str(pointer), "key": key, "old": was["md5"], "new": now["md5"]} | compare(*both, key)
    write_json(target, found)
    for line in lines(found):
        say(line)
    say(f"{target} has the first {LISTED} rows of each kind")


if __name__ == "__main__":
    main(diff)
