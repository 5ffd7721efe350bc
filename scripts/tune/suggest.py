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
from scripts.tune.schedule import derive_seed
from scripts.tune.search_space import SearchSpace, build_space

BEST, LATEST = 50, 450  # results that algorithms look at, where there are more: their time does not grow then
STARTUP_TRIALS = 10  # trials before the algorithms learn
PLACEHOLDER_TIME = datetime.datetime(2000, 1, 1)  # the adaptive TPE wants times


class History(Trials):
    """What hyperopt's algorithms read of its Trials: finished ones, without a check of each."""

    def __init__(self, documents: list[dict]):
        super().__init__(refresh=False)
        self._trials = documents


def select_results(results: list[dict]) -> list[dict]:
    """Return the results that algorithms look at, in order: the best and the latest ones, where there are many."""
    if len(results) <= BEST + LATEST:
        return results
    losses = [np.inf if result["loss"] is None else result["loss"] for result in results[:-LATEST]]
    best = np.sort(np.argsort(losses, kind="stable")[:BEST])
    return [results[index] for index in best] + results[-LATEST:]


def hyperopt_algorithm(algorithm: Callable) -> Callable:
    """Return the algorithm of hyperopt as a function of space, results, pending settings, number, seed and scale."""

    def choose(
        space: SearchSpace, results: list[dict], pending: list[dict], number: int, seed: int, scale: float
    ) -> dict:
        worst_loss = max((result["loss"] for result in results if result["loss"] is not None), default=0.0) + 1
        history = History([trial_document(result, space.labels, worst_loss) for result in results])
        with np.errstate(divide="ignore"):  # annealing takes the logarithm of a stepped value of 0, and clips it
            (document,) = algorithm(scale)([number], space.domain, history, seed)
        return {label: value[0] for label, value in document["misc"]["vals"].items() if value}

    return choose


def density_algorithm(count: int, shrink: float | None = None, average: float = 1.0) -> Callable:
    """Return the algorithm of scripts/tune/multivariate_tpe.py as such a function."""

    def choose(
        space: SearchSpace, results: list[dict], pending: list[dict], number: int, seed: int, scale: float
    ) -> dict:
        return multivariate_tpe.suggest(space.families, results, pending, seed, count, shrink, average, scale)

    return choose


def random_search(scale: float) -> Callable:
    """Return hyperopt's random search."""
    return rand.suggest


def hyperopt_tpe(scale: float) -> Callable:
    """Return hyperopt's TPE: as many good settings as of all the results that it does not see."""
    return partial(tpe.suggest, n_startup_jobs=0, gamma=scale**0.5, n_EI_candidates=100, verbose=False)


def hyperopt_annealing(scale: float) -> Callable:
    """Return hyperopt's annealing, in a window as narrow as after all the results that it does not see."""
    return partial(anneal.suggest, avg_best_idx=1, shrink_coef=0.2 * scale)


def hyperopt_adaptive_tpe(scale: float) -> Callable:
    """Return hyperopt's adaptive TPE."""
    return suggest_adaptive


def suggest_adaptive(new_ids: list[int], domain, history: History, seed: int) -> list[dict]:
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


RANDOM, JOINT = hyperopt_algorithm(random_search), density_algorithm(64)
ALGORITHMS = {
    "mix": [JOINT, density_algorithm(3, 0.2), density_algorithm(8, 0.05, 2.0)],
    "joint": [JOINT],
    "tpe": [hyperopt_algorithm(hyperopt_tpe)],
    "anneal": [hyperopt_algorithm(hyperopt_annealing)],
    "random": [RANDOM],
    "atpe": [hyperopt_algorithm(hyperopt_adaptive_tpe)],
}


def suggest(families: dict, results: list[dict], pending: list[dict], number: int, algorithm: str, seed: int) -> dict:
    """Return the setting {"family", "params", "choice"} of the new setting *number*.

    *results* are records of trials in order: setting, "number" and "loss" (None if it failed). "choice" is hyperopt's
    form of the setting, which a record must keep. *pending* are the settings since, whose results are not looked at.
    """
    space, used = build_space(families), select_results(results)
    algorithms = ALGORITHMS[algorithm] if results and number >= STARTUP_TRIALS else [RANDOM]
    choose, scale = algorithms[number % len(algorithms)], len(results) / max(1, len(used))
    return space.setting(choose(space, used, pending, number, derive_seed(seed, number), scale))


def trial_document(result: dict, labels: list[str], worst_loss: float) -> dict:
    """Return hyperopt's document of a finished trial; a failed one has the loss *worst*.

    It has an empty list for labels that its setting lacks.
    """
    number, choice = result["number"], result["choice"]
    loss = worst_loss if result["loss"] is None else result["loss"]
    vals = {label: [choice[label]] if label in choice else [] for label in labels}
    idxs = {label: [number] if label in choice else [] for label in labels}
    return {
        "tid": number,
        "spec": None,
        "state": JOB_STATE_DONE,
        "result": {"status": STATUS_OK, "loss": loss},
        "misc": {"tid": number, "idxs": idxs, "vals": vals},
        "book_time": PLACEHOLDER_TIME,
        "refresh_time": PLACEHOLDER_TIME,
    }
