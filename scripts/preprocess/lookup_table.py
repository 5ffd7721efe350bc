"""Lookup tables: a row of numbers for each name, such as a word or a node of a graph."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from scripts.errors import InputError


@dataclass
class LookupTable:
    """A table with named rows and columns; *values* are [names, columns]."""

    names: list[str]
    columns: list[str]
    values: np.ndarray


def save_table(path: Path, table: LookupTable) -> None:
    """Write *table* to *path* (npz; the same table gives the same bytes)."""
    parts = {
        f"{word}_{key}": value
        for word in ("names", "columns")
        for key, value in pack_strings(getattr(table, word)).items()
    }
    with open(path, "wb") as file:
        np.savez(file, values=table.values, **parts)


def load_table(path: Path) -> LookupTable:
    """Return the table that save_table() wrote to *path*."""
    with np.load(path, allow_pickle=False) as found:
        texts = [
            unpack_strings({key: found[f"{word}_{key}"] for key in ("bytes", "ends")}) for word in ("names", "columns")
        ]
        return LookupTable(*texts, found["values"])


def find_only_file(raw: Path) -> Path:
    """Return the only file in the folder *raw*, hidden ones apart. Raises InputError if there is not exactly one."""
    files = [Path(place, name) for place, _, names in os.walk(raw) for name in names if name[0] != "."]
    if len(files) != 1:
        raise InputError(f"{raw} has {len(files)} files, expected one; a pointer to one file is needed here")
    return files[0]


def pack_strings(texts: Iterable[str]) -> dict[str, np.ndarray]:
    """Return *texts* as an array of UTF-8 bytes and one of end offsets."""
    parts = [text.encode() for text in texts]
    ends = np.cumsum([len(part) for part in parts], dtype=np.int64)
    return {"bytes": np.frombuffer(b"".join(parts), np.uint8), "ends": ends}


def unpack_strings(summary: dict[str, np.ndarray]) -> list[str]:
    """Return the texts that pack_strings() packed."""
    content, ends = summary["bytes"].tobytes(), summary["ends"].tolist()
    return [content[start:end].decode() for start, end in zip([0, *ends], ends, strict=False)]
