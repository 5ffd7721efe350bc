"""Exports by Snakemake: made when asked for, each stale by its own keys alone."""

import json
from pathlib import Path

import pytest

from tests.dag.edits import append, case
from tests.workflow import deploy, digests, run_target, snakemake

pytestmark = pytest.mark.usefixtures("warmed")
EXPORT = "export:\n  storage_uri: pvc://models/tiny\n  int8: {max_drop: 0.2, max_latency_ms: 5000}\n"


def export(root: Path) -> set[str]:
    """Run `snakemake export` and return the jobs that ran, without the target itself."""
    return run_target(root, "export") - {"export"}


@pytest.mark.feature("S20")
@pytest.mark.takes(60)
@pytest.mark.timeout(600)
def test_exports_are_made_when_asked_for_and_stale_by_their_own_keys(checkout: Path) -> None:
    folder = checkout / "results/tiny/export"
    assert export(checkout) == {"export_model"}
    assert sorted(path.name for path in folder.iterdir()) == ["mlflow", "record.json", "triton"]
    assert export(checkout) == set()
    append("config/cases/tiny.yaml", EXPORT)(checkout)
    assert deploy(checkout) == set()
    assert export(checkout) == {"export_model", "export_int8"}
    assert (folder / "kserve/inferenceservice.yaml").read_text().count("storageUri: pvc://models/tiny") == 1
    measured, version = (json.loads(path.read_text()) for path in (folder / "int8/measured.json", version_of(checkout)))
    assert measured["bundle"] == version["bundle"] and {check["of"] for check in measured["checks"]} >= {""}
    assert (folder / "triton/tiny/1/model.onnx").read_bytes() == (checkout / "serving/tiny/1/model.onnx").read_bytes()
    before = digests(checkout)
    case("max_drop: 0.2", "max_drop: 0.3")(checkout)
    assert export(checkout) == {"export_int8"}
    changed = {path for path, text in digests(checkout).items() if text != before[path]}
    assert changed == {"tiny/export/int8/record.json"}
    case("max_drop: 0.3", "max_drop: 0")(checkout)
    run = snakemake(checkout, "export")
    assert run.returncode == 1 and "the int8 form of the model is not exported: roc_auc" in run.stdout + run.stderr


def version_of(root: Path) -> Path:
    """Return the file of the registered version."""
    return root / "results/tiny/register/version.json"
