"""Crosses: several columns as one category."""

from typing import Any

import numpy as np

from scripts.bundle.onnx_builder import Builder
from scripts.preprocess.category import Category
from scripts.preprocess.feature import SEPARATOR, Rows, Summary


def joined(values: np.ndarray) -> np.ndarray:
    """Return the texts of each row of *values* [rows, columns] as one [rows, 1]."""
    found = values[:, :1]
    for column in range(1, values.shape[1]):
        found = found + SEPARATOR + values[:, column : column + 1]
    return found


class Crossed:
    """What *inner* does, of the values of *width* columns as one."""

    def __init__(self, inner: Any, width: int):
        self.inner, self.width, self.kept, self.names = inner, width, inner.kept, inner.names

    def transform(self, values: np.ndarray) -> Any:
        return self.inner.transform(joined(values))

    def export(self, graph: Builder, tensor: str) -> str:
        """Add the same to *graph*."""
        columns = [graph.add("Gather", tensor, graph.constant(np.array([at])), axis=1) for at in range(self.width)]
        found, mark = columns[0], graph.constant(np.array([[SEPARATOR]], object))
        for column in columns[1:]:
            found = graph.add("StringConcat", graph.add("StringConcat", found, mark), column)
        return self.inner.export(graph, found)


class Cross(Category):
    """Each combination of values that enough rows have, or the hash of any combination."""

    def summarize(self, values: np.ndarray, y: np.ndarray | None, options: dict) -> Summary:
        return super().summarize(joined(values), y, options)

    def fit(self, summary: Summary, options: dict, rows: Rows) -> Crossed:
        return Crossed(super().fit(summary, options, rows), len(options["columns"]))

    def names(self, name: str, fitted: Crossed) -> list[str]:
        return [f"{name}{end.replace(SEPARATOR, ' x ')}" for end in fitted.names]


KINDS = {"cross": Cross()}
