"""A GPU changes where a job runs, never what is stale."""

import re
from pathlib import Path

import pytest

from scripts.provenance.environment import env_id
from tests.workflow import ROOT, explain, snakemake

GPU = ("--set-resources", "train:gpu=1", "tune:gpu=1")


@pytest.mark.feature("H7")
@pytest.mark.timeout(600)
def test_gpu_selects_environment_and_device_and_makes_nothing_stale(checkout: Path) -> None:
    run = snakemake(checkout, "-n", "deploy", *GPU)
    assert run.returncode == 0 and "Nothing to be done" in run.stdout + run.stderr, run.stdout + run.stderr
    assert explain(checkout)[0] == 0
    for words, environment, device in (((), "model", ""), (GPU, "model-gpu", " --device cuda")):
        run = snakemake(checkout, "-n", "-p", "train", "--forcerun", "train", *words)
        found = re.search(
            r"envs/python (\S+) scripts/train/train\.py --job-spec \S+(.*?) --features", run.stdout + run.stderr
        )
        assert found and found[1] == env_id(environment, ROOT / "envs") and found[2] == device, run.stderr
