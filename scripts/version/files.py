"""Files of versions: hashed in one pass, copied without using disk space twice if the file system allows that."""

import errno
import fcntl
import hashlib
import os
import shutil
import stat
from pathlib import Path

from scripts.data.dvc_cache import cache_folder
from scripts.data.working_copy import folder_md5, iter_files

BLOCK_BYTES = 1 << 20  # bytes
CLONE = 0x40049409  # ioctl of Linux: two files share their blocks until one is written to


def md5_and_sha256(path: Path) -> tuple[str, str]:
    """Return md5 and sha256 of the file at *path*, reading it once."""
    md5, sha256 = hashlib.md5(usedforsecurity=False), hashlib.sha256()
    block = memoryview(bytearray(BLOCK_BYTES))
    with open(path, "rb", buffering=0) as file:
        while count := file.readinto(block):
            md5.update(block[:count])
            sha256.update(block[:count])
    return md5.hexdigest(), sha256.hexdigest()


def reflink_or_copy(source: Path, target: Path) -> None:
    """Give *target* the bytes of *source*: as a reflink, else as a hard link, else as a copy.

    A hard link is the same file as the user's or DVC's: nobody may write to it, or change its mode or times. A symbolic
    link may be DVC's link into its cache; a file elsewhere is not ours to link to and is copied.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    elsewhere = False
    if source.is_symlink():
        source = Path(os.path.realpath(source))
        elsewhere = not source.is_relative_to(os.path.realpath(cache_folder()))
    if os.stat(source).st_mode & stat.S_IWUSR and reflink(source, target):
        return
    if elsewhere:
        shutil.copyfile(source, target)
        return
    try:  # objects of the cache are read-only, and so is a link to them
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def reflink(source: Path, target: Path) -> bool:
    """Make *target* a reflink of *source* (shared blocks, copied on write); return whether that is possible.

    Raises OSError if the disk or the quota is full.
    """
    try:
        with open(source, "rb") as reader, open(target, "xb") as writer:
            fcntl.ioctl(writer, CLONE, reader.fileno())
        return True
    except OSError as error:
        target.unlink(missing_ok=True)
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise
        return False


def describe_version(folder: Path, template: dict) -> dict:
    """Return the version that the files in *folder* are, in the form of *template*: a file or a folder."""
    md5s = {name: md5_and_sha256(path)[0] for name, path in iter_files(folder)}
    md5 = md5s[template["path"]] if template["nfiles"] is None else folder_md5(md5s)
    return template | {"md5": md5, "nfiles": None if template["nfiles"] is None else len(md5s)}
