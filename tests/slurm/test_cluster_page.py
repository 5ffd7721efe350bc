"""docs/cluster.md is true: its commands run, in order, and give the records of a local run; GPUs are assigned."""

import re
import subprocess

import pytest

from tests.slurm.running import SOON, Run
from tests.workflow import ROOT, digests, environment, jobs

SUBMITTED = re.compile(r"^(?:checkpoint|rule) \w+:$", re.M)  # those that run beside Snakemake say localrule


def commands() -> list[str]:
    """Return the commands of the page."""
    blocks = re.findall(r"```sh\n(.*?)```", (ROOT / "docs/cluster.md").read_text(), re.S)
    return [line.strip() for block in blocks for line in block.splitlines() if line.strip()]


def test_page_has_nine_commands():
    assert len(commands()) == 9
    assert commands()[0] == "envs/driver slurm"


@pytest.mark.feature("H7")
@pytest.mark.takes(276)
@pytest.mark.timeout(1200)
def test_every_command_of_the_page_and_the_records_of_a_local_run(cluster, deployed, fresh):
    subprocess.run(["git", "add", "--all"], cwd=fresh, check=True)
    said, own = {}, environment(**cluster.environment())
    own.pop("OUROBOROS_PYTHON", None)  # the page makes the environment of Snakemake
    for command in commands():
        words = command.replace("--profile profiles/slurm", " ".join(["--profile profiles/slurm", *SOON]))
        run = subprocess.run(words, shell=True, cwd=fresh, env=own, capture_output=True, text=True)
        assert run.returncode == 0, command + run.stdout + run.stderr
        said[command] = run.stdout + run.stderr
    dry, deployment, verified, left = (said[command] for command in commands()[5:])
    assert "30 jobs would run" in dry
    assert "30 jobs to run" in deployment and len(re.findall(r"^\[ ?\d+/30\] ✓ ", deployment, re.M)) == 30
    logs = [path.read_text() for path in (fresh / ".snakemake/log").iterdir()]
    (log,) = [text for text in logs if "30 of 30 steps" in text]
    assert len(jobs(log)) == 30 and "slurm_partition=cpu" in log
    assert log.count("has been submitted with SLURM jobid") == len(SUBMITTED.findall(log)) > 15
    assert "is as recorded" in verified and len(left.splitlines()) == 1
    assert digests(fresh) == digests(deployed)


@pytest.mark.feature("H7")
def test_job_that_asks_for_a_gpu_gets_one(cluster, fresh):
    Run(fresh, cluster, "ab", 3, "--set-resources", "made:slurm_partition=gpu", "made:gpu=1").end()
    assert {(fresh / "made" / name).read_text() for name in "ab"} <= {"gpu 0\n", "gpu 1\n"}
