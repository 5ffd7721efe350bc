"""`snakemake diff`: the row-level difference of two versions of a span, by key.

The rows of a version are read as a stream. Only digests of the key and of the whole row are held in memory; the rows to
be shown are picked by number in a second pass.
"""

import json
import tempfile
from collections.abc import Iterator
from hashlib import blake2b
from itertools import islice
from pathlib import Path

import numpy as np

from scripts.data.formats import format_of
from scripts.data.pointer import read_pointer
from scripts.data.spans import find_pointers
from scripts.data.working_copy import iter_files
from scripts.errors import InputError
from scripts.provenance.canonical import write_json
from scripts.provenance.run_job import echo, main
from scripts.version.fetch import check_allowed, materialize
from scripts.version.git_history import find_version
from scripts.version.raw_rows import read_records

DIGEST_BYTES = 16  # a row needs twice that in memory
MAX_LISTED = 10_000  # rows of each kind (added, removed, changed) in the file
MAX_SHOWN = 20  # rows on the terminal


class Version:
    """The rows of the files of one version, in the order of the file names."""

    def __init__(self, folder: Path, label: str, ingest: dict):
        self.folder, self.label, self.ingest = folder, label, ingest

    def rows(self) -> Iterator[dict[str, str]]:
        for _, path in sorted(iter_files(self.folder)):
            yield from (row for _, row in read_records(path, self.ingest) if row is not None)

    def columns(self) -> set[str]:
        """Return the names of all columns, for which JSON lines have to be read to the end."""
        first = all(format_of(path, self.ingest["format"]) != "jsonl" for _, path in iter_files(self.folder))
        return {name for row in islice(self.rows(), 1 if first else None) for name in row}

    def digests(self, key: list[str], columns: list[str]) -> tuple[np.ndarray, np.ndarray]:
        """Return the digest of the *key* and of the *columns* of each row.

        Without a *key*, see keys_of_identical_rows. Raises InputError if two rows have the same key.
        """
        keys, whole = bytearray(), bytearray()
        for row in self.rows():
            keys += row_digest([row.get(name, "") for name in key])
            whole += row_digest([row.get(name, "") for name in columns])
        keys, whole = np.frombuffer(keys, f"S{DIGEST_BYTES}"), np.frombuffer(whole, f"S{DIGEST_BYTES}")
        if not key:
            return keys_of_identical_rows(whole), whole
        order = np.argsort(keys, kind="stable")
        repeated = np.flatnonzero(keys[order][1:] == keys[order][:-1])
        if len(repeated):
            first, second = order[repeated[0]], order[repeated[0] + 1]
            row = self.pick_rows({first})[first]
            named = ", ".join(f"{name}={row.get(name, '')}" for name in key)
            raise InputError(f"{self.label}: rows {first + 1} and {second + 1} have the same version.key ({named})")
        return keys, whole

    def pick_rows(self, numbers: set[int]) -> dict[int, dict[str, str]]:
        """Return the rows with these *numbers*, counted from 0."""
        last = max(numbers, default=-1) + 1
        return {number: row for number, row in enumerate(islice(self.rows(), last)) if number in numbers}


def row_digest(values: list[str]) -> bytes:
    """Return the digest of a list of texts."""
    parts = "".join([f"{len(value)}:{value}" for value in values])
    return blake2b(parts.encode(errors="surrogateescape"), digest_size=DIGEST_BYTES).digest()


def keys_of_identical_rows(whole: np.ndarray) -> np.ndarray:
    """Return keys for rows without one: the digest of the row (*whole*) and its ordinal among identical rows."""
    if not len(whole):
        return whole
    order = np.argsort(whole, kind="stable")
    ordered = whole[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    number = np.empty(len(whole), ">i8")
    number[order] = np.arange(len(whole)) - np.repeat(starts, np.diff(np.r_[starts, len(whole)]))
    both = [part.view("u1").reshape(len(whole), -1) for part in (whole, number)]
    return np.ascontiguousarray(np.hstack(both)).view(f"S{DIGEST_BYTES + 8}").ravel()


def compare(old: Version, new: Version, key: list[str]) -> dict:
    """Return what differs: counts, and at most MAX_LISTED rows of each kind.

    Rows are compared by the columns that both versions have; the other columns are named. Raises InputError if a column
    of the *key* is not in both.
    """
    before, after = old.columns(), new.columns()
    common = sorted(before & after if before and after else before | after)
    if lacking := [name for name in key if name not in common]:
        raise InputError(f"{new.label}: version.key names column {lacking[0]}, which is not in both versions")
    (old_keys, old_rows), (new_keys, new_rows) = old.digests(key, common), new.digests(key, common)
    _, at_old, at_new = np.intersect1d(old_keys, new_keys, assume_unique=True, return_indices=True)
    differ = old_rows[at_old] != new_rows[at_new]
    order = np.argsort(at_new[differ], kind="stable")
    changed = list(zip(at_old[differ][order].tolist(), at_new[differ][order].tolist(), strict=True))
    removed = np.setdiff1d(np.arange(len(old_keys)), at_old).tolist()
    added = np.setdiff1d(np.arange(len(new_keys)), at_new).tolist()
    was = old.pick_rows({*removed[:MAX_LISTED], *(number for number, _ in changed[:MAX_LISTED])})
    now = new.pick_rows({*added[:MAX_LISTED], *(number for _, number in changed[:MAX_LISTED])})
    return {
        "columns": {"added": sorted(after - before), "removed": sorted(before - after)} if before and after else {},
        "counts": {"added": len(added), "removed": len(removed), "changed": len(changed), "same": int((~differ).sum())},
        "added": [now[number] for number in added[:MAX_LISTED]],
        "removed": [was[number] for number in removed[:MAX_LISTED]],
        "changed": [row_change(was[one], now[other], key, common) for one, other in changed[:MAX_LISTED]],
    }


def row_change(was: dict, now: dict, key: list[str], columns: list[str]) -> dict:
    """Return the key of a row and, for each column that differs, its values before and after."""
    pairs = {name: [was.get(name, ""), now.get(name, "")] for name in columns}
    return {
        "key": {name: now[name] for name in key},
        "columns": {name: pair for name, pair in pairs.items() if pair[0] != pair[1]},
    }


def format_diff(found: dict) -> Iterator[str]:
    """Yield the lines for the terminal."""
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
    yield from shown[:MAX_SHOWN]
    more = sum(found["counts"][kind] for kind in ("added", "removed", "changed")) - MAX_SHOWN
    if more > 0:
        yield f"and {more} more"


def diff(folder: Path, results: Path, span: str, old: str, new: str, key: list, pattern: str, ingest: dict) -> None:
    """Write the difference of two versions of *span* to *results* (JSON) and show it.

    *old* and *new* are git revisions or md5s. *new* defaults to what the pointer names now, *old* to the latest other
    version in git. Raises InputError on an unknown span or version, and if a version is not to be found or not allowed.
    """
    spans = find_pointers(folder, pattern)
    if span not in spans:
        raise InputError(f"diff needs span=SPAN; spans of {folder}: {', '.join(spans)}")
    pointer, target = Path(spans[span].pointer), results / "diff" / f"{span}.json"
    new_version = read_pointer(pointer)
    new_version = find_version(pointer, new, new_version) if new else new_version
    old_version = find_version(pointer, old, new_version)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".tmp-") as place:
        both = []
        for name, version in (("old", old_version), ("new", new_version)):
            check_allowed(pointer, version)
            materialize(pointer, version, Path(place, name))
            both.append(Version(Path(place, name), f"{pointer} (md5 {version['md5']})", ingest))
        found = {"pointer": str(pointer), "key": key, "old": old_version["md5"], "new": new_version["md5"]} | compare(
            *both, key
        )
    write_json(target, found)
    for line in format_diff(found):
        echo(line)
    echo(f"{target} has the first {MAX_LISTED} rows of each kind")


if __name__ == "__main__":
    main(diff)
