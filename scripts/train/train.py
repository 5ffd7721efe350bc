"""Fit the best setting and bundle it with the graph: one ONNX model that takes raw rows, proven on every eval row."""

from pathlib import Path
from typing import Any

import onnx

from scripts.bundle.encode import from_rows
from scripts.bundle.files import ONNX
from scripts.bundle.onnxgraph import Builder, joined, model, to_bytes
from scripts.bundle.predictor import OUTPUTS, check_graph, predictor
from scripts.families.family import Family
from scripts.families.registry import family as family_of
from scripts.spine.canon import exact, file_digest, read_json, write_bytes, write_json
from scripts.spine.job import main
from scripts.train.golden import golden_rows
from scripts.train.proof import prove
from scripts.tune.data import load


def bundle_of(graph: onnx.ModelProto, digest: str, family: Family, fitted: Any, width: int, classes: int) -> bytes:
    """Return *graph*, of that *digest*, and the fitted model as one ONNX model with the output "probabilities"."""
    builder, output = Builder("model/"), OUTPUTS["classification"]
    family.export(builder, fitted, classes, output)
    head = model(builder, {"features": ("number", width)}, {output: classes})
    both = joined(graph, head, "features")
    onnx.helper.set_model_props(both, {"graph": digest})
    return to_bytes(both)


def train(
    features: Path,
    evaluate: Path,
    tables: list[Path],
    graph: Path,
    contract: Path,
    best: Path,
    bundle: Path,
    label: dict,
    seed: int | None,
    golden: int,
    tolerance: float,
) -> None:
    """Fit the setting in *best* on *features*; write the folder *bundle*: model, contract and golden rows.

    Without a *seed* that of the best trial is taken, so that the model is the trial's. *tables* are the raw eval rows
    behind *evaluate*. Raises BadInput where *graph* is not the one of *contract*, or where the bundle and the fitted
    model differ.
    """
    setting, described = read_json(best), read_json(contract)
    check_graph(file_digest(graph), described, str(graph))
    family, classes = family_of(setting["family"]), len(described["classes"])
    x, y = load(features)
    seed = setting.get("seed", 0) if seed is None else seed
    fitted = family.fit(x, y, setting["params"], seed)
    content = bundle_of(onnx.load(graph), described["graph"], family, fitted, x.shape[1], classes)
    del x, y
    answers = predictor({ONNX: content}, described)
    offline = family.score(fitted, load(evaluate)[0], classes)
    data = prove(answers, tables, label, described, offline, tolerance)
    rows = golden_rows(described, data, golden, seed)
    outputs = answers.outputs(from_rows(rows, described))
    bundle.mkdir()
    write_bytes(bundle / ONNX, content)
    write_json(bundle / "contract.json", described | {"family": setting["family"], "params": setting["params"]})
    write_bytes(bundle / "golden.json", exact({"rows": rows, "outputs": outputs.tolist()}))


if __name__ == "__main__":
    main(train)
