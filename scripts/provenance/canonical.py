"""Canonical values, digests and safe writes: the same content gives the same bytes on every machine."""

from __future__ import annotations

import hashlib
import json
import math
import os
from pathlib import Path

TYPE_CHECKING = False  # this module starts with every job: typing and datetime would be a tenth of the start
if TYPE_CHECKING:
    from typing import Any
DIGITS = 12  # significant digits kept of a float: fewer than summation order can disturb


def plain(value: Any) -> Any:
    """Return *value* as JSON types: dates and paths become text, tuples become lists, keys become text.

    Raises TypeError on anything else, so that nothing enters a digest by its memory address.
    """
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    raise TypeError(f"{type(value).__name__} has no canonical form: {value!r}")


def rounded(value: Any) -> Any:
    """Return *value* with every float at 12 significant digits; NaN and infinities become None."""
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(item) for item in value]
    return value


def canonical(value: Any) -> str:
    """Return the one JSON text of *value*: sorted keys, no white space."""
    return json.dumps(plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def digest(value: Any) -> str:
    """Return the sha256 (64 hexadecimal digits) of the canonical form of *value*."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()


def file_digest(path: str | os.PathLike, algorithm: str = "sha256") -> str:
    """Return the hexadecimal digest of the bytes of the file at *path*."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()


def tree_digest(folder: str | os.PathLike, known: dict[str, str] | None = None) -> str:
    """Return the sha256 over the lines "<relative path> <sha256>" of all files below *folder*, sorted by path.

    Hidden files, whose names start with a dot, do not count. *known* has digests by relative path that need no reading.
    """
    lines = []
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name[0] != "."]
        for name in names:
            if name[0] != ".":
                path = os.path.join(place, name)
                relative = os.path.relpath(path, folder)
                lines.append(f"{relative} {(known or {}).get(relative) or file_digest(path)}\n")
    return hashlib.sha256("".join(sorted(lines)).encode()).hexdigest()


def path_digest(path: str | os.PathLike) -> str:
    """Return the sha256 of the file, or of all files of the folder, at *path*."""
    return tree_digest(path) if os.path.isdir(path) else file_digest(path)


def write_json(path: str | os.PathLike, value: Any) -> None:
    """Write *value* to *path* as readable canonical JSON (sorted keys, rounded floats), whole or not at all."""
    text = json.dumps(rounded(plain(value)), sort_keys=True, indent=1, ensure_ascii=False) + "\n"
    write_bytes(path, text.encode())


def exact(value: Any) -> bytes:
    """Return *value* as the bytes of a readable JSON file in which floats keep every digit: they decide answers."""
    return (json.dumps(value, sort_keys=True, indent=1, ensure_ascii=False) + "\n").encode()


def write_bytes(path: str | os.PathLike, content: bytes) -> None:
    """Write *content* under a temporary name beside *path*, force it to disk and rename it."""
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with open(temporary, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def read_json(path: str | os.PathLike) -> Any:
    """Return the JSON value in the file at *path*."""
    with open(path, encoding="utf-8") as file:
        return json.load(file)
