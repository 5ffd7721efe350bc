"""Permutation importance of raw columns (Breiman 2001): what a metric loses where the values of one are shuffled."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from scripts.analyze.bootstrap import Scores, figure
from scripts.analyze.scores import Predict, as_scores
from scripts.bundle.encode import from_table
from scripts.bundle.label import labelled


def importance(
    predict: Callable[[dict], Scores], tensors: dict[str, np.ndarray], repeats: int, seed: int
) -> list[dict]:
    """Return by how much the main metric drops for each column of *tensors*, the largest mean drop first.

    *predict* gives the scores of rows by their tensors. The interval is that of the *repeats*.
    """
    whole = predict(tensors)
    (metric, best), rows = whole.main(), len(whole.y)
    found = []
    for place, column in enumerate(sorted(tensors)):
        rng = np.random.default_rng([seed, place])
        shuffled = ({**tensors, column: tensors[column][rng.permutation(rows)]} for _ in range(repeats))
        drops = np.array([best - predict(data).main()[1] for data in shuffled])
        found.append({"column": column, "metric": metric, "drop": figure(drops.mean(), drops)})
    return sorted(found, key=lambda entry: -entry["drop"]["value"])


def some(tables: list[Path], contract: dict, label: dict, most: int) -> tuple[dict, np.ndarray]:
    """Return the tensors and labels of *most* labelled rows, drawn at random but always the same ones."""
    parts = list(labelled(tables, label, list(contract["columns"])))
    tensors = [from_table(rows, contract) for rows, _ in parts]
    y = np.concatenate([known for _, known in parts])
    rows = np.sort(np.random.default_rng(0).permutation(len(y))[:most])
    return {name: np.concatenate([part[name] for part in tensors])[rows] for name in contract["columns"]}, y[rows]


def important(
    tables: list[Path], predict: Predict, contract: dict, label: dict, settings: dict, seed: int
) -> list[dict]:
    """Return the importance of the columns of *contract* on some rows of *tables*."""
    data, y = some(tables, contract, label, settings["rows"])

    def scores(tensors: dict) -> Scores:
        found = as_scores(y, np.asarray(predict(tensors), np.float64), contract)
        return replace(found, threshold=0.5)  # which the main metric does not look at

    return importance(scores, data, settings["repeats"], seed) if settings["repeats"] else []
