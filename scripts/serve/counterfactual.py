"""Counterfactuals: the nearest row, among those that a case permits, to which a model gives another label."""

import functools
import itertools
from collections.abc import Callable
from typing import Any

import numpy as np

from scripts.bundle.encode import PARSERS, encode_values, transform_if_custom
from scripts.column_types import MAX_NUMBER
from scripts.errors import ContractError
from scripts.serve.model import Model

MAX_CHANGES = 20_000  # that are tried, the smallest first
BLOCK = 500  # changes that are tried at once
GRID = 33  # values of a number that are tried
MAX_VALUES = 64  # of a text, likewise


def list_candidates(model: Model, name: str, value: Any) -> list:
    """Return the values that column *name* may take instead of *value*: its domain, or a grid over its range."""
    spec, rules = model.contract["columns"][name], model.guard.columns.get(name, {})
    if "domain" in rules:
        values = sorted(rules["domain"], key=str)[:MAX_VALUES]
    elif spec["type"] == "boolean":
        values = [False, True]
    elif spec["type"] == "text":
        values = [known for known in spec.get("known", []) if known][:MAX_VALUES]
    else:
        seen = [row[name] for row in model.golden if row.get(name) is not None]
        low, high = spec.get("range") or ((min(seen), max(seen)) if seen else (0, 1))
        low, high = max(rules.get("min", low), -MAX_NUMBER), min(rules.get("max", high), MAX_NUMBER)
        grid = [low + (high - low) * step / (GRID - 1) for step in range(GRID)]
        values = sorted({round(item) for item in grid}) if spec["type"] == "integer" else grid
    return [item for item in values if item != value and is_value(item, spec["type"])]


def is_value(value: Any, dtype: str) -> bool:
    """Return whether a request may have *value* in a column of type *dtype*."""
    try:
        PARSERS[dtype](value)
    except ValueError:
        return False
    return True


def measure_distances(model: Model, name: str, old: Any, values: list) -> np.ndarray:
    """Return the distance of each of *values* from *old*: for numbers the share of their range, otherwise 1."""
    if model.contract["columns"][name]["type"] not in ("number", "integer") or old is None or not values:
        return np.ones(len(values))
    width = max(values) - min(values)
    return np.array([abs(new - old) / width if width else 1.0 for new in values])


def list_changes(distances: dict[str, np.ndarray], size: int) -> tuple[list[tuple[str, ...]], np.ndarray]:
    """Return the combinations of *size* columns, and the nearest changes [changes, 1 + size] by *distances*.

    A change has the number of its combination, and for each of its columns the number of a value.
    """
    combinations, found, totals = list(itertools.combinations(distances, size)), [], []

    def select_nearest() -> tuple[np.ndarray, np.ndarray]:
        total = np.concatenate([np.empty(0), *totals])
        nearest = np.argsort(total, kind="stable")[:MAX_CHANGES]
        return np.hstack([np.empty((1 + size, 0), np.int64), *found])[:, nearest], total[nearest]

    for number, chosen in enumerate(combinations):
        total = functools.reduce(np.add.outer, (distances[name] for name in chosen))
        places = np.indices(total.shape).reshape(size, -1)
        found.append(np.vstack([np.full((1, total.size), number), places]))
        totals.append(total.ravel())
        if sum(map(len, totals)) > 10 * MAX_CHANGES:  # of hundreds of columns there are millions
            found, totals = ([part] for part in select_nearest())
    return combinations, select_nearest()[0].T


def find_counterfactual(
    model: Model, row: dict, tensors: dict[str, np.ndarray], index: int, answer: dict, check_time: Callable[[], None]
) -> dict | None:
    """Return the smallest change of at most two columns that the contract permits after which the label is another.

    It is {"changes": {column: value}, "label", "score"}; fewer columns count as smaller. The changed row satisfies the
    schema. None if there is none, or if the model predicts values. *check_time* is called now and then.
    """
    if "label" not in answer:
        return None
    columns = model.contract["columns"]
    values = {name: list_candidates(model, name, row[name]) for name in model.contract["counterfactual"]}
    encoded = {
        name: transform_if_custom(name, columns[name], encode_values(name, columns[name], items))
        for name, items in values.items()
        if items
    }
    distances = {name: measure_distances(model, name, row[name], values[name]) for name in encoded}
    for size in (1, 2):
        combinations, changes = list_changes(distances, size)
        for start in range(0, len(changes), BLOCK):
            check_time()
            block = changes[start : start + BLOCK]
            changed = {name: np.repeat(cells[[index]], len(block), axis=0) for name, cells in tensors.items()}
            for number, chosen in enumerate(combinations):
                own = np.flatnonzero(block[:, 0] == number)
                for place, name in enumerate(chosen, 1):
                    changed[name][own] = encoded[name][block[own, place]]
            for change, other in zip(block, model.decide(model.predictor.predict(changed)), strict=True):
                if other["label"] == answer["label"]:
                    continue
                chosen = zip(combinations[change[0]], change[1:], strict=True)
                new = {name: values[name][place] for name, place in chosen}
                if not is_violating(model, row | new):
                    return {"changes": new, "label": other["label"], "score": other["score"]}
    return None


def is_violating(model: Model, row: dict) -> bool:
    """Return whether *row* breaks a rule of the schema, also one that would be tolerated."""
    try:
        return bool(model.check_schema([row], [0]))
    except ContractError:
        return True
