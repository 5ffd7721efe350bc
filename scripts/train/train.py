"""Fit the best setting and bundle it with the graph: one ONNX model that takes raw rows, proven on every eval row."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime

from scripts.bundle.encode import from_rows, from_table, is_text
from scripts.bundle.label import labelled
from scripts.bundle.onnxgraph import Builder, joined, model, to_bytes
from scripts.bundle.opened import opened
from scripts.spine.canon import exact, file_digest, read_json, write_bytes, write_json
from scripts.spine.job import BadInput, main, say
from scripts.train.golden import golden_rows
from scripts.tune.families import FAMILIES
from scripts.tune.tune import load


def bundle_of(graph: Path, family: str, fitted: Any, width: int, classes: int) -> bytes:
    """Return *graph* and the fitted model as one ONNX model with the output "probabilities" [rows, classes].

    Its metadata names the digest of *graph*.
    """
    builder = Builder("model/")
    FAMILIES[family].export(builder, fitted, classes, "probabilities")
    head = model(builder, {"features": ("number", width)}, {"probabilities": classes})
    whole = joined(onnx.load(graph), head, "features")
    onnx.helper.set_model_props(whole, {"graph": file_digest(graph)})
    return to_bytes(whole)


def check_equal(offline: np.ndarray, served: np.ndarray, tolerance: float, first: int = 0) -> float:
    """Return the largest difference of scikit-learn's probabilities and the bundle's, [rows, classes].

    Raises BadInput where it is more than *tolerance*; *first* is the number of the first row.
    """
    gaps = np.abs(offline - served)
    worst = np.unravel_index(gaps.argmax(), gaps.shape)
    if not gaps[worst] <= tolerance:
        raise BadInput(
            f"the bundle's probability differs from scikit-learn's by {gaps[worst]:.3g} in eval row "
            f"{first + worst[0]} ({served[worst]:.6f} against {offline[worst]:.6f}); train.tolerance allows "
            f"{tolerance:g}"
        )
    return float(gaps[worst])


def prove(
    session: onnxruntime.InferenceSession,
    tables: list[Path],
    label: dict,
    described: dict,
    offline: np.ndarray,
    tolerance: float,
) -> dict[str, np.ndarray]:
    """Return the columns of the labelled rows in *tables* that are numbers, as tensors.

    Raises BadInput where the bundle of *session* differs from the *offline* probabilities of these rows.
    """
    numbers: dict[str, list] = {name: [] for name, spec in described["columns"].items() if not is_text(spec)}
    first, worst = 0, 0.0
    for rows, _ in labelled(tables, label, list(described["columns"]), len(described["features"])):
        data = from_table(rows, described)
        served = session.run(["probabilities"], data)[0]
        worst = max(worst, check_equal(offline[first : first + len(rows)], served, tolerance, first))
        first += len(rows)
        for name, parts in numbers.items():
            parts.append(data[name])
    say(f"bundle against scikit-learn on {first} rows: largest difference {worst:.2g}")
    return {name: np.concatenate(parts) for name, parts in numbers.items()}


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
    family, classes = FAMILIES[setting["family"]], len(described["classes"])
    x, y = load(features)
    fitted = family.fit(x, y, setting["params"], seed)
    if file_digest(graph) != described["graph"]:
        raise BadInput(f"{graph} is not the graph that {contract} names; run fit_graph again")
    content = bundle_of(graph, setting["family"], fitted, x.shape[1], classes)
    del x, y
    session = opened(content, described)
    offline = family.score(fitted, load(evaluate)[0], classes)
    data = prove(session, tables, label, described, offline, tolerance)
    rows = golden_rows(described, data, golden, seed)
    answers = session.run(["probabilities"], from_rows(rows, described))[0]
    write_bytes(model, content)
    write_json(signature, described | {"family": setting["family"], "params": setting["params"]})
    write_bytes(golden_file, exact({"rows": rows, "probabilities": answers.tolist()}))


if __name__ == "__main__":
    main(train)
