"""Rule challenger: the best setting of a family in the sweep, with which a challenger of the deployed model is trained.

The sweep has searched this family, too, so that nothing is tried again.
"""

from pathlib import Path

from scripts.errors import InputError
from scripts.metrics.losses import loss_to_score
from scripts.provenance.canonical import read_json, write_json
from scripts.provenance.run_job import echo, main
from scripts.tune.schedule import Schedule, derive_seed


def reject_setting(index: int, earlier: list[dict], pending: list[dict]) -> dict:
    """Raise AssertionError: a sweep that has ended has no new setting."""
    raise AssertionError(index, earlier, pending)


def challenger(
    trials_file: Path, published: Path, best: Path, challengers: dict, halving: dict, seed: int, label: str
) -> None:
    """Write *best*: the best setting in *trials_file* of the family that *challengers* name by *label*.

    *published* says which version is challenged. Raises InputError if no trial of the family gave a model.
    """
    family, sweep = challengers[label], read_json(trials_file)
    schedule = Schedule(reject_setting, rungs=halving["rungs"], eta=halving["eta"])
    trial = schedule.best_trial([trial for trial in sweep["trials"] if trial["family"] == family])
    if trial is None:
        raise InputError(
            f"train.challengers.{label}: no trial of {family} gave a model on all of the data; raise tune.trials, or "
            "name a setting of it in tune.points_to_evaluate"
        )
    write_json(best, {key: trial[key] for key in ("family", "params")} | {"seed": derive_seed(seed, trial["number"])})
    score, champion = loss_to_score(sweep["metric"], trial["loss"]), read_json(published)
    same = ", the deployed model itself" if trial["number"] == sweep["best"]["number"] else ""
    echo(f"{label} of version {champion['version']}: {family}, {sweep['metric']} {score:.4f}{same}")


if __name__ == "__main__":
    main(challenger)
