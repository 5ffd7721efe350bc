"""The features of a case one by one, with the columns that they read."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from scripts.bundle.encode import from_table
from scripts.bundle.label import order
from scripts.preprocess.kind import Summary
from scripts.preprocess.kinds import kind
from scripts.spine.features import columns_of


@dataclass(frozen=True)
class Feature:
    """One kind, with its options, of the feature *name*."""

    name: str
    kind: Any
    options: dict
    columns: list[str]

    @property
    def words(self) -> str:
        """Return what names the feature in a message."""
        return f"{self.name} ({self.options['kind']})"

    def values(self, data: dict[str, np.ndarray]) -> np.ndarray:
        """Return the values [rows, columns] of tensors by column."""
        return np.hstack([data[column] for column in self.columns])


def planned(features: dict[str, list[dict]], label: dict) -> list[Feature]:
    """Return the features of `preprocess.features` in the order of the graph; their options name the classes."""
    classes = {"classes": order(label.get("classes") or [])}
    return [
        Feature(name, kind(spec["kind"]), spec | classes, columns_of(name, spec))
        for name, specs in sorted(features.items())
        for spec in specs
    ]


def columns_read(plan: list[Feature], types: dict[str, str]) -> dict[str, dict]:
    """Return type and tensor of each column that the features of *plan* read; *types* are those of the columns.

    A hook reads texts as text and all else as number.
    """
    takes = {column: feature.kind.takes for feature in plan for column in feature.columns}
    texts = {column: "text" if types[column] == "text" else "number" for column in takes}
    read = {column: texts[column] if taken == "hook" else taken for column, taken in takes.items()}
    return {column: {"type": types[column], "tensor": read[column]} for column in sorted(read)}


def tensors(rows: Any, columns: dict[str, dict]) -> dict[str, np.ndarray]:
    """Return the tensors of an Arrow table by column."""
    return from_table(rows, {"columns": columns})


def written(summaries: list[Summary]) -> Summary:
    """Return *summaries*, in the order of the plan, as one."""
    return {f"{number}.{key}": array for number, found in enumerate(summaries) for key, array in found.items()}


def read(path: Path, plan: list[Feature]) -> tuple[list[Summary], int]:
    """Return the summaries in the file at *path*, in the order of *plan*, and the number of rows behind them."""
    found: list[Summary] = [{} for _ in plan]
    with np.load(path, allow_pickle=False) as content:
        rows = int(content["rows"])
        for name in content.files:
            number, _, key = name.partition(".")
            if key:
                found[int(number)][key] = content[name]
    return found, rows
