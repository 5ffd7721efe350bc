"""A sweep that jobs of a cluster share, against the ideal and against peers, on the SLURM of the tests.

    envs/python test benchmarks/pool.py [--trials 400] [--seconds 1] [--workers 8] [--runs 3] [--peers DIR]

Trials only sleep (benchmarks/models.py). Ours is the job of a sweep with helpers, one trial at a time each; with
--peers, environments in DIR, Optuna is as many jobs with a journal file in their shared folder, each with an equal
part of the trials, and Ray Tune one job with as many CPUs. All write down when each trial began and ended. "starts" is
from the submission until as many trials as there are workers ran at once; "ratio" is the time from then on, against
what the trials that were left take at best. Trials that do not sleep give trials per second, from the first one that
began to the last one that ended. Medians of runs in turn. Needs SLURM.
"""

import argparse
import json
import os
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.models import PEERS, always_allow, ignore_report, sleep_and_score  # noqa: E402
from benchmarks.peers import install_peers  # noqa: E402

CPUS = 16  # of each of the two nodes: pretended ones, as trials sleep
FAMILIES = {"f": {"x": {"uniform": [0, 1]}, "y": {"uniform": [0, 1]}}}


def run_noted_trial(x: float, y: float, seconds: float, folder: Path) -> float:
    """Return the loss of a setting after so many seconds; write down when the trial began and ended."""
    started = time.time()
    loss = sleep_and_score(x, y, seconds)
    with open(folder / f"{os.getpid()}.trials", "a") as file:
        file.write(json.dumps([started, time.time(), loss]) + "\n")
    return loss


class NotedObjective:
    """An objective whose trials sleep and write down when."""

    def __init__(self, seconds: float, folder: Path):
        self.seconds, self.folder = seconds, folder

    def run(self, setting: dict, number: int, fraction: float, seed: int) -> dict:
        """Return the record of a trial."""
        from scripts.tune.trial import make_record

        loss = run_noted_trial(setting["params"]["x"], setting["params"]["y"], self.seconds, self.folder)
        return make_record(setting | {"number": number, "loss": loss, "status": "ok"}, fraction, self.seconds)


def run_our_job(given: argparse.Namespace) -> None:
    """Work as the job of a sweep, or as one that helps."""
    from scripts.tune.schedule import Schedule
    from scripts.tune.submitters import make_submitter
    from scripts.tune.suggest import make_suggester
    from scripts.tune.sweep import Sweep, run_sweep
    from scripts.tune.worker_jobs import WorkerJobs

    schedule = Schedule(make_suggester(FAMILIES, "mix", 0, []), 2 * given.workers)
    sweep = Sweep(schedule, given.trials, given.folder / "sweep")
    count, place = 0 if given.worker_only else given.workers - 1, sweep.storage.folder
    with WorkerJobs(count, make_submitter("", place), {}, place, sweep.storage.heartbeats) as worker_jobs:

        def report(running: int) -> None:
            if worker_jobs.is_due:
                worker_jobs.top_up(sweep.open_trials)

        objective = NotedObjective(given.seconds, given.folder)
        run_sweep(
            sweep,
            objective,
            1,
            0,
            None,
            always_allow,
            ignore_report if given.worker_only else report,
            worker_only=bool(given.worker_only),
        )


def run_optuna_job(given: argparse.Namespace) -> None:
    """Run one job's part of the trials of Optuna's default sampler."""
    import optuna
    from optuna.storages.journal import JournalFileBackend, JournalStorage

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    storage = JournalStorage(JournalFileBackend(str(given.folder / "journal.log")))
    study = optuna.create_study(study_name="sweep", storage=storage, load_if_exists=True)

    def objective(trial) -> float:
        return run_noted_trial(
            trial.suggest_float("x", 0, 1), trial.suggest_float("y", 0, 1), given.seconds, given.folder
        )

    study.optimize(objective, n_trials=given.trials // given.workers)


def run_ray_job(given: argparse.Namespace) -> None:
    """Run all trials of Ray Tune's default search."""
    import ray
    from ray import tune

    def trainable(config: dict) -> None:
        tune.report({"loss": run_noted_trial(config["x"], config["y"], given.seconds, given.folder)})

    ray.init(num_cpus=given.workers, include_dashboard=False, log_to_driver=False)
    tuner = tune.Tuner(
        trainable,
        param_space={"x": tune.uniform(0, 1), "y": tune.uniform(0, 1)},
        tune_config=tune.TuneConfig(num_samples=given.trials, metric="loss", mode="min"),
        run_config=tune.RunConfig(storage_path=str(given.folder), verbose=0),
    )
    assert len(tuner.fit()) == given.trials


JOBS = {"ours": run_our_job, "Optuna": run_optuna_job, "Ray Tune": run_ray_job}


def sbatch_options(name: str, workers: int) -> list[str]:
    """Return the words that ask sbatch for the jobs of a subject."""
    if name == "Ray Tune":
        return [f"--cpus-per-task={workers}", "--mem=12000"]
    return ["--cpus-per-task=1", "--mem=1500"] + [f"--array=1-{workers}"] * (name == "Optuna")


def measure(cluster, python: str, name: str, trials: int, seconds: float, workers: int) -> dict[str, float] | None:
    """Return what a subject took; None, and why, where it fails."""
    from tests.workflow import environment

    with tempfile.TemporaryDirectory(prefix="pool-") as name:
        folder = Path(name)
        (folder / "job-spec.json").write_text("{}")
        words = [python, __file__, "--job", name, "--folder", name, "--job-spec", f"{name}/job-spec.json"]
        words += ["--trials", str(trials), "--seconds", str(seconds), "--workers", str(workers)]
        own = {"OMP_NUM_THREADS": "1", "PYTHONSAFEPATH": "1", "PYTHONPATH": str(ROOT), "RAY_USAGE_STATS_ENABLED": "0"}
        command = [*cluster.prefix, "sbatch", "--wait", f"--chdir={name}", f"--output={name}/%a.log"]
        command += [*sbatch_options(name, workers), f"--wrap=exec {shlex.join(words)}"]
        own |= cluster.environment()
        own["PATH"] = f"{ROOT}/profiles/slurm/bin:{own['PATH']}"
        submitted = time.time()
        done = subprocess.run(command, capture_output=True, text=True, env=environment(**own))
        rows = [json.loads(line) for file in folder.glob("*.trials") for line in file.read_text().splitlines()]
        ended = max((file.stat().st_mtime for file in folder.glob("*.ended")), default=0)
        if done.returncode or len(rows) < trials:
            logs = "".join(file.read_text() for file in folder.glob("*.log"))
            print(f"{name} failed, {len(rows)} trials: {done.stderr[-300:]} {logs[-1000:]}", flush=True)
            return None
        return summarize(rows, submitted, ended, seconds, workers)


def summarize(rows: list, submitted: float, ended: float, seconds: float, workers: int) -> dict[str, float]:
    """Return what trials (began, ended, loss) of a subject say, whose last process ended at *ended*."""
    first, last = min(row[0] for row in rows), max(row[1] for row in rows)
    all_running = first_full_load(rows, workers) or first
    left = sum(min(1.0, (row[1] - all_running) / (row[1] - row[0])) * seconds for row in rows if row[1] > all_running)
    return {
        "whole": ended - submitted,
        "starts": all_running - submitted,
        "rest": last - all_running,
        "ratio": (last - all_running) / (left / workers) if seconds else 0.0,
        "rate": len(rows) / (last - first),
        "trials": len(rows),
        "best": min(row[2] for row in rows),
    }


def first_full_load(rows: list, workers: int) -> float | None:
    """Return when as many trials as there are workers ran at once; None where they never did."""
    events = sorted([(row[0], 1) for row in rows] + [(row[1], -1) for row in rows])
    running = 0
    for moment, change in events:
        running += change
        if running == workers:
            return moment
    return None


def compare(cluster, subjects: dict[str, str], trials: int, seconds: float, workers: int, runs: int) -> None:
    """Print medians of all subjects (name to interpreter), measured in turn."""
    measurements: dict[str, list[dict]] = {name: [] for name in subjects}
    for _ in range(runs):
        for name, python in subjects.items():
            if measurement := measure(cluster, python, name, trials, seconds, workers):
                measurements[name].append(measurement)
    ideal = f", ideal {trials * seconds / workers:g} s" if seconds else ""
    print(f"{trials} trials of {seconds:g} s, {workers} workers{ideal}; load {os.getloadavg()[0]:.1f}", flush=True)
    base = None
    for name, each in measurements.items():
        if not each:
            continue
        medians = {key: statistics.median(run[key] for run in each) for key in each[0]}
        base = base or medians
        print(
            f"{name:10} whole {medians['whole']:7.1f} s  starts {medians['starts']:5.1f} s"
            + f"  rest {medians['rest']:6.1f} s"
            + (f"  ratio {medians['ratio']:.3f}" if seconds else "")
            + f"  {medians['rate']:7.2f} trials/s  ours/this {base['rate'] / medians['rate']:6.2f}"
            f"  best {medians['best']:.2g}  ratios of all runs {[round(one['ratio'], 3) for one in each]}",
            flush=True,
        )


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=400)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--workers", type=int, default=8)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--peers", type=Path, help="temporary folder to install peers into")
    for word in ("--job", "--folder", "--job-spec", "--worker_only"):
        parser.add_argument(word, type=Path if word == "--folder" else str, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.job:
        JOBS[options.job](options)
        (options.folder / f"{os.getpid()}.ended").touch()
        return
    from tests.slurm.cluster import Cluster

    subjects = {"ours": sys.executable} | (install_peers(options.peers, PEERS) if options.peers else {})
    with Cluster(cpus=CPUS) as cluster:
        for seconds in (options.seconds, 0.0):
            compare(cluster, subjects, options.trials, seconds, options.workers, options.runs)


if __name__ == "__main__":
    main()
