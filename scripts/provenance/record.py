"""The record of a job: `record.json` next to its outputs, with their digests and the fingerprint of the job."""

import os
from typing import Any

from scripts.provenance.canonical import read_json


def read_record(path: str | os.PathLike) -> dict[str, Any]:
    """Return the record at *path*, {} if there is none or it is damaged: empty, cut off, without digests.

    A job whose record cannot be used is stale, as if it had never run.
    """
    try:
        record = read_json(path)
    except (OSError, ValueError):
        return {}
    parts = ("outputs", "folders", "inputs", "pins")
    if not isinstance(record, dict) or not all(isinstance(record.get(part), dict) for part in parts):
        return {}
    return record
