"""Reasons of a prediction: how much each column contributes, and the nearest row that is decided otherwise.

Contributions are Shapley values against the bundle's golden rows, which are synthetic: what a column adds, on average
over these rows and over the orders in which columns take the values of the row. Their sum is the score of the row minus
the mean score of the golden rows. Where columns act independently of each other on the log-odds (or on a predicted
value), as in linear models, they are exact; otherwise they are estimated from a few orders, in which each golden row
is used once, forwards and backwards. The orders follow from the row alone.
"""

import hashlib
import itertools
import json
from typing import Any

import numpy as np

from scripts.bundle.clean import clean_rows
from scripts.bundle.encode import encode_rows
from scripts.errors import ContractError
from scripts.serve.model import Model

MAX_EXPLAINED = 100  # rows of a request
MAX_CELLS = 2_000_000  # values that are computed for a row
TOLERANCE = 1e-6  # of exact contributions: how far their sum may be from the score, relative to its size
MAX_CHANGES = 20_000  # that a counterfactual tries, the smallest first
GRID = 33  # values of a number that a counterfactual tries
MAX_VALUES = 64  # of a text, likewise
Tensors = dict[str, np.ndarray]


def encode_background(model: Model) -> Tensors:
    """Return the golden rows of *model* as tensors: as many as the limit of computed values allows."""
    columns = len(model.contract["columns"])
    count = max(1, MAX_CELLS // (2 * (columns + 1) * columns))
    return encode_rows(clean_rows(model.golden[:count], model.contract), model.contract)


def mix(tensors: Tensors, index: int, background: Tensors, taken: np.ndarray, base: np.ndarray) -> Tensors:
    """Return rows that have the values of row *index* of *tensors* where *taken* [rows, columns] is true.

    Elsewhere they have those of the rows *base* [rows] of *background*.
    """
    return {
        name: np.where(taken[:, [at]], tensors[name][index], background[name][base]) for at, name in enumerate(tensors)
    }


def explain_rows(model: Model, rows: list[dict], tensors: Tensors, answers: list[dict]) -> list[dict]:
    """Return the reasons of *answers* to *rows*, which meet the contract and are encoded as *tensors*.

    They are {"scale", "base", "value", "exact", "contributions": {column: number}}, and "counterfactual" if the
    contract names columns that may change.
    """
    background = encode_background(model)
    return [explain_row(model, row, tensors, at, answers[at], background) for at, row in enumerate(rows)]


def explain_row(model: Model, row: dict, tensors: Tensors, index: int, answer: dict, background: Tensors) -> dict:
    """Return the reasons of *answer*, that of *row*, which is row *index* of *tensors*, as explain_rows() does."""
    names = list(tensors)
    count = len(background[names[0]])
    output = model.contract["classes"].index(choose_class(model, answer)) if model.contract["classes"] else 0
    reasons = explain_exactly(model, tensors, index, background, count)
    if reasons is None:
        reasons = estimate_contributions(model, row, tensors, index, background, count, output)
    reasons["contributions"] = dict(zip(names, reasons["contributions"], strict=True))
    if model.contract.get("counterfactual"):
        reasons["counterfactual"] = find_counterfactual(model, row, answer)
    return reasons


def choose_class(model: Model, answer: dict) -> str:
    """Return the class whose probability is the score of *answer*."""
    return answer["label"] if model.contract["positive"] is None else model.contract["positive"]


def link(model: Model, outputs: np.ndarray) -> np.ndarray | None:
    """Return the log-odds of the positive class, or the predicted values; None where they are not finite or defined."""
    if not model.contract["classes"]:
        return outputs[:, 0]
    if model.contract["positive"] is None or not (outputs > 0).all():
        return None
    positive = model.contract["classes"].index(model.contract["positive"])
    return np.log(outputs[:, positive]) - np.log(outputs[:, 1 - positive])


def explain_exactly(model: Model, tensors: Tensors, index: int, background: Tensors, count: int) -> dict | None:
    """Return exact reasons, None if columns do not act independently between the row and each of *background*."""
    columns = len(tensors)
    one = np.eye(columns, dtype=bool)
    # of each golden row: itself, the row, and with all columns but one from either
    taken = np.tile(np.vstack([np.zeros((1, columns), bool), np.ones((1, columns), bool), one, ~one]), (count, 1))
    base = np.repeat(np.arange(count), 2 * columns + 2)
    values = link(model, model.predictor.predict(mix(tensors, index, background, taken, base)))
    if values is None:
        return None
    start, end, first, others = np.split(values.reshape(count, 2 * columns + 2), [1, 2, columns + 2], axis=1)
    effects = first - start  # of each column before all others; it has to be the same after all others
    gaps = np.hstack([effects.sum(axis=1, keepdims=True) - (end - start), effects - (end - others)])
    if (np.abs(gaps) > TOLERANCE * (1 + np.abs(values).max())).any():
        return None
    return {
        "scale": "log-odds" if model.contract["classes"] else "prediction",
        "base": float(start.mean()),
        "value": float(end[0, 0]),
        "exact": True,
        "contributions": effects.mean(axis=0).tolist(),
    }


def estimate_contributions(
    model: Model, row: dict, tensors: Tensors, index: int, background: Tensors, count: int, output: int
) -> dict:
    """Return reasons by Shapley sampling, on the scale of the score; *output* is its number among the outputs."""
    columns = len(tensors)
    text = json.dumps([model.digest, row], sort_keys=True, default=str)
    rng = np.random.default_rng(int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]))
    orders = [rng.permutation(columns) for _ in range(count)]
    orders = np.array([order for forwards in orders for order in (forwards, forwards[::-1])])
    ranks = np.argsort(orders, axis=1)  # when each column takes the value of the row
    taken = (ranks[:, None, :] < np.arange(columns + 1)[None, :, None]).reshape(-1, columns)
    base = np.repeat(np.arange(count), 2 * (columns + 1))
    values = model.predictor.predict(mix(tensors, index, background, taken, base))[:, output]
    values = values.reshape(len(orders), columns + 1)
    steps = np.take_along_axis(np.diff(values, axis=1), ranks, axis=1)
    return {
        "scale": "score" if model.contract["classes"] else "prediction",
        "base": float(values[:, 0].mean()),
        "value": float(values[0, -1]),
        "exact": False,
        "contributions": steps.mean(axis=0).tolist(),
    }


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
        low, high = rules.get("min", low), rules.get("max", high)
        grid = [low + (high - low) * step / (GRID - 1) for step in range(GRID)]
        values = sorted({round(item) for item in grid}) if spec["type"] == "integer" else grid
    return [item for item in values if item != value]


def measure_distance(model: Model, name: str, old: Any, new: Any, values: list) -> float:
    """Return the distance of two values of a column: for numbers the share of their range, otherwise 1."""
    if model.contract["columns"][name]["type"] not in ("number", "integer") or old is None:
        return 1.0
    width = max(values) - min(values)
    return abs(new - old) / width if width else 1.0


def find_counterfactual(model: Model, row: dict, answer: dict) -> dict | None:
    """Return the smallest change of at most two columns that the contract permits after which the label is another.

    It is {"changes": {column: value}, "label", "score"}; fewer columns count as smaller. The changed row satisfies the
    schema. None if there is none, or if the model predicts values.
    """
    if "label" not in answer:
        return None
    names = model.contract["counterfactual"]
    values = {name: list_candidates(model, name, row[name]) for name in names}
    for size in (1, 2):
        changes = [
            dict(zip(chosen, pair, strict=True))
            for chosen in itertools.combinations(names, size)
            for pair in itertools.product(*(values[name] for name in chosen))
        ]
        changes.sort(
            key=lambda change: sum(measure_distance(model, n, row[n], new, values[n]) for n, new in change.items())
        )
        if not changes:
            continue
        rows = [row | change for change in changes[:MAX_CHANGES]]
        answers = model.decide(model.predictor.predict(encode_rows(rows, model.contract)))
        for change, changed, other in zip(changes, rows, answers, strict=False):
            if other["label"] != answer["label"] and not is_violating(model, changed):
                return {"changes": change, "label": other["label"], "score": other["score"]}
    return None


def is_violating(model: Model, row: dict) -> bool:
    """Return whether *row* breaks a rule of the schema, also one that would be tolerated."""
    try:
        return bool(model.check_schema([row], [0]))
    except ContractError:
        return True
