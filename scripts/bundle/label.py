"""Labels: raw values to class names, class names to class numbers, or in regression to values."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from scripts.bundle.table import iter_batches
from scripts.column_types import as_text
from scripts.config.classes import sort_classes
from scripts.errors import InputError


def infer_task(label: dict) -> str:
    """Return the task that *label* (preprocess.label) implies: "classification" if it has classes, or "regression"."""
    return "classification" if label["classes"] else "regression"


def to_classes(values: Iterable, classes: dict[str, list[str | None]]) -> list[str | None]:
    """Return the class of each raw value, None for values that belong to no class.

    *classes* maps each class to its raw values; None stands for missing, "*" for any value not named elsewhere.
    """
    class_of = {value: name for name, named in classes.items() for value in named if value != "*"}
    other = next((name for name, named in classes.items() if "*" in named), None)
    return [class_of.get(value, other if value is not None else None) for value in map(as_text, values)]


def to_class_numbers(column: Any, classes: dict[str, list[str | None]]) -> np.ndarray:
    """Return the class number (int64) of each value of an Arrow *column*, -1 for values that belong to no class.

    Classes are numbered in the order of sort_classes().
    """
    numbers = {name: number for number, name in enumerate(sort_classes(classes))} | {None: -1}
    parts = [np.empty(0, np.int64)]
    for chunk in getattr(column, "chunks", [column]):
        encoded = chunk.dictionary_encode()
        values = [*encoded.dictionary.to_pylist(), None]
        by_code = np.array([numbers[name] for name in to_classes(values, classes)], np.int64)
        parts.append(by_code[encoded.indices.fill_null(len(values) - 1).to_numpy(zero_copy_only=False)])
    return np.concatenate(parts)


def extract_targets(column: Any, label: dict) -> tuple[np.ndarray, np.ndarray]:
    """Return the targets of the rows, from the Arrow *column* of the label, and a mask of the rows that have one.

    Targets are class numbers (int64, -1 for values of no class), or in regression values (float64, NaN if missing).
    Raises InputError if a value belongs to no class and `unknown` of *label* is "stop".
    """
    if label["classes"]:
        numbers = to_class_numbers(column, label["classes"])
        unknown = column.filter(pa.array(numbers < 0)).drop_null() if label.get("unknown") == "stop" else []
        if len(unknown):
            raise InputError(
                f"{len(unknown)} rows have a {label['column']} that belongs to no class, the first is "
                f"{as_text(unknown[0].as_py())!r}; name it in preprocess.label.classes, or change "
                "preprocess.label.unknown"
            )
        return numbers, numbers >= 0
    values = column.cast("float64", safe=False).to_numpy()
    return values, np.isfinite(values)


def labelled_batches(
    tables: list[Path], label: dict, columns: list[str], width: int = 1
) -> Iterator[tuple[pa.Table, np.ndarray]]:
    """Yield the rows of *tables* that have a target, in batches, with the targets [rows] of extract_targets().

    *label* is preprocess.label of the configuration; *columns* and *width* are those of iter_batches().
    """
    for rows in iter_batches(tables, list(dict.fromkeys([*columns, label["column"]])), width):
        found_targets, has_target = extract_targets(rows[label["column"]], label)
        if has_target.any():
            yield (
                (rows, found_targets)
                if has_target.all()
                else (rows.filter(pa.array(has_target)), found_targets[has_target])
            )
