"""Search the model families' settings: trials on any number of workers, one file per trial."""

import time
from pathlib import Path

import numpy as np

from scripts.bundle.features import load
from scripts.spine.canon import digest, read_json, write_json
from scripts.spine.declared import families as declared
from scripts.spine.job import BadInput, main, say
from scripts.tune.losses import METRICS, score_of
from scripts.tune.plan import Plan, seed_of
from scripts.tune.pool import one_thread
from scripts.tune.progress import Progress
from scripts.tune.space import space
from scripts.tune.sweep import Sweep, new_setting, run
from scripts.tune.trial import Objective

LENGTH = {"trials", "budget", "early_stop"}  # keys that say how long a sweep goes on, not what its trials are


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


def sweep_key(stamp: dict) -> str:
    """Return the name of a sweep: what its trials depend on, which their number is not, so it can be extended."""
    config = {key: value for key, value in stamp["config"].items() if key not in LENGTH}
    return digest([config, *(stamp[part] for part in ("code", "env", "inputs"))])[:16]


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


def reused(file: Path, families: dict, trials_file: Path, best: Path, metric: str) -> None:
    """Write the best setting of an earlier sweep, without trials. Raises BadInput where it is of no use here."""
    setting = read_json(file)
    if not isinstance(setting, dict) or setting.get("family") not in families or "params" not in setting:
        raise BadInput(f"{file}: no best.json of one of the families {', '.join(sorted(families))}")
    kept = {key: setting[key] for key in ("family", "params", "seed") if key in setting}
    write_json(trials_file, {"metric": metric, "trials": [], "best": kept, "reused": str(file)})
    write_json(best, kept)
    say(f"tune: the setting in {file} is used, without trials")


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
) -> None:
    """Write all trials and the best one. Trials already in *folder*, which belong to the same sweep, are not rerun."""
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
    folder = folder / sweep_key(stamp)
    folder.mkdir(parents=True, exist_ok=True)
    sweep, started = Sweep(plan, trials, folder), time.monotonic()

    def may_start(seconds: float) -> bool:
        spent = {"minutes": (time.monotonic() - started) / 60}
        if device == "cuda":
            spent["gpu_hours"] = seconds / 3600
        return all(budget[key] is None or spent[key] < budget[key] for key in spent)

    run(sweep, objective, int(workers), seed, timeout, may_start, Progress(sweep, metric, int(workers)))
    winner = chosen(sweep, metric, seed)
    shown = [public(record, metric) for record in sweep.records()]
    write_json(trials_file, {"metric": metric, "trials": shown, "best": winner})
    write_json(best, {key: winner[key] for key in ("family", "params", "seed")})


def public(record: dict, metric: str) -> dict:
    """Return a trial as the trials file shows it: without the time that it took, which no two runs share."""
    shown = {key: value for key, value in record.items() if key != "seconds"}
    return shown | {"score": score_of(metric, record["loss"])}


if __name__ == "__main__":
    main(tune)
