"""A published bundle on disk: its files are read once and checked against SHA256SUMS."""

import errno
import hashlib
import os
import stat
from pathlib import Path

from scripts.bundle.files import ONNX, SKOPS, STATE
from scripts.bundle.published import CHECKSUMS, SIGNATURE
from scripts.errors import BundleError

FILES = ("contract.json", "golden.json", "lineage.json", ONNX, "schema.json")


def format_checksums(contents: dict[str, bytes]) -> str:
    """Return the text of SHA256SUMS for *contents* by file name, in the format of `sha256sum --check`."""
    return "".join(f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in sorted(contents.items()))


def read_file(path: Path) -> bytes:
    """Return the content of *path*. Raises OSError, also if it is a pipe or a device, which may never end."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # a pipe would wait for a writer
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "not a regular file", str(path))
        with open(descriptor, "rb", closefd=False) as file:
            return file.read()
    finally:
        os.close(descriptor)


def read_bundle(folder: Path) -> dict[str, bytes]:
    """Return the contents of the bundle in *folder* by file name.

    Raises BundleError if a file is missing or does not match SHA256SUMS.
    """
    try:
        names = [*FILES, *(name for name in (SKOPS, STATE, SIGNATURE) if (folder / name).exists())]
        contents = {name: read_file(folder / name) for name in names}
        stated = read_file(folder / CHECKSUMS).decode(errors="replace")
    except OSError as error:
        raise BundleError(f"{error.filename}: {error.strerror}") from error
    if stated != format_checksums(contents):
        good = format_checksums(contents).splitlines()
        wrong = [name for name, line in zip(sorted(contents), good, strict=True) if line not in stated.splitlines()]
        raise BundleError(f"{folder}: {', '.join(wrong) or CHECKSUMS} does not match {CHECKSUMS}")
    return contents
