"""Compare the stages of two runs: the first one whose outputs differ, and in what."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from scripts.provenance.canonical import path_digest, read_json

SHOWN = 5  # differences of an output that are listed


def find_difference(released: list[dict], reproduced: dict[str, dict]) -> tuple[dict, list[str]] | None:
    """Return the first stage of *released* whose outputs differ, and the paths of those; None if all are equal.

    *reproduced* are the records by stage.
    """
    for stage in released:
        outputs = reproduced.get(stage["stage"], {}).get("outputs", {})
        paths = sorted({*stage["outputs"], *outputs})
        if wrong := [path for path in paths if stage["outputs"].get(path) != outputs.get(path)]:
            return stage, wrong
    return None


def find_leaves(value: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the JSON Pointer and the value of everything in *value* that has no parts."""
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    if parts is None:
        yield place, value
        return
    for key, part in parts:
        yield from find_leaves(part, f"{place}/{key}")


def describe_json(before: Any, now: Any) -> Iterator[str]:
    """Yield how the JSON values *before* and *now* differ."""
    old, new = dict(find_leaves(before)), dict(find_leaves(now))
    changed = [place for place in {**old, **new} if old.get(place, math.nan) != new.get(place, math.nan)]
    for place in changed[:SHOWN]:
        yield f"{place}: {old.get(place, 'nothing')} -> {new.get(place, 'nothing')}"
    if len(changed) > SHOWN:
        yield f"and {len(changed) - SHOWN} more values"


def count_rows(folder: Path) -> int:
    """Return the number of rows in the Parquet files of *folder*."""
    return sum(pq.read_metadata(path).num_rows for path in folder.rglob("*.parquet"))


def describe_rows(before: Path, now: Path) -> list[str]:
    """Return in which values the tables *before* and *now* differ, if they have the same columns and as many rows."""
    old, new = (pa.concat_tables(map(pq.read_table, sorted(folder.rglob("*.parquet")))) for folder in (before, now))
    if old.schema != new.schema or len(old) != len(new):
        return []
    changed = [
        f"row {row}, {name}: {one!r} -> {other!r}"
        for name in old.column_names
        if not old[name].equals(new[name])
        for row, (one, other) in enumerate(zip(old[name].to_pylist(), new[name].to_pylist(), strict=True), 1)
        if one != other and (one == one or other == other)  # NaN is as NaN
    ]
    return changed[:SHOWN] + ([f"and {len(changed) - SHOWN} more values"] if len(changed) > SHOWN else [])


def describe_output(path: str, digest: str | None, own: Path, other: Path) -> list[str]:
    """Return in what the output at *path* below *other*, the reproduced one, differs from the released one.

    That has the *digest* and is below *own*, if it was not made anew there; otherwise the digest is all that is known.
    """
    before, now = own / path, other / path
    if not now.exists():
        return ["it was not made"]
    if digest is None:
        return ["it is new"]
    if not before.exists() or path_digest(before) != digest:
        return [f"digest {digest[:12]} -> {path_digest(now)[:12]}; the released one is not here to compare"]
    if before.suffix == ".json":
        return list(describe_json(read_json(before), read_json(now)))
    if before.is_dir() and any(before.rglob("*.parquet")):
        return [f"{count_rows(before)} -> {count_rows(now)} rows", *describe_rows(before, now)]
    if before.is_dir():
        names = sorted(file.relative_to(before) for file in before.rglob("*") if file.is_file())
        return [
            f"{name}: {line}"
            for name in names
            if not (now / name).exists() or (before / name).read_bytes() != (now / name).read_bytes()
            for line in describe_output(f"{path}/{name}", path_digest(before / name), own, other)
        ]
    return [f"{before.stat().st_size} -> {now.stat().st_size} bytes, digest {digest[:12]} -> {path_digest(now)[:12]}"]
