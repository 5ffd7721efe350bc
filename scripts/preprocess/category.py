"""Target encoding: the share of each class among the rows of a level, drawn towards that of all rows.

Micci-Barreca, "A preprocessing scheme for high-cardinality categorical attributes", SIGKDD Explorations 3(1), 2001; the
same numbers as TargetEncoder of scikit-learn, fitted on all rows.

Categories as features: the levels of a column, and what each level becomes."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from onnx import helper
from scipy import sparse
from sklearn.feature_extraction import FeatureHasher

from scripts.bundle.onnx_builder import Builder
from scripts.preprocess.feature import Counts, Rows, Summary, counted
from scripts.preprocess.lookup_table import packed, unpacked


def smoothed(counts: np.ndarray, total: np.ndarray, smooth: float | str) -> np.ndarray:
    """Return the encoding of each level, and last that of an unknown one; of two classes that of the second alone.

    *counts* [levels, classes] and *total* [classes] are rows with a class. *smooth* is how many rows the share of all
    rows counts as, or "auto": by empirical Bayes.
    """
    rows = counts.sum(axis=1, keepdims=True)
    prior = total / max(1, total.sum())
    share = np.where(rows > 0, counts / np.maximum(rows, 1), prior)
    if smooth == "auto":
        spread, within = prior * (1 - prior) * rows, share * (1 - share)
        both = spread + within
        weight = np.where(both > 0, spread / np.where(both > 0, both, 1.0), 0.0)
    else:
        weight = rows / np.maximum(rows + float(smooth), 1e-300)
    found = np.vstack([weight * share + (1 - weight) * prior, prior])
    return found[:, 1:] if found.shape[1] == 2 else found


def places(values: np.ndarray, keys: list[str]) -> np.ndarray:
    """Return the place of each of *values* [rows, 1] among *keys*, -1 where it is none of them [rows]."""
    encoded = pa.array(values.ravel(), pa.string())
    at = pc.index_in(encoded, pa.array(keys, pa.string()))
    return at.fill_null(-1).to_numpy().astype(np.int64)


@dataclass
class Levels:
    """The level of each known value: its own or, where few rows have it, the rare one; *other* is that of unknown ones.

    *table* has a row of numbers for each level and a last one for level -1; without it there is a column for each of
    the *names*, as OneHotEncoder has them. The values *kept* have levels of their own.
    """

    keys: list[str]
    levels: np.ndarray
    other: int
    names: list[str]
    kept: list[str]
    table: np.ndarray | None = None

    def transform(self, values: np.ndarray) -> Any:
        at = np.append(self.levels, self.other)[places(values, self.keys)]
        if self.table is not None:
            return self.table[at]
        rows = np.flatnonzero(at >= 0)
        return sparse.csr_matrix((np.ones(len(rows)), (rows, at[rows])), (len(values), len(self.names)))

    def export(self, graph: Builder, tensor: str) -> str:
        """Add the same to *graph*."""
        if self.table is None and self.other < 0 and len(self.names) == len(self.keys):
            flat = graph.flat(tensor)
            return graph.double(graph.add("OneHotEncoder", flat, domain="ai.onnx.ml", cats_strings=self.keys, zeros=1))
        level = graph.add(
            "LabelEncoder",
            tensor,
            domain="ai.onnx.ml",
            keys_tensor=helper.make_tensor("keys", 8, [len(self.keys)], [key.encode() for key in self.keys]),
            values_tensor=helper.make_tensor("values", 7, [len(self.keys)], self.levels.tolist()),
            default_tensor=helper.make_tensor("default", 7, [1], [self.other]),
        )
        if self.table is None:
            return graph.one_hot(level, len(self.names))
        return graph.add("Gather", graph.constant(self.table), graph.flat(level))


class Hashed:
    """One of *count* columns by the hash of the text, as FeatureHasher(alternate_sign=False) of one text a row."""

    def __init__(self, count: int, kept: list[str]):
        self.count, self.kept = count, kept
        self.hasher = FeatureHasher(count, input_type="string", alternate_sign=False)
        self.names = [f"#{number}" for number in range(count)]

    def transform(self, values: np.ndarray) -> sparse.csr_matrix:
        return self.hasher.transform(values.tolist())

    def export(self, graph: Builder, tensor: str) -> str:
        """Add the same to *graph*."""
        return graph.one_hot(graph.bucket(tensor, self.count), self.count)


class Category(Counts):
    """The levels of a column one-hot, by number, by the share of each class among their rows, or by a hash."""

    def summarize(self, values: np.ndarray, y: np.ndarray | None, options: dict) -> Summary:
        ones = np.ones((len(values), 1), np.int64)
        if options["encode"] == "target":
            ones = np.hstack([ones, y.reshape(-1, 1) == np.arange(len(options["classes"]))])
        kept, counts = counted(values.ravel(), ones)
        return packed(kept) | {"counts": counts}

    def fit(self, summary: Summary, options: dict, rows: Rows) -> Levels | Hashed:
        values, counts, encode = unpacked(summary), summary["counts"], options["encode"]
        often = counts[:, 0] >= options["min_count"]
        often = often if often.any() else np.arange(len(values)) == counts[:, 0].argmax()
        kept = [value for value, often_enough in zip(values, often, strict=True) if often_enough]
        if encode == "hash":
            return Hashed(options["n_features"], kept)
        names = [f"={value or '(missing)'}" for value in kept]
        unknown = options["unknown"] == "rare"
        rare = unknown or (options["rare"] and not often.all())
        levels = np.where(often, np.cumsum(often) - 1, len(kept) if rare else -1)
        names += ["=(rare)"] * rare
        other = len(kept) if unknown else -1
        own = levels != other
        keys = [value for value, listed in zip(values, own, strict=True) if listed]
        found = Levels(keys, levels[own], other, names, kept)
        if encode == "ordinal":
            found.table, found.names = np.append(np.arange(len(names)), -1.0).reshape(-1, 1), [" level"]
        if encode == "target":
            sums = np.zeros((len(names) + 1, counts.shape[1]), np.int64)
            np.add.at(sums, levels, counts)
            found.table = smoothed(sums[:-1, 1:], counts[:, 1:].sum(axis=0), options["smooth"])
            found.names = [f" target {name}" for name in options["classes"]][-found.table.shape[1] :]
        return found

    def names(self, name: str, fitted: Levels | Hashed) -> list[str]:
        return [f"{name}{end}" for end in fitted.names]

    def known(self, fitted: Levels | Hashed) -> list[str]:
        return fitted.kept

    def export(self, graph: Builder, tensor: str, fitted: Levels | Hashed) -> str:
        return fitted.export(graph, tensor)


KINDS = {"category": Category()}
