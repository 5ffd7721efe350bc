"""Read an edge list and write the figures of its nodes: what stands beside the rows for columns that name nodes."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from scripts.preprocess.lookup import Lookup, only_file, save
from scripts.preprocess.network import adjacency, figures
from scripts.spine.job import BadInput, main, say

ENDS = ["source", "target"]


def read_edges(path: Path) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Return the names of the nodes (sorted), the edges [edges, 2] by number, and their weights.

    *path* is a Parquet file, or a CSV file with a header; its columns are source, target and, if need be, weight (1).
    Edges are sorted, so that their order in the file does not matter. Raises BadInput naming the first edge that has
    no name at an end, or a weight that is not a positive number.
    """
    table = pq.read_table(path) if path.suffix == ".parquet" else from_csv(path)
    if missing := [name for name in ENDS if name not in table.column_names]:
        raise BadInput(
            f"{path.name} has no column {missing[0]}; columns source, target and, if need be, weight expected"
        )
    ends = [table[name].cast("string").fill_null("").combine_chunks() for name in ENDS]
    try:
        weights = table["weight"].cast("float64").to_numpy() if "weight" in table.column_names else np.ones(len(table))
    except pa.ArrowInvalid as error:
        raise BadInput(f"{path.name}: a weight is no number: {error}") from None
    names = pc.unique(pa.concat_arrays(ends)).sort()
    edges = np.stack([pc.index_in(end, names).to_numpy() for end in ends], axis=1)
    if not len(edges):
        raise BadInput(f"{path.name} has no edges")
    wrong = ~((weights > 0) & np.isfinite(weights)) | (np.asarray(names) == "")[edges].any(axis=1)
    if wrong.any():
        row = int(wrong.argmax())
        what = f"{ends[0][row]} -> {ends[1][row]}, weight {weights[row]:g}"
        raise BadInput(f"{path.name}, edge {row + 1} ({what}): two names and a positive weight were expected")
    order = np.lexsort((weights, *edges.T))
    return names.to_pylist(), edges[order], weights[order]


def from_csv(path: Path) -> pa.Table:
    """Return the rows of a CSV file, names of nodes as texts."""
    try:
        options = pyarrow.csv.ConvertOptions(column_types=dict.fromkeys(ENDS, pa.string()), strings_can_be_null=False)
        return pyarrow.csv.read_csv(path, convert_options=options)
    except pa.ArrowInvalid as error:
        raise BadInput(f"{path.name}: {error}") from None


def node_table(raw: Path, table: Path, name: str, edges: dict) -> None:
    """Write the figures of the nodes in the one file of *raw* as *table*; *edges* has the options of its *name*."""
    options = edges[name]
    names, ends, weights = read_edges(only_file(raw))
    joined = adjacency(ends[:, 0], ends[:, 1], weights, len(names), options["directed"])
    found = figures(joined, options["directed"], options["size"])
    save(table, Lookup(names, list(found), np.stack([*found.values()], axis=1)))
    say(f"{name}: {len(names)} nodes, {len(ends)} edges, {len(found)} figures of each node")


if __name__ == "__main__":
    main(node_table)
