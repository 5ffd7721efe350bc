"""How good and how fast settings are suggested: regret against Optuna's default TPE, and the time of a suggestion.

    envs/python test benchmarks/search.py [--seeds 20] [--workers 2] [--peers DIR] [--only regret,tpe,width,history]

Regret is the best loss found less the least there is; what is compared is its median over seeds. With a width of q a
suggestion sees the results of all trials but the latest q - 1. The mix of algorithms was chosen on the first six
functions; the last two it had not seen. With --peers, Optuna goes into a throw-away environment in DIR. A median of 20
seeds is uncertain by a third, and by more on Hartmann6, where a search ends in one of two valleys.
"""

import argparse
import itertools
import json
import math
import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.peers import install_peers  # noqa: E402

PEERS = {"Optuna": "optuna scipy"}
TRIALS = 100
HARTMANN_A = np.array(
    [[10, 3, 17, 3.5, 1.7, 8], [0.05, 10, 17, 0.1, 8, 14], [3, 3.5, 1.7, 10, 17, 8], [17, 8, 0.05, 10, 0.1, 14]]
)
HARTMANN_P = 1e-4 * np.array(
    [
        [1312, 1696, 5569, 124, 8283, 5886],
        [2329, 4135, 8307, 3736, 1004, 9991],
        [2348, 1451, 3522, 2883, 3047, 6650],
        [4047, 8828, 8732, 5743, 1091, 381],
    ]
)


def branin(x: list[float]) -> float:
    """Return Branin's function: three equal minima."""
    one, two = x
    inner = two - 5.1 / (4 * math.pi**2) * one**2 + 5 / math.pi * one - 6
    return inner**2 + 10 * (1 - 1 / (8 * math.pi)) * math.cos(one) + 10


def hartmann6(x: list[float]) -> float:
    """Return Hartmann's function of six dimensions: six minima."""
    inner = (HARTMANN_A * (np.array(x) - HARTMANN_P) ** 2).sum(axis=1)
    return -float(np.array([1, 1.2, 3, 3.2]) @ np.exp(-inner))


def rosenbrock(x: list[float]) -> float:
    """Return Rosenbrock's function: a bent valley."""
    return sum(100 * (b - a**2) ** 2 + (1 - a) ** 2 for a, b in itertools.pairwise(x))


def ackley(x: list[float]) -> float:
    """Return Ackley's function around 1.3: a funnel with many minima."""
    y = np.array(x) - 1.3
    hills = np.exp(np.cos(2 * np.pi * y).mean())
    return float(-20 * np.exp(-0.2 * np.sqrt((y**2).mean())) - hills + 20 + np.e)


def levy(x: list[float]) -> float:
    """Return Levy's function: waves."""
    w = 1 + (np.array(x) - 1) / 4
    middle = ((w[:-1] - 1) ** 2 * (1 + 10 * np.sin(np.pi * w[:-1] + 1) ** 2)).sum()
    return float(np.sin(np.pi * w[0]) ** 2 + middle + (w[-1] - 1) ** 2 * (1 + np.sin(2 * np.pi * w[-1]) ** 2))


def styblinski(x: list[float]) -> float:
    """Return the function of Styblinski and Tang: sixteen minima in four dimensions."""
    return sum(0.5 * (value**4 - 16 * value**2 + 5 * value) for value in x)


def camel(x: list[float]) -> float:
    """Return the camel function of six humps."""
    one, two = x
    return (4 - 2.1 * one**2 + one**4 / 3) * one**2 + one * two + (4 * two**2 - 4) * two**2


def svm_grid(path: Path) -> None:
    """Write the error of support vector machines on digits (3 folds), by log2 of C (rows) and of gamma (columns)."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import StratifiedKFold, cross_val_score
    from sklearn.svm import SVC

    x, y = load_digits(return_X_y=True)
    folds = StratifiedKFold(3, shuffle=True, random_state=0)
    errors = [
        [
            1 - cross_val_score(SVC(C=2.0**c, gamma=2.0**g), x[:600] / 16, y[:600], cv=folds).mean()
            for g in np.linspace(-15, 3, 21)
        ]
        for c in np.linspace(-5, 15, 21)
    ]
    np.save(path, errors)


class Grid:
    """The error of a support vector machine, linear between the points of the grid."""

    def __init__(self, path: Path):
        self.errors = np.load(path)

    def __call__(self, x: list[float]) -> float:
        places = np.array([(x[0] + 5) / 20, (x[1] + 15) / 18]) * (np.array(self.errors.shape) - 1)
        low = np.minimum(places.astype(int), np.array(self.errors.shape) - 2)
        one, two = places - low
        part = self.errors[low[0] : low[0] + 2, low[1] : low[1] + 2]
        return float(np.array([1 - one, one]) @ part @ np.array([1 - two, two]))


def test_functions(grid: Path) -> dict[str, tuple[Callable, list, float]]:
    """Return function, bounds and least value by name."""
    svm = Grid(grid)
    return {
        "Branin": (branin, [(-5, 10), (0, 15)], 0.39788735772973816),
        "Hartmann6": (hartmann6, [(0, 1)] * 6, -3.32236801141551),
        "Rosenbrock-8d": (rosenbrock, [(-5, 10)] * 8, 0.0),
        "SVM": (svm, [(-5, 15), (-15, 3)], float(svm.errors.min())),
        "Ackley-4d": (ackley, [(-15, 30)] * 4, 0.0),
        "Levy-5d": (levy, [(-10, 10)] * 5, 0.0),
        "Styblinski-4d": (styblinski, [(-5, 5)] * 4, -39.16616570377142 * 4),
        "Camel": (camel, [(-3, 3), (-2, 2)], -1.031628453489877),
    }


def search_ours(function: Callable, bounds: list, width: int, seed: int, trials: int, algorithm: str = "mix") -> float:
    """Return the least value that our search finds."""
    from scripts.tune.suggest import suggest

    families = {"f": {f"x{index}": {"uniform": list(pair)} for index, pair in enumerate(bounds)}}
    results: list[dict] = []
    for number in range(trials):
        seen = max(0, number - width + 1)
        setting = suggest(families, results[:seen], results[seen:], number, algorithm, seed)
        loss = function([setting["params"][f"x{index}"] for index in range(len(bounds))])
        results.append(setting | {"number": number, "loss": loss})
    return min(result["loss"] for result in results)


def search_optuna(function: Callable, bounds: list, width: int, seed: int, trials: int) -> float:
    """Return the least value that Optuna's default sampler finds."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed))
    pending, least = [], math.inf
    for _ in range(trials):
        if len(pending) == width:
            study.tell(*pending.pop(0))
        trial = study.ask()
        loss = function([trial.suggest_float(f"x{index}", *pair) for index, pair in enumerate(bounds)])
        pending.append((trial, loss))
        least = min(least, loss)
    return least


def one(job: tuple) -> float:
    """Return the regret of one search: subject, grid, function, width, seed, trials and further words."""
    subject, grid, name, width, seed, trials, *more = job
    function, bounds, least = test_functions(grid)[name]
    return {"ours": search_ours, "optuna": search_optuna}[subject](function, bounds, width, seed, trials, *more) - least


def regrets(jobs: list[tuple], workers: int) -> list[float]:
    """Return the regret of each job, from so many processes."""
    with multiprocessing.Pool(workers) as pool:
        return pool.map(one, jobs, chunksize=1)


def regrets_with_optuna(python: str, jobs: list[tuple], workers: int) -> list[float]:
    """Return the regret of each job in Optuna's environment."""
    command = [python, __file__, "--measure", "--workers", str(workers)]
    done = subprocess.run(command, input=json.dumps(jobs, default=str), capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def medians(values: list[float], size: int) -> list[float]:
    """Return the median of each *size* values that follow each other."""
    return [statistics.median(values[start : start + size]) for start in range(0, len(values), size)]


def compare_with_optuna(grid: Path, seeds: int, workers: int, python: str | None) -> None:
    """Print the median regret of the mix, of Optuna and their ratio."""
    cases = [(name, width) for name in test_functions(grid) for width in (1, 16)]

    def jobs(subject: str) -> list[tuple]:
        return [(subject, grid, name, width, seed, TRIALS) for name, width in cases for seed in range(seeds)]

    ours = medians(regrets(jobs("ours"), workers), seeds)
    peer = medians(regrets_with_optuna(python, jobs("optuna"), workers), seeds) if python else [math.nan] * len(cases)
    print(f"median regret after {TRIALS} trials, {seeds} seeds\n{'':16}width      ours    Optuna  ratio")
    for (name, width), ours_regret, theirs in zip(cases, ours, peer, strict=True):
        print(f"{name:16}{width:5} {ours_regret:9.4g} {theirs:9.4g} {ours_regret / theirs:6.2f}", flush=True)


def compare_algorithms(grid: Path, workers: int) -> None:
    """Print the mean of the best values of single algorithms on Hartmann6, 10 seeds of 200 trials."""
    print("Hartmann6, mean best of 10 seeds, 200 trials (Eggensperger et al. 2013: TPE -2.823, random about -2.27)")
    for algorithm in ("tpe", "joint", "anneal", "mix", "random"):
        jobs = [("ours", grid, "Hartmann6", 1, seed, 200, algorithm) for seed in range(10)]
        best = np.array(regrets(jobs, workers)) + test_functions(grid)["Hartmann6"][2]
        print(f"{algorithm:16}{best.mean():9.3f} +- {best.std(ddof=1):.3f}", flush=True)


def compare_widths(grid: Path, seeds: int, workers: int) -> None:
    """Print the median regret of the mix by width."""
    wide = (1, 4, 16, 64)
    print(
        f"median regret of the mix after {TRIALS} trials by width\n{'':16}" + "".join(f"{width:>10}" for width in wide)
    )
    for name in test_functions(grid):
        jobs = [("ours", grid, name, width, seed, TRIALS) for width in wide for seed in range(seeds)]
        print(f"{name:16}" + "".join(f"{value:10.4g}" for value in medians(regrets(jobs, workers), seeds)), flush=True)


def regret_with_history(job: tuple) -> float:
    """Return the regret of a search that looks at so many of the latest results."""
    from scripts.tune import suggest

    suggest.LATEST = job[0]
    return one(job[1:])


def measure_history(grid: Path, seeds: int, workers: int) -> None:
    """Print the time of a suggestion by number of results, and the regret of looking at fewer of them."""
    from scripts.tune import suggest

    rng = np.random.default_rng(0)
    families = {"f": {f"x{index}": {"uniform": [0, 1]} for index in range(8)}}
    latest, whole = suggest.LATEST, 10**9
    print(f"CPU ms of a suggestion, 8 hyperparameters; at most {suggest.BEST} best and {latest} latest results, or all")
    for algorithm in ("joint", "mix", "tpe", "anneal"):
        line = f"{algorithm:16}"
        for count in (100, 1000, 10_000):
            places = rng.random((count, 8)).tolist()
            results = [
                {
                    "number": number,
                    "loss": sum(place),
                    "choice": {"family": 0} | {f"f.x{i}": x for i, x in enumerate(place)},
                }
                for number, place in enumerate(places)
            ]
            for suggest.LATEST in (latest, whole):
                started = time.process_time()
                for number in range(6):
                    suggest.suggest(families, results, [], count + number, algorithm, 0)
                line += f"{(time.process_time() - started) / 6 * 1000:9.1f}"
        print(line, flush=True)
    suggest.LATEST = latest
    trials, bounds = 1000, (50, 150, latest, whole)
    print(f"median regret of the mix after {trials} trials, latest results: {', '.join(map(str, bounds[:-1]))}, all")
    for name in ("Branin", "Hartmann6", "Rosenbrock-8d", "Levy-5d"):
        jobs = [(bound, "ours", grid, name, 16, seed, trials) for bound in bounds for seed in range(seeds)]
        with multiprocessing.Pool(workers) as pool:
            found = medians(pool.map(regret_with_history, jobs, chunksize=1), seeds)
        print(f"{name:16}" + "".join(f"{value:10.3g}" for value in found), flush=True)


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--peers", type=Path, help="temporary folder to install Optuna into")
    parser.add_argument("--only", default="regret,tpe,width,history")
    parser.add_argument("--measure", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
    if given.measure:
        print(json.dumps(regrets(json.load(sys.stdin), given.workers)))
        return
    with tempfile.TemporaryDirectory() as folder:
        grid = Path(folder) / "svm.npy"
        svm_grid(grid)
        asked = given.only.split(",")
        if "regret" in asked:
            compare_with_optuna(
                grid,
                given.seeds,
                given.workers,
                install_peers(given.peers, PEERS).get("Optuna") if given.peers else None,
            )
        if "tpe" in asked:
            compare_algorithms(grid, given.workers)
        if "width" in asked:
            compare_widths(grid, given.seeds, given.workers)
        if "history" in asked:
            measure_history(grid, max(3, given.seeds // 4), given.workers)


if __name__ == "__main__":
    main()
