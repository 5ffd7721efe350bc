"""What was purged from a case: one line for each version, in git, without what was in it."""

import json
from pathlib import Path

from scripts.provenance.canonical import canonical, write_bytes


def purged(folder: Path) -> dict[tuple[str, str], dict]:
    """Return the entries of purged.jsonl in the data *folder* of a case by name of the pointer and md5 that is gone."""
    path = folder / "purged.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return {(entry["pointer"], entry["old"]): entry for entry in map(json.loads, lines)}


def note(folder: Path, entry: dict) -> None:
    """Add *entry* to purged.jsonl in *folder*, whole or not at all, unless its version is there already."""
    entries = purged(folder)
    if (entry["pointer"], entry["old"]) not in entries:
        lines = [f"{canonical(item)}\n" for item in [*entries.values(), entry]]
        write_bytes(folder / "purged.jsonl", "".join(lines).encode())
