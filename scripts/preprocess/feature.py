"""What every kind of feature can do, and the forms in which summaries hold texts.

The features of a case one by one, with the columns that they read."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from scripts.bundle.encode import from_table
from scripts.bundle.label import order
from scripts.bundle.onnx_builder import Builder
from scripts.config.features import columns_of
from scripts.preprocess.lookup_table import packed, unpacked
from scripts.preprocess.registry import kind

SEPARATOR = "\x1f"  # between the values of several columns
Summary = dict[str, np.ndarray]  # of one span, merged exactly in any order and grouping; no arrays of objects
Rows = Callable[[], Iterator[np.ndarray]]  # the values of the training split once more, in batches [rows, columns]


class Kind:
    """One kind of feature.

    *takes* says how it reads its columns: "number" (doubles, NaN where missing) or "text" (str, "" where missing).
    Values are [rows, columns], of all kinds but crosses [rows, 1]; *options* are complete (config/kinds.yaml).
    """

    takes = "number"
    words = False  # whether known() gives words of texts

    def summarize(self, values: np.ndarray, y: np.ndarray | None, options: dict) -> Summary:
        """Return what the values of some rows add to what is fitted; *y* has their labels by targets().

        Nothing for a kind that is fitted without, or on all values at once.
        """
        return {}

    def merge(self, parts: list[Summary]) -> Summary:
        """Return the summary of all rows of *parts* (at least one)."""
        return {}

    def fit(self, summary: Summary, options: dict, rows: Rows) -> Any:
        """Return the fitted transformer: `transform` takes values and returns doubles [rows, width] or CSR."""
        raise NotImplementedError

    def names(self, name: str, fitted: Any) -> list[str]:
        """Return the names of the columns that *fitted* makes of the feature *name*."""
        raise NotImplementedError

    def known(self, fitted: Any) -> list[str]:
        """Return values, or words of texts, that *fitted* tells apart: golden rows are made of them.

        Values of several columns are joined by SEPARATOR.
        """
        return []

    def contract(self, fitted: Any) -> dict:
        """Return what the contract says of the column, beside its type and tensor."""
        known = self.known(fitted)
        return {"known": known, "words": self.words} if known else {}

    def export(self, graph: Builder, tensor: str, fitted: Any) -> str:
        """Add what *fitted* does to *tensor* as ONNX nodes; return the tensor of doubles [rows, width]."""
        raise NotImplementedError


def counted(texts: Sequence[str], counts: np.ndarray) -> tuple[list[str], np.ndarray]:
    """Return distinct *texts*, sorted, and the sum of the *counts* (one for each text, or a row) of each."""
    encoded = pa.array(texts, pa.string()).dictionary_encode()
    found = encoded.dictionary.to_pylist()
    sums = np.zeros((len(found), *counts.shape[1:]), np.int64)
    np.add.at(sums, encoded.indices.to_numpy(), counts)
    order = sorted(range(len(found)), key=found.__getitem__)
    return [found[place] for place in order], sums[order]


class Counts(Kind):
    """Kinds that need to know how often each text occurs: summaries of distinct texts and their counts."""

    takes = "text"

    def merge(self, parts: list[Summary]) -> Summary:
        texts = [text for part in parts for text in unpacked(part)]
        kept, sums = counted(texts, np.concatenate([part["counts"] for part in parts]))
        return packed(kept) | {"counts": sums}


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
