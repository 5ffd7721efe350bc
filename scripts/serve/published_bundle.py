"""A published bundle on disk: its files, read once and checked against SHA256SUMS."""

import hashlib
from pathlib import Path

from scripts.bundle.files import ONNX, SKOPS, STATE
from scripts.errors import BundleError

SUMS = "SHA256SUMS"
FILES = ("contract.json", "golden.json", "lineage.json", ONNX, "schema.json")


def sums_of(contents: dict[str, bytes]) -> str:
    """Return the text of SHA256SUMS for file *contents* by name, as `sha256sum --check` takes it."""
    return "".join(f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in sorted(contents.items()))


def read_bundle(folder: Path) -> dict[str, bytes]:
    """Return the contents of the bundle in *folder* by file name.

    Raises BundleError if a file is missing or is not what SHA256SUMS says.
    """
    try:
        names = [*FILES, *(name for name in (SKOPS, STATE) if (folder / name).exists())]
        contents = {name: (folder / name).read_bytes() for name in names}
        stated = (folder / SUMS).read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise BundleError(f"{error.filename}: {error.strerror}") from error
    if stated != sums_of(contents):
        good = sums_of(contents).splitlines()
        wrong = [name for name, line in zip(sorted(contents), good, strict=True) if line not in stated.splitlines()]
        raise BundleError(f"{folder}: {', '.join(wrong) or SUMS} does not match {SUMS}")
    return contents
