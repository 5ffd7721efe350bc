"""The answers of a model for blocks of typed rows, with the checks of the server on whole columns."""

import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from scripts.bundle.encode import encode_table
from scripts.bundle.lags import LagColumns, OutOfOrder
from scripts.errors import ContractError
from scripts.ingest.convert import Block
from scripts.schema.check_table import violation_mask
from scripts.serve.model import Model

FLAGS = pa.list_(pa.struct([("code", pa.string()), ("column", pa.string()), ("message", pa.string())]))
Errors = list[tuple[int, str]]  # number of the record in its block, and why it is refused


def read_row(rows: pa.Table, index: int) -> dict[str, Any]:
    """Return row *index* as a request has it: dates and times as texts."""
    (row,) = rows.slice(index, 1).to_pylist()
    return {name: str(value) if isinstance(value, datetime.date) else value for name, value in row.items()}


class BulkModel:
    """A published model, how many records it was given, and how many rows it answered."""

    def __init__(self, model: Model):
        self.model, self.contract, self.digest, self.version = model, model.contract, model.digest, model.version
        self.rows = self.records = 0
        lags = model.contract.get("window")
        self.lags = LagColumns(lags) if lags else None

    @property
    def schema(self) -> pa.Schema:
        """The columns of the answers: row is the number of the row in the input, from 0."""
        numbers = [(f"probability:{name}", pa.float64()) for name in self.contract["classes"]]
        own = [("label", pa.string()), ("score", pa.float64()), *numbers] if numbers else [("prediction", pa.float64())]
        return pa.schema([("row", pa.int64()), *own, ("flags", FLAGS)])

    def answer(self, block: Block) -> tuple[pa.Table, Errors]:
        """Return the answers for the rows of *block*, which follows those of earlier calls, and the refused records.

        With refused records there are no answers.
        """
        numbers = np.arange(block.records) if block.row_numbers is None else block.row_numbers
        first, rows = self.records, block.rows
        self.records += block.records
        errors = [(record, f"{column or 'the record'}: {reason}") for record, column, reason in block.errors]
        if self.lags and len(rows):
            try:
                rows = self.lags.add_lags(rows)
            except OutOfOrder as error:
                order = self.contract["window"]["order"]
                return self.schema.empty_table(), [*errors, (int(numbers[error.row]), f"{order}: {error}")]
            complete = self.lags.complete_mask()
            if complete is not None:
                rows, numbers = rows.filter(pa.array(complete)), numbers[complete]
        flags, refused = self.check_schema(rows)
        errors = sorted([*errors, *((int(numbers[row]), message) for row, message in refused)])
        if errors or not len(rows):
            return self.schema.empty_table(), errors
        outputs = self.model.predictor.predict(encode_table(rows, self.contract))
        try:
            self.model.check_outputs(outputs, numbers.tolist())
        except ContractError as error:
            return self.schema.empty_table(), [(error.row, f"{error.code}: {str(error).partition(': ')[2]}")]
        answers = self.model.decide(outputs)
        self.rows += len(rows)
        found = {"row": pa.array(first + numbers, pa.int64())}
        for name in answers[0].keys() - {"probabilities"}:
            found[name] = [answer[name] for answer in answers]
        for name in self.contract["classes"]:
            found[f"probability:{name}"] = [answer["probabilities"][name] for answer in answers]
        found["flags"] = [flags.get(row, []) for row in range(len(rows))]
        return pa.table(found, schema=self.schema), errors

    def check_schema(self, rows: pa.Table) -> tuple[dict[int, list[dict]], Errors]:
        """Return the tolerated violations of the schema by row, and the rows that are refused, each with its reason."""
        guard, present = self.model.guard, {*rows.column_names}
        flags: dict[int, list[dict]] = {}
        refused: dict[int, str] = {}
        for rule in guard.row_checker.rules:
            if not {*rule.columns} <= present:
                continue
            for index in pc.indices_nonzero(violation_mask(rule, rows)).to_pylist():
                message = guard.describe_violation(rule, read_row(rows, index))
                if guard.refuses(rule):
                    refused.setdefault(index, f"{rule.code}: {message}")
                else:
                    flag = {"code": rule.code, "column": rule.column or None, "message": message}
                    flags.setdefault(index, []).append(flag)
        return flags, list(refused.items())
