"""Worker jobs of a sweep are jobs like the one of the sweep, wherever and however that was submitted."""

import os
from pathlib import Path

import pytest

from scripts.tune import slurm, submitters
from scripts.tune.heartbeat import Heartbeats
from scripts.tune.slurm import CommandError, parse_duration, was_ended_by_slurm
from scripts.tune.storage import WARNING
from scripts.tune.submitters import CommandSubmitter, SlurmSubmitter, make_submitter
from scripts.tune.worker_jobs import WorkerJobs

OPTIONS = """\
--parsable --job-name birds/tune --output logs/x/%j.log --export=ALL --comment ouroboros -A me -p gpu -t 240 -C a100
--qos=long --mem 8000 --cpus-per-task=8 --gpus-per-task=1 --mem-per-gpu=4G --exclude=n3 --nodelist=n[1-2] --exclusive
--nice=100 --licenses=matlab:1 -D /clone --gpus=a100:2""".split()


class Cluster:
    """A cluster whose answers a test gives, by command; what is asked is kept."""

    def __init__(self):
        self.asked: list[list[str]] = []
        self.answers: dict[str, str | Exception] = {}

    def run(self, command: list[str] | str) -> str:
        words = command.split() if isinstance(command, str) else command
        self.asked.append(words)
        answer = self.answers.get(words[0], "")
        if isinstance(answer, Exception):
            raise answer
        return answer

    def count(self, name: str) -> int:
        return sum(words[0] == name for words in self.asked)


@pytest.fixture
def cluster(monkeypatch, tmp_path) -> Cluster:
    """Return a cluster whose queue is empty, to which the job of a sweep was submitted with OPTIONS."""
    made = Cluster()
    for module in (slurm, submitters):
        monkeypatch.setattr(module, "run_command", made.run)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    monkeypatch.setenv("OUROBOROS_SBATCH", "\n".join(OPTIONS))
    monkeypatch.setattr("sys.argv", ["tune.py", "--job-spec", "job-spec.json"])
    return made


def worker_jobs(place: Path, count: int = 2, command: str = "") -> WorkerJobs:
    """Return the worker jobs of the sweep in *place*."""
    return WorkerJobs(count, make_submitter(command, place), {}, place, Heartbeats(place / "workers"))


def place_of(clone: Path) -> Path:
    """Make the folder of a sweep in a clone and return it."""
    place = clone / "results/birds/tune/sweeps/0123"
    place.mkdir(parents=True)
    return place


@pytest.mark.feature("H7")
def test_worker_job_has_every_option_of_the_job_of_the_sweep(cluster, tmp_path):
    worker_jobs(place_of(tmp_path)).top_up(9)
    words = cluster.asked[-1]
    assert words[: len(OPTIONS) + 1] == ["sbatch", *OPTIONS]
    name = words[len(OPTIONS) + 1].removeprefix("--job-name=")
    assert name.startswith("birds/tune/worker-") and f"--comment={name}" in words and "--array=1-2" in words
    assert "scontrol" not in {asked[0] for asked in cluster.asked}  # no text of SLURM's is read for it


def test_names_of_two_clones_differ(cluster, tmp_path):
    names = {SlurmSubmitter(place_of(tmp_path / clone), []).name for clone in ("a", "b")}
    assert len(names) == 2 and {name.partition("-")[0] for name in names} == {"birds/tune/worker"}


def rounds(helpers: WorkerJobs, workers: Path, come: bool, count: int) -> int:
    """Let the worker jobs end *count* times, after they started or not; return how many were submitted."""
    for turn in range(count):
        helpers.top_up(9)
        signs = [workers / f"{'f' * 12}-{turn}-{index}" for index in range(2 * come)]
        for sign in signs:
            sign.touch()
        helpers.top_up(0)
        for sign in signs:
            sign.unlink()
    return helpers.submitted


def test_helpers_that_worked_and_left_are_submitted_again_for_ever(cluster, tmp_path):
    place = place_of(tmp_path)
    with worker_jobs(place) as helpers:
        assert rounds(helpers, place / "workers", come=True, count=8) == 16
    assert cluster.asked[-1][0] == "scancel"


def test_helpers_that_never_come_are_given_up_and_cancelled(cluster, tmp_path, capsys):
    place = place_of(tmp_path)
    with worker_jobs(place) as helpers:
        assert rounds(helpers, place / "workers", come=False, count=8) == 6 and not helpers.is_due
        said = "6 worker jobs were submitted, 0 started; see logs/slurm/helpers/; no more will be"
        assert said in capsys.readouterr().err and (place / WARNING).read_text() == said
    assert cluster.asked[-1][0] == "scancel"


def test_those_that_run_at_the_end_are_left_to_end_by_themselves(cluster, tmp_path):
    with worker_jobs(place_of(tmp_path)):
        pass
    assert next(words[-1] for words in cluster.asked if words[0] == "scancel") == "--state=PENDING"


@pytest.mark.parametrize("error", [SystemExit(143), ValueError()])
def test_all_are_cancelled_at_once_after_an_error(cluster, tmp_path, error):
    with pytest.raises(type(error)), worker_jobs(place_of(tmp_path)):
        raise error
    assert [words[-1].partition("=")[0] for words in cluster.asked if words[0] == "scancel"] == ["--name"]


def test_refusal_is_said_once_and_left_for_progress(cluster, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("OUROBOROS_NOTICES", str(tmp_path / "notices"))
    place = place_of(tmp_path)
    cluster.answers["sbatch"] = CommandError("sbatch: error: QOSMaxSubmitJobPerUserLimit")
    helpers = worker_jobs(place, count=4)
    for _ in range(3):
        helpers.top_up(9)
    said = (
        "worker jobs cannot be submitted (sbatch: error: QOSMaxSubmitJobPerUserLimit), the sweep goes on with the jobs"
        " that it has"
    )
    assert capsys.readouterr().err.count(said) == 1
    assert (tmp_path / "notices").read_text() == f"tune: {said}\n" and (place / WARNING).read_text() == said
    assert cluster.count("sbatch") == 9  # 4, 2 and 1 jobs, three times
    del cluster.answers["sbatch"]
    helpers.top_up(9)
    assert not (place / WARNING).exists()


def test_outage_of_the_queue_is_waited_for(cluster, tmp_path):
    place = place_of(tmp_path)
    cluster.answers["squeue"] = CommandError("squeue: no controller")
    helpers = worker_jobs(place)
    helpers.top_up(9)
    assert not cluster.count("sbatch") and not (place / WARNING).exists()


def test_without_a_cluster_it_says_that_one_job_runs_all_trials(cluster, tmp_path, capsys, monkeypatch):
    monkeypatch.delenv("OUROBOROS_SBATCH")
    with worker_jobs(place_of(tmp_path)) as helpers:
        assert not helpers.is_due
    assert "2 worker jobs are not submitted, this job runs all trials" in capsys.readouterr().err
    assert not cluster.asked
    with worker_jobs(place_of(tmp_path / "one"), count=0):
        assert not capsys.readouterr().err


@pytest.fixture
def queue(tmp_path, monkeypatch) -> Path:
    """Return the log of a made-up qsub, which writes down what it is to run, on a machine without SLURM."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    monkeypatch.setattr("sys.argv", ["tune.py", "--job-spec", "job-spec.json"])
    (tmp_path / "qsub").write_text('#!/bin/sh\n[ -e taken ] && echo refused >&2 && exit 1\necho "$@" >> queue\n')
    (tmp_path / "qsub").chmod(0o755)
    return tmp_path / "queue"


def test_command_of_the_profile_submits_each_worker_job(queue, tmp_path):
    place = place_of(tmp_path)
    with worker_jobs(place, command="./qsub -l ncpus=8 -o {log} {script}") as helpers:
        helpers.top_up(9)
        helpers.top_up(9)  # both wait
        lines = queue.read_text().splitlines()
        assert lines == [f"-l ncpus=8 -o logs/slurm/helpers/0123-{n}.log {place}/worker.sh" for n in (1, 2)]
        (place / "workers" / f"{helpers.heartbeats.machine}-1-0").touch()  # one started and was killed
        helpers.top_up(9)
        assert len(queue.read_text().splitlines()) == 3
    script = (place / "worker.sh").read_text()
    assert script.startswith(f"#!/bin/sh\ncd {os.getcwd()} && exec ") and script.endswith(" --worker_only yes\n")
    assert f"--job-spec {place}/job-spec.json" in script


def test_command_that_fails_is_quoted(queue, tmp_path):
    (tmp_path / "taken").touch()
    with pytest.raises(CommandError, match=r"^\./qsub: refused$"):
        CommandSubmitter("./qsub {script}").submit(tmp_path / "x.sh", 2)


# what `scontrol show job --oneliner` prints on SLURM 22.05 and on 24.05, cut
OLD = "JobId=16 JobName=a JobState={state} Reason=None Requeue=1 Restarts={n} TimeLimit=04:00:00 TresPerJob=gres:gpu:1"
NEW = (
    "JobId=16 JobName=a Nice=0 JobState={state} Reason=None Requeue=1 Restarts={n} ReqTRES=cpu=4,mem=8000M,gres/gpu=1 "
    "TresPerJob=gres/gpu:1 TresPerTask=cpu=4"
)


@pytest.mark.parametrize("form", [OLD, NEW])
@pytest.mark.parametrize(
    ("state", "restarts", "same_machine", "by_slurm"),
    [
        ("NODE_FAIL", 0, False, True),
        ("PREEMPTED", 0, True, True),
        ("TIMEOUT", 0, False, True),
        ("PENDING", 1, False, True),  # requeued
        ("RUNNING", 1, True, True),  # requeued, and started again
        ("RUNNING", 0, False, True),  # its node is lost, which SLURM does not know yet
        ("RUNNING", 0, True, False),
        ("OUT_OF_MEMORY", 0, False, False),
        ("FAILED", 0, False, False),
        ("COMPLETED", 0, False, False),
    ],
)
def test_losses_that_are_no_fault_of_a_trial(cluster, form, state, restarts, same_machine, by_slurm):
    cluster.answers["scontrol"] = form.format(state=state, n=restarts)
    assert was_ended_by_slurm({"id": "16", "restarts": 0}, same_machine) == by_slurm


def test_loss_of_a_process_that_slurm_does_not_know_counts(cluster):
    assert not was_ended_by_slurm(None, same_machine=False)
    cluster.answers["scontrol"] = CommandError("scontrol: Invalid job id specified")
    assert not was_ended_by_slurm({"id": "16", "restarts": 0}, same_machine=False)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1-02:30:00\n", 95400.0),
        ("59:01\n", 3541.0),
        ("0:10", 10.0),
        ("UNLIMITED", None),
        ("NOT_SET", None),
        ("", None),
    ],
)
def test_time_that_is_left(text, seconds):
    assert parse_duration(text) == seconds
