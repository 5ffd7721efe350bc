"""Permutation importance of raw columns (Breiman 2001): how much a metric drops if a column's values are shuffled.

Both the rows and the shuffles are drawn by chance. In a shuffle, a row counts twice: it keeps its other values, and
gives that of the column to another row. Its influence on the drop is therefore what the metric loses in both (the
drop is a U-statistic of two rows: Hoeffding 1948).
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy import stats

from scripts.analyze.bootstrap import Scores
from scripts.analyze.intervals import ALPHA, estimate, mean_variance, require, roc_auc_influence
from scripts.analyze.scores import Predict, to_scores
from scripts.bundle.encode import encode_table
from scripts.bundle.label import labelled_batches
from scripts.metrics.table import METRICS

LEAST = 10  # rows, of each class, that an interval needs


def skill_influence(scores: Scores) -> tuple[str, float, np.ndarray]:
    """Return name and value of the metric of Scores.measure_skill(), and the influence value of each row [rows]."""
    name, value = scores.measure_skill()
    if scores.regression:
        square, total = (scores.p - scores.y) ** 2, (scores.y - scores.y.mean()) ** 2
        return name, value, (square.mean() * total / total.mean() - square) / total.mean()
    if scores.p.ndim == 1:
        return name, value, roc_auc_influence(scores.y == 1, scores.p)[1]
    present = np.unique(scores.y)
    parts = [roc_auc_influence(scores.y == number, scores.p[:, number])[1] for number in present]
    return name, value, np.mean(parts, axis=0)


def permutation_importance(
    predict: Callable[[dict], Scores], tensors: dict[str, np.ndarray], repeats: int, seed: int
) -> list[dict]:
    """Return how much the main metric drops for each column of *tensors*, the largest mean drop first.

    *predict* returns the scores of rows given as tensors; *repeats* shuffles are averaged.
    """
    baseline = predict(tensors)
    metric, baseline_value, baseline_influence = skill_influence(baseline)
    rows = len(baseline.y)
    fewest = rows if baseline.regression else int(np.bincount(baseline.y)[np.unique(baseline.y)].min())
    entries = []
    for index, column in enumerate(sorted(tensors)):
        rng, drops, influence = np.random.default_rng([seed, index]), [], np.zeros(rows)
        for _ in range(repeats):
            donors = rng.permutation(rows)
            _, value, shuffled = skill_influence(predict({**tensors, column: tensors[column][donors]}))
            drops.append(baseline_value - value)
            loss = (baseline_influence - shuffled) / repeats
            influence += loss
            influence[donors] += loss
        drop = float(np.mean(drops))

        def interval(drop: float = drop, drops: list = drops, influence: np.ndarray = influence) -> tuple[float, float]:
            if not any(drops):
                return 0.0, 0.0
            require(fewest, LEAST, "rows" if baseline.regression else "rows of a class")
            chance = np.var(drops, ddof=1) / repeats if repeats > 1 else 0.0  # of the shuffles; influence has it twice
            variance = max(mean_variance(influence, baseline.units) - chance, chance)
            half = stats.t.ppf(1 - ALPHA / 2, fewest - 1) * np.sqrt(variance)
            return drop - half, drop + half

        entries.append(
            {"column": column, "metric": metric, "drop": estimate(drop, interval, METRICS[metric].undefined)}
        )
    return sorted(entries, key=lambda entry: -(entry["drop"]["value"] or 0))


def sample_rows(tables: list[Path], contract: dict, label: dict, most: int) -> tuple[dict, np.ndarray]:
    """Return tensors and targets of at most *most* labelled rows: a random sample, but always the same."""
    parts = list(labelled_batches(tables, label, list(contract["columns"])))
    tensors = [encode_table(rows, contract) for rows, _ in parts]
    y = np.concatenate([targets for _, targets in parts])
    rows = np.sort(np.random.default_rng(0).permutation(len(y))[:most])
    return {name: np.concatenate([part[name] for part in tensors])[rows] for name in contract["columns"]}, y[rows]


def measure_importance(
    tables: list[Path], predict: Predict, contract: dict, label: dict, settings: dict, seed: int
) -> list[dict]:
    """Return the importance of the columns of *contract*, measured on a sample of the rows of *tables*."""
    data, y = sample_rows(tables, contract, label, settings["rows"])

    def scores(tensors: dict) -> Scores:
        scores_without_threshold = to_scores(y, np.asarray(predict(tensors), np.float64), contract)
        return replace(scores_without_threshold, threshold=0.5)  # any: the main metric does not depend on it

    return permutation_importance(scores, data, settings["repeats"], seed) if settings["repeats"] else []
