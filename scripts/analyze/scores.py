"""Score the labelled rows of a split with a bundle, and keep the columns that slices, units and groups need."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from scripts.analyze.bootstrap import Scores
from scripts.analyze.slices import SPAN, encode_texts
from scripts.bundle.encode import encode_table
from scripts.bundle.label import labelled_batches
from scripts.bundle.table import column_types, span_names
from scripts.errors import InputError

Predict = Callable[[dict[str, np.ndarray]], np.ndarray]


@dataclass(frozen=True)
class ScoredSplit:
    """Targets *y* [rows] and outputs *p* of the labelled rows of a split, and some of their columns.

    Class numbers have the order of the contract.
    """

    y: np.ndarray
    p: np.ndarray
    table: pa.Table

    def codes(self, column: str | None) -> np.ndarray | None:
        """Return the values of *column* as numbers [rows], None without a column."""
        return encode_texts(self.table[column])[0] if column else None

    def units(self, column: str | None) -> np.ndarray | None:
        """Return the subjects of *column* as numbers [rows]; each row without one is a subject of its own."""
        numbers = self.codes(column)
        if numbers is not None and (unknown := self.table[column].is_null().to_numpy()).any():
            numbers = np.where(unknown, len(numbers) + np.arange(len(numbers)), numbers)
        return numbers


def score_tables(tables: list[Path], predict: Predict, contract: dict, label: dict, columns: list[str]) -> ScoredSplit:
    """Return the outputs of *predict* for the labelled rows of *tables*, with their *columns* and their span.

    Raises InputError unless there are rows of two classes, or in regression two different values.
    """
    labels, parts, extra_columns = [], [], []
    read_columns = list(dict.fromkeys([*contract["columns"], *columns]))
    for table in tables:
        for rows, targets in labelled_batches([table], label, read_columns, len(contract["features"])):
            labels.append(targets)
            parts.append(predict(encode_table(rows, contract)))
            span = pa.array([table.parent.name] * len(rows), pa.string())
            selected = rows.select(columns)
            extra_columns.append(selected if SPAN in columns else selected.append_column(SPAN, span))
    y = np.concatenate(labels) if labels else np.empty(0, np.int64)
    check_labels(y, contract, tables)
    return ScoredSplit(y, np.concatenate(parts).astype(np.float64), pa.concat_tables(extra_columns))


def check_labels(y: np.ndarray, contract: dict, tables: list[Path]) -> None:
    """Raise InputError if the labels *y* in *tables* have fewer than two classes or, in regression, values."""
    if contract["task"] == "regression":
        if len(np.unique(y)) < 2:
            raise InputError(
                f"span {span_names(tables)}: {len(y)} rows with a value, at least two different ones are needed"
            )
        return
    counts = np.bincount(y, minlength=len(contract["classes"]))
    if np.count_nonzero(counts) < 2:
        counts_by_class = ", ".join(f"{count} {name}" for name, count in zip(contract["classes"], counts, strict=True))
        raise InputError(
            f"span {span_names(tables)}: {len(y)} rows with a class ({counts_by_class}); "
            "at least two classes are needed"
        )


def to_scores(y: np.ndarray, p: np.ndarray, contract: dict) -> Scores:
    """Return labels *y* and outputs *p* of a bundle as scores, with two classes those of the positive one."""
    if contract["task"] == "regression":
        return Scores(y, p[:, 0], regression=True)
    if contract["positive"] is None:
        return Scores(y, p)
    positive = contract["classes"].index(contract["positive"])
    return Scores((y == positive).astype(np.int64), p[:, positive])


def split_scores(
    split: ScoredSplit, contract: dict, threshold: float | None, unit: str | None, ranking: dict
) -> Scores:
    """Return the scores of *split* with *threshold* and, if named, the subjects of *unit* and groups of *ranking*."""
    grouped = {"groups": split.codes(ranking["group"]), "k": ranking["k"]}
    return replace(to_scores(split.y, split.p, contract), threshold=threshold, units=split.units(unit), **grouped)


def require_columns(tables: list[Path], names: list[str]) -> dict[str, str]:
    """Return the types of all columns of *tables*. Raises InputError if one of *names* is missing."""
    dtypes = column_types(tables)
    if missing := [name for name in names if name not in dtypes]:
        raise InputError(f"span {span_names(tables)} has no column {', '.join(missing)}")
    return dtypes
