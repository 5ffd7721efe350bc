"""Whether the file next to a pointer still is what the pointer names: by size and times first, then by md5.

An md5 is computed once for each state of a file and kept in CACHE.
"""

import contextlib
import hashlib
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from scripts.data.pointer import read_pointer

CACHE = Path(".snakemake/ouroboros/working-copies.json")


def iter_files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield relative path and path of every file below *folder*."""
    for place, _, names in os.walk(folder):
        for name in names:
            path = Path(place, name)
            yield path.relative_to(folder).as_posix(), path


def folder_listing(md5s: dict[str, str]) -> bytes:
    """Return DVC's listing (.dir object) of a folder from the md5 of each file by relative path."""
    entries = [{"md5": md5s[name], "relpath": name} for name in sorted(md5s)]
    return json.dumps(entries, sort_keys=True).encode()


def folder_md5(md5s: dict[str, str]) -> str:
    """Return the md5 that DVC gives a folder with these files."""
    return f"{hashlib.md5(folder_listing(md5s), usedforsecurity=False).hexdigest()}.dir"


def describe_edit(path: Path, pointer: Path, version: dict, size: int, md5: str) -> str:
    """Return the sentence that the working copy at *path*, of *size* bytes, is not the *version* of its pointer."""
    return (
        f"{path} has {size} bytes{f', md5 {md5}' if md5 else ''}, but {pointer} names {version['size']} bytes, "
        f"md5 {version['md5']}: `dvc add {path}` makes it a new version, deleting it restores the named bytes"
    )


def read_cache() -> dict[str, str]:
    """Return the md5 of each state of a working copy that was computed before."""
    with contextlib.suppress(OSError, ValueError):
        return json.loads(CACHE.read_text(encoding="utf-8"))
    return {}


def find_edit(pointer: Path) -> str:
    """Return what is wrong with the working copy next to *pointer*, "" if it is as named or not there.

    Raises ValueError if the pointer is malformed.
    """
    version = read_pointer(pointer)
    path = pointer.parent / version["path"]
    if not path.exists():
        return ""
    files = dict(iter_files(path)) if path.is_dir() else {path.name: path}
    stats = {name: os.stat(file) for name, file in files.items()}
    size = sum(stat.st_size for stat in stats.values())
    if size != version["size"]:
        return describe_edit(path, pointer, version, size, "")
    states = sorted((name, s.st_ino, s.st_size, s.st_mtime_ns, s.st_ctime_ns) for name, s in stats.items())
    key, cache = f"{path} {hashlib.sha256(repr(states).encode()).hexdigest()}", read_cache()
    if key not in cache:
        md5s = {}
        for name, file in files.items():
            with open(file, "rb") as stream:
                md5s[name] = hashlib.file_digest(stream, "md5").hexdigest()
        others = {other: md5 for other, md5 in cache.items() if other.rpartition(" ")[0] != str(path)}
        cache = others | {key: folder_md5(md5s) if path.is_dir() else md5s[path.name]}
        write_cache(cache)
    return "" if cache[key] == version["md5"] else describe_edit(path, pointer, version, size, cache[key])


def check_working_copy(path: str) -> str:
    """Return *path*, a pointer or a side file. Exits with one sentence if what lies next to the pointer was edited.

    What lies there must be what is used.
    """
    if edit := path.endswith(".dvc") and find_edit(Path(path)):
        sys.exit(f"error: {edit}")
    return path


def write_cache(cache: dict[str, str]) -> None:
    """Write *cache* atomically, unless the checkout is read-only."""
    temporary = CACHE.with_name(f".{CACHE.name}.{os.getpid()}.tmp")
    with contextlib.suppress(OSError):
        CACHE.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(json.dumps(cache, indent=1, sort_keys=True), encoding="utf-8")
        os.replace(temporary, CACHE)
