"""What clusters do to jobs, and what people do to Snakemake: the next run, or this one, ends well."""

import signal
import subprocess

import pytest

from tests.slurm.cluster import Cluster
from tests.slurm.running import ALONE, JOBS, Run, command
from tests.slurm.waiting import wait_for
from tests.workflow import environment, snakemake

pytestmark = pytest.mark.timeout(180)


def test_cancelled_job_is_done_again(cluster, fresh):
    run = Run(fresh, cluster, "a", 5).started()
    cluster.ask("scancel", *run.numbers())
    assert "CANCELLED" in run.end()


def test_job_out_of_memory_gets_more(cluster, fresh):
    run = Run(fresh, cluster, "a", 4, "--set-resources", "made:mem_mb=600 * attempt", megabytes=500)
    said = run.end()
    assert "mem_mb=1200" in said and "mem_mb=1800" not in said


def test_crash_of_a_node_moves_its_jobs(cluster, fresh):
    run = Run(fresh, cluster, "a", 4).started()
    node = cluster.ask("squeue", "--noheader", "--format=%N").strip()
    cluster.crash_node(node)
    try:
        run.end()
    finally:
        cluster.start_node(node)
    assert len(run.times("a")) == 3  # began, began again, ended


def test_restart_of_the_controller_goes_unnoticed(cluster, fresh):
    run = Run(fresh, cluster, "ab", 8).started(2)
    cluster.stop_controller()
    wait_for("end of the jobs", lambda: len(run.times("a") + run.times("b")) == 4)
    cluster.start_controller()
    run.end()
    assert len(run.times("a") + run.times("b")) == 4


def test_interrupt_cancels_the_jobs(cluster, fresh):
    run = Run(fresh, cluster, "abc", 60).started(3)
    assert run.send(signal.SIGINT) != 0
    wait_for("an empty queue", lambda: not run.numbers())
    Run(fresh, cluster, "abc", 1).end()


def test_jobs_of_a_killed_run_are_cancelled_by_the_next(cluster, fresh):
    run = Run(fresh, cluster, "abc", 120).started(3)
    run.send(signal.SIGKILL)
    left = run.numbers()
    assert len(left) == 3
    again = Run(fresh, cluster, "abc", 2)
    assert "cancelling 3 jobs of an earlier run" in again.end()
    for name in "abc":  # the first one began and never ended
        assert len(again.times(name)) == 3


OWN = """\
executor: slurm
jobs: 9
slurm-jobname-prefix: mine
default-resources: {mem_mb: 300, runtime: 5}
"""


@pytest.mark.parametrize("nolock", [False, True])
def test_jobs_of_a_run_with_any_options_are_cancelled_by_the_next(cluster, fresh, nolock):
    (fresh / "own").mkdir()
    (fresh / "own/profile.yaml").write_text(f"{OWN}nolock: {str(nolock).lower()}\n")
    run = Run(fresh, cluster, "abc", 120, options=ALONE).started(3)
    run.send(signal.SIGKILL)
    assert len(run.numbers()) == 3
    refused = Run(fresh, cluster, "abc", 2, options=("--profile", "own"))
    assert refused.process.wait(60) != 0 and "--unlock" in refused.log.read_text()  # Snakemake's own lock is left
    assert snakemake(fresh, "--unlock").returncode == 0
    again = Run(fresh, cluster, "abc", 2, options=("--profile", "own"))
    said = again.end()
    assert "cancelling 3 jobs of an earlier run" in said and "was never awaited" not in said
    for name in "abc":
        assert len(again.times(name)) == 3


def test_queue_says_case_stage_rule_and_span(cluster, fresh):
    rule = "from pathlib import Path\n" + JOBS.format(seconds=90, megabytes=0)
    (fresh / "rules/made.smk").write_text(rule)
    with open(fresh / "Snakefile", "a") as file:
        file.write('\n\ninclude: "rules/made.smk"\n')
    own = {"cwd": fresh, "env": environment(**cluster.environment()), "start_new_session": True}
    process = subprocess.Popen(command("made/2001"), **own)
    wait_for("the job", lambda: "RUNNING" in cluster.ask("squeue", "--noheader", "--format=%T"), 60)
    listed = cluster.ask("squeue", "--noheader", "--format=%j|%k").strip()
    process.send_signal(signal.SIGINT)
    process.wait(60)
    assert listed == "tiny/made/2001|ouroboros tiny/made/2001"


def test_second_run_is_refused(cluster, fresh):
    run = Run(fresh, cluster, "a", 30).started()
    own = {"cwd": fresh, "env": environment(**cluster.environment()), "capture_output": True, "text": True}
    for words in (command("made/b"), [*command("made/b")[:4], "--cores", "1"]):
        second = subprocess.run(words, **own)
        assert second.returncode != 0 and "another snakemake submits jobs of this folder" in second.stderr
    run.end()


@pytest.mark.parametrize("kind", ["filetxt", "slurmdbd"])
def test_any_accounting_and_a_limit_of_jobs(kind, fresh):
    limit = ["slurm_account=main", "qos=limited"] if kind == "slurmdbd" else []
    with Cluster(nodes=1, accounting=kind) as cluster:
        run = Run(fresh, cluster, "abcd", 2, "--jobs", "2", "--default-resources", "mem_mb=500", *limit)
        run.end()
        assert [len(run.times(name)) for name in "abcd"] == [2] * 4
