"""Categories as features."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy import sparse

from scripts.bundle.onnxgraph import Builder
from scripts.preprocess.kind import Counts, Rows, Summary, packed, unpacked


def value_counts(values: np.ndarray) -> Summary:
    """Return the distinct texts of *values* [rows, 1], sorted, and their counts."""
    found = pc.value_counts(pa.array(values.ravel(), pa.string())).to_pylist()
    counts = dict(sorted((item["values"], item["counts"]) for item in found))
    return packed(counts) | {"counts": np.array(list(counts.values()), np.int64)}


def places(values: np.ndarray, categories: list[str]) -> np.ndarray:
    """Return the place of each of *values* [rows, 1] among *categories*, -1 where it is none of them [rows]."""
    at = pc.index_in(pa.array(values.ravel(), pa.string()), pa.array(categories, pa.string()))
    return at.fill_null(-1).to_numpy().astype(np.int64)


@dataclass
class OneHot:
    """A column for each of *categories*, as OneHotEncoder(handle_unknown="ignore") makes them."""

    categories: list[str]

    def transform(self, values: np.ndarray) -> sparse.csr_matrix:
        at = places(values, self.categories)
        rows = np.flatnonzero(at >= 0)
        ones = np.ones(len(rows))
        return sparse.csr_matrix((ones, (rows, at[rows])), (len(values), len(self.categories)))


class Category(Counts):
    """A column for each value that enough rows of the training split have; zeros for any other value."""

    def summarize(self, values: np.ndarray, y: np.ndarray | None, options: dict) -> Summary:
        return value_counts(values)

    def fit(self, summary: Summary, options: dict, rows: Rows) -> OneHot:
        counts = dict(zip(unpacked(summary), summary["counts"].tolist(), strict=True))
        kept = [value for value, count in counts.items() if count >= options["min_count"]]
        return OneHot(kept or [max(counts, key=counts.__getitem__)])

    def names(self, name: str, fitted: OneHot) -> list[str]:
        return [f"{name}={value or '(missing)'}" for value in fitted.categories]

    def known(self, fitted: OneHot) -> list[str]:
        return fitted.categories

    def export(self, graph: Builder, tensor: str, fitted: OneHot) -> str:
        flat = graph.flat(tensor)
        ones = graph.add("OneHotEncoder", flat, domain="ai.onnx.ml", cats_strings=fitted.categories, zeros=1)
        return graph.double(ones)


KINDS = {"category": Category()}
