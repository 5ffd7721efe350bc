"""FeatureKind, the base class of all kinds of features, and the features of a case with the columns that they read."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from scripts.bundle.encode import encode_table
from scripts.bundle.onnx_builder import Builder
from scripts.config.classes import sort_classes
from scripts.config.features import columns_of
from scripts.preprocess.lookup_table import pack_strings, unpack_strings
from scripts.preprocess.registry import load_kind

SEPARATOR = "\x1f"  # between the joined values of several columns
Summary = dict[str, np.ndarray]  # of a span; merges exactly in any order and grouping; no object arrays
Rows = Callable[[], Iterator[np.ndarray]]  # rereads the values of the training split, in batches [rows, columns]


class FeatureKind:
    """One kind of feature: how it is fitted on summaries of spans, and how it is exported to ONNX.

    *input_type* says how it reads its columns: "number" (doubles, NaN where missing), "text" (str, "" where missing),
    or "hook" (by the type of the column). Values are [rows, columns], with one column except for crosses; *options*
    are complete (config/kinds.yaml).
    """

    input_type = "number"
    holds_terms = False  # whether vocabulary() returns terms of texts instead of whole values
    joins = False  # whether there is join()

    def summarize(self, values: np.ndarray, y: np.ndarray | None, options: dict) -> Summary:
        """Return what some rows contribute to the fit; *y* has their labels as targets() returns them.

        The summary is empty if the kind needs no fit, or is fitted on all values at once.
        """
        return {}

    def merge(self, parts: list[Summary]) -> Summary:
        """Return the summary of the rows of all *parts* (at least one)."""
        return {}

    def fit(self, summary: Summary, options: dict, rows: Rows) -> Any:
        """Return the fitted transformer; its `transform` maps values to doubles [rows, width], dense or CSR."""
        raise NotImplementedError

    def refit(self, fitted: Any, values: np.ndarray, y: np.ndarray, options: dict) -> Any:
        """Return *fitted* with what it learnt from labels learnt anew from *values* and their labels *y* [rows] alone.

        Only kinds whose options say that they learn from labels (scripts/config/features.py) have it.
        """
        raise NotImplementedError

    def names(self, name: str, fitted: Any) -> list[str]:
        """Return the names of the columns that *fitted* computes for the feature *name* [width]."""
        raise NotImplementedError

    def vocabulary(self, fitted: Any) -> list[str]:
        """Return values, or terms of texts, that *fitted* distinguishes; golden rows are made of them.

        Values of several columns are joined by SEPARATOR.
        """
        return []

    def contract(self, fitted: Any) -> dict:
        """Return what the contract says about the column besides its type and tensor."""
        vocabulary = self.vocabulary(fitted)
        return {"known": vocabulary, "words": self.holds_terms} if vocabulary else {}

    def join(self, fitted: Sequence[Any]) -> Any:
        """Return one transformer of the columns of all *fitted*, side by side: the graph computes them together.

        The number of nodes then does not grow with the number of columns.
        """
        raise NotImplementedError

    def export(self, graph: Builder, tensor: str, fitted: Any) -> str:
        """Add the computation of *fitted* on *tensor* as ONNX nodes; return the tensor of doubles [rows, width]."""
        raise NotImplementedError


def sum_counts(texts: Sequence[str], counts: np.ndarray) -> tuple[list[str], np.ndarray]:
    """Return the distinct *texts*, sorted, and the sum of the *counts* (a number or a row for each text) of each."""
    encoded = pa.array(texts, pa.string()).dictionary_encode()
    distinct = encoded.dictionary.to_pylist()
    sums = np.zeros((len(distinct), *counts.shape[1:]), np.int64)
    np.add.at(sums, encoded.indices.to_numpy(), counts)
    order = sorted(range(len(distinct)), key=distinct.__getitem__)
    return [distinct[place] for place in order], sums[order]


class TextCounts(FeatureKind):
    """Base class of kinds whose summaries are distinct texts and their counts."""

    input_type = "text"

    def merge(self, parts: list[Summary]) -> Summary:
        texts = [text for part in parts for text in unpack_strings(part)]
        distinct, sums = sum_counts(texts, np.concatenate([part["counts"] for part in parts]))
        return pack_strings(distinct) | {"counts": sums}


@dataclass(frozen=True)
class Feature:
    """A feature of a case: its name, its kind with options, and the columns that it reads."""

    name: str
    kind: Any
    options: dict
    columns: list[str]

    @property
    def title(self) -> str:
        """Return how messages name the feature."""
        return f"{self.name} ({self.options['kind']})"

    def values(self, data: dict[str, np.ndarray]) -> np.ndarray:
        """Return the values [rows, columns] of the feature, given the tensors [rows, 1] by column."""
        return np.hstack([data[column] for column in self.columns])


def plan_features(features: dict[str, list[dict]], label: dict) -> list[Feature]:
    """Return the features of `preprocess.features` in the order of the graph; their options include the classes."""
    classes = {"classes": sort_classes(label.get("classes") or [])}
    return [
        Feature(name, load_kind(spec["kind"]), spec | classes, columns_of(name, spec))
        for name, specs in sorted(features.items())
        for spec in specs
    ]


def input_columns(plan: list[Feature], types: dict[str, str]) -> dict[str, dict]:
    """Return type and tensor of each column that the features of *plan* read, as in the contract.

    *types* are the types of all columns. A hook reads text columns as text and all others as number.
    """
    input_types = {column: feature.kind.input_type for feature in plan for column in feature.columns}
    texts = {column: "text" if types[column] == "text" else "number" for column in input_types}
    read = {column: texts[column] if taken == "hook" else taken for column, taken in input_types.items()}
    return {column: {"type": types[column], "tensor": read[column]} for column in sorted(read)}


def to_tensors(rows: Any, columns: dict[str, dict]) -> dict[str, np.ndarray]:
    """Return the tensors [rows, 1] of an Arrow table by column."""
    return encode_table(rows, {"columns": columns})


def pack_summaries(summaries: list[Summary]) -> Summary:
    """Return *summaries*, in the order of the plan, as one dictionary of arrays."""
    return {f"{number}.{key}": array for number, found in enumerate(summaries) for key, array in found.items()}


def read_summaries(path: Path, plan: list[Feature]) -> tuple[list[Summary], int]:
    """Return the summaries in the file at *path*, in the order of *plan*, and the number of rows."""
    summaries: list[Summary] = [{} for _ in plan]
    with np.load(path, allow_pickle=False) as content:
        rows = int(content["rows"])
        for name in content.files:
            number, _, key = name.partition(".")
            if key:
                summaries[int(number)][key] = content[name]
    return summaries, rows
