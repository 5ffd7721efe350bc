"""The files of a bundle: contract.json, golden.json, model.onnx, and model.skops where ONNX cannot hold the model."""

from collections.abc import Container
from pathlib import Path

from scripts.spine.canon import file_digest

ONNX, SKOPS = "model.onnx", "model.skops"


def main_file(names: Container[str]) -> str:
    """Return which of the files *names* identifies a bundle: the one that holds its model."""
    return SKOPS if SKOPS in names else ONNX


def identity(folder: Path) -> str:
    """Return the digest of the bundle in *folder*: the sha256 of the file that holds its model."""
    return file_digest(folder / main_file({path.name for path in folder.iterdir()}))


def contents_of(folder: Path) -> dict[str, bytes]:
    """Return the files of the bundle in *folder* by name."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.name[0] != "."}
