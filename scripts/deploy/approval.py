"""Approvals (approvals/<case>.yaml): people who have looked at a bundle and permit its publication.

An approval is {bundle: SHA-256, by: name, date: YYYY-MM-DD, seen: what was looked at}. It is for this bundle alone, and
what is accepted elsewhere, as an anomaly by a waiver, is no approval.
"""

import datetime
import re
from pathlib import Path
from typing import Any

from scripts.data.yaml_file import parse_yaml
from scripts.errors import InputError

KEYS = ("bundle", "by", "date", "seen")
DIGEST = re.compile("[0-9a-f]{64}")


def load_approvals(path: Path) -> list[dict[str, str]]:
    """Return the approvals in the YAML file at *path*. Raises InputError that says what is wrong with it."""
    try:
        content = parse_yaml(path.read_text(encoding="utf-8")) or []
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not YAML: {error}") from error
    if not isinstance(content, list):
        raise InputError(f"{path}: a list of approvals was expected, each {{{', '.join(KEYS)}}}")
    return [parse_approval(entry, f"{path}: approval {number}") for number, entry in enumerate(content, 1)]


def parse_approval(entry: Any, where: str) -> dict[str, str]:
    """Return the approval *entry* with all values as texts. Raises InputError, with *where*, if it is malformed."""
    if not isinstance(entry, dict) or entry.keys() != {*KEYS}:
        raise InputError(f"{where}: {{{', '.join(KEYS)}}} was expected, got {entry!r:.200}")
    for key in ("by", "seen"):
        if not isinstance(entry[key], str) or not entry[key].strip():
            raise InputError(f"{where}: {key} must be a text, got {entry[key]!r:.80}")
    if not isinstance(entry["bundle"], str) or not DIGEST.fullmatch(entry["bundle"]):
        raise InputError(f"{where}: bundle must be the SHA-256 of a bundle, 64 hexadecimal digits in quotes if need be")
    try:
        day = datetime.date.fromisoformat(str(entry["date"]))
    except ValueError:
        raise InputError(f"{where}: date must be a day, YYYY-MM-DD, got {entry['date']!r:.80}") from None
    return {key: entry[key] for key in ("bundle", "by", "seen")} | {"date": day.isoformat()}


def find_approval(case: str, digest: str, approvals: list[Path]) -> dict[str, str]:
    """Return who approved the bundle *digest* of *case*, when, and what was seen, by the files *approvals* (or none).

    Raises InputError, which says what to write, if nobody has.
    """
    for path in approvals:
        for approval in load_approvals(path):
            if approval["bundle"] == digest:
                return {key: approval[key] for key in ("by", "date", "seen")}
    raise InputError(
        "deploy.approval is required, and nobody has approved this bundle: look at it (snakemake report), add the line "
        f"`- {{bundle: '{digest}', by: your name, date: YYYY-MM-DD, seen: what you looked at}}` to "
        f"approvals/{case}.yaml, have it reviewed, and deploy again"
    )
