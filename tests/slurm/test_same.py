"""The life cycle on a cluster: the records of a local run, digest by digest; GPUs are assigned."""

import subprocess

import pytest

from tests import tiny
from tests.slurm.running import Run, run
from tests.workflow import clone, digests, jobs

ON_NODES = {
    "ingest_span",
    "statistics",
    "check_rows",
    "anomalies",
    "fit_graph",
    "transform",
    "tune",
    "train",
    "metrics",
}


@pytest.mark.feature("H7")
def test_deploy_gives_what_a_local_run_gives(cluster, deployed, tmp_path):
    folder = clone(tmp_path / "clone")
    tiny.make(folder)
    subprocess.run(["git", "add", "--all"], cwd=folder, check=True)
    done = run(folder, cluster, "deploy")
    assert len(jobs(done.stderr)) == 27
    assert digests(folder) == digests(deployed)
    assert done.stderr.count("has been submitted with SLURM jobid") == len(
        [job for job in jobs(done.stderr) if job.split()[0] in ON_NODES]
    )
    assert "Nothing to be done" in run(folder, cluster, "deploy").stderr


@pytest.mark.feature("H7")
def test_job_that_asks_for_a_gpu_gets_one(cluster, fresh):
    Run(fresh, cluster, "ab", 3, "--set-resources", "made:slurm_partition=gpu", "made:gpu=1", "--jobs", "2").end()
    assert {(fresh / "made" / name).read_text() for name in "ab"} <= {"gpu 0\n", "gpu 1\n"}
