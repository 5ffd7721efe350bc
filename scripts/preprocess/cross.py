"""Feature crosses: the combinations of values of several columns as one category."""

from typing import Any

import numpy as np

from scripts.bundle.onnx_builder import Builder
from scripts.preprocess.category import Category
from scripts.preprocess.feature import SEPARATOR, Rows, Summary


def join_columns(values: np.ndarray) -> np.ndarray:
    """Return the texts of each row of *values* [rows, columns], joined by SEPARATOR [rows, 1]."""
    joined = values[:, :1]
    for column in range(1, values.shape[1]):
        joined = joined + SEPARATOR + values[:, column : column + 1]
    return joined


class CrossEncoder:
    """Applies *inner*, a fitted encoder, to the joined values of *width* columns."""

    def __init__(self, inner: Any, width: int):
        self.inner, self.width, self.keys, self.names = inner, width, inner.keys, inner.names

    def transform(self, values: np.ndarray) -> Any:
        return self.inner.transform(join_columns(values))

    def export(self, graph: Builder, tensor: str) -> str:
        """Add the same computation to *graph*; return the tensor of doubles [rows, names]."""
        columns = [graph.add("Gather", tensor, graph.constant(np.array([at])), axis=1) for at in range(self.width)]
        joined, separator = columns[0], graph.constant(np.array([[SEPARATOR]], object))
        for column in columns[1:]:
            joined = graph.add("StringConcat", graph.add("StringConcat", joined, separator), column)
        return self.inner.export(graph, joined)


class Cross(Category):
    """The combinations of values of several columns, encoded as a category is."""

    def summarize(self, values: np.ndarray, y: np.ndarray | None, options: dict) -> Summary:
        return super().summarize(join_columns(values), y, options)

    def fit(self, summary: Summary, options: dict, rows: Rows) -> CrossEncoder:
        return CrossEncoder(super().fit(summary, options, rows), len(options["columns"]))

    def refit(self, fitted: CrossEncoder, values: np.ndarray, y: np.ndarray, options: dict) -> CrossEncoder:
        return CrossEncoder(super().refit(fitted.inner, join_columns(values), y, options), fitted.width)

    def names(self, name: str, fitted: CrossEncoder) -> list[str]:
        return [f"{name}{end.replace(SEPARATOR, ' x ')}" for end in fitted.names]


KINDS = {"cross": Cross()}
