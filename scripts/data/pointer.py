"""DVC pointer files: which bytes a span consists of, where they come from, and how long they may be kept."""

import os
import re
from datetime import UTC, date, datetime
from pathlib import Path, PurePosixPath
from typing import Any

from scripts.data.yaml_file import parse_yaml

NO_DAY = "meta.retention is {!r}, expected a day YYYY-MM-DD"
MD5 = re.compile(r"[0-9a-f]{32}(\.dir)?")


def read_pointer(path: str | Path) -> dict[str, Any]:
    """Return what the DVC 3 pointer at *path* says; see `parsed`. Raises ValueError where it is malformed."""
    with open(path, encoding="utf-8") as file:
        return parse_pointer(file.read(), str(path))


def parse_pointer(text: str, path: str) -> dict[str, Any]:
    """Return path, md5, size (bytes), nfiles, origin and retention of the one output that a pointer's *text* names.

    For a folder the md5 ends in ".dir" and nfiles is a number; for a file nfiles is None. The origin is a dictionary
    or None, the retention (the last day on which the bytes may be used) a text YYYY-MM-DD or None. Raises ValueError
    that starts with *path* and names the problem.
    """
    content = load_pointer_yaml(text, path)
    try:
        (out,) = content["outs"]
        meta = content.get("meta") or {}
        fields = {"path": str(out["path"]), "md5": str(out["md5"]), "size": int(out["size"])}
        fields |= {"nfiles": out.get("nfiles"), "origin": meta.get("origin"), "retention": meta.get("retention")}
        scheme = out.get("hash", "md5")
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise ValueError(f"{path}: not a DVC pointer (outs with path, md5 and size expected): {error!r}") from error
    if type(fields["retention"]) is date:
        fields["retention"] = fields["retention"].isoformat()
    if wrong := find_problem(fields, scheme):
        raise ValueError(f"{path}: {wrong}")
    return fields


def load_pointer_yaml(text: str, path: str) -> Any:
    """Return the YAML value of *text*. Raises ValueError that starts with *path*."""
    try:
        return parse_yaml(text)
    except (ValueError, RecursionError) as error:  # also for a date that does not exist
        raise ValueError(f"{path}: not a DVC pointer: {error}") from error


def find_problem(fields: dict[str, Any], scheme: str) -> str:
    """Return the problem of the *found* fields of a pointer with the hash *scheme*, "" if there is none."""
    folder = fields["md5"].endswith(".dir")
    if scheme != "md5":
        return f"hash is {scheme!r}, expected md5 (DVC 3)"
    if not MD5.fullmatch(fields["md5"]):
        return f"md5 is {fields['md5']!r}, expected 32 hexadecimal digits in quotes, followed by .dir for a folder"
    if not is_relative_inside(fields["path"]) or fields["size"] < 0:
        return (
            f"path {fields['path']!r} and size {fields['size']}: "
            "expected a path that stays in the folder of the pointer and a number of bytes"
        )
    if folder != isinstance(fields["nfiles"], int):
        return f"nfiles is {fields['nfiles']!r}: expected a number for a folder (md5 with .dir) and none for a file"
    if fields["origin"] is not None and not isinstance(fields["origin"], dict):
        return f"meta.origin is {fields['origin']!r}, expected keys such as package, sha256 and member"
    if fields["retention"] is not None and not is_day(fields["retention"]):
        return NO_DAY.format(fields["retention"])
    return ""


def is_relative_inside(name: str) -> bool:
    """Return whether *name* is a relative path that does not leave its folder."""
    path = PurePosixPath(name)
    return bool(path.parts) and not path.is_absolute() and not {"..", "\0"} & {*path.parts, *name}


def is_day(text: Any) -> bool:
    """Return whether *text* is a date YYYY-MM-DD."""
    try:
        return date.fromisoformat(text).isoformat() == text
    except (TypeError, ValueError):
        return False


def today() -> date:
    """Return the date (UTC), or that of the environment variable OUROBOROS_TODAY. Raises ValueError if malformed."""
    day = os.environ.get("OUROBOROS_TODAY") or datetime.now(UTC).date().isoformat()
    if not is_day(day):
        raise ValueError(f"OUROBOROS_TODAY is {day!r}, expected a day YYYY-MM-DD")
    return date.fromisoformat(day)


def is_retained(path: str | Path, day: date) -> bool:
    """Return whether the bytes that the pointer at *path* names may still be used *on* a day (meta.retention)."""
    text = Path(path).read_text(encoding="utf-8")
    if "retention" not in text:  # true of most pointers; avoids parsing YAML for every span of a dry run
        return True
    until = str((load_pointer_yaml(text, str(path)).get("meta") or {}).get("retention") or date.max)
    if not is_day(until):
        raise ValueError(f"{path}: {NO_DAY.format(until)}")
    return date.fromisoformat(until) >= day
