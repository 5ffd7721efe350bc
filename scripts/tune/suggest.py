"""Which settings to try next: a pure function of the results of earlier rounds, the seed and the trial's number.

So the trials are the same for any number of workers, after any interruption, and when the sweep is extended. Mix of
TPE (Bergstra et al. 2011) and annealing: measured best for batches of 1 to 16.
"""

import hashlib
from functools import partial
from typing import Any

import numpy as np
from hyperopt import JOB_STATE_DONE, STATUS_OK, Trials, anneal, hp, rand, space_eval, tpe
from hyperopt.base import Domain

from scripts.spine.canon import rounded

TPE = partial(tpe.suggest, n_startup_jobs=10, gamma=1, n_EI_candidates=100)
ANNEAL = partial(anneal.suggest, avg_best_idx=1, shrink_coef=0.2)
ALGORITHMS = {"tpe": [TPE], "anneal": [ANNEAL], "random": [rand.suggest], "mix": [TPE, ANNEAL]}


def expression(name: str, distribution: dict[str, list]) -> Any:
    """Return the hyperopt expression of one hyperparameter, {distribution: arguments}; bounds are values."""
    ((kind, arguments),) = distribution.items()
    if kind == "choice":
        return hp.choice(name, arguments)
    if kind.endswith("loguniform"):
        low, high, *step = (float(value) for value in arguments)
        return getattr(hp, kind)(name, np.log(low), np.log(high), *step)
    return getattr(hp, kind)(name, *(float(value) for value in arguments))


def space_of(families: dict[str, dict]) -> Any:
    """Return the conditional search space: a family, and that family's hyperparameters."""
    return hp.choice(
        "family",
        [
            {"family": family, "params": {name: expression(f"{family}.{name}", spec) for name, spec in space.items()}}
            for family, space in sorted(families.items())
        ],
    )


def seed_of(seed: int, number: int) -> int:
    """Return the seed of trial *number* (below 2**32), derived from the sweep's *seed*."""
    return int.from_bytes(hashlib.sha256(f"{seed}:{number}".encode()).digest()[:4], "big")


def suggest(families: dict, results: list[dict], numbers: list[int], algorithm: str, seed: int) -> list[dict]:
    """Return the setting {"family", "params", "choice"} of each trial in *numbers*, given earlier *results*.

    A result is a trial's record: its setting, "loss" (None if it failed). "choice" is hyperopt's own form of the
    setting, which the record must keep.
    """
    space = space_of(families)
    domain = Domain(lambda setting: 0.0, space)
    trials = Trials()
    for result in results:
        trials.insert_trial_docs([document(trials, result, list(domain.params))])
    trials.refresh()
    settings = []
    for number in numbers:
        turn = ALGORITHMS[algorithm][number % len(ALGORITHMS[algorithm])]
        (doc,) = turn([number], domain, trials, seed_of(seed, number))
        choice = {key: value[0] for key, value in doc["misc"]["vals"].items() if value}
        choice = rounded({key: value.item() if hasattr(value, "item") else value for key, value in choice.items()})
        settings.append(rounded(plain(space_eval(space, choice))) | {"choice": choice})
    return settings


def plain(value: Any) -> Any:
    """Return a hyperopt setting as JSON types."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return value.item() if hasattr(value, "item") else value


def document(trials: Trials, result: dict, names: list[str]) -> dict:
    """Return hyperopt's document of a finished trial; a failed one counts as the worst there can be.

    *names* are those of all hyperparameters: one that the setting does not have gets an empty list.
    """
    number, choice = result["number"], result["choice"]
    loss = result["loss"] if result["loss"] is not None else 1e9
    vals = {name: [choice[name]] if name in choice else [] for name in names}
    idxs = {name: [number] if name in choice else [] for name in names}
    misc = {"tid": number, "cmd": None, "idxs": idxs, "vals": vals}
    (doc,) = trials.new_trial_docs([number], [None], [{"status": STATUS_OK, "loss": loss}], [misc])
    return doc | {"state": JOB_STATE_DONE}
