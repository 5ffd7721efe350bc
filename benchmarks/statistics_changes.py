"""How often the gate stops equal models, and passes worse ones, in simulated worlds.

Each line is a rate with its standard error.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from scipy import optimize, stats

from benchmarks.simulation import rate
from scripts.analyze.bootstrap import Scores
from scripts.analyze.compare import Settings, check_changes

SETTINGS = Settings({}, [], {}, 20, None, {"group": None, "k": 1}, 200, 0)
METRICS = ("roc_auc", "pr_auc", "log_loss", "brier", "f1", "accuracy", "balanced_accuracy", "mcc")


def draw_pair(rng: np.random.Generator, rows: int, loss: float) -> tuple[Scores, Scores]:
    """Return the scores of a new and an old model; the true ROC AUC of the new one is lower by *loss*."""
    y = (rng.random(rows) < 0.4).astype(np.int64)
    shared, own = rng.normal(size=rows), rng.normal(size=(2, rows))
    area = stats.norm.cdf(1.5 / np.sqrt(2))
    worse = optimize.brentq(lambda apart: stats.norm.cdf(apart / np.sqrt(2)) - area + loss, 0, 3)
    logit = [apart * y + 0.8 * shared + 0.6 * each for apart, each in zip((worse, 1.5), own, strict=True)]
    new, old = (Scores(y, 1 / (1 + np.exp(0.75 - 1.5 * each)), 0.5) for each in logit)
    return new, old


def passes(new: Scores, old: Scores, gate: dict, slices: int = 0, samples: int = 200) -> bool:
    """Return whether all limits of *gate* on changes are met; the rows are divided into *slices*."""
    parts = {f"slice={k}": np.arange(k, len(new.y), slices) for k in range(slices)}
    return all(
        check["passed"] for check in check_changes(new, {"": old}, parts, gate, replace(SETTINGS, samples=samples))
    )


def count_stopped(
    slices: int, worlds: int, metrics: tuple[str, ...] = METRICS, rows: int = 500, samples: int = 200
) -> float:
    """Return the share of equal models that limits of drop or rise 0 on *metrics*, or on *slices*, stop."""
    if slices:
        gate = {"roc_auc": {"slices": {"*": {"drop": 0.0}}}}
    else:
        gate = {name: {"rise" if name in ("log_loss", "brier") else "drop": 0.0} for name in metrics}
    pairs = (draw_pair(np.random.default_rng(seed), rows, 0.0) for seed in range(worlds))
    return 1 - sum(passes(*pair, gate, slices, samples) for pair in pairs) / worlds


def count_non_inferior(
    rows: int, loss: float, limit: float, worlds: int, kind: str = "non_inferior", samples: int = 200
) -> float:
    """Return the share of models with a true *loss* of ROC AUC that pass the *limit* of a *kind*."""
    pairs = (draw_pair(np.random.default_rng(seed), rows, loss) for seed in range(worlds))
    return sum(passes(*pair, {"roc_auc": {kind: limit}}, samples=samples) for pair in pairs) / worlds


def count_sequences(candidates: int, loss: float, worlds: int, fixed: bool, rows: int = 1000) -> float:
    """Return the share of sequences in which each of *candidates*, *loss* worse than the one before, passes.

    Each is measured on new rows. The limit is drop: 0.02 against the one before, with *fixed* also against the first.
    """
    gate = {"roc_auc": {"drop": 0.02}}
    accepted = 0
    for seed in range(worlds):
        rng = np.random.default_rng(seed)
        passed = True
        for step in range(1, candidates + 1):
            passed = passed and passes(*draw_pair(rng, rows, loss), gate)
            passed = passed and (not fixed or passes(*draw_pair(rng, rows, loss * step), gate))
        accepted += passed
    return accepted / worlds


def equal_models(worlds: int) -> Iterator[tuple[str, str]]:
    """Equal models that are stopped."""
    for name, slices, metrics in (("1 metric", 0, METRICS[:1]), ("8 metrics", 0, METRICS), ("10 slices", 10, ())):
        yield f"{name}: equal models stopped", rate(count_stopped(slices, worlds, metrics), worlds)


def worse_models(worlds: int) -> Iterator[tuple[str, str]]:
    """Models that lose .05 of ROC AUC, or exactly the limit."""
    for rows in (200, 1000, 5000):
        for kind in ("drop", "non_inferior"):
            for loss, limit in ((0.05, 0.0), (0.05, 0.02), (0.05, 0.05), (0.0, 0.05)):
                found = count_non_inferior(rows, loss, limit, worlds, kind)
                yield f"rows {rows} {kind} {limit} loss {loss}: passed", rate(found, worlds)


def sequences(worlds: int) -> Iterator[tuple[str, str]]:
    """Six candidates, each .015 worse than the one before."""
    for fixed in (False, True):
        name = "with" if fixed else "without"
        yield f"{name} a fixed version: all six passed", rate(count_sequences(6, 0.015, worlds, fixed), worlds)


SIMULATIONS = (
    equal_models,
    worse_models,
    sequences,
)
