"""The proof of a graph: on every row it gives what the fitted transformers give."""

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from scipy import sparse

from scripts.bundle.rows import batches, types
from scripts.preprocess.plan import Feature, columns_read, tensors
from scripts.spine.job import BadInput

TOLERANCE = 1e-6  # of a feature


def check_equal(feature: Feature, fitted: Any, values: np.ndarray, exported: np.ndarray, where: str = "row 0") -> None:
    """Raise BadInput unless the fitted transformer and ONNX give the same features for every row.

    *where* names the first row and ends with its number.
    """
    offline = fitted.transform(values)
    served = sparse.csr_matrix(exported) if sparse.issparse(offline) else exported
    gaps = sparse.coo_matrix(abs(offline - served))
    worst = gaps.data.max(initial=0)
    if not worst <= TOLERANCE:
        row = int(gaps.row[gaps.data.argmax()])
        place, _, first = where.rpartition(" ")
        raise BadInput(
            f"{feature.words}: ONNX differs from the fitted transformer by {worst:.3g} in {place} {int(first) + row} "
            f"({values[row].tolist()!r:.80})"
        )


def prove(
    tables: list[Path], split: str, plan: list[Feature], fits: list, widths: list, content: bytes, own: dict
) -> tuple[int, np.ndarray, np.ndarray]:
    """Return the number of rows of *split*, and the least and the largest value of each feature.

    Raises BadInput where the graph *content* differs from *fits* on a row.

    *own* are the columns of the contract.
    """
    session, seen = onnxruntime.InferenceSession(content), 0
    low, high = np.full(sum(widths), np.inf), np.full(sum(widths), -np.inf)
    columns = columns_read(plan, types(tables))
    for rows in batches(tables, list(columns), sum(widths)):
        data, start = tensors(rows, columns), 0
        hooked = {name: spec for name, spec in own.items() if spec["tensor"] == "hook"}
        exported = session.run(["features"], data | tensors(rows, hooked))[0]
        for feature, fitted, width in zip(plan, fits, widths, strict=True):
            part = exported[:, start : start + width]
            check_equal(feature, fitted, feature.values(data), part, f"{split} row {seen}")
            start += width
        seen += len(rows)
        low, high = np.fmin(low, exported.min(axis=0)), np.fmax(high, exported.max(axis=0))
    return seen, low, high
