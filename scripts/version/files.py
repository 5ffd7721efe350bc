"""Files brought to another place: hashed in one pass, never stored twice where the file system can help it."""

import errno
import fcntl
import hashlib
import json
import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

BLOCK = 1 << 20  # bytes
CLONE = 0x40049409  # FICLONE of Linux: two files share their blocks until one is written to


def hashes(path: Path) -> tuple[str, str]:
    """Return md5 and sha256 of the file at *path*; its bytes are read once."""
    md5, sha256 = hashlib.md5(usedforsecurity=False), hashlib.sha256()
    block = memoryview(bytearray(BLOCK))
    with open(path, "rb", buffering=0) as file:
        while count := file.readinto(block):
            md5.update(block[:count])
            sha256.update(block[:count])
    return md5.hexdigest(), sha256.hexdigest()


def bring(source: Path, target: Path) -> None:
    """Make *target* have the bytes of *source*: by shared blocks, else as a hard link, else as a copy.

    A hard link is the very file of the user or of DVC's cache: nobody may write to it, or change its mode or times.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_symlink():  # DVC may have put one beside the pointer
        source = Path(os.path.realpath(source))
    if os.stat(source).st_mode & stat.S_IWUSR and clone(source, target):
        return
    try:  # objects of the cache are read-only: a link cannot be written to either
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def clone(source: Path, target: Path) -> bool:
    """Let *target* share the blocks of *source* until one of them is written to; return whether that is possible."""
    try:
        with open(source, "rb") as reader, open(target, "xb") as writer:
            fcntl.ioctl(writer, CLONE, reader.fileno())
        return True
    except OSError as error:
        target.unlink(missing_ok=True)
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise
        return False


def walk(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield relative path and path of every file below *folder*."""
    for place, _, names in os.walk(folder):
        for name in names:
            path = Path(place, name)
            yield path.relative_to(folder).as_posix(), path


def listing(md5s: dict[str, str]) -> bytes:
    """Return DVC's listing of a folder, whose own md5 names it, from the md5 of each file by relative path."""
    entries = [{"md5": md5s[name], "relpath": name} for name in sorted(md5s)]
    return json.dumps(entries, sort_keys=True).encode()


def folder_md5(md5s: dict[str, str]) -> str:
    """Return the md5 that DVC gives a folder with these files."""
    return f"{hashlib.md5(listing(md5s), usedforsecurity=False).hexdigest()}.dir"


def version_of(folder: Path, like: dict) -> dict:
    """Return what a pointer like *like* says of the files in *folder*."""
    md5s = {name: hashes(path)[0] for name, path in walk(folder)}
    md5 = md5s[like["path"]] if like["nfiles"] is None else folder_md5(md5s)
    return like | {"md5": md5, "nfiles": None if like["nfiles"] is None else len(md5s)}
