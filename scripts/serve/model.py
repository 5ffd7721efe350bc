"""A model ready to answer: loaded from a verified bundle, proven by its golden rows.

Requests of a case with windows of a time series: each row gets the values of the rows before it, as in training."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from scripts.bundle.encode import READERS, from_rows
from scripts.bundle.files import main_file
from scripts.bundle.lags import Disorder, from_json
from scripts.bundle.predictor import Predictor, predictor
from scripts.errors import BundleError, ContractError
from scripts.schema.check_row import Guard
from scripts.serve.published_bundle import read_bundle, sums_of


@dataclass(frozen=True)
class Model:
    """One version of a case, ready to answer."""

    version: int
    sums: str
    contract: dict
    predictor: Predictor
    guard: Guard

    @property
    def digest(self) -> str:
        """Return the sha256 of the file that holds the model."""
        digests = {name: digest for digest, name in map(str.split, self.sums.splitlines())}
        return digests[main_file(digests)]

    def outputs(self, rows: Any) -> np.ndarray:
        """Return probabilities [rows, classes] or values [rows, 1]. Raises ContractError on rows that break it."""
        return self.predictor.outputs(from_rows(rows, self.contract))

    def flags(self, rows: list[dict]) -> dict[int, list[dict]]:
        """Return by row what in *rows*, which keep the contract, breaks the schema but is tolerated.

        Raises ContractError with the anomaly code on the first rule that is broken and not tolerated.
        """
        found: dict[int, list[dict]] = {}
        for index, row in enumerate(rows):
            for rule in self.guard.broken(row):
                words, column = self.guard.words(rule, row), rule.column or None
                if self.guard.refuses(rule):
                    raise ContractError(rule.code, f"row {index}: {words}", column, index)
                found.setdefault(index, []).append({"code": rule.code, "column": column, "message": words})
        return found

    def decide(self, outputs: np.ndarray) -> list[dict]:
        """Return label, score and probabilities by class of each row, or its prediction where there are no classes.

        Of two classes, the score is the positive one's probability; of more, that of the most probable one, the label.
        """
        classes, positive = self.contract["classes"], self.contract["positive"]
        if not classes:
            return [{"prediction": value} for (value,) in outputs.tolist()]
        answers = []
        for row in outputs.tolist():
            by_class = dict(zip(classes, row, strict=True))
            label = max((name for name in classes if name != positive), key=by_class.__getitem__)
            score = by_class[label if positive is None else positive]
            if positive is not None and score >= self.contract["threshold"]:
                label = positive
            answers.append({"label": label, "score": score, "probabilities": by_class})
        return answers


def score(answer: dict) -> float:
    """Return what an answer of decide() says in one number."""
    return answer["prediction"] if "prediction" in answer else answer["score"]


def load(folder: Path) -> Model:
    """Return the model of the bundle in *folder* once it repeats its golden rows bit for bit.

    Raises BundleError (or what the libraries raise on a broken file).
    """
    contents = read_bundle(folder)
    contract, golden = json.loads(contents["contract.json"]), json.loads(contents["golden.json"])
    kinds = {column["type"] for column in contract["columns"].values()}
    classes, positive = contract["classes"], contract["positive"]
    if not kinds <= READERS.keys() or not (positive in classes if len(classes) == 2 else positive is None):
        raise BundleError(f"{folder}: contract.json does not fit together")
    if positive is not None:
        contract["threshold"] = float(contract["threshold"])
    guard = Guard(json.loads(contents["schema.json"]))
    model = Model(int(folder.name), sums_of(contents), contract, predictor(contents), guard)
    expected, got = np.array(golden["outputs"], np.float64), model.outputs(golden["rows"])
    if got.shape != expected.shape or got.tobytes() != expected.tobytes():
        raise BundleError(f"{folder}: the golden rows are not repeated bit for bit")
    model.decide(got)
    return model


def windowed(rows: list, contract: dict) -> list:
    """Return *rows* with their windows, cut to what *contract* names and what it does not know.

    Rows that carry the columns of their windows are taken as they are. Raises ContractError where rows are out of
    order, cannot be ordered, or none has a whole window and the case asks for one.
    """
    window = contract.get("window")
    if not window or not rows or not all(isinstance(row, dict) for row in rows):
        return rows
    if any(f"{name}@1" in row for row in rows for name in window["columns"]):
        return rows
    for index, row in enumerate(rows):
        for name in (*window["key"], window["order"], *window["columns"]):
            if name not in row:
                raise ContractError("SCHEMA_MISSING_COLUMN", f"row {index} lacks {name}", name, index)
    order = window["order"]
    try:
        made = from_json(rows, window)
    except Disorder as error:
        raise ContractError("SERIES_OUT_OF_ORDER", f"row {error.row}: {error}", order, error.row) from error
    except TypeError as error:
        message = f"{order} and {', '.join(window['key']) or 'the key'} must be single values that can be compared"
        raise ContractError("UNEXPECTED_DATA_TYPE", message, order) from error
    if not made:
        raise ContractError("INVALID_REQUEST", f"no row has a whole window, {window['size']} rows of one key in order")
    dropped = {*window["key"], order, *window["columns"]} - contract["columns"].keys()
    return [{name: value for name, value in row.items() if name not in dropped} for row in made]
