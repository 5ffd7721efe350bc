"""After each edit: explain names the root cause and writes nothing, and exactly the jobs run that must."""

import shutil
from pathlib import Path

import pytest

from tests import tiny
from tests.dag.edits import EDITS, Edit
from tests.workflow import deploy, environment, explain, jobs, snakemake


def state(root: Path) -> dict[str, tuple]:
    """Return size and time of all files but Snakemake's own and bytecode."""
    skipped = {".snakemake", "__pycache__", ".git"}
    files = (path for path in root.rglob("*") if path.is_file() and not skipped.intersection(path.parts))
    return {str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in files}


@pytest.fixture
def own_environments(tmp_path, monkeypatch) -> None:
    """Environments that a test builds go to a folder of its own; the built ones are linked there."""
    folder = tmp_path / "envs"
    folder.mkdir()
    for path in Path(environment()["OUROBOROS_ENVS"]).iterdir():
        if not path.name.startswith("."):
            (folder / path.name).symlink_to(path)
    monkeypatch.setenv("OUROBOROS_ENVS", str(folder))


@pytest.mark.feature("U3", "U5", "U6", "U7", "T1", "T7", "T9", "D8", "I5", "I6")
@pytest.mark.timeout(600)
@pytest.mark.parametrize("edit", EDITS, ids=[edit.name.replace(" ", "-") for edit in EDITS])
def test_edit(edit: Edit, checkout: Path, own_environments) -> None:
    if edit.before:
        edit.before(checkout)
        deploy(checkout)
    edit.do(checkout)
    before = state(checkout)
    code, answer = explain(checkout)
    assert state(checkout) == before, "explain wrote something"
    causes = [entry["cause"] for entry in answer["causes"]]
    ran = deploy(checkout, *edit.words)
    assert ran == edit.ran, f"needless: {sorted(ran - edit.ran)}, missed: {sorted(edit.ran - ran)}; {causes}"
    assert (code == 1) == bool(edit.ran)
    assert any(edit.cause in cause for cause in causes) if edit.cause else not causes, causes
    roots = {name for entry in answer["causes"] for name in entry["nodes"]}
    assert roots <= ran <= roots | set(answer["follow"])
    assert not deploy(checkout, *edit.words), "not settled after one run"


def test_no_two_edits_share_a_name() -> None:
    assert len({edit.name for edit in EDITS}) == len(EDITS) >= 45


def test_edited_output_is_found_by_verify(checkout: Path) -> None:
    assert snakemake(checkout, "verify").returncode == 0
    with open(checkout / "results/tiny/tune/best.json", "a") as file:
        file.write(" ")
    run = snakemake(checkout, "verify")
    assert run.returncode != 0
    assert "results/tiny/tune/best.json: not what its job wrote" in run.stdout


def test_edited_output_is_refused_by_the_next_job(checkout: Path) -> None:
    with open(checkout / "results/tiny/tune/best.json", "a") as file:
        file.write(" ")
    run = snakemake(checkout, "deploy", "--config", "train={seed: 3}")
    assert run.returncode != 0
    assert "results/tiny/tune/best.json is not what its job wrote" in run.stderr + run.stdout


def test_dry_run_shows_what_may_follow(checkout: Path) -> None:
    shutil.rmtree(checkout / "results/tiny/validate/anomalies")
    run = snakemake(checkout, "-n", "deploy")
    assert all(name in run.stdout + run.stderr for name in ("anomalies", "gate_data", "tune", "deploy"))


def test_deploy_is_the_default(checkout: Path) -> None:
    shutil.rmtree(checkout / "results/tiny/deploy")
    assert jobs(snakemake(checkout).stderr) == {"deploy"}


@pytest.mark.parametrize(
    "stage",
    "version ingest validate preprocess tune train analyze register deploy serve feedback report explain".split(),
)
def test_every_stage_is_a_target(stage: str, checkout: Path) -> None:
    run = snakemake(checkout, "-n", stage)
    assert run.returncode == 0, run.stderr


def test_forced_ingestion_gets_its_bytes(checkout: Path) -> None:
    run = snakemake(checkout, "deploy", "--forcerun", "ingest_span")
    assert run.returncode == 0, run.stdout + run.stderr
    assert {f"ingest_span {span}" for span in tiny.SPANS} <= jobs(run.stderr)
    assert snakemake(checkout, "verify").returncode == 0


@pytest.mark.feature("U10", "H9", "H10", "H11")
@pytest.mark.timeout(600)
def test_sweeps_are_the_same_for_any_workers_and_extended_by_their_new_trials(checkout: Path) -> None:
    def made() -> dict[str, bytes]:
        files = [*(checkout / "results/tiny/tune").glob("*.json"), *(checkout / "results/tiny/train/bundle").iterdir()]
        return {path.name: path.read_bytes() for path in files if path.name != "record.json"}

    before = made()
    for workers in (1, 4):
        shutil.rmtree(checkout / "results/tiny/tune")
        shutil.rmtree(checkout / "results/tiny/train")
        run = snakemake(checkout, "train", "--cores", "4", "--set-threads", f"tune={workers}")
        assert run.returncode == 0, run.stdout + run.stderr
        assert made() == before
    kept = {path: path.stat().st_mtime_ns for path in (checkout / "results/tiny/tune/sweeps").glob("*/*/??????.json")}
    assert len(kept) == 4
    assert snakemake(checkout, "tune", "--config", "tune={trials: 7}").returncode == 0
    longer = {path: path.stat().st_mtime_ns for path in (checkout / "results/tiny/tune/sweeps").glob("*/*/??????.json")}
    assert len(longer) == 7 and kept.items() <= longer.items()
