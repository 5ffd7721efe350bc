"""What clusters do to a sweep that several jobs share: it ends with the trials of an undisturbed local run."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.deployed import common, once
from tests.slurm import sweeps
from tests.slurm.cluster import Cluster
from tests.slurm.running import command
from tests.slurm.sweeps import TRIALS, Sweep, copied, results
from tests.slurm.waiting import wait_for
from tests.workflow import environment, snakemake

pytestmark = [pytest.mark.timeout(300), pytest.mark.feature("H4", "H9", "H12", "U10")]


@pytest.fixture(scope="session")
def prepared(tmp_path_factory) -> Path:
    """Return a clone whose sweep is to be run, made once for all workers, and beside it one where it was, locally."""
    shared = common(tmp_path_factory)

    def make(folder: Path) -> None:
        sweeps.locally(copied(sweeps.prepare(folder), shared / "local"))

    return once(shared / "sweep", make)


@pytest.fixture
def clone(prepared, tmp_path) -> Path:
    """Return a clone of one's own, whose sweep is to be run."""
    return copied(prepared, tmp_path / "clone")


@pytest.fixture
def local(prepared) -> dict[str, bytes]:
    """Return what the sweep gives on this machine."""
    return results(prepared.parent / "local")


@pytest.fixture
def sweep(cluster, clone, local):
    """Return a sweep that three jobs share; afterwards it must have ended as a local one."""
    made = Sweep(cluster, clone).shared()
    yield made
    assert results(clone) == local


def test_sweep_is_shared_by_all_jobs_that_the_queue_gives(cluster, clone, local):
    made = Sweep(cluster, clone, "--gpus=1")
    made.end()
    fits = made.fits()
    assert len({job for job, _, _ in fits}) == 3 and {gpus for _, gpus, _ in fits} <= {"0", "1"}
    assert len({setting for _, _, setting in fits}) == TRIALS
    assert results(clone) == local


def test_helper_that_is_killed(cluster, sweep):
    array = sweep.jobs()[0].partition("_")[0]
    os.kill(next(filter(is_python, cluster.processes(f"SLURM_ARRAY_JOB_ID={array}\0"))), signal.SIGKILL)
    sweep.end(further=2)


def is_python(pid: int) -> bool:
    """Return whether a process is the first one of a helper."""
    parent = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1]
    lines = [Path(f"/proc/{number}/cmdline").read_bytes() for number in (pid, parent)]
    return [b"scripts/tune/tune.py" in line for line in lines] == [True, False]


def test_helper_that_is_cancelled_gives_its_trials_back_and_another_comes(cluster, sweep):
    (sweep.folder / "seconds").write_text("4")  # so that trials are left when the next helper starts
    cluster.ask("scancel", *sweep.jobs())
    sweep.end(further=4)
    assert len({job for job, _, _ in sweep.fits()}) > 3


def test_node_that_crashes(cluster, sweep):
    node = sweep.node(sweep.jobs()[-1])
    cluster.crash_node(node)
    try:
        sweep.end(further=6)
    finally:
        cluster.start_node(node)


def test_helper_at_its_time_limit(cluster, clone, local):
    (clone / "seconds").write_text("20")  # SLURM ends a job 60 to 90 s after its start
    made = Sweep(cluster, clone).shared()
    for job in made.jobs():
        cluster.ask("scontrol", "update", f"JobId={job}", "TimeLimit=1")
    made.end(further=4)
    assert "DUE TO TIME LIMIT" in made.said() and len({job for job, _, _ in made.fits()}) > 3
    assert results(clone) == local


def test_helper_out_of_memory(cluster, sweep):
    (sweep.folder / "greedy").touch()
    sweep.end(further=4)
    assert "exceeded memory limit" in sweep.said()


def test_node_that_is_drained_and_resumed(cluster, sweep):
    node = sweep.node(sweep.jobs()[-1])
    cluster.ask("scontrol", "update", f"NodeName={node}", "State=DRAIN", "Reason=test")
    cluster.ask("scancel", *sweep.jobs())
    elsewhere = [name for name in cluster.nodes if name != node]
    wait_for("helpers elsewhere", lambda: any(sweep.node(job) in elsewhere for job in sweep.jobs("RUNNING")))
    cluster.ask("scontrol", "update", f"NodeName={node}", "State=RESUME")
    sweep.end(further=4)


def test_controller_that_restarts(cluster, sweep):
    cluster.stop_controller()
    seen = len(sweep.fits())
    wait_for("fits without a controller", lambda: len(sweep.fits()) > seen + 3)
    cluster.start_controller()
    sweep.end()


def test_helpers_that_are_preempted_come_back(cluster, sweep):
    urgent = ["sbatch", "--partition=urgent", "--exclusive", "--nodes=1", "--parsable", "--output=/dev/null"]
    node = sweep.node(sweep.jobs()[-1])
    job = cluster.ask(*urgent, f"--nodelist={node}", "--wrap=sleep 4").strip()
    wait_for("the urgent job", lambda: cluster.ask("squeue", "-ho", "%T", f"--jobs={job}").strip() == "RUNNING", 60)
    sweep.end(further=6)


def test_fewer_jobs_where_a_qos_has_a_limit(clone, local):
    with Cluster(nodes=1, accounting="slurmdbd") as cluster:
        made = Sweep(cluster, clone, "--account=main", "--qos=limited")
        made.end()
        assert len({job for job, _, _ in made.fits()}) == 2
    assert results(clone) == local


def test_sweep_longer_than_the_time_limit_goes_on_in_a_new_job(cluster, clone, local):
    (clone / "seconds").write_text("16")  # 30 trials, six at a time: 80 s, of a limit of 60 s
    own = {"cwd": clone, "env": environment(**cluster.environment()), "capture_output": True, "text": True}
    more = ["--set-resources", "tune:workers=3", "tune:mem_mb=900", "tune:runtime=1", "--set-threads", "tune=2"]
    run = subprocess.run([*command("tune"), "--retries", "0", *more], **own)
    assert run.returncode == 0, run.stderr
    assert run.stderr.count("has been submitted with SLURM jobid") == 1
    assert "tune: the time limit of this job is near; SLURM starts it again" in run.stderr  # on the terminal
    assert results(clone) == local and len((clone / "fits").read_text().splitlines()) <= TRIALS + 12
    listed = cluster.ask("squeue", "--noheader", "--states=all", "--format=%T|%j|%Z").splitlines()
    rows = [line.split("|") for line in listed if line.endswith(f"|{clone}")]
    assert {state for state, _, _ in rows} == {"COMPLETED"}, rows
    assert len([name for _, name, _ in rows if name.startswith("tiny/tune/worker-")]) >= 3


def test_two_clones_of_a_user_have_their_own_worker_jobs(cluster, prepared, local, tmp_path):
    made = [Sweep(cluster, copied(prepared, tmp_path / name)) for name in ("a", "b")]
    for sweep in made:
        sweep.end()
        assert len({job for job, _, _ in sweep.fits()}) == 3
        assert results(sweep.folder) == local


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_snakemake_that_is_stopped_and_started_again(cluster, clone, local, number):
    own = {"cwd": clone, "env": environment(**cluster.environment()), "start_new_session": True}
    words = [*command("tune"), "--set-threads", "tune=2", "--set-resources", "tune:workers=3", "tune:mem_mb=900"]
    with open(clone / "log", "w") as log:
        process = subprocess.Popen(words, stdout=log, stderr=log, **own)
        wait_for("fits", lambda: (clone / "fits").exists() and len((clone / "fits").read_text().splitlines()) > 8, 90)
        (clone / "seconds").write_text("9")  # so that the sweep is not over before it is asked and stopped
        said = snakemake(clone, "progress").stdout
        assert f"/{TRIALS} trials, " in said and " running in 0 jobs" not in said and " left, " in said
        process.send_signal(number)
        assert process.wait(100) != 0
        if number != signal.SIGKILL:
            wait_for("an empty queue", lambda: str(clone) not in cluster.ask("squeue", "--noheader", "--format=%Z"))
        (clone / "seconds").unlink()
        assert subprocess.run(words, stdout=log, stderr=log, timeout=150, **own).returncode == 0
    assert results(clone) == local
    # A cancelled job is listed until its node has cleaned up.
    wait_for("an empty queue", lambda: str(clone) not in cluster.ask("squeue", "--noheader", "--format=%Z"))
    assert len((clone / "fits").read_text().splitlines()) <= TRIALS + 6
