"""What a sweep costs beside its trials: wall time of trials that only sleep, against the ideal and against peers.

    envs/python test benchmarks/models.py [--trials 200] [--seconds 1] [--workers 2] [--peers DIR]

All subjects search the same space of two numbers with the same number of workers, one after the other in one run; every
one is a process of its own, whose start is not counted. The ideal is trials times seconds by workers. Trials that do
not sleep give trials per second. With --peers, Optuna (joblib) and Ray Tune go into throw-away environments in DIR.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.peers import install_peers  # noqa: E402

PEERS = {"Optuna": "optuna joblib", "Ray Tune": "ray[tune]"}


def sleep_and_score(x: float, y: float, seconds: float) -> float:
    """Return the loss of a setting after so many seconds."""
    time.sleep(seconds)
    return (x - 0.3) ** 2 + (y - 0.7) ** 2


class SleepingObjective:
    """An objective whose trials sleep (scripts/tune/trial.py has the real one)."""

    def __init__(self, seconds: float):
        self.seconds = seconds

    def run(self, setting: dict, number: int, fraction: float, seed: int) -> dict:
        """Return the record of a trial."""
        from scripts.tune.trial import make_record

        loss = sleep_and_score(setting["params"]["x"], setting["params"]["y"], self.seconds)
        return make_record(setting | {"number": number, "loss": loss, "status": "ok"}, fraction, self.seconds)


def measure_ours(trials: int, seconds: float, workers: int) -> float:
    """Return the wall time of our sweep, each trial in a file of its own."""
    from scripts.tune.schedule import Schedule
    from scripts.tune.suggest import make_suggester
    from scripts.tune.sweep import Sweep, run_sweep

    families = {"f": {"x": {"uniform": [0, 1]}, "y": {"uniform": [0, 1]}}}
    with tempfile.TemporaryDirectory() as folder:
        started = time.monotonic()
        sweep = Sweep(Schedule(make_suggester(families, "mix", 0, []), 2 * workers), trials, Path(folder))
        run_sweep(sweep, SleepingObjective(seconds), workers, 0, None, always_allow, ignore_report)
        assert len(sweep.results) == trials
        return time.monotonic() - started


def always_allow() -> bool:
    """Return that a trial may start."""
    return True


def ignore_report(running: int) -> None:
    """Report nothing."""


def optuna_objective(trial, seconds: float) -> float:
    """Return the loss of Optuna's trial."""
    return sleep_and_score(trial.suggest_float("x", 0, 1), trial.suggest_float("y", 0, 1), seconds)


def measure_optuna(trials: int, seconds: float, workers: int) -> float:
    """Return the wall time of Optuna's default sampler with joblib's workers, each with a part of the trials."""
    import optuna
    from joblib import Parallel, delayed

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with tempfile.TemporaryDirectory() as folder:
        started = time.monotonic()
        file = f"{folder}/journal.log"
        Parallel(workers)(delayed(run_optuna_worker)(file, trials // workers, seconds) for _ in range(workers))
        return time.monotonic() - started


def run_optuna_worker(file: str, trials: int, seconds: float) -> None:
    """Run trials of the study whose journal is *file*."""
    from functools import partial

    import optuna
    from optuna.storages.journal import JournalFileBackend, JournalStorage

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    storage = JournalStorage(JournalFileBackend(file))
    study = optuna.create_study(study_name="sweep", storage=storage, load_if_exists=True)
    study.optimize(partial(optuna_objective, seconds=seconds), n_trials=trials)


def measure_ray(trials: int, seconds: float, workers: int) -> float:
    """Return the wall time of Ray Tune's default search."""
    import ray
    from ray import tune

    def trainable(config: dict) -> None:
        tune.report({"loss": sleep_and_score(config["x"], config["y"], seconds)})

    with tempfile.TemporaryDirectory() as folder:
        ray.init(num_cpus=workers, include_dashboard=False, log_to_driver=False)
        started = time.monotonic()
        tuner = tune.Tuner(
            trainable,
            param_space={"x": tune.uniform(0, 1), "y": tune.uniform(0, 1)},
            tune_config=tune.TuneConfig(num_samples=trials, metric="loss", mode="min"),
            run_config=tune.RunConfig(storage_path=folder, verbose=0),
        )
        assert len(tuner.fit()) == trials
        return time.monotonic() - started


SUBJECTS = {"ours": measure_ours, "Optuna": measure_optuna, "Ray Tune": measure_ray}


def measure_in_process(python: str, name: str, trials: int, seconds: float, workers: int) -> float | None:
    """Return the wall time of a subject in a process of its own; None, and why, where it fails."""
    command = [python, __file__, "--measure", name, "--trials", str(trials), "--seconds", str(seconds)]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "RAY_USAGE_STATS_ENABLED": "0"}
    done = subprocess.run([*command, "--workers", str(workers)], capture_output=True, text=True, env=environment)
    if done.returncode:
        print(f"{name} failed: {done.stderr.strip().splitlines()[-1][:300]}", flush=True)
        return None
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--peers", type=Path, help="temporary folder to install peers into")
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure:
        print(json.dumps(SUBJECTS[given.measure](given.trials, given.seconds, given.workers)))
        return
    subjects = {"ours": sys.executable} | (install_peers(given.peers, PEERS) if given.peers else {})
    for seconds in (given.seconds, 0.0):
        ideal = given.trials * seconds / given.workers
        print(
            f"{given.trials} trials of {seconds:g} s, {given.workers} workers"
            + (f", ideal {ideal:g} s" if ideal else "")
        )
        base = None
        for name, python in subjects.items():
            wall = measure_in_process(python, name, given.trials, seconds, given.workers)
            if wall is not None:
                base = base or wall
                rate = f"{wall / ideal:6.3f} of the ideal" if ideal else f"{given.trials / wall:8.1f} trials a second"
                print(f"{name:10} {wall:8.2f} s  {rate}  ours/this {base / wall:6.3f}", flush=True)


if __name__ == "__main__":
    main()
