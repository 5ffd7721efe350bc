"""The labelled rows of a split, with what a bundle says of them and the columns that tell them apart."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from scripts.analyze.bootstrap import Scores
from scripts.analyze.slices import SPAN, texts
from scripts.bundle.encode import from_table
from scripts.bundle.label import labelled
from scripts.bundle.table import spans, types
from scripts.errors import BadInput

Predict = Callable[[dict[str, np.ndarray]], np.ndarray]


@dataclass(frozen=True)
class Split:
    """The scores of the labelled rows of a split, class numbers in the order of the contract, and some columns."""

    y: np.ndarray
    p: np.ndarray
    table: pa.Table

    def codes(self, column: str | None) -> np.ndarray | None:
        """Return the number of the value of *column* in each row, None without a column."""
        return texts(self.table[column])[0] if column else None


def scored(tables: list[Path], predict: Predict, contract: dict, label: dict, columns: list[str]) -> Split:
    """Return what *predict* says of the labelled rows of *tables*, beside their *columns* and their span.

    Raises BadInput unless at least two classes, or of a regression two different values, have rows.
    """
    labels, parts, kept = [], [], []
    asked = list(dict.fromkeys([*contract["columns"], *columns]))
    for table in tables:
        for rows, known in labelled([table], label, asked, len(contract["features"])):
            labels.append(known)
            parts.append(predict(from_table(rows, contract)))
            span = pa.array([table.parent.name] * len(rows), pa.string())
            found = rows.select(columns)
            kept.append(found if SPAN in columns else found.append_column(SPAN, span))
    y = np.concatenate(labels) if labels else np.empty(0, np.int64)
    check(y, contract, tables)
    return Split(y, np.concatenate(parts).astype(np.float64), pa.concat_tables(kept))


def check(y: np.ndarray, contract: dict, tables: list[Path]) -> None:
    """Raise BadInput where the labels *y* of the rows of *tables* allow no measurement."""
    if contract["task"] == "regression":
        if len(np.unique(y)) < 2:
            raise BadInput(f"span {spans(tables)}: {len(y)} rows with a value, at least two different ones are needed")
        return
    counts = np.bincount(y, minlength=len(contract["classes"]))
    if np.count_nonzero(counts) < 2:
        held = ", ".join(f"{count} {name}" for name, count in zip(contract["classes"], counts, strict=True))
        raise BadInput(f"span {spans(tables)}: {len(y)} rows with a class ({held}); at least two classes are needed")


def as_scores(y: np.ndarray, p: np.ndarray, contract: dict) -> Scores:
    """Return labels and outputs of a bundle as scores: of two classes those of the positive one (no threshold yet)."""
    if contract["task"] == "regression":
        return Scores(y, p[:, 0], regression=True)
    if contract["positive"] is None:
        return Scores(y, p)
    positive = contract["classes"].index(contract["positive"])
    return Scores((y == positive).astype(np.int64), p[:, positive])


def scores_of(split: Split, contract: dict, threshold: float | None, unit: str | None, ranking: dict) -> Scores:
    """Return the scores of *split* with *threshold*, the subjects of *unit* and the groups of *ranking*, if any."""
    grouped = {"groups": split.codes(ranking["group"]), "k": ranking["k"]}
    return replace(as_scores(split.y, split.p, contract), threshold=threshold, units=split.codes(unit), **grouped)


def held(tables: list[Path], names: list[str]) -> dict[str, str]:
    """Return the types of the columns of *tables*. Raises BadInput where one of *names* is none of them."""
    found = types(tables)
    if gone := [name for name in names if name not in found]:
        raise BadInput(f"span {spans(tables)} has no column {', '.join(gone)}")
    return found
