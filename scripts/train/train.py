"""The files of a bundle that hold its model: graph and model as one ONNX, or beside the graph what ONNX cannot hold.

The proof of a bundle: on every labelled eval row it gives what the fitted model gives.

Fit the best setting and bundle it with the graph: one ONNX model that takes raw rows, proven on every eval row."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx

from scripts.bundle.encode import from_rows, from_table
from scripts.bundle.feature_matrix import load
from scripts.bundle.files import ONNX, SKOPS, STATE
from scripts.bundle.label import labelled
from scripts.bundle.onnx_builder import Builder, joined, model, to_bytes
from scripts.bundle.predictor import OUTPUTS, Predictor, check_graph, predictor
from scripts.bundle.skops_file import dumped
from scripts.errors import BadInput
from scripts.families.base import Family
from scripts.families.registry import family as family_of
from scripts.provenance.canonical import exact, file_digest, read_json, write_bytes, write_json
from scripts.provenance.run_job import main, say
from scripts.train.golden_rows import golden_rows
from scripts.train.warm_start import earlier, packed


def models_of(graph: bytes, described: dict, family: Family, fitted: Any) -> dict[str, bytes]:
    """Return by name the files that hold the *graph* and the model *fitted* by *family*.

    *described* is the contract of the graph, whose digest goes into the model.
    """
    if family.reason:
        return {ONNX: graph, SKOPS: dumped(fitted, described["graph"], family.types)}
    classes, width = len(described["classes"]), len(described["features"])
    builder, output = Builder("model/"), OUTPUTS[described["task"]]
    family.export(builder, fitted, classes, output)
    head = model(builder, {"features": ("number", width)}, {output: max(1, classes)})
    both = joined(onnx.load_from_string(graph), head, "features")
    onnx.helper.set_model_props(both, {"graph": described["graph"]})
    return {ONNX: to_bytes(both)}


TIE = 1e-12  # classes whose probabilities differ by less are equally probable


def check_equal(offline: np.ndarray, served: np.ndarray, tolerance: float, first: int = 0) -> float:
    """Return the largest difference of the model's probabilities and the bundle's, [rows, classes].

    Raises BadInput where it is more than *tolerance*, or where the most probable class differs; *first* is the number
    of the first row.
    """
    gaps = np.abs(offline - served)
    row, column = np.unravel_index(gaps.argmax(), gaps.shape)
    if not gaps[row, column] <= tolerance:
        raise BadInput(
            f"the bundle's answer differs from the model's by {gaps[row, column]:.3g} in eval row "
            f"{first + row} ({served[row, column]:.6f} against {offline[row, column]:.6f}), after the features, which "
            f"are equal; train.tolerance allows {tolerance:g}"
        )
    other = np.flatnonzero(offline.max(axis=1) - offline[np.arange(len(served)), served.argmax(axis=1)] > TIE)
    if other.size:
        raise BadInput(
            f"the bundle's most probable class is not the model's in eval row {first + other[0]}: "
            f"{served[other[0]].tolist()} against {offline[other[0]].tolist()}"
        )
    return float(gaps[row, column])


def prove(
    bundle: Predictor, tables: list[Path], label: dict, described: dict, offline: np.ndarray, tolerance: float
) -> dict[str, np.ndarray]:
    """Return the columns of the labelled rows in *tables* that are numbers, as tensors.

    Raises BadInput where the *bundle* differs from the *offline* answers for these rows.
    """
    numbers: dict[str, list] = {name: [] for name, spec in described["columns"].items() if spec["tensor"] == "number"}
    first, worst = 0, 0.0
    for rows, _ in labelled(tables, label, list(described["columns"]), len(described["features"])):
        data = from_table(rows, described)
        worst = max(worst, check_equal(offline[first : first + len(rows)], bundle.outputs(data), tolerance, first))
        first += len(rows)
        for name, parts in numbers.items():
            parts.append(data[name])
    say(f"bundle against the fitted model on {first} rows: largest difference {worst:.2g}")
    return {name: np.concatenate(parts) for name, parts in numbers.items()}


def train(
    features: Path,
    evaluate: Path,
    tables: list[Path],
    graph: Path,
    contract: Path,
    best: Path,
    bundle: Path,
    serving: Path,
    case: str,
    label: dict,
    seed: int | None,
    golden: int,
    tolerance: float,
    warm_start: str = "",
    device: str = "cpu",
) -> None:
    """Fit the setting in *best* on *features*; write the folder *bundle*: model, contract and golden rows.

    Without a *seed* that of the best trial is taken, so that the model is the trial's. *tables* are the raw eval rows
    behind *evaluate*. *warm_start* names, by version or label, the bundle published in *serving* to go on from.

    Raises BadInput where *graph* is not the one of *contract*, where the bundle and the fitted model differ, or where
    that earlier bundle does not fit.
    """
    setting, described = read_json(best), read_json(contract)
    check_graph(file_digest(graph), described, str(graph))
    family = family_of(setting["family"])
    x, y = load(features)
    seed = setting.get("seed", 0) if seed is None else seed
    arguments = x, y, setting["params"], seed, described["task"], device
    described |= {"family": setting["family"], "params": setting["params"]}
    if not warm_start:
        fitted = family.fit(*arguments)
    else:
        described["warm_start"], state = earlier(serving / case, warm_start, described, setting["family"], y)
        fitted = family.resume(*arguments, state)
    models = models_of(graph.read_bytes(), described, family, fitted)
    models |= {STATE: packed(family.state(fitted), y)} if family.warm else {}
    del x, y, arguments
    answers = predictor(models, described)
    offline = family.score(fitted, load(evaluate)[0], len(described["classes"]))
    data = prove(answers, tables, label, described, offline, tolerance)
    rows = golden_rows(described, data, golden, seed)
    outputs = answers.outputs(from_rows(rows, described))
    bundle.mkdir()
    for name, content in models.items():
        write_bytes(bundle / name, content)
    write_json(bundle / "contract.json", described)
    write_bytes(bundle / "golden.json", exact({"rows": rows, "outputs": outputs.tolist()}))


if __name__ == "__main__":
    main(train)
