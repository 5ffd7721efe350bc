"""Labels: raw values to classes, classes to numbers; where there are no classes, values."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from scripts.bundle.table import batches
from scripts.column_types import as_text
from scripts.errors import BadInput


def task(label: dict) -> str:
    """Return what the *label* of the configuration asks for: classification where it has classes, else regression."""
    return "classification" if label["classes"] else "regression"


def classes_of(values: Iterable, classes: dict[str, list[str | None]]) -> list[str | None]:
    """Return the class of each raw value; None for values that no class names.

    *classes* maps a class to its raw values; None stands for missing, "*" for any value that no class names.
    """
    known = {value: name for name, named in classes.items() for value in named if value != "*"}
    other = next((name for name, named in classes.items() if "*" in named), None)
    return [known.get(value, other if value is not None else None) for value in map(as_text, values)]


def class_numbers(column: Any, classes: dict[str, list[str | None]]) -> np.ndarray:
    """Return the number of the class of each value of an Arrow *column* (int64); -1 where no class names it.

    A class's number is its place in order().
    """
    numbers = {name: number for number, name in enumerate(order(classes))} | {None: -1}
    found = [np.empty(0, np.int64)]
    for chunk in getattr(column, "chunks", [column]):
        encoded = chunk.dictionary_encode()
        values = [*encoded.dictionary.to_pylist(), None]
        by_code = np.array([numbers[name] for name in classes_of(values, classes)], np.int64)
        found.append(by_code[encoded.indices.fill_null(len(values) - 1).to_numpy(zero_copy_only=False)])
    return np.concatenate(found)


def order(classes: Iterable[str]) -> list[str]:
    """Return the classes in the order of their numbers: alphabetical, so that no file's key order matters."""
    return sorted(classes)


def targets(column: Any, label: dict) -> tuple[np.ndarray, np.ndarray]:
    """Return what the rows of the Arrow *column* of the label have to be, and a mask of those that have it.

    Class numbers (int64, -1 where no class names the value), or in regression values (float64, NaN where missing).
    Raises BadInput where `unknown` of *label* says so and a value belongs to no class.
    """
    if label["classes"]:
        numbers = class_numbers(column, label["classes"])
        unknown = column.filter(pa.array(numbers < 0)).drop_null() if label.get("unknown") == "stop" else []
        if len(unknown):
            raise BadInput(
                f"{len(unknown)} rows have a {label['column']} that belongs to no class, the first is "
                f"{as_text(unknown[0].as_py())!r}; name it in preprocess.label.classes, or change "
                "preprocess.label.unknown"
            )
        return numbers, numbers >= 0
    values = column.cast("float64", safe=False).to_numpy()
    return values, np.isfinite(values)


def labelled(
    tables: list[Path], label: dict, columns: list[str], width: int = 1
) -> Iterator[tuple[pa.Table, np.ndarray]]:
    """Yield batches() of the rows that have a class, or in regression a value, with targets().

    *label* is preprocess.label of the configuration.
    """
    for rows in batches(tables, list(dict.fromkeys([*columns, label["column"]])), width):
        found, known = targets(rows[label["column"]], label)
        if known.any():
            yield (rows, found) if known.all() else (rows.filter(pa.array(known)), found[known])
