"""The files of a bundle: contract.json, golden.json, model.onnx, and model.skops where ONNX cannot hold the model.

A family that can go on from an earlier model keeps what it needs for that in state.npz.
"""

from collections.abc import Container
from pathlib import Path

from scripts.provenance.canonical import file_digest

ONNX, SKOPS, STATE = "model.onnx", "model.skops", "state.npz"


def main_file(names: Container[str]) -> str:
    """Return which of the files *names* identifies a bundle: the one that holds its model."""
    return SKOPS if SKOPS in names else ONNX


def identity(folder: Path) -> str:
    """Return the digest of the bundle in *folder*: the sha256 of the file that holds its model."""
    return file_digest(folder / main_file({path.name for path in folder.iterdir()}))


def size_mb(folder: Path) -> float:
    """Return the megabytes of the files of the bundle in *folder* that hold graph and model."""
    return sum(path.stat().st_size for path in folder.iterdir() if path.name in (ONNX, SKOPS)) / 1e6


def contents_of(folder: Path) -> dict[str, bytes]:
    """Return the files of the bundle in *folder* by name."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.name[0] != "."}
