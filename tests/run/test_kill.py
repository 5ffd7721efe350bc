"""SIGKILL in the middle of any stage, then started again: the same final digests, nothing half-written."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.workflow import deploy, digests, environment, snakemake

pytestmark = [pytest.mark.full, pytest.mark.usefixtures("warmed")]
COLD = environment()  # a warm run is not among the children that are killed
STAGES = {
    "fetch": "version/2001",
    "ingest_span": "ingest/2001",
    "statistics": "validate/statistics/2001/all",
    "check_rows": "validate/checks/2001/all",
    "anomalies": "validate/anomalies",
    "gate_data": "validate/gate",
    "fit_graph": "preprocess/graph",
    "transform": "preprocess/features/train",
    "tune": "tune",
    "train": "train",
    "metrics": "analyze/metrics",
    "gate_model": "analyze/gate",
    "register_model": "register",
    "deploy": "deploy",
}


def kill_during(rule: str, root: Path, delay: float) -> None:
    """Run `snakemake deploy` and kill it and all its children *delay* seconds after a job of *rule* started."""
    command = [sys.executable, "-m", "snakemake", "--cores", "2", "deploy"]
    run = subprocess.Popen(command, cwd=root, env=COLD, stderr=subprocess.PIPE, text=True, start_new_session=True)
    for line in run.stderr:
        if line.strip() in (f"{kind} {rule}:" for kind in ("localcheckpoint", "checkpoint", "localrule")):
            break
    else:
        pytest.fail(f"{rule} did not start")
    time.sleep(delay)
    os.killpg(run.pid, signal.SIGKILL)
    run.wait()
    run.stderr.close()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("rule", STAGES)
def test_killed_and_started_again(rule, checkout) -> None:
    before = digests(checkout)
    shutil.rmtree(checkout / "results/tiny" / STAGES[rule])
    if rule == "fetch":  # which runs only where ingestion has to
        shutil.rmtree(checkout / "results/tiny/ingest/2001")
    kill_during(rule, checkout, delay=0.3)
    assert snakemake(checkout, "--unlock").returncode == 0
    deploy(checkout)
    assert digests(checkout) == before
    assert snakemake(checkout, "verify").returncode == 0
    assert not list((checkout / "results").rglob(".tmp-*"))
