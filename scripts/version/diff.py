"""Row-level difference of two versions of a span, by key."""

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from scripts.spine.canon import write_json
from scripts.spine.job import BadInput, main, say
from scripts.spine.pointer import pointer as read_pointer
from scripts.spine.windows import sources
from scripts.version.fetch import find, refuse
from scripts.version.history import version
from scripts.version.rowset import Version

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
