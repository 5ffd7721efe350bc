"""How two versions of a raw file differ in lines, where both are at hand."""

from collections import Counter
from pathlib import Path

LARGEST = 64 << 20  # bytes: a question must not take longer than a look


def content(md5: str, *places: Path) -> Counter | None:
    """Return the lines of the file with digest *md5* that is in DVC's cache or one of *places*, if it is small."""
    cached = Path(".dvc/cache/files/md5") / md5[:2] / md5[2:]
    for path in (cached, *places):
        if path.is_file() and path.stat().st_size <= LARGEST:
            return Counter(path.read_bytes().splitlines())
    return None


def delta(pointer: str, fetched: str, before: str, now: str) -> str:
    """Return "N rows added, M removed" between two versions of the file of *pointer*, "" where one is not at hand.

    *fetched* is the copy of the version *before* (md5) that the last run used; *now* is the md5 in the pointer.
    """
    old = content(before, Path(fetched))
    new = content(now, Path(pointer.removesuffix(".dvc")))
    if old is None or new is None:
        return ""
    return f"{(new - old).total()} rows added, {(old - new).total()} removed"
