"""The purge log of a case, purged.jsonl: a line for each purged version, in git, without any of its content."""

import json
from pathlib import Path

from scripts.provenance.canonical import canonical, write_bytes


def read_purge_log(folder: Path) -> dict[tuple[str, str], dict]:
    """Return the entries of the log in the data *folder* of a case by name of the pointer and md5 that was purged."""
    path = folder / "purged.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return {(entry["pointer"], entry["old"]): entry for entry in map(json.loads, lines)}


def find_remaining(entries: dict[tuple[str, str], dict], name: str, md5: str) -> str | None:
    """Return the md5 of what later purges left of version *md5* of the pointer called *name*, None if it is nothing."""
    remaining: str | None = md5
    while remaining and (entry := entries.get((name, remaining))):
        remaining = entry["new"]
    return remaining


def append_purge_log(folder: Path, entry: dict) -> None:
    """Append *entry* to the log in *folder*, atomically, unless it has an entry for the version already."""
    entries = read_purge_log(folder)
    if (entry["pointer"], entry["old"]) not in entries:
        lines = [f"{canonical(item)}\n" for item in [*entries.values(), entry]]
        write_bytes(folder / "purged.jsonl", "".join(lines).encode())
