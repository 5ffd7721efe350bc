"""The trials of a sweep in the orders that readers need: best first, best so far, in fifths."""

import math

BEST = 500  # trials in the plots of hyperparameters
STEPS = 5  # of the colour of a score


def best_first(trials: list[dict]) -> list[dict]:
    """Return the trials by loss, failed ones last."""
    return sorted(trials, key=lambda trial: (loss_of(trial), trial["number"]))


def loss_of(trial: dict) -> float:
    """Return the loss of a trial, infinite where it failed."""
    return math.inf if trial["status"] != "ok" or trial.get("loss") is None else trial["loss"]


def running_best(trials: list[dict]) -> list[tuple[int, float]]:
    """Return number and score of the best trial so far after each trial, from the first that succeeded in full.

    One on a part of the resource of successive halving is no candidate.
    """
    found, best = [], None
    for trial in sorted(trials, key=lambda trial: trial["number"]):
        if "fraction" not in trial and loss_of(trial) < (math.inf if best is None else loss_of(best)):
            best = trial
        if best is not None:
            found.append((trial["number"], best["score"]))
    return found


def steps(trials: list[dict]) -> dict[int, int]:
    """Return for each trial that worked, by number, the fifth it belongs to: 0 holds the worst scores, 4 the best."""
    order = sorted((trial for trial in trials if trial["status"] == "ok"), key=lambda trial: -trial["loss"])
    return {trial["number"]: STEPS * rank // len(order) for rank, trial in enumerate(order)}
