"""What the request log of a case may hold, by serving/<case>/log.json, which deploying writes (`feedback.log`).

A server reads it again when it changes. It may keep a share of the requests only, hide the values of columns behind
keyed hashes, or keep counts and scores without rows and names of requests.
"""

import hashlib
import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scripts.column_types import is_pseudonym
from scripts.data.pseudonyms import hide_text, read_key

DEFAULTS = {"sample": 1.0, "pseudonyms": [], "aggregates_only": False}


def is_sampled(request: str, share: float) -> bool:
    """Return whether a request is among the *share* of those that are logged; the same name always gives the same."""
    digest = hashlib.blake2b(request.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") < share * 2**64


@dataclass
class LogSettings:
    """The settings of the cases under *root*, each read again when its file has changed."""

    root: Path
    known: dict[str, tuple[int, dict]] = field(default_factory=dict)

    def read(self, case: str) -> dict[str, Any]:
        """Return the settings of *case*. Without a file they are those of a log of everything."""
        path = f"{self.root}/{case}/log.json"
        try:
            changed = os.stat(path).st_mtime_ns
            if self.known.get(case, (0, {}))[0] != changed:
                self.known[case] = changed, DEFAULTS | json.loads(Path(path).read_bytes())
        except FileNotFoundError:
            return DEFAULTS
        except (OSError, ValueError, TypeError):  # what may be logged is unknown, so nothing is
            return DEFAULTS | {"sample": 0.0}
        return self.known[case][1]

    def apply(self, case: str, entry: dict[str, Any]) -> dict[str, Any] | None:
        """Return what the log of *case* may hold of *entry*, None if nothing."""
        settings = self.read(case)
        if settings["sample"] < 1 and not is_sampled(entry["request"], settings["sample"]):
            return None
        if settings["aggregates_only"]:
            return summarize(entry)
        if names := settings["pseudonyms"]:
            key = read_key(self.root / case)
            rows = {"rows": [hide_values(row, names, key) for row in entry["rows"]]} if "rows" in entry else {}
            return entry | rows | hide_error(entry)
        return entry


def summarize(entry: dict[str, Any]) -> dict[str, Any]:
    """Return what of an *entry*, that of a shadow or of an answer, names neither request nor values."""
    kept = {name: entry[name] for name in ("case", "version", "bundle")} | hide_error(entry)
    if "scores" not in entry:
        return kept
    return kept | {"rows": len(entry["scores"]), "scores": [round(score, 1) for score in entry["scores"]]}


def hide_error(entry: dict[str, Any]) -> dict[str, str]:
    """Return the kind of the error in the *entry* of a shadow, if it has one: its message may quote a value."""
    return {"error": entry["error"].partition(":")[0]} if "error" in entry else {}


def hide_values(row: dict[str, Any], names: list[str], key: bytes) -> dict[str, Any]:
    """Return *row* with a pseudonym for each text in its columns *names* and their lags: equal texts, equal ones."""
    texts = {name: text for name, text in row.items() if isinstance(text, str) and is_pseudonym(name, names)}
    return row | {name: hide_text(text, key) for name, text in texts.items()}
