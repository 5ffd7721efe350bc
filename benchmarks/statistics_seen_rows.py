"""What test rows do that an earlier version was trained on: to the metrics of a warm start and to the change gate."""

from collections.abc import Iterator

import numpy as np
from scipy import sparse

from benchmarks.simulation import mean, share
from scripts.analyze.bootstrap import Scores
from scripts.analyze.changes import KINDS, NORMAL, bootstrap_changes
from scripts.analyze.checks import check_change
from scripts.families.base import load_family
from scripts.metrics.losses import measure

XGBOOST = {"learning_rate": 0.3, "iterations": 40, "depth": 6, "l2": 1.0, "rows": 1.0}
Rows = tuple[sparse.csr_matrix, np.ndarray]


def draw_span(rng: np.random.Generator, rows: int = 400) -> Rows:
    """Return features, of which two say something about the label, and labels."""
    x = rng.normal(size=(rows, 8))
    y = (rng.random(rows) < 1 / (1 + np.exp(-x[:, 0] - 0.5 * x[:, 1]))).astype(np.int64)
    return sparse.csr_matrix(x), y


def join(*spans: Rows) -> Rows:
    """Return the rows of all *spans*."""
    return sparse.vstack([x for x, _ in spans], format="csr"), np.concatenate([y for _, y in spans])


def warm_start_from_a_version_that_saw_test(worlds: int) -> Iterator[tuple[str, str]]:
    """ROC AUC on test of a model that starts from a version trained on test, of a cold one, and on new rows."""
    family, seen, cold, truth = load_family("xgboost"), [], [], []
    for world in range(worlds):
        rng = np.random.default_rng(world)
        train, test, later = (draw_span(rng) for _ in range(3))
        arguments = (XGBOOST, 0, "classification", "cpu")
        state = family.state(family.fit(*join(draw_span(rng), test), *arguments))
        warm = family.resume(*train, *arguments, state)
        seen.append(measure("roc_auc", test[1], family.score(warm, test[0], 2), 1))
        truth.append(measure("roc_auc", later[1], family.score(warm, later[0], 2), 1))
        fitted = family.fit(*train, *arguments)
        cold.append(measure("roc_auc", test[1], family.score(fitted, test[0], 2), 1))
    yield "warm, the rows that the version had seen", mean(seen)
    yield "warm, new rows (now the only ones allowed)", mean(truth)
    yield "cold, on test", mean(cold)


def estimate_changes(new: Scores, old: Scores, samples: int, seed: int) -> dict[str, dict]:
    """Return {metric: {"absolute": estimate, "relative": estimate}} of *new* against *old*, on the same rows.

    Each interval is for itself.
    """
    changes = bootstrap_changes(new, old, {"": np.arange(len(new.y))}, samples, seed)
    metrics = dict.fromkeys(metric for _, metric, _ in changes)
    return {metric: {kind: changes["", metric, kind].estimate(NORMAL) for kind in KINDS} for metric in metrics}


def fair_models_stopped_by_the_change_gate(worlds: int) -> Iterator[tuple[str, str]]:
    """How often `drop: 0.02` stops a model as good as the deployed one, which has seen one of two test spans."""
    family, before, now = load_family("xgboost"), [], []
    for world in range(worlds):
        rng = np.random.default_rng(world)
        arguments = (XGBOOST, 0, "classification", "cpu")
        common, seen, unseen = (draw_span(rng) for _ in range(3))
        old = family.fit(*join(common, seen), *arguments)
        new = family.fit(*join(common, draw_span(rng)), *arguments)
        for stopped, (x, y) in ((before, join(seen, unseen)), (now, unseen)):
            pair = [Scores(y, family.score(fitted, x, 2)[:, 1], 0.5) for fitted in (new, old)]
            change = estimate_changes(*pair, 100, 0)["roc_auc"]
            (check,) = check_change("", "roc_auc", {"drop": 0.02}, change)
            stopped.append(not check["passed"])
    yield "all test rows, as before", share(before)
    yield "rows that neither has seen, as now", share(now)


SIMULATIONS = (
    warm_start_from_a_version_that_saw_test,
    fair_models_stopped_by_the_change_gate,
)
