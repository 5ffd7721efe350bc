"""The trail: one JSON line per event, each chained to the previous line by its hash; in git, never rewritten."""

import datetime
import fcntl
import getpass
import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from scripts.errors import InputError
from scripts.provenance.canonical import canonical

START = "0" * 64


def hash_line(line: str) -> str:
    """Return the SHA-256 of a line of the trail without its line break."""
    return hashlib.sha256(line.rstrip("\n").encode()).hexdigest()


def split_lines(text: str) -> list[str]:
    """Return the lines of *text*, split at line feeds only: an event may contain other line separators."""
    return text.removesuffix("\n").split("\n") if text else []


def user_name() -> str:
    """Return the name of the current user, or the user ID if it has no name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def read_events(path: Path) -> list[dict[str, Any]]:
    """Return the events in the trail *path*, none if there is no trail yet.

    Raises InputError at the first line that was edited, deleted or moved.
    """
    events, previous = [], START
    if not path.exists():
        return events
    for number, line in enumerate(split_lines(path.read_text(encoding="utf-8")), 1):
        try:
            event = json.loads(line)
        except ValueError as error:
            raise InputError(f"{path}, line {number}: not JSON ({error}); restore the file from git") from error
        if not isinstance(event, dict) or event.get("previous") != previous:
            raise InputError(f"{path}, line {number}: does not match the previous line; restore the file from git")
        previous = hash_line(line)
        events.append(event)
    return events


def append_event(path: Path, decide: Callable[[list[dict]], dict | None]) -> list[dict]:
    """Append the event that *decide* returns for the events so far, unless it is None; return all events.

    A file lock makes concurrent appends wait for each other. Raises InputError if the trail is damaged.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "a+", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        events = read_events(path)
        event = decide(events)
        if event is not None:
            file.seek(0)
            text = file.read()
            lines = split_lines(text)
            now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
            event = event | {
                "time": now,
                "actor": user_name(),
                "previous": hash_line(lines[-1]) if lines else START,
            }
            file.write("\n" * (text != "" and not text.endswith("\n")) + canonical(event) + "\n")
            file.flush()
            os.fsync(file.fileno())
            events.append(event)
    return events
