"""DVC pointer files: which bytes a span of data is."""

import os
from datetime import date
from pathlib import Path
from typing import Any

import yaml


def pointer(path: str | Path) -> dict[str, Any]:
    """Return path, md5, size (bytes) and origin (or None) of the one file that the DVC pointer at *path* names.

    Raises ValueError where the pointer is malformed.
    """
    with open(path, encoding="utf-8") as file:
        content = yaml.load(file, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    try:
        out = content["outs"][0]
        origin = (content.get("meta") or {}).get("origin")
        return {"path": str(out["path"]), "md5": str(out["md5"]), "size": int(out["size"]), "origin": origin}
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise ValueError(f"{path}: not a DVC pointer (outs with path, md5 and size expected): {error!r}") from error


def today() -> date:
    """Return the day it is, or the one that the environment variable OUROBOROS_TODAY (YYYY-MM-DD) says it is."""
    return date.fromisoformat(os.environ.get("OUROBOROS_TODAY") or date.today().isoformat())


def retained(path: str | Path, on: date) -> bool:
    """Return whether the bytes that the pointer at *path* names may still be used *on* a day (meta.retention)."""
    text = Path(path).read_bytes()
    if b"retention" not in text:
        return True
    content = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    until = (content.get("meta") or {}).get("retention")
    return until is None or date.fromisoformat(str(until)) >= on
