"""How often the intervals of metrics, gaps and fairness contain the truth, in simulated worlds.

A line is a cell of a grid: for each figure, the share of worlds in which an interval was refused, and that of worlds
in which one was given and contains the truth, among those with an interval, with its standard error. `wrong` is the
share of all worlds in which an interval was given and does not contain the truth.
"""

from collections.abc import Callable, Iterator

import numpy as np

from scripts.analyze.bootstrap import Scores
from scripts.analyze.estimates import estimate_metrics
from scripts.analyze.fairness import fairness_metrics, group_rates, measure_at_threshold
from scripts.analyze.importance import permutation_importance
from scripts.analyze.metrics import slice_metrics
from scripts.analyze.slices import Slice

LARGE = 200_000  # rows behind a truth
GAPS = ("roc_auc", "accuracy", "recall", "brier")
World = Callable[[np.random.Generator, int], Scores]


def count_coverage(world: World, rows: int, worlds: int, truth: dict, samples: int = 100) -> dict[str, tuple]:
    """Return {metric: (share refused, coverage, its standard error, share wrong)} for *worlds* of *rows* rows."""
    given, right = (dict.fromkeys(truth, 0) for _ in range(2))
    for seed in range(worlds):
        found = estimate_metrics(world(np.random.default_rng(seed), rows), samples, seed)
        for name, value in truth.items():
            if found[name]["low"] is not None:
                given[name] += 1
                right[name] += found[name]["low"] - 1e-12 <= value <= found[name]["high"] + 1e-12
    return {name: summarize(given[name], right[name], worlds) for name in truth}


def summarize(given: int, right: int, worlds: int) -> tuple[float, float, float, float]:
    """Return the share refused, the coverage of the intervals given, its standard error, and the share wrong."""
    share = right / given if given else float("nan")
    return (
        1 - given / worlds,
        share,
        float(np.sqrt(share * (1 - share) / given)) if given else 0.0,
        (given - right) / worlds,
    )


def measure_truth(world: World, names: list[str] | None = None) -> dict[str, float]:
    """Return the metrics of very many rows of *world*."""
    scores = world(np.random.default_rng(10**6), LARGE)
    values = scores.metric_function(scores.metric_names)(np.ones(len(scores.y)))
    return {name: value for name, value in values.items() if names is None or name in names}


def two_classes(base: float, apart: float, per_unit: int = 1) -> World:
    """Return worlds of calibrated scores of two normal classes that are *apart*; a unit has *per_unit* like rows."""

    def world(rng: np.random.Generator, rows: int) -> Scores:
        units = np.arange(rows) // per_unit
        y = (rng.random(rows // per_unit + 1) < base).astype(np.int64)[units]
        own = rng.normal(size=rows) if per_unit == 1 else 0.8 * rng.normal(size=units.max() + 1)[units]
        shared = own if per_unit == 1 else own + 0.6 * rng.normal(size=rows)
        logit = apart * (y * apart + shared) - apart**2 / 2 + np.log(base / (1 - base))
        threshold = base if apart < 1 else 0.5 if base >= 0.2 else 0.3
        return Scores(y, 1 / (1 + np.exp(-logit)), threshold, units=None if per_unit == 1 else units)

    return world


def many_classes(classes: int, apart: float) -> World:
    """Return worlds of scores of some normal classes, the first one three times as frequent as the last."""

    def world(rng: np.random.Generator, rows: int) -> Scores:
        share = np.linspace(3, 1, classes) / np.linspace(3, 1, classes).sum()
        y = rng.choice(classes, rows, p=share)
        logit = rng.normal(size=(rows, classes)) + apart * np.eye(classes)[y]
        weight = np.exp(logit * apart) * share
        return Scores(y, weight / weight.sum(axis=1, keepdims=True))

    return world


def regression(noise: Callable, per_unit: int = 1) -> World:
    """Return worlds of values whose residuals are drawn by *noise*(rng, size)."""

    def world(rng: np.random.Generator, rows: int) -> Scores:
        units = np.arange(rows) // per_unit
        signal = 3 + rng.normal(size=rows)
        residual = noise(rng, rows) if per_unit == 1 else noise(rng, units.max() + 1)[units]
        return Scores(signal + residual, signal, regression=True, units=None if per_unit == 1 else units)

    return world


def grouped(groups: int, effect: float) -> Callable:
    """Return worlds of scores whose first half of *groups* is scored higher by *effect*, with the group of each row."""

    def world(rng: np.random.Generator, rows: int) -> tuple[Scores, np.ndarray]:
        group = np.repeat(np.arange(groups), rows)
        y = (rng.random(len(group)) < 0.4).astype(np.int64)
        logit = 1.5 * y - 0.8 + effect * (group < groups // 2) + rng.normal(size=len(group))
        return Scores(y, 1 / (1 + np.exp(-logit)), 0.5), group

    return world


def measure_gaps(scores: Scores, group: np.ndarray) -> dict[str, dict]:
    """Return the estimates of the gaps between groups and of fairness."""
    names = [str(number) for number in range(int(group.max()) + 1)]
    parts = [Slice("group", {"group": name}, np.flatnonzero(group == number)) for number, name in enumerate(names)]
    gaps = slice_metrics(scores, parts, 2, 10, 0)["gaps"]["group"]
    return {name: gaps[name] for name in GAPS} | measure_at_threshold(scores, names, group, None)["metrics"]


def count_gap_coverage(groups: int, rows: int, effect: float, worlds: int) -> dict[str, tuple]:
    """Return {metric: (share refused, coverage, its standard error, share wrong)} of gaps and fairness."""
    world = grouped(groups, effect)
    if effect:
        truth = {name: entry["value"] for name, entry in measure_gaps(*world(np.random.default_rng(0), LARGE)).items()}
    else:
        truth = dict.fromkeys([*GAPS, *fairness_names()], 0.0) | {"demographic_parity_ratio": 1.0}
    given, right = (dict.fromkeys(truth, 0) for _ in range(2))
    for seed in range(worlds):
        for name, entry in measure_gaps(*world(np.random.default_rng(seed + 1), rows)).items():
            if entry["low"] is not None:
                given[name] += 1
                right[name] += entry["low"] - 1e-9 <= truth[name] <= entry["high"] + 1e-9
    return {name: summarize(given[name], right[name], worlds) for name in truth}


def fairness_names() -> tuple[str, ...]:
    """Return the names of the fairness metrics."""
    return tuple(fairness_metrics(group_rates(np.ones((2, 2, 2)))))


def measure_columns(rows: int, repeats: int, seed: int) -> dict[str, dict]:
    """Return the importance of three columns, strong to weak, of which two interact."""
    rng = np.random.default_rng(seed)
    columns = {name: rng.normal(size=(rows, 1)) for name in ("strong", "middle", "weak")}
    value = sum(slope * columns[name][:, 0] for name, slope in zip(columns, (2, 0.5, 0.3), strict=True))
    y = (value + rng.logistic(size=rows) > 1).astype(np.int64)

    def predict(found: dict) -> Scores:
        strong, middle, weak = (found[name][:, 0] for name in columns)
        return Scores(y, 1 / (1 + np.exp(-(2 * strong + 0.5 * middle + 0.3 * weak + 0.5 * strong * middle))), 0.5)

    return {entry["column"]: entry["drop"] for entry in permutation_importance(predict, columns, repeats, seed)}


def count_importance_coverage(rows: int, worlds: int) -> dict[str, tuple]:
    """Return {column: (share refused, coverage, its standard error, share wrong)} of its importance."""
    truth = {name: drop["value"] for name, drop in measure_columns(LARGE, 2, 10**6).items()}
    given, right = (dict.fromkeys(truth, 0) for _ in range(2))
    for seed in range(worlds):
        for name, drop in measure_columns(rows, 5, seed).items():
            if drop["low"] is not None:
                given[name] += 1
                right[name] += drop["low"] <= truth[name] <= drop["high"]
    return {name: summarize(given[name], right[name], worlds) for name in truth}


def gaps(worlds: int) -> Iterator[tuple[str, str]]:
    """Largest gaps and fairness of equal and of different groups."""
    for groups in (2, 4, 12):
        for rows in (150, 1000):
            for effect in (0.0, 0.2, 0.6):
                found = count_gap_coverage(groups, rows, effect, worlds)
                yield from lines(f"groups {groups} rows {rows} each effect {effect}", found)


def importance(worlds: int) -> Iterator[tuple[str, str]]:
    """Permutation importance: rows and shuffles are both drawn."""
    for rows in (100, 500, 2000):
        yield from lines(f"rows {rows}", count_importance_coverage(rows, worlds))


def binary(worlds: int) -> Iterator[tuple[str, str]]:
    """Two classes: rows, base rates, separation, and rows in clusters of five."""
    for per_unit in (1, 5):
        for rows in (30, 60, 200, 1000, 10_000):
            for base in (0.01, 0.05, 0.2, 0.5):
                for apart in (0.5, 1.5, 3.0, 8.0):
                    world = two_classes(base, apart, per_unit)
                    truth = measure_truth(world) | {"ece": 0.0}  # the scores are calibrated
                    found = count_coverage(world, rows, worlds, truth)
                    yield from lines(f"rows {rows} base {base} apart {apart} unit {per_unit}", found)


def multiclass(worlds: int) -> Iterator[tuple[str, str]]:
    """Several classes of unequal frequency."""
    for rows in (60, 200, 1000, 10_000):
        for classes in (3, 8):
            for apart in (1.0, 3.0):
                world = many_classes(classes, apart)
                yield from lines(
                    f"rows {rows} classes {classes} apart {apart}",
                    count_coverage(world, rows, worlds, measure_truth(world)),
                )


NOISES = {
    "normal": lambda rng, size: rng.normal(size=size),
    "laplace": lambda rng, size: rng.laplace(size=size),
    "t(5)": lambda rng, size: rng.standard_t(5, size),
    "t(3)": lambda rng, size: rng.standard_t(3, size),
    "t(2.5)": lambda rng, size: rng.standard_t(2.5, size),
    "lognormal": lambda rng, size: np.exp(rng.normal(size=size)) - np.exp(0.5),
}
MEAN_SQUARES = {
    "normal": 1,
    "laplace": 2,
    "t(5)": 5 / 3,
    "t(3)": 3,
    "t(2.5)": 5,
    "lognormal": np.exp(2) - np.exp(1),
}


def heavy_tails(worlds: int) -> Iterator[tuple[str, str]]:
    """Regression with residuals of more and more heavy tails, and in clusters of five."""
    for per_unit in (1, 5):
        for rows in (30, 60, 200, 1000, 10_000):
            for name, noise in NOISES.items():
                world, square = regression(noise, per_unit), MEAN_SQUARES[name]
                truth = measure_truth(world, ["mae", "median_absolute_error"])
                truth |= {"rmse": np.sqrt(square), "r2": 1 - square / (1 + square), "bias": 0.0}
                found = count_coverage(world, rows, worlds, truth)
                yield from lines(f"rows {rows} residuals {name} unit {per_unit}", found)


def lines(cell: str, found: dict[str, tuple]) -> Iterator[tuple[str, str]]:
    """Yield a line for each figure of a cell of the grid."""
    for name, (refused, share, error, wrong) in found.items():
        yield f"{cell} {name}", f"refused {refused:.3f} coverage {share:.3f} ± {error:.3f} wrong {wrong:.3f}"


SIMULATIONS = (
    binary,
    multiclass,
    heavy_tails,
    gaps,
    importance,
)
