"""Permutation importance of raw columns (Breiman 2001): how much a metric drops if a column's values are shuffled.

Both the rows and the shuffles are drawn by chance. In a shuffle, a row counts twice: it keeps its other values, and
gives that of the column to another row. Its influence on the drop is therefore what the metric loses in both (the
drop is a U-statistic of two rows: Hoeffding 1948).

A prediction of all columns costs their number, and each column needs some. Of many columns only those are measured on
whose values the outputs depend most, which blocks of columns that are shuffled together find.
"""

from collections.abc import Callable
from dataclasses import replace
from heapq import heappop, heappush
from pathlib import Path

import numpy as np
from scipy import stats

from scripts.analyze.bootstrap import Scores
from scripts.analyze.confidence import ALPHA
from scripts.analyze.intervals import estimate, mean_variance, require, roc_auc_influence
from scripts.analyze.scores import Predict, to_scores
from scripts.bundle.encode import encode_table
from scripts.bundle.label import labelled_batches
from scripts.metrics.table import METRICS

LEAST = 10  # rows, of each class, that an interval needs
MOST = 100  # columns that are measured


def skill_influence(scores: Scores) -> tuple[str, float, np.ndarray]:
    """Return name and value of the metric of Scores.measure_skill(), and the influence value of each row [rows]."""
    name, value = scores.measure_skill()
    if not np.isfinite(value):
        return name, value, np.zeros(len(scores.y))
    if scores.regression:
        square, total = (scores.p - scores.y) ** 2, (scores.y - scores.y.mean()) ** 2
        return name, value, (square.mean() * total / total.mean() - square) / total.mean()
    if scores.p.ndim == 1:
        return name, value, roc_auc_influence(scores.y == 1, scores.p)[1]
    present = np.unique(scores.y)
    parts = [roc_auc_influence(scores.y == number, scores.p[:, number])[1] for number in present]
    return name, value, np.mean(parts, axis=0)


def select_columns(
    predict: Callable[[dict], Scores], tensors: dict[str, np.ndarray], outputs: np.ndarray, most: int, seed: int
) -> list[str]:
    """Return up to *most* columns of *tensors* whose values change the *outputs* of *predict*, the largest first.

    All values of a block of columns are shuffled in the same way, and the block that changes the outputs most is
    halved next. Columns that are left out as single blocks change nothing, or less than their whole block; there are
    some *most* * log2(columns) predictions instead of one for each column.
    """
    donors = np.random.default_rng([seed, len(tensors)]).permutation(len(outputs))
    blocks: list[tuple[float, list[str]]] = [(-np.inf, sorted(tensors))]
    found: list[str] = []
    while blocks and len(found) < most:
        _, names = heappop(blocks)
        if len(names) == 1:
            found += names
            continue
        middle = len(names) // 2
        for half in (names[:middle], names[middle:]):
            shuffled = predict({**tensors, **{name: tensors[name][donors] for name in half}})
            if change := float(np.abs(shuffled.p - outputs).mean()):
                heappush(blocks, (-change, half))
    return found


def permutation_importance(
    predict: Callable[[dict], Scores], tensors: dict[str, np.ndarray], repeats: int, seed: int, most: int = MOST
) -> list[dict]:
    """Return how much the main metric drops for each column of *tensors*, the largest mean drop first.

    *predict* returns the scores of rows given as tensors; *repeats* shuffles are averaged. Of more than *most* columns,
    those of select_columns() are measured.
    """
    baseline = predict(tensors)
    metric, baseline_value, baseline_influence = skill_influence(baseline)
    rows = len(baseline.y)
    fewest = rows if baseline.regression else int(np.bincount(baseline.y)[np.unique(baseline.y)].min())
    entries = []
    columns = sorted(tensors)
    chosen = select_columns(predict, tensors, baseline.p, most, seed) if len(columns) > most else columns
    for index, column in [(columns.index(name), name) for name in sorted(chosen)]:
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
