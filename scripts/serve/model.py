"""A model that is ready to answer: loaded from a verified bundle and tested with its golden rows.

In requests of a case with lags of a time series, each row gets the values of earlier rows, as in training.
"""

import dataclasses
import functools
import json
import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from scripts.bundle.clean import clean_rows
from scripts.bundle.encode import PARSERS, encode_rows, parse_values
from scripts.bundle.files import main_file
from scripts.bundle.lags import OutOfOrder, add_lags_to_rows
from scripts.bundle.predictor import Predictor, load_predictor
from scripts.bundle.signature import check_signature
from scripts.errors import BundleError, ContractError
from scripts.schema.check_row import Guard
from scripts.serve.published_bundle import format_checksums, read_bundle

QUICK_SECONDS = 0.0005


@dataclasses.dataclass(frozen=True)
class Model:
    """One version of a case, ready to answer."""

    version: int
    checksums: str
    contract: dict
    predictor: Predictor
    guard: Guard
    golden: list[dict]
    is_quick: bool = False  # whether a row takes less than a change of threads is worth

    @functools.cached_property
    def digest(self) -> str:
        """The SHA-256 of the file that contains the model."""
        digests = {name: digest for digest, name in map(str.split, self.checksums.splitlines())}
        return digests[main_file(digests)]

    def predict(self, rows: Any) -> np.ndarray:
        """Return probabilities [rows, classes] or values [rows, 1]. Raises ContractError on rows that violate it."""
        return self.predictor.predict(encode_rows(clean_rows(rows, self.contract), self.contract))

    def check_schema(self, rows: list[dict], numbers: Sequence[int]) -> dict[int, list[dict]]:
        """Return, by row number, the violations of the schema that are tolerated in *rows*, which meet the contract.

        Only the rows of these *numbers* are checked. Raises ContractError with the anomaly code at the first violation
        that is not tolerated.
        """
        violations: dict[int, list[dict]] = {}
        for place, rules in self.guard.find_violations([rows[number] for number in numbers]).items():
            index = numbers[place]
            for rule in rules:
                message, column = self.guard.describe_violation(rule, rows[index]), rule.column or None
                if self.guard.refuses(rule):
                    raise ContractError(rule.code, f"row {index}: {message}", column, index)
                violations.setdefault(index, []).append({"code": rule.code, "column": column, "message": message})
        return violations

    def check_outputs(self, outputs: np.ndarray, numbers: Sequence[int]) -> None:
        """Raise ContractError unless all *outputs* [rows, ...] are finite; the first is that of row numbers[0]."""
        finite = np.isfinite(outputs)
        if not finite.all():
            wrong = int(np.flatnonzero(~finite.all(axis=1))[0])
            index, values = numbers[wrong], outputs[wrong].tolist()
            message = f"row {index}: its numbers are too large for the model, which gives {values!s:.80}"
            raise ContractError("NOT_FINITE", message, None, index)

    def decide(self, outputs: np.ndarray) -> list[dict]:
        """Return label, score and probabilities by class of each row, or in regression its prediction.

        With two classes, the score is the probability of the positive class, and the threshold decides on the label.
        With more, the label is the most probable class, and the score is its probability.
        """
        classes, positive = self.contract["classes"], self.contract["positive"]
        if not classes:
            return [{"prediction": value} for (value,) in outputs.tolist()]
        rows = [dict(zip(classes, row, strict=True)) for row in outputs.tolist()]
        if positive is None:
            labels = [max(row, key=row.__getitem__) for row in rows]
            pairs = zip(labels, rows, strict=True)
            return [{"label": label, "score": row[label], "probabilities": row} for label, row in pairs]
        (other,), threshold = {*classes} - {positive}, self.contract["threshold"]
        labels = [positive if row[positive] >= threshold else other for row in rows]
        pairs = zip(labels, rows, strict=True)
        return [{"label": label, "score": row[positive], "probabilities": row} for label, row in pairs]

    def skip_row(self) -> dict:
        """Return the answer to a row without a complete window: no label, numbers that are NaN, the reason as flag."""
        message = f"no prediction: the row has no complete window, {self.contract['window']['size']} rows of its key"
        flags = {"flags": [{"code": "INCOMPLETE_WINDOW", "column": None, "message": message}]}
        if not self.contract["classes"]:
            return {"prediction": math.nan} | flags
        return {
            "label": None,
            "score": math.nan,
            "probabilities": dict.fromkeys(self.contract["classes"], math.nan),
        } | flags


def answer_score(answer: dict) -> float:
    """Return the prediction or the score of an answer of Model.decide(), for the request log."""
    return answer["prediction"] if "prediction" in answer else answer["score"]


def load_model(folder: Path, verify_key: Path | None = None) -> Model:
    """Return the model of the bundle in *folder*, which must reproduce its golden rows bit for bit.

    With the public key *verify_key*, the bundle must be signed. Raises BundleError, or what the libraries raise on a
    broken file.
    """
    contents = read_bundle(folder)
    if verify_key:
        check_signature(contents, folder.parent.name, int(folder.name), verify_key)
    contract, golden = json.loads(contents["contract.json"]), json.loads(contents["golden.json"])
    dtypes = {column["type"] for column in contract["columns"].values()}
    classes, positive = contract["classes"], contract["positive"]
    if not dtypes <= PARSERS.keys() or not (positive in classes if len(classes) == 2 else positive is None):
        raise BundleError(f"{folder}: contract.json is inconsistent")
    if positive is not None:
        contract["threshold"] = float(contract["threshold"])
    guard = Guard(json.loads(contents["schema.json"]))
    predictor = load_predictor(contents)
    model = Model(int(folder.name), format_checksums(contents), contract, predictor, guard, golden["rows"])
    expected, got = np.array(golden["outputs"], np.float64), model.predict(golden["rows"])
    if got.shape != expected.shape or got.tobytes() != expected.tobytes():
        raise BundleError(f"{folder}: the golden rows are not reproduced bit for bit")
    model.check_outputs(got, range(len(got)))
    model.decide(got)
    return dataclasses.replace(model, is_quick=is_quick(model))


def is_quick(model: Model) -> bool:
    """Return whether *model* answers a row within QUICK_SECONDS, and no code of users has a part in it."""
    if any(spec["tensor"] == "hook" for spec in model.contract["columns"].values()):
        return False
    times = []
    for _ in range(5):
        start = time.perf_counter()
        model.predict(model.golden[:1])
        times.append(time.perf_counter() - start)
    return min(times) < QUICK_SECONDS


def request_columns(contract: dict) -> dict[str, str]:
    """Return the type of each column that the rows of a request must have, in the order of *contract*.

    Of a case with lags, these are the columns that the lags are made of and those without lags.
    """
    types = {name: spec["type"] for name, spec in contract["columns"].items()}
    lags = contract.get("window")
    if not lags:
        return types
    own = {name: dtype for name, dtype in types.items() if name.rpartition("@")[0] not in lags["columns"]}
    return lag_types(contract) | own


def lag_types(contract: dict) -> dict[str, str]:
    """Return the type of each column that the lags of *contract* need: those of the key, the order and the values.

    A bundle of an earlier version does not name them: those that are not known to be something else are numbers.
    """
    lags, texts = contract["window"], contract.get("cleaning", {}).get("columns", {})
    types = {name: spec["type"] for name, spec in contract["columns"].items()}
    lagged = {name: types.get(f"{name}@1", "number") for name in lags["columns"]}
    known = lagged | types | {name: dtype.partition(":")[0] for name, dtype in texts.items()} | lags.get("types", {})
    return {name: known.get(name, "number") for name in (*lags["key"], lags["order"], *lags["columns"])}


def list_lag_columns(lags: dict) -> set[str]:
    """Return the names of all columns that *lags* make."""
    return {f"{name}@{step}" for name in lags["columns"] for step in range(1, lags["size"])}


def add_request_lags(rows: list, contract: dict) -> tuple[list, Sequence[int]]:
    """Return *rows* with their lag columns, if *contract* has lags, and the numbers of those to be predicted.

    Columns that only lags needed, and lags that the model does not take, are left out. Rows without a complete window
    are not predicted if lags must be so.

    Rows, one of which brings lag columns of its own, are returned as they are. Raises ContractError if a row is no
    object, a value is not of the type of its column, rows are out of order, or the lags must be complete and no row has
    all of them.
    """
    lags = contract.get("window")
    if not lags or not rows:
        return rows, range(len(rows))
    for index, row in enumerate(rows):
        if not isinstance(row, dict):
            raise ContractError("INVALID_REQUEST", f"row {index}: an object was expected", row=index)
    lag_columns = list_lag_columns(lags)
    if any(not lag_columns.isdisjoint(row) for row in rows):
        return rows, range(len(rows))
    types, order = lag_types(contract), lags["order"]
    for index, row in enumerate(rows):
        for name in types:
            if name not in row:
                raise ContractError("SCHEMA_MISSING_COLUMN", f"row {index} lacks {name}", name, index)
    for name, dtype in types.items():
        parse_values(name, dtype, [row[name] for row in rows])
    try:
        result, predicted = add_lags_to_rows(rows, lags)
    except OutOfOrder as error:
        raise ContractError("SERIES_OUT_OF_ORDER", f"row {error.row}: {error}", order, error.row) from error
    if not predicted:
        raise ContractError("INVALID_REQUEST", f"no row has a complete window, {lags['size']} rows of one key in order")
    dropped = {*lags["key"], order, *lags["columns"], *lag_columns} - contract["columns"].keys()
    return [{name: value for name, value in row.items() if name not in dropped} for row in result], predicted
