"""Permutation importance of raw columns (Breiman 2001): how much a metric drops if a column's values are shuffled."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from scripts.analyze.bootstrap import Scores, estimate
from scripts.analyze.scores import Predict, to_scores
from scripts.bundle.encode import encode_table
from scripts.bundle.label import labelled_batches
from scripts.metrics.table import METRICS


def permutation_importance(
    predict: Callable[[dict], Scores], tensors: dict[str, np.ndarray], repeats: int, seed: int
) -> list[dict]:
    """Return how much the main metric drops for each column of *tensors*, the largest mean drop first.

    *predict* returns the scores of rows given as tensors. Intervals are those of the *repeats*.
    """
    baseline = predict(tensors)
    (metric, baseline_value), rows = baseline.measure_skill(), len(baseline.y)
    entries = []
    for index, column in enumerate(sorted(tensors)):
        rng = np.random.default_rng([seed, index])
        shuffled = ({**tensors, column: tensors[column][rng.permutation(rows)]} for _ in range(repeats))
        drops = np.array([baseline_value - predict(data).measure_skill()[1] for data in shuffled])
        entries.append(
            {"column": column, "metric": metric, "drop": estimate(drops.mean(), drops, METRICS[metric].undefined)}
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
