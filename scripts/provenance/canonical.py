"""Canonical JSON, digests of values, files and folders, and atomic writes: same content, same bytes on any machine."""

from __future__ import annotations

import hashlib
import json
import math
import os
from pathlib import Path

TYPE_CHECKING = False  # every job imports this module: typing and datetime would take a tenth of its start
if TYPE_CHECKING:
    from typing import Any
DIGITS = 12  # significant digits of a float: few enough that the order of a sum does not change them
# keys of values that are compared with values of rows, or name them: these have all digits
EXACT_KEYS = ("examples", "strange", "threshold")


def to_json_types(value: Any) -> Any:
    """Return *value* as JSON types: dates and paths become strings, tuples become lists, keys become strings.

    Raises TypeError on anything else, so that no memory address gets into a digest.
    """
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, dict):
        return {str(key): to_json_types(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_json_types(item) for item in value]
    raise TypeError(f"{type(value).__name__} has no canonical form: {value!r}")


def round_floats(value: Any) -> Any:
    """Return *value* with every float at 12 significant digits, but for EXACT_KEYS; NaN and infinities become None."""
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: nulls_for_nan(item) if key in EXACT_KEYS else round_floats(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [round_floats(item) for item in value]
    return value


def nulls_for_nan(value: Any) -> Any:
    """Return *value* with all digits of its floats; NaN and infinities become None."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: nulls_for_nan(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [nulls_for_nan(item) for item in value]
    return value


def canonical(value: Any) -> str:
    """Return the canonical JSON of *value*: sorted keys, no white space, ASCII."""
    return json.dumps(to_json_types(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def json_digest(value: Any) -> str:
    """Return the sha256 (64 hexadecimal digits) of the canonical form of *value*."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()


def file_digest(path: str | os.PathLike, algorithm: str = "sha256") -> str:
    """Return the hexadecimal digest of the bytes of the file at *path*."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()


def list_tree(folder: str | os.PathLike) -> list[str]:
    """Return the relative paths of all files below *folder*, sorted; hidden files and folders do not count."""
    paths = []
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name[0] != "."]
        paths += [os.path.relpath(os.path.join(parent, name), folder) for name in names if name[0] != "."]
    return sorted(paths)


def tree_digest(folder: str | os.PathLike, known: dict[str, str] | None = None) -> str:
    """Return the sha256 over the lines "<relative path> <sha256>" of all files below *folder*, sorted by path.

    Hidden files, whose names start with a dot, do not count. *known* gives digests by relative path, so that those
    files need not be read.
    """
    known = known or {}
    lines = [f"{name} {known.get(name) or file_digest(os.path.join(folder, name))}\n" for name in list_tree(folder)]
    return hashlib.sha256("".join(sorted(lines)).encode()).hexdigest()


def path_digest(path: str | os.PathLike) -> str:
    """Return the sha256 of the file at *path* or, for a folder, its tree_digest."""
    return tree_digest(path) if os.path.isdir(path) else file_digest(path)


def write_json(path: str | os.PathLike, value: Any) -> None:
    """Write *value* to *path*, atomically, as indented canonical JSON: sorted keys, rounded floats."""
    text = json.dumps(round_floats(to_json_types(value)), sort_keys=True, indent=1, ensure_ascii=False) + "\n"
    write_bytes(path, text.encode())


def to_exact_json(value: Any) -> bytes:
    """Return *value* as an indented JSON file with sorted keys and all digits of floats.

    Predictions depend on them, and so does staleness.
    """
    return (json.dumps(value, sort_keys=True, indent=1, ensure_ascii=False) + "\n").encode()


def write_bytes(path: str | os.PathLike, content: bytes) -> None:
    """Write *content* to *path* atomically: to a temporary file next to it, which is synced to disk and renamed."""
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
