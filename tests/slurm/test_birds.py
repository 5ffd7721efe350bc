"""The default case on a cluster, on GPUs that SLURM assigns: every record and digest is that of a local run."""

import contextlib
import os
import re
import subprocess
import time
from pathlib import Path

import pytest

from scripts.provenance.environment import env_id
from tests.slurm.running import PYTHON, command
from tests.slurm.waiting import wait_for
from tests.workflow import ROOT, clone, digests, environment


@pytest.fixture
def environments(tmp_path) -> Path:
    """Return a folder of the environments with that of a processor under the name of the one for GPUs.

    No GPU is here to use; neither family of the case would.
    """
    folder = tmp_path / "environments"
    folder.mkdir()
    for path in PYTHON.parents[2].glob("*-*"):
        (folder / path.name).symlink_to(path)
    lock = ROOT / "envs"
    (folder / env_id("model-gpu", lock)).symlink_to(PYTHON.parents[2] / env_id("model", lock))
    return folder


def on_gpus(folder: Path) -> None:
    """Ask for GPUs in the one table that a user edits."""
    file = folder / "profiles/slurm/profile.yaml"
    text = file.read_text()
    for line, more in ((r"(  tune:  .*), workers: 4\}.*", ", workers: 3}"), (r"(  train:  .*)\}", "}")):
        text, count = re.subn(line, rf"\1, gpu: 1, slurm_partition: gpu{more}", text)
        assert count == 1, line
    file.write_text(text)


def processes(folder: Path) -> list[tuple[str, dict[str, str]]]:
    """Return command and environment of the processes whose working directory is *folder*."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if os.readlink(path / "cwd") == str(folder):
                command, variables = ((path / name).read_bytes().decode() for name in ("cmdline", "environ"))
                own = dict(variable.partition("=")[::2] for variable in variables.split("\0"))
                found.append((command.replace("\0", " "), own))
    return found


@pytest.mark.feature("H7", "H8", "U18")
@pytest.mark.takes(490)
@pytest.mark.timeout(1800)
def test_birds_on_gpus_of_a_cluster_gives_every_digest_of_a_local_run(tmp_path, cluster, environments, published):
    local, remote = published / "clone", clone(tmp_path / "remote")
    on_gpus(remote)
    own = environment(**cluster.environment(), OUROBOROS_ENVS=str(environments))
    with open(tmp_path / "said", "w") as said:
        run = subprocess.Popen(command("deploy"), cwd=remote, env=own, stdout=said, stderr=said)
    devices: dict[str, set] = {"tune": set(), "train": set()}  # job and GPU
    while run.poll() is None:
        for words, variables in processes(remote):
            if (script := re.search(r"scripts/(tune|train)/\1\.py", words)) and "SLURM_JOB_ID" in variables:
                devices[script[1]].add((variables["SLURM_JOB_ID"], variables.get("CUDA_VISIBLE_DEVICES")))
        time.sleep(0.2)
    log = (tmp_path / "said").read_text()
    assert run.returncode == 0, log
    wait_for("the end of all jobs", lambda: not processes(remote) and not cluster.ask("squeue", "--noheader", "--me"))
    assert log.count("has been submitted with SLURM jobid") > 15
    assert len(devices["tune"]) == 3 and len(devices["train"]) == 1, devices
    assert {device for script in devices.values() for _, device in script} <= {"0", "1"}
    assert digests(remote) == digests(local) and len(digests(local)) > 20
