"""Worker jobs of a sweep are jobs like the one of the sweep."""

from pathlib import Path

import pytest

from scripts.tune import slurm_jobs as module
from scripts.tune.slurm_jobs import SlurmJobs, options_like

SAID = (
    "JobId=16 JobName=ouroboros_c6c2 UserId=root(0) Priority=4294901745 Nice=0 Account={account} QOS={qos} "
    "JobState=RUNNING Reason=None TimeLimit=1-04:00:00 TimeMin=N/A Partition=gpu NodeList=n1 NumNodes=1 NumCPUs=4 "
    "NumTasks=1 CPUs/Task=4 MinCPUsNode=4 MinMemory{by}=8000M MinTmpDiskNode=0 Features={features} {gpus}Power="
)


@pytest.mark.feature("H7")
def test_helpers_ask_for_what_the_job_of_the_sweep_has():
    plain = SAID.format(account="(null)", qos="N/A", by="Node", features="(null)", gpus="")
    assert options_like(plain) == ["--partition=gpu", "--time=1-04:00:00", "--cpus-per-task=4", "--mem=8000M"]
    all_said = SAID.format(account="me", qos="long", by="CPU", features="a100", gpus="TresPerJob=gres:gpu:a100:2 ")
    assert options_like(all_said) == [
        "--partition=gpu",
        "--account=me",
        "--qos=long",
        "--constraint=a100",
        "--time=1-04:00:00",
        "--cpus-per-task=4",
        "--mem-per-cpu=8000M",
        "--gpus=a100:2",
    ]


@pytest.mark.parametrize(
    ("said", "word"),
    [("TresPerJob=gres:gpu:1", "--gpus=1"), ("TresPerNode=gres:gpu:2", "--gres=gpu:2")],
)
def test_gpus_are_asked_for_as_they_were(said, word):
    assert options_like(f"JobId=1 {said} Power=") == [word]


@pytest.fixture
def asked(monkeypatch, tmp_path) -> list[tuple[str, ...]]:
    """Return the SLURM commands that are run, on a cluster whose queue is empty."""
    said: list[tuple[str, ...]] = []

    def ask(*command: str) -> str:
        said.append(command)
        return ""

    monkeypatch.setattr(module, "run_slurm", ask)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    monkeypatch.setattr(module.sys, "argv", ["tune.py", "--job-spec", "job-spec.json"])
    return said


def rounds(helpers: SlurmJobs, workers: Path, come: bool, count: int) -> int:
    """Let the worker jobs end *count* times, after they started or not; return how many were submitted."""
    for turn in range(count):
        helpers.top_up(9)
        signs = [workers / f"{turn}-{index}" for index in range(2 * come)]
        for sign in signs:
            sign.touch()
        helpers.top_up(0)
        for sign in signs:
            sign.unlink()
    return helpers.submitted


def test_helpers_that_worked_and_left_are_submitted_again_for_ever(asked, tmp_path):
    workers = tmp_path / "workers"
    workers.mkdir()
    (workers / "main").touch()
    with SlurmJobs(2, "name", {}, tmp_path) as helpers:
        assert rounds(helpers, workers, come=True, count=8) == 16
    assert asked[-1][0] == "scancel"


def test_helpers_that_never_come_are_given_up_and_cancelled(asked, tmp_path, capsys):
    (tmp_path / "workers").mkdir()
    with SlurmJobs(2, "name", {}, tmp_path) as helpers:
        assert rounds(helpers, tmp_path / "workers", come=False, count=8) == 6 and not helpers.is_due
    assert (
        "6 worker jobs were submitted, 0 started; see logs/slurm/helpers/; no more will be" in capsys.readouterr().err
    )
    assert asked[-1][0] == "scancel"
