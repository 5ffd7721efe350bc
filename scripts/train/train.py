"""Fit the best setting and bundle it with the graph: one ONNX model that takes raw rows, proven on every eval row."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime

from scripts.bundle.encode import from_rows, from_table
from scripts.bundle.onnxgraph import Builder, joined, model, to_bytes
from scripts.bundle.rows import labelled
from scripts.spine.canon import read_json, write_bytes, write_json
from scripts.spine.job import BadInput, main, say
from scripts.train.golden import golden_rows
from scripts.tune.families import FAMILIES
from scripts.tune.tune import load


def bundle_of(graph: onnx.ModelProto, family: str, fitted: Any, width: int) -> bytes:
    """Return *graph* and the fitted model as one ONNX model with the output "probabilities" [rows, 2]."""
    builder = Builder("model/")
    positive = FAMILIES[family].export(builder, fitted)
    negative = builder.add("Sub", builder.constant(np.ones((1, 1), np.float32)), positive)
    builder.add("Concat", negative, positive, axis=1, output="probabilities")
    head = model(builder, {"features": ("number", width)}, {"probabilities": 2})
    return to_bytes(joined(graph, head, "features"))


def check_equal(offline: np.ndarray, served: np.ndarray, tolerance: float) -> None:
    """Raise BadInput unless scikit-learn's probabilities and the bundle's agree on every row."""
    gaps = np.abs(offline - served)
    say(f"bundle against scikit-learn on {len(gaps)} rows: largest difference {gaps.max():.2g}")
    if not gaps.max() <= tolerance:
        raise BadInput(
            f"the bundle's probability differs from scikit-learn's by {gaps.max():.3g} in eval row {gaps.argmax()} "
            f"({served[gaps.argmax()]:.6f} against {offline[gaps.argmax()]:.6f}); train.tolerance allows {tolerance:g}"
        )


def train(
    features: Path,
    evaluate: Path,
    tables: list[Path],
    graph: Path,
    contract: Path,
    best: Path,
    model: Path,
    signature: Path,
    golden_file: Path,
    label: dict,
    seed: int,
    golden: int,
    tolerance: float,
) -> None:
    """Fit the setting in *best* on *features*; write the bundle *model*, its contract *signature* and golden rows.

    *tables* are the raw eval rows behind *evaluate*. Raises BadInput where the bundle and scikit-learn differ.
    """
    setting, described = read_json(best), read_json(contract)
    x, y = load(features)
    fitted = FAMILIES[setting["family"]].fit(x, y, setting["params"], seed)
    content = bundle_of(onnx.load(graph), setting["family"], fitted, x.shape[1])
    session = onnxruntime.InferenceSession(content)
    data = from_table(labelled(tables, label)[0], described)
    offline = FAMILIES[setting["family"]].score(fitted, load(evaluate)[0])
    check_equal(offline, session.run(["probabilities"], data)[0][:, 1], tolerance)
    rows = golden_rows(described, data, golden, seed)
    answers = session.run(["probabilities"], from_rows(rows, described))[0]
    write_bytes(model, content)
    write_json(signature, described | {"family": setting["family"], "params": setting["params"]})
    write_bytes(golden_file, dump_golden(rows, answers))


def dump_golden(rows: list[dict], answers: np.ndarray) -> bytes:
    """Return golden rows and answers as JSON; the float32 answers keep all their bits."""
    value = {"rows": rows, "probabilities": [[float(item) for item in row] for row in answers]}
    return (json.dumps(value, sort_keys=True, ensure_ascii=False) + "\n").encode()


if __name__ == "__main__":
    main(train)
