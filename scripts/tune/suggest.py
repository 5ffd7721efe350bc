"""Which setting to try next: a pure function of the results of earlier trials, the seed and the trial's number.

So the trials are the same for any number of workers, after any interruption, and when the sweep is extended, and any
worker can compute which trial comes next. benchmarks/search.py measures the algorithms. The mix takes turns: TPE with
joint densities looks everywhere; two annealings, one that closes in fast on the best setting and one slowly on one of
the best, let the same densities choose among a few neighbours.
"""

import datetime
import random
import warnings
from collections.abc import Callable
from functools import partial

import numpy as np
from hyperopt import JOB_STATE_DONE, STATUS_OK, Trials, anneal, atpe, rand, tpe

from scripts.tune import multivariate_tpe
from scripts.tune.schedule import seed_of
from scripts.tune.search_space import Space, space

BEST, LATEST = 50, 450  # results that algorithms look at, where there are more: their time does not grow then
RANDOM_FIRST = 10  # trials before the algorithms learn
NEVER = datetime.datetime(2000, 1, 1)  # the adaptive TPE wants times


class History(Trials):
    """What hyperopt's algorithms read of its Trials: finished ones, without a check of each."""

    def __init__(self, documents: list[dict]):
        super().__init__(refresh=False)
        self._trials = documents


def remembered(results: list[dict]) -> list[dict]:
    """Return the results that algorithms look at, in order: the best and the latest ones, where there are many."""
    if len(results) <= BEST + LATEST:
        return results
    losses = [np.inf if result["loss"] is None else result["loss"] for result in results[:-LATEST]]
    best = np.sort(np.argsort(losses, kind="stable")[:BEST])
    return [results[index] for index in best] + results[-LATEST:]


def by_hyperopt(algorithm: Callable) -> Callable:
    """Return the algorithm of hyperopt as a function of space, results, pending settings, number, seed and scale."""

    def choose(known: Space, results: list[dict], pending: list[dict], number: int, seed: int, scale: float) -> dict:
        worst = max((result["loss"] for result in results if result["loss"] is not None), default=0.0) + 1
        history = History([document(result, known.labels, worst) for result in results])
        with np.errstate(divide="ignore"):  # annealing takes the logarithm of a stepped value of 0, and clips it
            (found,) = algorithm(scale)([number], known.domain, history, seed)
        return {label: value[0] for label, value in found["misc"]["vals"].items() if value}

    return choose


def by_densities(count: int, shrink: float | None = None, average: float = 1.0) -> Callable:
    """Return the algorithm of scripts/tune/multivariate_tpe.py as such a function."""

    def choose(known: Space, results: list[dict], pending: list[dict], number: int, seed: int, scale: float) -> dict:
        return multivariate_tpe.suggest(known.families, results, pending, seed, count, shrink, average, scale)

    return choose


def uniformly(scale: float) -> Callable:
    """Return hyperopt's random search."""
    return rand.suggest


def tree(scale: float) -> Callable:
    """Return hyperopt's TPE: as many good settings as of all the results that it does not see."""
    return partial(tpe.suggest, n_startup_jobs=0, gamma=scale**0.5, n_EI_candidates=100, verbose=False)


def annealing(scale: float) -> Callable:
    """Return hyperopt's annealing, in a window as narrow as after all the results that it does not see."""
    return partial(anneal.suggest, avg_best_idx=1, shrink_coef=0.2 * scale)


def adapting(scale: float) -> Callable:
    """Return hyperopt's adaptive TPE."""
    return adaptive


def adaptive(new_ids: list[int], domain, history: History, seed: int) -> list[dict]:
    """Return hyperopt's adaptive TPE's document. It draws from global generators: they are seeded, and put back."""
    states = random.getstate(), np.random.get_state()
    try:
        random.seed(seed)
        np.random.seed(seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # correlations of constant columns
            return atpe.suggest(new_ids, domain, history, seed)
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])


RANDOM, JOINT = by_hyperopt(uniformly), by_densities(64)
ALGORITHMS = {
    "mix": [JOINT, by_densities(3, 0.2), by_densities(8, 0.05, 2.0)],
    "joint": [JOINT],
    "tpe": [by_hyperopt(tree)],
    "anneal": [by_hyperopt(annealing)],
    "random": [RANDOM],
    "atpe": [by_hyperopt(adapting)],
}


def suggest(families: dict, results: list[dict], pending: list[dict], number: int, algorithm: str, seed: int) -> dict:
    """Return the setting {"family", "params", "choice"} of the new setting *number*.

    *results* are records of trials in order: setting, "number" and "loss" (None if it failed). "choice" is hyperopt's
    form of the setting, which a record must keep. *pending* are the settings since, whose results are not looked at.
    """
    known, seen = space(families), remembered(results)
    turns = ALGORITHMS[algorithm] if results and number >= RANDOM_FIRST else [RANDOM]
    choose, scale = turns[number % len(turns)], len(results) / max(1, len(seen))
    return known.setting(choose(known, seen, pending, number, seed_of(seed, number), scale))


def document(result: dict, labels: list[str], worst: float) -> dict:
    """Return hyperopt's document of a finished trial; a failed one has the loss *worst*.

    It has an empty list for labels that its setting lacks.
    """
    number, choice = result["number"], result["choice"]
    loss = worst if result["loss"] is None else result["loss"]
    vals = {label: [choice[label]] if label in choice else [] for label in labels}
    idxs = {label: [number] if label in choice else [] for label in labels}
    return {
        "tid": number,
        "spec": None,
        "state": JOB_STATE_DONE,
        "result": {"status": STATUS_OK, "loss": loss},
        "misc": {"tid": number, "idxs": idxs, "vals": vals},
        "book_time": NEVER,
        "refresh_time": NEVER,
    }
