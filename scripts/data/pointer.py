"""DVC pointer files: which bytes a span of data is, where they come from, and until when they may be kept."""

import os
import re
from datetime import UTC, date, datetime
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

NO_DAY = "meta.retention is {!r}, expected a day YYYY-MM-DD"
MD5 = re.compile(r"[0-9a-f]{32}(\.dir)?")


def pointer(path: str | Path) -> dict[str, Any]:
    """Return what the DVC 3 pointer at *path* says; see `parsed`. Raises ValueError where it is malformed."""
    with open(path, encoding="utf-8") as file:
        return parsed(file.read(), str(path))


def parsed(text: str, path: str) -> dict[str, Any]:
    """Return path, md5, size (bytes), nfiles, origin and retention of the one output that a pointer's *text* names.

    For a folder the md5 ends in ".dir" and nfiles is a number; for a file nfiles is None. The origin is a dictionary
    or None, the retention (the last day on which the bytes may be used) a text YYYY-MM-DD or None. Raises ValueError
    that opens with *path* and names what is wrong.
    """
    content = load(text, path)
    try:
        (out,) = content["outs"]
        meta = content.get("meta") or {}
        found = {"path": str(out["path"]), "md5": str(out["md5"]), "size": int(out["size"])}
        found |= {"nfiles": out.get("nfiles"), "origin": meta.get("origin"), "retention": meta.get("retention")}
        scheme = out.get("hash", "md5")
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise ValueError(f"{path}: not a DVC pointer (outs with path, md5 and size expected): {error!r}") from error
    if type(found["retention"]) is date:
        found["retention"] = found["retention"].isoformat()
    if wrong := fault(found, scheme):
        raise ValueError(f"{path}: {wrong}")
    return found


def load(text: str, path: str) -> Any:
    """Return the YAML value of *text*. Raises ValueError that opens with *path*."""
    try:
        return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except (yaml.YAMLError, ValueError) as error:  # the latter for a day that there is not
        raise ValueError(f"{path}: not a DVC pointer: {error}") from error


def fault(found: dict[str, Any], scheme: str) -> str:
    """Return what is wrong with the fields of a pointer, "" if nothing."""
    folder = found["md5"].endswith(".dir")
    if scheme != "md5":
        return f"hash is {scheme!r}, expected md5 (DVC 3)"
    if not MD5.fullmatch(found["md5"]):
        return f"md5 is {found['md5']!r}, expected 32 hexadecimal digits in quotes, for a folder with .dir behind them"
    if not inside(found["path"]) or found["size"] < 0:
        return f"path {found['path']!r} and size {found['size']}: expected a path below the pointer and bytes"
    if folder != isinstance(found["nfiles"], int):
        return f"nfiles is {found['nfiles']!r}: a folder (md5 with .dir) has a number of files, a file has none"
    if found["origin"] is not None and not isinstance(found["origin"], dict):
        return f"meta.origin is {found['origin']!r}, expected keys such as package, sha256 and member"
    if found["retention"] is not None and not is_day(found["retention"]):
        return NO_DAY.format(found["retention"])
    return ""


def inside(name: str) -> bool:
    """Return whether *name* is a relative path that stays in its folder."""
    path = PurePosixPath(name)
    return bool(path.parts) and not path.is_absolute() and not {"..", "\0"} & {*path.parts, *name}


def is_day(text: Any) -> bool:
    """Return whether *text* is a day written YYYY-MM-DD."""
    try:
        return date.fromisoformat(text).isoformat() == text
    except (TypeError, ValueError):
        return False


def today() -> date:
    """Return the day (UTC), or the one that the environment variable OUROBOROS_TODAY says. Raises ValueError."""
    day = os.environ.get("OUROBOROS_TODAY") or datetime.now(UTC).date().isoformat()
    if not is_day(day):
        raise ValueError(f"OUROBOROS_TODAY is {day!r}, expected a day YYYY-MM-DD")
    return date.fromisoformat(day)


def retained(path: str | Path, on: date) -> bool:
    """Return whether the bytes that the pointer at *path* names may still be used *on* a day (meta.retention)."""
    text = Path(path).read_text(encoding="utf-8")
    if "retention" not in text:  # most pointers: a graph asks for all of them
        return True
    until = str((load(text, str(path)).get("meta") or {}).get("retention") or date.max)
    if not is_day(until):
        raise ValueError(f"{path}: {NO_DAY.format(until)}")
    return date.fromisoformat(until) >= on
