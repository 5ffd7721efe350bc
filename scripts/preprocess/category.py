"""Categorical features: one-hot, ordinal and target encoding of the levels of a column, and feature hashing.

The results are those of OneHotEncoder, OrdinalEncoder, TargetEncoder and FeatureHasher of scikit-learn; training rows
are cross-fitted (scripts/preprocess/cross_fit.py). Target encoding: Micci-Barreca, "A preprocessing scheme for
high-cardinality categorical attributes", SIGKDD Explorations 3(1), 2001.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from onnx import helper
from scipy import sparse
from sklearn.feature_extraction import FeatureHasher

from scripts.bundle.onnx_builder import Builder
from scripts.preprocess.feature import Rows, Summary, TextCounts, sum_counts
from scripts.preprocess.lookup_table import pack_strings, unpack_strings


def target_encoding(counts: np.ndarray, total: np.ndarray, smooth: float | str) -> np.ndarray:
    """Return the target encoding [levels + 1, classes] of each level and of unknown values, as TargetEncoder does.

    Each is the share of a class among the rows of the level, shrunk towards the share among all rows; of two classes,
    only the second has a column. *counts* [levels, classes] and *total* [classes] are numbers of labelled rows.
    *smooth* is the number of rows that the overall share counts as, or "auto": by empirical Bayes.
    """
    rows = counts.sum(axis=1, keepdims=True)
    prior = total / max(1, total.sum())
    share = np.where(rows > 0, counts / np.maximum(rows, 1), prior)
    if smooth == "auto":
        between, within = prior * (1 - prior) * rows, share * (1 - share)
        total_variance = between + within
        weight = np.where(total_variance > 0, between / np.where(total_variance > 0, total_variance, 1.0), 0.0)
    else:
        weight = rows / np.maximum(rows + float(smooth), 1e-300)
    encoding = np.vstack([weight * share + (1 - weight) * prior, prior])
    return encoding[:, 1:] if encoding.shape[1] == 2 else encoding


def positions(values: np.ndarray, keys: list[str]) -> np.ndarray:
    """Return the position of each of *values* [rows, 1] in *keys*, -1 where it is not one of them (int64, [rows])."""
    encoded = pa.array(values.ravel(), pa.string())
    at = pc.index_in(encoded, pa.array(keys, pa.string()))
    return at.fill_null(-1).to_numpy().astype(np.int64)


@dataclass
class LevelEncoder:
    """A fitted encoder by levels: each of *keys* has one, in their order, and all other values the *other_level*.

    That is the level after those of the keys, or -1 for none. *table* has a row of numbers for each level, and a last
    one for level -1; without it the encoding is one-hot with a column for each of *names*. Rare values are not listed,
    because a value of a single row may identify a person.
    """

    keys: list[str]
    other_level: int
    names: list[str]
    table: np.ndarray | None = None

    def levels_of(self, values: np.ndarray) -> np.ndarray:
        """Return the level of each of *values* [rows, 1], -1 for none (int64, [rows])."""
        at = positions(values, self.keys)
        return np.where(at < 0, self.other_level, at)

    def transform(self, values: np.ndarray) -> Any:
        at = self.levels_of(values)
        if self.table is not None:
            return self.table[at]
        rows = np.flatnonzero(at >= 0)
        return sparse.csr_matrix((np.ones(len(rows)), (rows, at[rows])), (len(values), len(self.names)))

    def export(self, graph: Builder, tensor: str) -> str:
        """Add the same computation to *graph*; return the tensor of doubles [rows, width]."""
        if self.table is None and self.other_level < 0:
            flat = graph.flatten(tensor)
            return graph.to_double(
                graph.add("OneHotEncoder", flat, domain="ai.onnx.ml", cats_strings=self.keys, zeros=1)
            )
        keys, levels = (self.keys, list(range(len(self.keys)))) if self.keys else ([""], [self.other_level])
        level = graph.add(
            "LabelEncoder",
            tensor,
            domain="ai.onnx.ml",
            keys_tensor=helper.make_tensor("keys", 8, [len(keys)], [key.encode() for key in keys]),
            values_tensor=helper.make_tensor("values", 7, [len(levels)], levels),
            default_tensor=helper.make_tensor("default", 7, [1], [self.other_level]),
        )
        if self.table is None:
            return graph.one_hot(level, len(self.names))
        return graph.add("Gather", graph.constant(self.table), graph.flatten(level))


class HashEncoder:
    """One-hot encoding of the hash of a text in *count* columns, as FeatureHasher(alternate_sign=False) of one text."""

    def __init__(self, count: int):
        self.count, self.keys = count, []
        self.hasher = FeatureHasher(count, input_type="string", alternate_sign=False)
        self.names = [f"#{number}" for number in range(count)]

    def transform(self, values: np.ndarray) -> sparse.csr_matrix:
        return self.hasher.transform(values.tolist())

    def export(self, graph: Builder, tensor: str) -> str:
        """Add the same computation to *graph*; return the tensor of doubles [rows, width]."""
        return graph.one_hot(graph.hash_bucket(tensor, self.count), self.count)


class Category(TextCounts):
    """The levels of a column: one-hot, ordinal, target-encoded or hashed."""

    def summarize(self, values: np.ndarray, y: np.ndarray | None, options: dict) -> Summary:
        ones = np.ones((len(values), 1), np.int64)
        if options["encode"] == "target":
            ones = np.hstack([ones, y.reshape(-1, 1) == np.arange(len(options["classes"]))])
        distinct, counts = sum_counts(values.ravel(), ones)
        return pack_strings(distinct) | {"counts": counts}

    def fit(self, summary: Summary, options: dict, rows: Rows) -> LevelEncoder | HashEncoder:
        values, counts, encode = unpack_strings(summary), summary["counts"], options["encode"]
        if encode == "hash":
            return HashEncoder(options["n_features"])
        is_frequent = counts[:, 0] >= options["min_count"]
        keys = [value for value, often_enough in zip(values, is_frequent, strict=True) if often_enough]
        rare = options["unknown"] == "rare" or not keys or (options["rare"] and not is_frequent.all())
        names = [f"={value or '(missing)'}" for value in keys] + ["=(rare)"] * rare
        encoder = LevelEncoder(keys, len(keys) if rare else -1, names)
        if encode == "ordinal":
            encoder.table, encoder.names = np.append(np.arange(len(names)), -1.0).reshape(-1, 1), [" level"]
        if encode == "target":
            sums = np.zeros((len(names) + 1, counts.shape[1]), np.int64)
            np.add.at(sums, np.where(is_frequent, np.cumsum(is_frequent) - 1, encoder.other_level), counts)
            encoder.table = target_encoding(sums[:-1, 1:], counts[:, 1:].sum(axis=0), options["smooth"])
            encoder.names = [f" target {name}" for name in options["classes"]][-encoder.table.shape[1] :]
        return encoder

    def refit(self, fitted: LevelEncoder, values: np.ndarray, y: np.ndarray, options: dict) -> LevelEncoder:
        counts = np.zeros((len(fitted.table), len(options["classes"])), np.int64)
        np.add.at(counts, (fitted.levels_of(values), y), 1)
        return replace(fitted, table=target_encoding(counts[:-1], counts.sum(axis=0), options["smooth"]))

    def names(self, name: str, fitted: LevelEncoder | HashEncoder) -> list[str]:
        return [f"{name}{end}" for end in fitted.names]

    def vocabulary(self, fitted: LevelEncoder | HashEncoder) -> list[str]:
        return fitted.keys

    def export(self, graph: Builder, tensor: str, fitted: LevelEncoder | HashEncoder) -> str:
        return fitted.export(graph, tensor)


KINDS = {"category": Category()}
