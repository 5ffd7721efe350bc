"""Rule tune: search model families and hyperparameters, and write all trials and the best one.

Any number of workers and jobs share a sweep, in whose folder each trial has a file. Alternatively, the best setting of
an earlier sweep is reused without trials.
"""

import time
from pathlib import Path

import numpy as np

from scripts.bundle.feature_matrix import load_features
from scripts.bundle.folds import load_folds
from scripts.config.families import declared_family
from scripts.errors import InputError
from scripts.metrics.losses import is_regression, loss_to_score
from scripts.provenance.canonical import read_json, write_json
from scripts.provenance.run_job import echo, main
from scripts.tune.process_pool import use_one_thread
from scripts.tune.progress import Budget, Progress
from scripts.tune.schedule import Schedule, derive_seed, sweep_key
from scripts.tune.search_space import build_space
from scripts.tune.slurm import CommandError, requeue_job
from scripts.tune.submitters import make_submitter
from scripts.tune.suggest import make_suggester
from scripts.tune.sweep import Sweep, run_sweep
from scripts.tune.time_limit import TimeLimit
from scripts.tune.trial import Objective
from scripts.tune.worker_jobs import WorkerJobs, notify


def select_best(sweep: Sweep, metric: str, seed: int) -> dict:
    """Return the best trial with its score and seed. Raises InputError if all trials failed."""
    records = sweep.records()
    best = sweep.schedule.best_trial(records)
    if best is None:
        failures = [record["error"] for record in records if "error" in record]
        first = f"; the first failure: {failures[0]}" if failures else ""
        raise InputError(f"none of {len(records)} trials gave a model on all of the data{first}")
    trial = {key: best[key] for key in ("number", "family", "params")}
    return trial | {"score": loss_to_score(metric, best["loss"]), "seed": derive_seed(seed, best["number"])}


def write_results(sweep: Sweep, metric: str, seed: int, trials_file: Path, best: Path) -> None:
    """Write all trials, without their durations, which differ between runs, and the best one.

    Raises InputError if all trials failed.
    """
    winner = select_best(sweep, metric, seed)
    records = [{key: value for key, value in record.items() if key != "seconds"} for record in sweep.records()]
    write_json(trials_file, {"metric": metric, "trials": records, "best": winner})
    write_json(best, {key: winner[key] for key in ("family", "params", "seed")})


def reuse_setting(file: Path, families: dict, trials_file: Path, best: Path, metric: str) -> None:
    """Write the best setting of an earlier sweep, without trials. Raises InputError if it does not fit *families*."""
    setting = read_json(file)
    if not isinstance(setting, dict) or setting.get("family") not in families or "params" not in setting:
        raise InputError(f"{file}: no best.json of one of the families {', '.join(sorted(families))}")
    best_setting = {key: setting[key] for key in ("family", "params", "seed") if key in setting}
    write_json(trials_file, {"metric": metric, "trials": [], "best": best_setting, "reused": str(file)})
    write_json(best, best_setting)
    echo(f"tune: the setting in {file} is used, without trials")


REQUEUE_TIMEOUT = 300  # seconds for SLURM to end a job that it requeues


def make_objective(train: Path, evaluate: Path, metric: str, **more) -> Objective:
    """Return the objective of the trials. Raises InputError if the rows do not fit the metric."""
    objective = Objective(load_features(train), load_features(evaluate), metric, **more)
    labels = objective.train[1], objective.evaluate[1]
    if is_regression(metric) != (labels[0].dtype.kind == "f"):
        kind = "a number" if labels[0].dtype.kind == "f" else "a class"
        raise InputError(f"tune.metric: {metric} does not fit a label that is {kind}")
    if any(len(np.unique(y)) < 2 for y in labels):
        raise InputError(
            "the train or eval split has rows of one class only, or one value; widen windows.train or .eval"
        )
    return objective


def parse_points(families: dict, points: list[dict]) -> list[dict]:
    """Return the configured *points* as settings. Raises InputError if one is not in the search space."""
    space, settings = build_space(families), []
    for point in points:
        try:
            settings.append(space.setting(space.choice(point)))
        except (KeyError, ValueError) as error:
            raise InputError(f"tune.points_to_evaluate: {point} is not a setting of tune.families: {error}") from error
    return settings


def tune(
    train: Path,
    evaluate: Path,
    fold_rows: list[Path],
    reuse: list[Path],
    trials_file: Path,
    best: Path,
    folder: Path,
    workers: int,
    job_spec: dict,
    families: dict,
    trials: int,
    width: int,
    algorithm: str,
    metric: str,
    positive: int | None,
    max_rows: int | None,
    folds: int,
    seeds: int,
    points_to_evaluate: list,
    timeout: float | None,
    early_stop: dict,
    halving: dict,
    budget: dict,
    seed: int,
    threshold: str | dict | None = None,
    device: str = "cpu",
    jobs: int = 1,
    submit: list[str] | None = None,
    worker_only: bool = False,
) -> None:
    """Write all trials and the best one. Trials of the same sweep that are already in *folder* are not rerun.

    *threshold* is given if the metric needs a decision threshold and there is a *positive* class, by its number.
    *fold_rows* has the *folds* of cross-validation, if there are any.
    *workers* trials run at a time in each of *jobs* jobs of a cluster: this one and worker jobs that it submits, with
    the command *submit* if there is one. With *worker_only* this process is such a worker job, which only runs trials.
    """
    if reuse:
        return reuse_setting(reuse[0], families, trials_file, best, metric)
    use_one_thread()
    families = {name: declared_family(name)["space"] | space for name, space in families.items()}
    objective = make_objective(
        train,
        evaluate,
        metric,
        positive=positive,
        threshold=threshold,
        max_rows=max_rows,
        folds=load_folds(fold_rows[0]) if folds else None,
        seeds=seeds,
        resource=halving["resource"],
        device=device,
    )
    suggest_setting = make_suggester(families, algorithm, seed, parse_points(families, points_to_evaluate))
    schedule = Schedule(
        suggest_setting, width, halving["rungs"], halving["eta"], early_stop["trials"], early_stop["gain"]
    )
    key = sweep_key(job_spec)
    sweep = Sweep(schedule, trials, folder / key)
    cost_limit = Budget(sweep, budget, 1 / workers if device == "cuda" else 0.0, worker_only)
    progress, time_limit, done_before = Progress(sweep, metric, cost_limit), TimeLimit(), len(sweep.results)
    place, heartbeats = sweep.storage.folder, sweep.storage.heartbeats

    with WorkerJobs(
        0 if worker_only else jobs - 1, make_submitter(" ".join(submit or []), place), job_spec, place, heartbeats
    ) as worker_jobs:

        def report(running: int) -> None:
            progress(running)
            if worker_jobs.is_due:
                worker_jobs.top_up(-(-sweep.open_trials // workers) if cost_limit.may_start() else 0)

        more = {"worker_only": worker_only, "must_leave": time_limit.is_near}
        run_sweep(sweep, objective, workers, seed, timeout, cost_limit.may_start, report, **more)
        if time_limit.reached and not worker_only and not sweep.is_complete:
            cost_limit.save_spent()
            with worker_jobs.kept():
                continue_in_new_job(len(sweep.results) - done_before)
    if not worker_only:
        write_results(sweep, metric, seed, trials_file, best)


def continue_in_new_job(trials: int) -> None:
    """Let SLURM start this job again, since its time limit is near; it does not return.

    Raises InputError if no *trials* were done since it started, or if SLURM refuses.
    """
    if not trials:
        raise InputError(
            "no trial ended within the time limit of this job: request more time for tune (`runtime` in the profile),"
            " or make trials shorter (tune.max_rows, tune.timeout)"
        )
    notify("tune: the time limit of this job is near; SLURM starts it again, and it continues where it stopped")
    try:
        requeue_job()
        time.sleep(REQUEUE_TIMEOUT)
    except CommandError as error:
        raise InputError(
            f"the time limit of this job is near, and it cannot be requeued ({error}); the next attempt continues"
        ) from error
    raise InputError("the time limit of this job is near, and SLURM did not requeue it; the next attempt continues")


if __name__ == "__main__":
    main(tune)
