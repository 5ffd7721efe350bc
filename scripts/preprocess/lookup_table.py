"""Tables that are looked up by a name: a row of numbers for each word or node."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from scripts.errors import BadInput


@dataclass
class Lookup:
    """*values* [names, columns]."""

    names: list[str]
    columns: list[str]
    values: np.ndarray


def save(path: Path, table: Lookup) -> None:
    """Write *table* as *path* (npz, the same bytes for the same table)."""
    parts = {
        f"{word}_{key}": value for word in ("names", "columns") for key, value in packed(getattr(table, word)).items()
    }
    with open(path, "wb") as file:
        np.savez(file, values=table.values, **parts)


def load(path: Path) -> Lookup:
    """Return the table that save() wrote."""
    with np.load(path, allow_pickle=False) as found:
        texts = [unpacked({key: found[f"{word}_{key}"] for key in ("bytes", "ends")}) for word in ("names", "columns")]
        return Lookup(*texts, found["values"])


def only_file(raw: Path) -> Path:
    """Return the one file of the folder *raw*. Raises BadInput where there are more."""
    files = [Path(place, name) for place, _, names in os.walk(raw) for name in names if name[0] != "."]
    if len(files) != 1:
        raise BadInput(f"{raw} has {len(files)} files, expected one; a pointer to one file is needed here")
    return files[0]


def packed(texts: Iterable[str]) -> dict[str, np.ndarray]:
    """Return *texts* as arrays of bytes and of where each ends."""
    parts = [text.encode() for text in texts]
    ends = np.cumsum([len(part) for part in parts], dtype=np.int64)
    return {"bytes": np.frombuffer(b"".join(parts), np.uint8), "ends": ends}


def unpacked(summary: dict[str, np.ndarray]) -> list[str]:
    """Return the texts that packed() wrote."""
    content, ends = summary["bytes"].tobytes(), summary["ends"].tolist()
    return [content[start:end].decode() for start, end in zip([0, *ends], ends, strict=False)]
