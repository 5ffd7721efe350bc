"""Run the fitted graph over the rows of one split: features and labels for training."""

from pathlib import Path

import numpy as np
import onnxruntime
from scipy import sparse

from scripts.bundle.encode import from_table
from scripts.bundle.features import save
from scripts.bundle.label import labelled
from scripts.bundle.rows import spans
from scripts.preprocess.figures import check_finite, figures_of, outside
from scripts.spine.canon import read_json, write_json
from scripts.spine.job import BadInput, main, say


def transform(
    tables: list[Path], graph: Path, contract: Path, schema: Path, features: Path, statistics: Path, label: dict
) -> None:
    """Write the features of the rows in *tables* and their labels as *features* (npz: CSR parts and y).

    Their figures go to *statistics*; what lies far outside the training range in *schema* is said.

    Rows without a label are left out. Raises BadInput where no row is left, or a feature is no number.
    """
    described, session = read_json(contract), onnxruntime.InferenceSession(graph)
    parts, numbers = [], []
    for rows, classes in labelled(tables, label, list(described["columns"]), len(described["features"])):
        parts.append(sparse.csr_matrix(session.run(["features"], from_table(rows, described))[0]))
        numbers.append(classes)
    if not parts:
        words = f"a label of {', '.join(described['classes'])}" if described["classes"] else "a label"
        raise BadInput(f"no row of span {spans(tables)} has {words}; widen the window")
    x, y = sparse.vstack(parts, format="csr"), np.concatenate(numbers)
    check_finite(x, described["features"])
    figures = figures_of(x, described["features"])
    for line in outside(figures, read_json(schema)["features"]):
        say(line)
    save(features, x, y)
    write_json(statistics, {"rows": x.shape[0], "features": figures})
    say(f"{x.shape[0]} rows, {x.shape[1]} features, {x.nnz / x.shape[0]:.1f} not zero in a row")


if __name__ == "__main__":
    main(transform)
