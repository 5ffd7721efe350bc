"""Run the fitted graph over the rows of one split: features and class numbers for training."""

from pathlib import Path

import numpy as np
import onnxruntime
import pyarrow as pa
from scipy import sparse

from scripts.bundle.encode import from_table
from scripts.bundle.rows import labelled, spans
from scripts.spine.canon import read_json
from scripts.spine.job import BadInput, main, say

BATCH = 8192  # rows: bounds the memory of dense features


def features_of(table: pa.Table, session: onnxruntime.InferenceSession, contract: dict) -> sparse.csr_matrix:
    """Return the features [rows, width] (float32) of *table* by the graph of *session*."""
    parts = []
    for start in range(0, len(table), BATCH):
        rows = from_table(table.slice(start, BATCH), contract)
        parts.append(sparse.csr_matrix(session.run(["features"], rows)[0]))
    return sparse.vstack(parts, format="csr")


def transform(tables: list[Path], graph: Path, contract: Path, features: Path, label: dict) -> None:
    """Write the features of the rows in *tables* and their class numbers as *features* (npz: CSR parts and y).

    Rows whose label belongs to no class are left out. Raises BadInput where no row is left.
    """
    described = read_json(contract)
    rows, names = labelled(tables, label)
    if not len(rows):
        raise BadInput(
            f"no row of span {spans(tables)} has a label of {', '.join(described['classes'])}; widen the window"
        )
    y = np.array([described["classes"].index(name) for name in names], np.int64)
    x = features_of(rows, onnxruntime.InferenceSession(graph), described)
    with open(features, "wb") as file:
        np.savez(file, data=x.data, indices=x.indices, indptr=x.indptr, shape=np.array(x.shape), y=y)
    say(f"{x.shape[0]} rows, {x.shape[1]} features, {x.nnz / max(1, x.shape[0]):.1f} not zero in a row")


if __name__ == "__main__":
    main(transform)
