"""The trail: one line per event, each chained to the line before by its hash; kept in git, never rewritten."""

import datetime
import fcntl
import getpass
import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from scripts.errors import BadInput
from scripts.provenance.canonical import canonical

START = "0" * 64


def line_hash(line: str) -> str:
    """Return the sha256 of a line of the trail, its line break left out."""
    return hashlib.sha256(line.rstrip("\n").encode()).hexdigest()


def lines_of(text: str) -> list[str]:
    """Return the lines of *text*; other signs that break lines may stand inside an event."""
    return text.removesuffix("\n").split("\n") if text else []


def actor() -> str:
    """Return who runs this: the user's name, or number where it has no name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def events(path: Path) -> list[dict[str, Any]]:
    """Return the events in the trail at *path*, none if there is no trail yet.

    Raises BadInput at the first line that was edited, dropped or moved.
    """
    found, before = [], START
    if not path.exists():
        return found
    for number, line in enumerate(lines_of(path.read_text(encoding="utf-8")), 1):
        try:
            event = json.loads(line)
        except ValueError as error:
            raise BadInput(f"{path}, line {number}: not JSON ({error}); restore the file from git") from error
        if not isinstance(event, dict) or event.get("previous") != before:
            raise BadInput(f"{path}, line {number}: does not follow from the line before it; restore the file from git")
        before = line_hash(line)
        found.append(event)
    return found


def append(path: Path, decide: Callable[[list[dict]], dict | None]) -> list[dict]:
    """Append the event that *decide* makes of those so far (None: nothing); return all events.

    Jobs and users that append at once wait for each other.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "a+", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        known = events(path)
        event = decide(known)
        if event is not None:
            file.seek(0)
            text = file.read()
            lines = lines_of(text)
            now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
            event = event | {
                "time": now,
                "actor": actor(),
                "previous": line_hash(lines[-1]) if lines else START,
            }
            file.write("\n" * (text != "" and not text.endswith("\n")) + canonical(event) + "\n")
            file.flush()
            os.fsync(file.fileno())
            known.append(event)
    return known
