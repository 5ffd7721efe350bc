"""Features in the full form of a checked configuration, with all options, and jobs that fit and apply them."""

from pathlib import Path

from scripts.config.check_schema import ConfigValidator, load_yaml
from scripts.config.features import KINDS, complete_features
from scripts.preprocess.fit import fit
from scripts.preprocess.summarize import summarize
from scripts.preprocess.transform import transform
from scripts.provenance.canonical import read_json
from tests.workflow import ROOT


def completed(features: dict, min_count: int = 2, terms: int = 20) -> dict:
    """Return *features* in full form, with the defaults of config/kinds.yaml."""
    prepare = {
        "label": {"classes": None, "unknown": "drop"},
        "features": dict(features),
        "min_count": min_count,
        "terms": terms,
    }
    assert not complete_features(prepare, load_yaml(ROOT / KINDS), ConfigValidator)
    return prepare["features"]


def options(kind: str, **given) -> dict:
    """Return a feature of one *kind* in full form."""
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


def transformed(
    folder: Path, tables: list[Path], features: Path, label: dict, cross_fitted: list[Path] | None = None
) -> None:
    """Write the *features* of *tables*, computed by the graph in *folder*, and statistics.json."""
    given = [folder / name for name in ("graph.onnx", "contract.json", "schema.json")]
    transform(tables, *given, cross_fitted or [], features, folder / "statistics.json", label)
