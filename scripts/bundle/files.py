"""The files of a bundle: contract.json, golden.json, model.onnx, and model.skops if ONNX cannot express the model.

A family that supports a warm start keeps the state for it in state.npz.
"""

from collections.abc import Container
from pathlib import Path

from scripts.provenance.canonical import file_digest

ONNX, SKOPS, STATE = "model.onnx", "model.skops", "state.npz"


def main_file(names: Container[str]) -> str:
    """Return which of the files *names* of a bundle contains its model and so identifies the bundle."""
    return SKOPS if SKOPS in names else ONNX


def bundle_digest(folder: Path) -> str:
    """Return the digest of the bundle in *folder*: the SHA-256 of the file that contains its model."""
    return file_digest(folder / main_file({path.name for path in folder.iterdir()}))


def size_mb(folder: Path) -> float:
    """Return the size of the graph and model files of the bundle in *folder*, in megabytes."""
    return sum(path.stat().st_size for path in folder.iterdir() if path.name in (ONNX, SKOPS)) / 1e6


def read_contents(folder: Path) -> dict[str, bytes]:
    """Return the contents of the files of the bundle in *folder* by name, hidden files excluded."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.name[0] != "."}
