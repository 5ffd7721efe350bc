"""Reasons of a prediction: how much each column contributes, and the nearest row with another label, if asked for.

Contributions are Shapley values against the bundle's golden rows, which are synthetic: what a column adds, on average
over these rows and over the orders in which columns take the values of the row. Their sum is the score of the row minus
the mean score of the golden rows. Where columns act independently of each other on the log-odds (or on a predicted
value), as in linear models, they are exact; otherwise they are estimated from a few orders, in which each golden row
is used once, forwards and backwards. The orders follow from the row alone.
"""

import hashlib
import json
import time
from collections.abc import Callable

import numpy as np

from scripts.bundle.clean import clean_rows
from scripts.bundle.encode import encode_rows
from scripts.serve.counterfactual import find_counterfactual
from scripts.serve.http_request import HTTPError
from scripts.serve.model import Model

MAX_EXPLAINED = 100  # rows of a request
MAX_SECONDS = 10.0  # of processor time for the reasons of a request
MAX_CELLS = 2_000_000  # values that are computed for a row
TOLERANCE = 1e-6  # of exact contributions: how far their sum may be from the score, relative to its size
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
    contract names columns that may change. Raises HTTPError if all of them take more than MAX_SECONDS.
    """
    background, end, reasons = encode_background(model), time.thread_time() + MAX_SECONDS, []

    def check_time() -> None:
        if time.thread_time() > end:
            took = f"the reasons of {len(reasons)} of {len(rows)} rows took {MAX_SECONDS:g} seconds of processor time"
            raise HTTPError(413, "TOO_MANY_ROWS", f"{took}, all that a request gets; ask for fewer rows at once")

    for at, row in enumerate(rows):
        check_time()
        reasons.append(explain_row(model, row, tensors, at, answers[at], background, check_time))
    return reasons


def explain_row(
    model: Model,
    row: dict,
    tensors: Tensors,
    index: int,
    answer: dict,
    background: Tensors,
    check_time: Callable[[], None],
) -> dict:
    """Return the reasons of *answer*, that of *row*, which is row *index* of *tensors*, as explain_rows() does."""
    names = list(tensors)
    count = len(background[names[0]])
    output = model.contract["classes"].index(choose_class(model, answer)) if model.contract["classes"] else 0
    reasons = explain_exactly(model, tensors, index, background, count)
    if reasons is None:
        reasons = estimate_contributions(model, tensors, index, background, count, output)
    reasons["contributions"] = dict(zip(names, reasons["contributions"], strict=True))
    if model.contract.get("counterfactual"):
        reasons["counterfactual"] = find_counterfactual(model, row, tensors, index, answer, check_time)
    return reasons


def choose_class(model: Model, answer: dict) -> str:
    """Return the class whose probability is the score of *answer*."""
    return answer["label"] if model.contract["positive"] is None else model.contract["positive"]


def link(model: Model, outputs: np.ndarray) -> np.ndarray | None:
    """Return the log-odds of the positive class, or the predicted values; None where they are not finite or defined."""
    if not np.isfinite(outputs).all():
        return None
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
    model: Model, tensors: Tensors, index: int, background: Tensors, count: int, output: int
) -> dict:
    """Return reasons by Shapley sampling, on the scale of the score; *output* is its number among the outputs.

    Raises HTTPError if the model gives a mixture of the row and the golden rows a score that is not finite.
    """
    columns = len(tensors)
    row = {name: cells[index].tolist() for name, cells in tensors.items()}  # 5 and 5.0 are the same row
    text = json.dumps([model.digest, row], sort_keys=True)
    rng = np.random.default_rng(int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]))
    orders = [rng.permutation(columns) for _ in range(count)]
    orders = np.array([order for forwards in orders for order in (forwards, forwards[::-1])])
    ranks = np.argsort(orders, axis=1)  # when each column takes the value of the row
    taken = (ranks[:, None, :] < np.arange(columns + 1)[None, :, None]).reshape(-1, columns)
    base = np.repeat(np.arange(count), 2 * (columns + 1))
    values = model.predictor.predict(mix(tensors, index, background, taken, base))[:, output]
    if not np.isfinite(values).all():
        message = "its numbers are too large for rows between it and the golden rows; ask without explain"
        raise HTTPError(422, "NOT_FINITE", f"the reasons of a row cannot be estimated: {message}")
    values = values.reshape(len(orders), columns + 1)
    steps = np.take_along_axis(np.diff(values, axis=1), ranks, axis=1)
    return {
        "scale": "score" if model.contract["classes"] else "prediction",
        "base": float(values[:, 0].mean()),
        "value": float(values[0, -1]),
        "exact": False,
        "contributions": steps.mean(axis=0).tolist(),
    }
