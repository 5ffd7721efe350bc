"""Rule export_int8: a blessed bundle with int8 weights, if it is small, fast and good enough in every slice."""

import json
from pathlib import Path

import numpy as np

from scripts.analyze.compare import Settings, score_bundle
from scripts.analyze.latency import measure_prediction_ms
from scripts.analyze.scores import require_columns
from scripts.analyze.slices import make_slices
from scripts.bundle.clean import clean_rows
from scripts.bundle.encode import encode_rows
from scripts.bundle.files import ONNX, size_mb
from scripts.bundle.permission import check_permission
from scripts.bundle.predictor import load_predictor
from scripts.errors import InputError
from scripts.export.interface import add_threshold, check_exportable
from scripts.export.measure_drop import format_drop, measure_drops
from scripts.export.quantize import quantize_model
from scripts.provenance.canonical import file_digest, read_json, to_exact_json, write_bytes, write_json
from scripts.provenance.run_job import echo, main


def write_quantized(bundle: Path, contract: dict, folder: Path) -> None:
    """Write the *bundle* with int8 weights and *contract* to *folder*; its golden rows have the outputs of this form.

    Raises InputError if the model has no weights that int8 could hold.
    """
    model = (bundle / ONNX).read_bytes()
    quantized = quantize_model(model)
    if quantized == model:
        raise InputError(
            f"export.int8: a model of the family {contract['family']} has no matrices that int8 could hold; leave out "
            "export.int8, or search families that have some (tune.families), such as logistic, linear or mlp"
        )
    folder.mkdir(parents=True, exist_ok=True)
    rows = read_json(bundle / "golden.json")["rows"]
    predictor = load_predictor({ONNX: quantized, "contract.json": json.dumps(contract).encode()})
    outputs = predictor.predict(encode_rows(clean_rows(rows, contract), contract))
    write_bytes(folder / ONNX, quantized)
    write_bytes(folder / "contract.json", to_exact_json(contract))
    write_bytes(folder / "golden.json", to_exact_json({"rows": rows, "outputs": outputs.tolist()}))


def check_cost(size: float, latency: float, limits: dict) -> list[str]:
    """Return what is wrong with *size* (MB) and *latency* (ms a row), given the *limits* of export.int8."""
    wrong = []
    if size > limits["max_size_mb"]:
        wrong.append(f"size {size:.3g} MB, at most {limits['max_size_mb']:g}")
    if latency > limits["max_latency_ms"]:
        wrong.append(f"a row takes {latency:.3g} ms (median), at most {limits['max_latency_ms']:g}")
    return wrong


def export_int8(
    bundle: Path,
    version: Path,
    blessing: Path,
    metrics: Path,
    tables: list[Path],
    model: Path,
    measured: Path,
    case: str,
    int8: dict,
    label: dict,
    columns: list,
    min_slice: int,
    unit: str | None,
    ranking: dict,
    bootstrap: int,
    seed: int,
) -> None:
    """Write the folder *model*, and *measured*: sizes and checks (measure_drop.py) on the labelled rows of *tables*.

    Raises InputError if the bundle is not blessed, has no weights to quantise, or its int8 form exceeds a limit of
    *int8*.
    """
    registered, granted = read_json(version), read_json(blessing)
    check_permission(case, bundle, registered, granted)
    contract = add_threshold(read_json(bundle / "contract.json"), granted)
    check_exportable(bundle, contract)
    write_quantized(bundle, contract, model)
    cuts = {name: np.array(inner) for name, inner in read_json(metrics)["cuts"].items()}
    settings = Settings(label, columns, {}, min_slice, unit, ranking, bootstrap, seed)
    split, old, _ = score_bundle(tables, bundle, settings, granted.get("threshold"))
    _, new, _ = score_bundle(tables, model, settings, granted.get("threshold"))
    slices = make_slices(columns, split.table, require_columns(tables, []), cuts)
    parts = {part.name: part.rows for part in slices if len(part.rows) >= min_slice}
    checks = measure_drops(new, old, parts, int8["max_drop"], bootstrap, seed)
    sizes, times = [size_mb(folder) for folder in (model, bundle)], [*map(measure_prediction_ms, (model, bundle))]
    failed = [format_drop(check) for check in checks if not check["passed"]]
    failed += check_cost(sizes[0], times[0], int8)
    if failed:
        raise InputError(f"the int8 form of the model is not exported: {'; '.join(failed)} (export.int8, test rows)")
    digests = {"bundle": registered["bundle"], "int8": file_digest(model / ONNX)}
    write_json(measured, digests | {"size_mb": sizes[0], "bundle_size_mb": sizes[1], "checks": checks})
    worst = max((check for check in checks if check["drop"] is not None), key=lambda check: check["drop"])
    echo(
        f"{sizes[0]:.3g} of {sizes[1]:.3g} MB, {times[0]:.2g} of {times[1]:.2g} ms a row, largest drop "
        f"{worst['drop']:.2g} ({' of '.join(filter(None, (worst['metric'], worst['of'])))})"
    )


if __name__ == "__main__":
    main(export_int8)
