"""Fit the best setting and bundle it with the graph: one ONNX model that takes raw rows, proven on every eval row."""

from pathlib import Path

from scripts.bundle.encode import from_rows
from scripts.bundle.features import load
from scripts.bundle.files import STATE
from scripts.bundle.predictor import check_graph, predictor
from scripts.families.registry import family as family_of
from scripts.spine.canon import exact, file_digest, read_json, write_bytes, write_json
from scripts.spine.job import main
from scripts.train.golden import golden_rows
from scripts.train.models import models_of
from scripts.train.proof import prove
from scripts.train.warm import earlier, packed


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
