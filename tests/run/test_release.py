"""`snakemake release` and `reproduce` on real runs: the same model from a commit alone, or the stage that differs."""

import json
import shutil
import subprocess

import pytest

from tests.workflow import snakemake

pytestmark = pytest.mark.usefixtures("warmed")
GIT = ["git", "-c", "user.name=test", "-c", "user.email=test@example.org"]


def commit(folder) -> None:
    """Commit the state of the checkout *folder*."""
    subprocess.run(["git", "add", "--all"], cwd=folder, check=True)
    subprocess.run([*GIT, "commit", "--quiet", "-m", "State"], cwd=folder, check=True)


@pytest.fixture
def released(checkout):
    """Return a checkout whose case is released, with nothing that is not committed."""
    run = snakemake(checkout, "release")
    assert run.returncode == 0, run.stderr
    commit(checkout)
    return checkout


def log(folder) -> str:
    return (folder / "logs/tiny/reproduce.log").read_text()


@pytest.mark.feature("U8")
@pytest.mark.takes(30)
def test_second_clone_at_another_place_gives_the_released_model(released, tmp_path):
    release = json.loads((released / "release/tiny.json").read_text())
    stages = [stage["stage"] for stage in release["stages"]]
    assert stages.index("train") < stages.index("analyze/metrics") and "ingest/2001" in stages
    other = tmp_path / "other/place"
    subprocess.run(["git", "clone", "--quiet", str(released), str(other)], check=True)
    for path in (released / "data/tiny").glob("*.csv"):
        shutil.copy(path, other / "data/tiny")
    settings = {"TZ": "Asia/Kathmandu", "LANG": "tr_TR.UTF-8", "PYTHONHASHSEED": "7"}
    run = snakemake(other, "reproduce", "--cores", "1", **settings)
    assert run.returncode == 0, run.stderr + log(other)
    count = sum(len(stage["outputs"]) for stage in release["stages"])
    assert f"tiny: {count} outputs of {len(stages)} stages, all as in the release" in run.stdout
    assert not (other / "results").exists() and not list((other / ".snakemake/ouroboros/reproduce").glob("*/"))


@pytest.mark.feature("U8")
@pytest.mark.takes(30)
def test_first_stage_that_differs_is_named_with_the_difference(released):
    path = released / "config/cases/tiny.yaml"
    path.write_text(path.read_text().replace("  terms: 20\n", "  terms: 4\n"))
    refused = snakemake(released, "reproduce")
    assert refused.returncode == 1
    assert "error: not all changes are committed: config/cases/tiny.yaml; what is" in log(released)
    commit(released)
    run = snakemake(released, "reproduce")
    assert run.returncode == 1
    lines = run.stdout.splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("tiny: preprocess/graph is the first"))
    assert "  results/tiny/preprocess/graph/contract.json" in lines[start:]
    assert any(line.startswith("  commit: ") for line in lines[start:]), lines
    path.unlink()
    (released / "release/tiny.json").unlink()
    assert snakemake(released, "release", "--config", "case=birds", "-n").returncode == 0


def test_release_that_is_missing_is_named(checkout):
    assert snakemake(checkout, "reproduce").returncode == 1
    assert "error: release/tiny.json is missing; `snakemake release --config case=tiny` writes it" in log(checkout)
