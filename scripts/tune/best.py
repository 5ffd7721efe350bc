"""What a sweep gives: all trials, the best of them, or the best of an earlier sweep."""

from pathlib import Path

from scripts.spine.canon import read_json, write_json
from scripts.spine.job import BadInput, say
from scripts.tune.losses import score_of
from scripts.tune.plan import seed_of
from scripts.tune.sweep import Sweep


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
