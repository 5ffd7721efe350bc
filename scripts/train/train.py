"""Rule train: fit the best setting and bundle the model with the graph, as one ONNX model that takes raw rows.

A model that ONNX cannot express goes into model.skops next to the graph. Before anything is written, the bundle is
compared with the fitted model on every labelled row of the validation split (eval).
"""

from pathlib import Path
from typing import Any

import numpy as np
import onnx

from scripts.bundle.clean import clean_rows
from scripts.bundle.encode import encode_rows, encode_table
from scripts.bundle.feature_matrix import load_features
from scripts.bundle.files import ONNX, SKOPS, STATE
from scripts.bundle.label import labelled_batches
from scripts.bundle.onnx_builder import Builder, build_model, merge_models, to_bytes
from scripts.bundle.predictor import OUTPUTS, Predictor, check_graph, load_predictor
from scripts.bundle.seen_rows import division_rule
from scripts.bundle.skops_file import dump_estimator
from scripts.errors import InputError
from scripts.families.base import Family, load_family
from scripts.provenance.canonical import file_digest, read_json, to_exact_json, write_bytes, write_json
from scripts.provenance.run_job import echo, main
from scripts.train.golden_rows import make_golden_rows
from scripts.train.warm_start import load_warm_start, pack_state

TIE = 1e-12  # classes whose probabilities differ by no more are equally probable


def build_model_files(graph: bytes, contract: dict, family: Family, fitted: Any) -> dict[str, bytes]:
    """Return the files, by name, that contain the *graph* and the model *fitted* by *family*.

    *contract* is that of the graph; the digest of the graph is written into the model.
    """
    if family.reason:
        return {ONNX: graph, SKOPS: dump_estimator(fitted, contract["graph"], family.types)}
    classes, width = len(contract["classes"]), len(contract["features"])
    builder, output = Builder("model/"), OUTPUTS[contract["task"]]
    family.export(builder, fitted, classes, output)
    head = build_model(builder, {"features": ("number", width)}, {output: max(1, classes)})
    merged = merge_models(onnx.load_from_string(graph), head, "features")
    onnx.helper.set_model_props(merged, {"graph": contract["graph"]})
    return {ONNX: to_bytes(merged)}


def check_same_outputs(offline: np.ndarray, served: np.ndarray, tolerance: float, first: int = 0) -> float:
    """Return the largest difference between the outputs [rows, classes] of the model and of the bundle.

    Raises InputError if it exceeds *tolerance* or if the most probable class differs in a row. *first* is the number of
    the first row, for messages.
    """
    gaps = np.abs(offline - served)
    row, column = np.unravel_index(gaps.argmax(), gaps.shape)
    if not gaps[row, column] <= tolerance:
        raise InputError(
            f"the bundle's answer differs from the model's by {gaps[row, column]:.3g} in eval row "
            f"{first + row} ({served[row, column]:.6f} against {offline[row, column]:.6f}), after the features, which "
            f"are equal; train.tolerance allows {tolerance:g}"
        )
    disagreeing = np.flatnonzero(offline.max(axis=1) - offline[np.arange(len(served)), served.argmax(axis=1)] > TIE)
    if disagreeing.size:
        raise InputError(
            f"the bundle's most probable class is not the model's in eval row {first + disagreeing[0]}: "
            f"{served[disagreeing[0]].tolist()} against {offline[disagreeing[0]].tolist()}"
        )
    return float(gaps[row, column])


def verify_bundle(
    bundle: Predictor, tables: list[Path], label: dict, contract: dict, offline: np.ndarray, tolerance: float
) -> dict[str, np.ndarray]:
    """Compare the *bundle* with the outputs of the fitted model, *offline*, on the labelled rows of *tables*.

    Returns the tensors [rows, 1] of the columns that the graph reads as numbers, by name. Raises InputError if bundle
    and model differ by more than *tolerance*.
    """
    numbers: dict[str, list] = {name: [] for name, spec in contract["columns"].items() if spec["tensor"] == "number"}
    first, worst = 0, 0.0
    for rows, _ in labelled_batches(tables, label, list(contract["columns"]), len(contract["features"])):
        data = encode_table(rows, contract)
        worst = max(
            worst, check_same_outputs(offline[first : first + len(rows)], bundle.predict(data), tolerance, first)
        )
        first += len(rows)
        for name, parts in numbers.items():
            parts.append(data[name])
    echo(f"bundle against the fitted model on {first} rows: largest difference {worst:.2g}")
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
    trained: list[str] | None = None,
    chosen: list[str] | None = None,
    tested: list[str] | None = None,
    split: dict | None = None,
    columns: dict | None = None,
) -> None:
    """Fit the setting in *best* on *features* and write the folder *bundle*: model, contract and golden rows.

    Without a *seed*, that of the best trial is used, so that the model is the same as the trial's. *tables* are the raw
    rows of the validation split whose features are in *evaluate*. *warm_start* names the bundle published in *serving*
    from which training starts, by its version or label. *trained* and *chosen* name the rows that the model is
    trained and chosen on, *tested* those that it will be tested on (seen_rows.py); *split* and *columns* (of ingest)
    divide spans.

    Raises InputError if *graph* does not belong to *contract*, if the bundle differs from the fitted model, or if the
    bundle for the warm start does not match or has seen rows that the model will be tested on.
    """
    setting, contract_data = read_json(best), read_json(contract)
    check_graph(file_digest(graph), contract_data, str(graph))
    family = load_family(setting["family"])
    x, y = load_features(features)
    seed = setting.get("seed", 0) if seed is None else seed
    arguments = x, y, setting["params"], seed, contract_data["task"], device
    contract_data |= {"family": setting["family"], "params": setting["params"]}
    if trained:
        rule = division_rule(split, columns) if split else None
        contract_data["seen"] = [{"trained": trained, "chosen": chosen, "rule": rule}]
    if not warm_start:
        fitted = family.fit(*arguments)
    else:
        contract_data["warm_start"], state, earlier = load_warm_start(
            serving / case, warm_start, contract_data, setting["family"], y, tested or []
        )
        if trained:
            contract_data["seen"] += earlier
        fitted = family.resume(*arguments, state)
    models = build_model_files(graph.read_bytes(), contract_data, family, fitted)
    models |= {STATE: pack_state(family.state(fitted), y)} if family.warm else {}
    del x, y, arguments
    predictor = load_predictor(models, contract_data)
    offline = family.score(fitted, load_features(evaluate)[0], len(contract_data["classes"]))
    data = verify_bundle(predictor, tables, label, contract_data, offline, tolerance)
    rows = make_golden_rows(contract_data, data, golden, seed)
    outputs = predictor.predict(encode_rows(clean_rows(rows, contract_data), contract_data))
    bundle.mkdir()
    for name, content in models.items():
        write_bytes(bundle / name, content)
    write_json(bundle / "contract.json", contract_data)
    write_bytes(bundle / "golden.json", to_exact_json({"rows": rows, "outputs": outputs.tolist()}))


if __name__ == "__main__":
    main(train)
