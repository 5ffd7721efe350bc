"""Features of a case as a checked configuration has them, with all their options."""

from pathlib import Path

from scripts.config.check_schema import Checker, load
from scripts.config.features import KINDS, complete
from scripts.preprocess.fit import fit
from scripts.preprocess.summarize import summarize
from scripts.preprocess.transform import transform
from scripts.provenance.canonical import read_json
from tests.workflow import ROOT


def completed(features: dict, min_count: int = 2, terms: int = 20) -> dict:
    """Return *features* with the defaults of config/kinds.yaml."""
    prepare = {
        "label": {"classes": None, "unknown": "drop"},
        "features": dict(features),
        "min_count": min_count,
        "terms": terms,
    }
    assert not complete(prepare, load(ROOT / KINDS), Checker)
    return prepare["features"]


def options(kind: str, **given) -> dict:
    """Return the options of one *kind* of feature."""
    return completed({"x": {"kind": kind} | given})["x"][0]


def fitted(folder: Path, tables: list[Path], evaluate: list[Path], features: dict, label: dict, **limits: int) -> dict:
    """Fit *features* on *tables*; write graph.onnx and contract.json to *folder* and return the contract."""
    features, parts = completed(features, **limits), []
    for number, table in enumerate(tables):
        parts.append(folder / f"summary-{number}.npz")
        summarize(table, parts[-1], features, label)
    fit(
        tables,
        evaluate,
        parts,
        folder / "graph.onnx",
        folder / "contract.json",
        folder / "schema.json",
        "tiny",
        "Tiny",
        features,
        label,
    )
    return read_json(folder / "contract.json")


def transformed(folder: Path, tables: list[Path], features: Path, label: dict) -> None:
    """Write the *features* of *tables* by the graph in *folder*, and statistics.json."""
    given = [folder / name for name in ("graph.onnx", "contract.json", "schema.json")]
    transform(tables, *given, features, folder / "statistics.json", label)
