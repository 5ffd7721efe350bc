"""Fit the best setting and bundle it with the graph: one ONNX model that takes raw rows, proven on every eval row."""

from pathlib import Path

from scripts.bundle.encode import from_rows
from scripts.bundle.predictor import check_graph, predictor
from scripts.families.registry import family as family_of
from scripts.spine.canon import exact, file_digest, read_json, write_bytes, write_json
from scripts.spine.job import main
from scripts.train.golden import golden_rows
from scripts.train.models import models_of
from scripts.train.proof import prove
from scripts.tune.tune import load


def train(
    features: Path,
    evaluate: Path,
    tables: list[Path],
    graph: Path,
    contract: Path,
    best: Path,
    bundle: Path,
    label: dict,
    seed: int,
    golden: int,
    tolerance: float,
) -> None:
    """Fit the setting in *best* on *features*; write the folder *bundle*: model, contract and golden rows.

    *tables* are the raw eval rows behind *evaluate*. Raises BadInput where *graph* is not the one of *contract*, or
    where the bundle and the fitted model differ.
    """
    setting, described = read_json(best), read_json(contract)
    check_graph(file_digest(graph), described, str(graph))
    family = family_of(setting["family"])
    x, y = load(features)
    fitted = family.fit(x, y, setting["params"], seed, described["task"], "cpu")
    del x, y
    described |= {"family": setting["family"], "params": setting["params"]}
    models = models_of(graph.read_bytes(), described, family, fitted)
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
