"""Approvals (approvals/<case>.yaml): people who have looked at a bundle and permit its publication.

An approval is {bundle: SHA-256, threshold: number, by: name, date: YYYY-MM-DD, seen: what was looked at}. It is for
this bundle alone and, with two classes, for the threshold that decides, which the digest does not cover (otherwise
there is none). What is accepted elsewhere, as an anomaly by a waiver, is no approval.
"""

import contextlib
import datetime
import re
from pathlib import Path
from typing import Any

from scripts.data.yaml_file import parse_yaml
from scripts.errors import InputError

KEYS = ("bundle", "by", "date", "seen")
DECISION = "threshold"  # of two classes
EXPECTED = f"{{{', '.join(KEYS)}}}, with two classes also {DECISION},"
DIGEST = re.compile("[0-9a-f]{64}")


def load_approvals(path: Path) -> list[dict[str, Any]]:
    """Return the approvals in the YAML file at *path*. Raises InputError that says what is wrong with it."""
    try:
        content = parse_yaml(path.read_text(encoding="utf-8")) or []
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not YAML: {error}") from error
    if not isinstance(content, list):
        raise InputError(f"{path}: a list of approvals was expected, each {EXPECTED}")
    return [parse_approval(entry, f"{path}: approval {number}") for number, entry in enumerate(content, 1)]


def parse_approval(entry: Any, where: str) -> dict[str, Any]:
    """Return the approval *entry*, its threshold a number (None: it has none) and all else texts.

    Raises InputError, with *where*, if it is malformed.
    """
    if not isinstance(entry, dict) or entry.keys() - {DECISION} != {*KEYS}:
        raise InputError(f"{where}: {EXPECTED} was expected, got {entry!r:.200}")
    for key in ("by", "seen"):
        if not isinstance(entry[key], str) or not entry[key].strip():
            raise InputError(f"{where}: {key} must be a text, got {entry[key]!r:.80}")
    if not isinstance(entry["bundle"], str) or not DIGEST.fullmatch(entry["bundle"]):
        raise InputError(f"{where}: bundle must be the SHA-256 of a bundle, 64 hexadecimal digits in quotes if need be")
    try:
        day = datetime.date.fromisoformat(str(entry["date"]))
    except ValueError:
        raise InputError(f"{where}: date must be a day, YYYY-MM-DD, got {entry['date']!r:.80}") from None
    return {key: entry[key] for key in ("bundle", "by", "seen")} | {
        "date": day.isoformat(),
        DECISION: read_threshold(entry.get(DECISION), where),
    }


def read_threshold(value: Any, where: str) -> float | None:
    """Return the threshold that an approval states, None if it states none. Raises InputError if it is no number."""
    if value is None or type(value) in (int, float):
        return value
    if isinstance(value, str):
        with contextlib.suppress(ValueError):
            return float(value)  # YAML takes 1e-05 for a text
    raise InputError(f"{where}: {DECISION} must be a number, got {value!r:.80}")


def find_approval(case: str, digest: str, threshold: float | None, approvals: list[Path]) -> dict[str, str]:
    """Return who approved the bundle *digest* of *case* with *threshold* (None: it has none), when, and what was seen.

    *approvals* are the files that say so, or none. Raises InputError, which says what to write, if nobody has.
    """
    same_bundle = [found for path in approvals for found in load_approvals(path) if found["bundle"] == digest]
    for approval in same_bundle:
        if approval[DECISION] == threshold:
            return {key: approval[key] for key in ("by", "date", "seen")}
    decided = "" if threshold is None else f"{DECISION}: {threshold!r}, "
    what = f"this bundle with the threshold {threshold!r}" if same_bundle else "this bundle"
    raise InputError(
        f"deploy.approval is required, and nobody has approved {what}: look at it (snakemake report), add the line "
        f"`- {{bundle: '{digest}', {decided}by: your name, date: YYYY-MM-DD, seen: what you looked at}}` to "
        f"approvals/{case}.yaml, have it reviewed, and deploy again"
    )
