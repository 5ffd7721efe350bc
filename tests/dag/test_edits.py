"""After each edit: explain names the root cause and writes nothing, and exactly the jobs run that must."""

import shutil
from pathlib import Path

import pytest

from tests import tiny
from tests.dag.edits import EDITS, ROOT_ENV, Edit, hook_that_reads
from tests.deployed import common, once
from tests.workflow import deploy, environment, explain, jobs, snakemake

COLD = {  # edits of all kinds that run in the real environments
    "fresh clone with pulled results",
    "other bytes, same meaning, of tables",
    "constant of the golden rows",
    "a lock line",
    "ingest key",
    "preprocess key that changes nothing",
    "more trials",
    "gate threshold",
    "serving option",
    "a changed row that no feature holds",
    "a removed stage",
    "a changed shell line",
}
ALONE = {  # edits of times and of what Snakemake keeps: one would hide another
    "touched scripts",
    "scripts with modification time 1",
    "touched data and pointers",
    "touched results",
    ".snakemake removed",
    "fresh clone with pulled results",
    "spans of a window in another order",  # windows by rules leave no list to reorder
}
TOGETHER = [edit for edit in EDITS if not (edit.ran or edit.before or edit.words or edit.name in ALONE)]
ONE_BY_ONE = [edit for edit in EDITS if edit not in TOGETHER]


def state(root: Path) -> dict[str, tuple]:
    """Return size and time of all files but Snakemake's own and bytecode."""
    skipped = {".snakemake", "__pycache__", ".git"}
    files = (path for path in root.rglob("*") if path.is_file() and not skipped.intersection(path.parts))
    return {str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in files}


@pytest.fixture
def own_environments(tmp_path, monkeypatch, edit, warmed) -> None:
    """Environments that a test builds go to a folder of its own; the built ones are linked there."""
    folder = tmp_path / "envs"
    folder.mkdir()
    for path in Path((ROOT_ENV if edit.name in COLD else environment())["OUROBOROS_ENVS"]).iterdir():
        if not path.name.startswith("."):
            (folder / path.name).symlink_to(path)
    monkeypatch.setenv("OUROBOROS_ENVS", str(folder))


@pytest.fixture
def prepared(edit, deployed, own_environments, tmp_path, tmp_path_factory) -> Path:
    """Return a checkout where what comes before *edit* is done and deployed, once for all edits that share it."""

    def make(folder: Path) -> None:
        shutil.copytree(deployed, folder, symlinks=True)
        if edit.before:
            edit.before(folder)
            deploy(folder)

    folder, befores = tmp_path / "checkout", [other.before for other in EDITS]
    if edit.before and befores.count(edit.before) > 1:
        made = once(common(tmp_path_factory) / f"before-{befores.index(edit.before)}", make)
        shutil.copytree(made, folder, symlinks=True)
    else:
        make(folder)
    return folder


@pytest.mark.feature("U3", "U5", "U6", "U7", "T1", "T7", "T9", "D8", "I5", "I6")
@pytest.mark.timeout(600)
@pytest.mark.parametrize("edit", ONE_BY_ONE, ids=[edit.name.replace(" ", "-") for edit in ONE_BY_ONE])
def test_edit(edit: Edit, prepared: Path) -> None:
    edit.do(prepared)
    before = state(prepared)
    code, answer = explain(prepared)
    assert state(prepared) == before, "explain wrote something"
    causes = [entry["cause"] for entry in answer["causes"]]
    ran = deploy(prepared, *edit.words)
    assert ran == edit.ran, f"needless: {sorted(ran - edit.ran)}, missed: {sorted(edit.ran - ran)}; {causes}"
    assert (code == 1) == bool(edit.ran)
    assert any(edit.cause in cause for cause in causes) if edit.cause else not causes, causes
    roots = {name for entry in answer["causes"] for name in entry["nodes"]}
    assert roots <= ran <= roots | set(answer["follow"])
    assert not deploy(prepared, *edit.words), "not settled after one run"


@pytest.mark.feature("U3", "U5", "U6", "U7", "T1", "T7", "T9", "D8", "I5", "I6")
@pytest.mark.timeout(600)
def test_edits_that_make_nothing_stale_one_upon_the_other(deployed: Path, checkout: Path, tmp_path: Path) -> None:
    for edit in TOGETHER:
        edit.do(checkout)
        before = state(checkout)
        code, answer = explain(checkout)
        assert state(checkout) == before, f"after {edit.name}: explain wrote something"
        assert (code, answer["causes"], answer["follow"]) == (0, [], []), f"after {edit.name}"
    if not (ran := deploy(checkout)):
        return
    for edit in TOGETHER:  # which of them was it?
        other = tmp_path / edit.name.replace(" ", "-")
        shutil.copytree(deployed, other, symlinks=True)
        edit.do(other)
        alone = deploy(other)
        assert not alone, f"{edit.name}: needless: {sorted(alone)}"
    pytest.fail(f"none of them alone, but all of them make stale {sorted(ran)}")


def test_no_two_edits_share_a_name() -> None:
    names = {edit.name for edit in EDITS}
    assert len(names) == len(EDITS) >= 45
    assert names >= COLD | ALONE and len(COLD) == 12 and len(TOGETHER) > 15


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


@pytest.mark.feature("U3")
def test_a_hook_that_reads_an_undeclared_file_is_refused(checkout: Path) -> None:
    hook_that_reads("")(checkout)
    run = snakemake(checkout, "deploy")
    assert run.returncode != 0
    assert (
        "error: hooks/parcels/weights.json: this job used it, but its fingerprint lacks it" in run.stdout + run.stderr
    )
    assert not (checkout / "results/tiny/preprocess/graph/graph.onnx").exists()


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
