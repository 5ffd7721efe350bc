"""How two versions of raw data differ in lines, where both are at hand."""

from collections import Counter
from pathlib import Path

from scripts.spine.cache import cached
from scripts.spine.canon import read_json

LARGEST = 64 << 20  # bytes: a question must not take longer than a look


def files(path: Path) -> list[Path]:
    """Return the files of a folder, or of a folder's listing in DVC's cache (its name ends in .dir), or the file."""
    if path.is_dir():
        return [found for found in sorted(path.rglob("*")) if found.is_file() and found.name[0] != "."]
    if path.suffix == ".dir" and path.is_file():
        return [cached(entry["md5"]) for entry in read_json(path)]
    return [path]


def content(md5: str, *places: Path) -> Counter | None:
    """Return the lines of the data with digest *md5* that is in DVC's cache or one of *places*, if it is small."""
    for place in (cached(md5), *places):
        found = files(place)
        if all(path.is_file() for path in found) and sum(path.stat().st_size for path in found) <= LARGEST:
            return Counter(line for path in found for line in path.read_bytes().splitlines())
    return None


def delta(pointer: str, fetched: str, before: str, now: str) -> str:
    """Return "N rows added, M removed" between two versions of the data of *pointer*, "" where one is not at hand.

    *fetched* is the copy of the version *before* (md5) that the last run used, a folder's files lie beside it; *now*
    is the md5 in the pointer.
    """
    old = content(before, Path(fetched).parent if before.endswith(".dir") else Path(fetched))
    new = content(now, Path(pointer.removesuffix(".dvc")))
    if old is None or new is None:
        return ""
    return f"{(new - old).total()} rows added, {(old - new).total()} removed"
