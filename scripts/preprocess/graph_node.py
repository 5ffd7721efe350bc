"""The figures of a node in a graph, for a column that names nodes."""

from dataclasses import dataclass

import numpy as np

from scripts.bundle.onnx_builder import Builder
from scripts.preprocess.feature import Kind, Rows, Summary
from scripts.preprocess.lookup_table import Lookup, load
from scripts.provenance.run_job import say


@dataclass
class Node:
    """The row of *table* that a value names; zeros, and 1 in the last column, where it names none."""

    table: Lookup
    file: str

    def __post_init__(self) -> None:
        count, width = self.table.values.shape
        self.rows = np.zeros((count + 1, width + 1))
        self.rows[:-1, :-1] = self.table.values
        self.rows[-1, -1] = 1
        self.places = {name: place for place, name in enumerate(self.table.names)}

    def transform(self, values: np.ndarray) -> np.ndarray:
        return self.rows[[self.places.get(value, -1) for value in np.ravel(values)]]


class Nodes(Kind):
    """Figures of nodes, each divided by its standard deviation over all nodes, and whether a node is unknown."""

    takes = "text"

    def fit(self, summary: Summary, options: dict, rows: Rows) -> Node:
        table = load(options["table"])
        deviations = table.values.std(axis=0)
        scaled = Lookup(table.names, table.columns, table.values / np.where(deviations > 0, deviations, 1))
        fitted = Node(scaled, options["edges"])
        unknown = [fitted.transform(values)[:, -1] for values in rows()]
        say(f"{options['edges']}: {np.concatenate(unknown).mean():.1%} of the training rows name no node of it")
        return fitted

    def names(self, name: str, fitted: Node) -> list[str]:
        graph = fitted.file.partition(".")[0]
        return [f"{name} {graph} {column}" for column in [*fitted.table.columns, "unknown"]]

    def known(self, fitted: Node) -> list[str]:
        return fitted.table.names

    def export(self, graph: Builder, tensor: str, fitted: Node) -> str:
        count = len(fitted.places)
        places = {"keys_strings": list(fitted.places), "values_int64s": list(range(count)), "default_int64": count}
        place = graph.add("LabelEncoder", graph.flat(tensor), domain="ai.onnx.ml", **places)
        return graph.add("Gather", graph.constant(fitted.rows), place, axis=0)


KINDS = {"node": Nodes()}
