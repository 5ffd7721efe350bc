"""Search algorithms: the next setting as a pure function of earlier results, the seed and the trial number.

The trials are therefore the same for any number of workers, after any interruption and when a sweep is extended, and
any worker can compute the next one. The mix alternates between multivariate TPE, which explores the whole space, and
two annealing searches whose neighbours are ranked by the same densities: one converges quickly on the best setting, the
other slowly on one of the best. benchmarks/search.py measures the algorithms.
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

BEST, LATEST = 50, 450  # results that algorithms use, which bounds their time
STARTUP_TRIALS = 10  # random trials at the beginning
PLACEHOLDER_TIME = datetime.datetime(2000, 1, 1)  # hyperopt's documents need times


class History(Trials):
    """The part of hyperopt's Trials that its algorithms read: finished trials, without validating each."""

    def __init__(self, documents: list[dict]):
        super().__init__(refresh=False)
        self._trials = documents


def select_results(results: list[dict]) -> list[dict]:
    """Return the results that algorithms use, in order: all or, if there are many, the best and the latest."""
    if len(results) <= BEST + LATEST:
        return results
    losses = [np.inf if result["loss"] is None else result["loss"] for result in results[:-LATEST]]
    best = np.sort(np.argsort(losses, kind="stable")[:BEST])
    return [results[index] for index in best] + results[-LATEST:]


def hyperopt_algorithm(algorithm: Callable) -> Callable:
    """Return hyperopt's *algorithm* as a function of space, results, pending settings, number, seed and scale."""

    def choose(
        space: SearchSpace, results: list[dict], pending: list[dict], number: int, seed: int, scale: float
    ) -> dict:
        worst_loss = max((result["loss"] for result in results if result["loss"] is not None), default=0.0) + 1
        history = History([trial_document(result, space.labels, worst_loss) for result in results])
        with np.errstate(divide="ignore"):  # annealing clips the logarithm of a quantized value of 0
            (document,) = algorithm(scale)([number], space.domain, history, seed)
        return {label: value[0] for label, value in document["misc"]["vals"].items() if value}

    return choose


def density_algorithm(count: int, shrink: float | None = None, average: float = 1.0) -> Callable:
    """Return the algorithm of multivariate_tpe.py as a function with the same arguments."""

    def choose(
        space: SearchSpace, results: list[dict], pending: list[dict], number: int, seed: int, scale: float
    ) -> dict:
        return multivariate_tpe.suggest(space.families, results, pending, seed, count, shrink, average, scale)

    return choose


def random_search(scale: float) -> Callable:
    """Return hyperopt's random search."""
    return rand.suggest


def hyperopt_tpe(scale: float) -> Callable:
    """Return hyperopt's TPE, with as many good settings as if it used all results (*scale* times as many)."""
    return partial(tpe.suggest, n_startup_jobs=0, gamma=scale**0.5, n_EI_candidates=100, verbose=False)


def hyperopt_annealing(scale: float) -> Callable:
    """Return hyperopt's annealing, with a window as narrow as if it used all results (*scale* times as many)."""
    return partial(anneal.suggest, avg_best_idx=1, shrink_coef=0.2 * scale)


def hyperopt_adaptive_tpe(scale: float) -> Callable:
    """Return hyperopt's adaptive TPE."""
    return suggest_adaptive


def suggest_adaptive(new_ids: list[int], domain, history: History, seed: int) -> list[dict]:
    """Return the document of hyperopt's adaptive TPE; the global generators that it uses are seeded and restored."""
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
    """Return new setting *number* as {"family", "params", "choice"}, where "choice" is hyperopt's form of it.

    *results* are records of trials in order: setting with "choice", "number" and "loss" (None if it failed). *pending*
    are the settings suggested since then, whose results are not used.
    """
    space, used = build_space(families), select_results(results)
    algorithms = ALGORITHMS[algorithm] if results and number >= STARTUP_TRIALS else [RANDOM]
    choose, scale = algorithms[number % len(algorithms)], len(results) / max(1, len(used))
    return space.setting(space.snap(choose(space, used, pending, number, derive_seed(seed, number), scale)))


def trial_document(result: dict, labels: list[str], worst_loss: float) -> dict:
    """Return hyperopt's document of a finished trial; a failed one gets *worst_loss*.

    *labels* that are not in its setting get an empty list.
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


def make_suggester(families: dict, algorithm: str, seed: int, points: list[dict]) -> Callable:
    """Return the function that suggests the n-th new setting: first the *points*, then by the algorithm."""

    def suggest_setting(index: int, results: list[dict], pending: list[dict]) -> dict:
        return points[index] if index < len(points) else suggest(families, results, pending, index, algorithm, seed)

    return suggest_setting
