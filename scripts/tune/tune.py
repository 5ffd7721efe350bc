"""What a sweep gives: all trials, the best of them, or the best of an earlier sweep.

Search the model families' settings: trials on any number of workers, one file per trial."""

from pathlib import Path

import numpy as np

from scripts.bundle.feature_matrix import load
from scripts.config.families import families as declared
from scripts.errors import BadInput
from scripts.metrics.losses import METRICS, score_of
from scripts.provenance.canonical import read_json, write_json
from scripts.provenance.run_job import main, say
from scripts.tune.budget import Budget
from scripts.tune.process_pool import one_thread
from scripts.tune.progress import Progress
from scripts.tune.schedule import Plan, seed_of, sweep_key
from scripts.tune.search_space import space
from scripts.tune.slurm_jobs import Helpers
from scripts.tune.sweep import Sweep, new_setting
from scripts.tune.trial import Objective
from scripts.tune.worker import run


def chosen(sweep: Sweep, metric: str, seed: int) -> dict:
    """Return the best trial with its score and seed. Raises BadInput where none worked."""
    records = sweep.records()
    best = sweep.plan.best(records)
    if best is None:
        failures = [record["error"] for record in records if "error" in record]
        first = f"; the first failure: {failures[0]}" if failures else ""
        raise BadInput(f"none of {len(records)} trials gave a model on all of the data{first}")
    kept = {key: best[key] for key in ("number", "family", "params")}
    return kept | {"score": score_of(metric, best["loss"]), "seed": seed_of(seed, best["number"])}


def result(sweep: Sweep, metric: str, seed: int, trials_file: Path, best: Path) -> None:
    """Write all trials, without the times that they took, which no two runs share, and the best one.

    Raises BadInput where none worked.
    """
    winner = chosen(sweep, metric, seed)
    shown = [{key: value for key, value in record.items() if key != "seconds"} for record in sweep.records()]
    write_json(trials_file, {"metric": metric, "trials": shown, "best": winner})
    write_json(best, {key: winner[key] for key in ("family", "params", "seed")})


def reused(file: Path, families: dict, trials_file: Path, best: Path, metric: str) -> None:
    """Write the best setting of an earlier sweep, without trials. Raises BadInput where it is of no use here."""
    setting = read_json(file)
    if not isinstance(setting, dict) or setting.get("family") not in families or "params" not in setting:
        raise BadInput(f"{file}: no best.json of one of the families {', '.join(sorted(families))}")
    kept = {key: setting[key] for key in ("family", "params", "seed") if key in setting}
    write_json(trials_file, {"metric": metric, "trials": [], "best": kept, "reused": str(file)})
    write_json(best, kept)
    say(f"tune: the setting in {file} is used, without trials")


NAME = "ouroboros_sweep_"  # of jobs that help, with the key of the sweep; cluster.py knows the beginning


def objective_of(train: Path, evaluate: Path, metric: str, **more) -> Objective:
    """Return what trials are judged by. Raises BadInput where the rows do not allow it."""
    found = Objective(load(train), load(evaluate), metric, **more)
    labels = found.train[1], found.evaluate[1]
    if METRICS[metric].regression != (labels[0].dtype.kind == "f"):
        kind = "a number" if labels[0].dtype.kind == "f" else "a class"
        raise BadInput(f"tune.metric: {metric} does not fit a label that is {kind}")
    if any(len(np.unique(y)) < 2 for y in labels):
        raise BadInput("the train or eval split has rows of one class only, or one value; widen windows.train or .eval")
    return found


def points_of(families: dict, points: list[dict]) -> list[dict]:
    """Return the configured *points* as settings. Raises BadInput where one is not in the search space."""
    known, found = space(families), []
    for point in points:
        try:
            found.append(known.setting(known.choice(point)))
        except (KeyError, ValueError) as error:
            raise BadInput(f"tune.points_to_evaluate: {point} is not a setting of tune.families: {error}") from error
    return found


def tune(
    train: Path,
    evaluate: Path,
    reuse: list[Path],
    trials_file: Path,
    best: Path,
    folder: Path,
    workers: str,
    stamp: dict,
    families: dict,
    trials: int,
    width: int,
    algorithm: str,
    metric: str,
    max_rows: int | None,
    folds: int,
    seeds: int,
    points_to_evaluate: list,
    timeout: float | None,
    early_stop: dict,
    halving: dict,
    budget: dict,
    seed: int,
    device: str = "cpu",
    jobs: str = "1",
    helps: str = "",
) -> None:
    """Write all trials and the best one. Trials already in *folder*, which belong to the same sweep, are not rerun.

    *workers* trials run at a time in each of so many *jobs*: this one and others of the cluster, which it submits. A
    job that only *helps* another one writes trials alone.
    """
    if reuse:
        return reused(reuse[0], families, trials_file, best, metric)
    one_thread()
    families = {name: declared()[name]["space"] | space for name, space in families.items()}
    objective = objective_of(
        train,
        evaluate,
        metric,
        max_rows=max_rows,
        folds=folds,
        seeds=seeds,
        resource=halving["resource"],
        device=device,
    )
    new = new_setting(families, algorithm, seed, points_of(families, points_to_evaluate))
    plan = Plan(new, width, halving["rungs"], halving["eta"], early_stop["trials"], early_stop["gain"])
    key = sweep_key(stamp)
    sweep = Sweep(plan, trials, folder / key)
    spends = Budget(sweep, budget, 1 / int(workers) if device == "cuda" else 0.0, bool(helps))
    progress = Progress(sweep, metric, spends)

    with Helpers(0 if helps else int(jobs) - 1, f"{NAME}{key}", stamp, sweep.shared.folder) as helpers:

        def report(running: int) -> None:
            progress(running)
            if helpers.due:
                helpers.tend(-(-sweep.open // int(workers)) if spends.left() else 0)

        run(sweep, objective, int(workers), seed, timeout, spends.left, report, helps=bool(helps))
    if not helps:
        result(sweep, metric, seed, trials_file, best)


if __name__ == "__main__":
    main(tune)
