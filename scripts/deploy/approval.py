"""Approvals (approvals/<case>.yaml): people who have looked at a model and permit its publication.

An approval is {digest: SHA-256, by: name, date: YYYY-MM-DD, seen: what was looked at}. The digest is that of all that
makes the answers, so that another threshold, another calibration or another schema needs an approval of its own. What
is accepted elsewhere, as an anomaly by a waiver, is no approval.
"""

import datetime
import hashlib
import re
from pathlib import Path
from typing import Any

from scripts.data.yaml_file import parse_yaml
from scripts.errors import InputError
from scripts.provenance.canonical import json_digest

KEYS = ("digest", "by", "date", "seen")
EXPECTED = f"{{{', '.join(KEYS)}}}"
DIGEST = re.compile("[0-9a-f]{64}")


def load_approvals(path: Path) -> list[dict[str, str]]:
    """Return the approvals in the YAML file at *path*. Raises InputError that says what is wrong with it."""
    try:
        content = parse_yaml(path.read_text(encoding="utf-8")) or []
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not YAML: {error}") from error
    if not isinstance(content, list):
        raise InputError(f"{path}: a list of approvals was expected, each {EXPECTED}")
    return [parse_approval(entry, f"{path}: approval {number}") for number, entry in enumerate(content, 1)]


def parse_approval(entry: Any, where: str) -> dict[str, str]:
    """Return the approval *entry*, all texts. Raises InputError, with *where*, if it is malformed."""
    if not isinstance(entry, dict) or entry.keys() != {*KEYS}:
        raise InputError(f"{where}: {EXPECTED} was expected, got {entry!r:.200}")
    for key in ("by", "seen"):
        if not isinstance(entry[key], str) or not entry[key].strip():
            raise InputError(f"{where}: {key} must be a text, got {entry[key]!r:.80}")
    if not isinstance(entry["digest"], str) or not DIGEST.fullmatch(entry["digest"]):
        raise InputError(f"{where}: digest must be a SHA-256, 64 hexadecimal digits, in quotes if need be")
    try:
        day = datetime.date.fromisoformat(str(entry["date"]))
    except ValueError:
        raise InputError(f"{where}: date must be a day, YYYY-MM-DD, got {entry['date']!r:.80}") from None
    return entry | {"date": day.isoformat()}


def digest_answers(contents: dict[str, bytes]) -> str:
    """Return the SHA-256 of what makes the answers of the bundle *contents*: all its files but lineage.json."""
    files = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items() if name != "lineage.json"}
    return json_digest(files)


def find_approval(case: str, digest: str, approvals: list[Path]) -> dict[str, str]:
    """Return who approved the *digest* of a bundle of *case*, when, and what was seen.

    *approvals* are the files that say so, or none. Raises InputError, which says what to write, if nobody has.
    """
    for path in approvals:
        for approval in load_approvals(path):
            if approval["digest"] == digest:
                return {key: approval[key] for key in ("by", "date", "seen")}
    raise InputError(
        "deploy.approval is required, and nobody has approved this model, threshold, calibration and schema: look at "
        f"them (snakemake report), add the line `- {{digest: '{digest}', by: your name, date: YYYY-MM-DD, "
        f"seen: what you looked at}}` to approvals/{case}.yaml, have it reviewed, and deploy again"
    )
