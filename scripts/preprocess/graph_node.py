"""Kind node: measures of the graph node that a value names."""

from dataclasses import dataclass

import numpy as np

from scripts.bundle.onnx_builder import Builder
from scripts.preprocess.feature import FeatureKind, Rows, Summary
from scripts.preprocess.lookup_table import LookupTable, load_table
from scripts.provenance.run_job import echo


@dataclass
class NodeEncoder:
    """Maps a value to the row of *table* with its name; an unknown node has zeros, and 1 in an additional column."""

    table: LookupTable
    file: str

    def __post_init__(self) -> None:
        count, width = self.table.values.shape
        self.rows = np.zeros((count + 1, width + 1))
        self.rows[:-1, :-1] = self.table.values
        self.rows[-1, -1] = 1
        self.positions = {name: position for position, name in enumerate(self.table.names)}

    def transform(self, values: np.ndarray) -> np.ndarray:
        return self.rows[[self.positions.get(value, -1) for value in np.ravel(values)]]


class Nodes(FeatureKind):
    """Measures of nodes, each divided by its standard deviation over all nodes, and an indicator for unknown nodes."""

    input_type = "text"

    def fit(self, summary: Summary, options: dict, rows: Rows) -> NodeEncoder:
        table = load_table(options["table"])
        deviations = table.values.std(axis=0)
        scaled = LookupTable(table.names, table.columns, table.values / np.where(deviations > 0, deviations, 1))
        fitted = NodeEncoder(scaled, options["edges"])
        unknown = [fitted.transform(values)[:, -1] for values in rows()]
        echo(
            f"{options['edges']}: {np.concatenate(unknown).mean():.1%} of the training rows name no node of this graph"
        )
        return fitted

    def names(self, name: str, fitted: NodeEncoder) -> list[str]:
        graph = fitted.file.partition(".")[0]
        return [f"{name} {graph} {column}" for column in [*fitted.table.columns, "unknown"]]

    def vocabulary(self, fitted: NodeEncoder) -> list[str]:
        return fitted.table.names

    def export(self, graph: Builder, tensor: str, fitted: NodeEncoder) -> str:
        count = len(fitted.positions)
        encoder = {"keys_strings": list(fitted.positions), "values_int64s": list(range(count)), "default_int64": count}
        place = graph.add("LabelEncoder", graph.flatten(tensor), domain="ai.onnx.ml", **encoder)
        return graph.add("Gather", graph.constant(fitted.rows), place, axis=0)


KINDS = {"node": Nodes()}
