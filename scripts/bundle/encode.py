"""Raw rows to the tensors that a bundle takes: the one way, for tables offline and for requests at the server.

A contract (contract.json of a bundle) names the columns: ``{"columns": {name: {"type": "number" | "text" | "date"}}}``.
Each becomes a tensor of shape [rows, 1]: numbers and dates (days since 1970-01-01) float32 with NaN for missing, text
strings with "" for missing.
"""

import datetime
import math
from typing import Any

import numpy as np

EPOCH = datetime.date(1970, 1, 1)
LARGEST = float(np.finfo(np.float32).max)


class ContractError(ValueError):
    """A request does not keep the contract: *code* is the anomaly code, *column* and *row* (from 0) say where."""

    def __init__(self, code: str, message: str, column: str | None = None, row: int | None = None):
        super().__init__(message)
        self.code, self.column, self.row = code, column, row


def number(value: Any) -> float:
    """Return a JSON number as float, missing as NaN. Raises ValueError on anything else."""
    if value is None:
        return math.nan
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= LARGEST:
        raise ValueError("a finite number or null")
    return float(value)


def text(value: Any) -> str:
    """Return a JSON string, missing as "". Raises ValueError on anything else."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ValueError("a string or null")
    return value


def day(value: Any) -> float:
    """Return an ISO date (YYYY-MM-DD) as days since 1970-01-01, missing as NaN. Raises ValueError on anything else."""
    if value is None:
        return math.nan
    try:
        if len(value) != 10 or value[4] + value[7] != "--":  # ISO 8601 has other forms, too
            raise ValueError(value)
        return float((datetime.date.fromisoformat(value) - EPOCH).days)
    except (TypeError, ValueError):
        raise ValueError("a date like 1996-09-30 or null") from None


READERS = {"number": (number, np.float32), "text": (text, object), "date": (day, np.float32)}


def from_rows(rows: Any, contract: dict) -> dict[str, np.ndarray]:
    """Return the tensors of *rows*, a list of objects that name exactly the columns of *contract*.

    Raises ContractError on the first field that does not keep the contract.
    """
    columns = contract["columns"]
    if not isinstance(rows, list) or not rows:
        raise ContractError("INVALID_REQUEST", "a list of at least one row (an object) was expected")
    for index, row in enumerate(rows):
        if not isinstance(row, dict):
            raise ContractError("INVALID_REQUEST", f"row {index}: an object was expected", row=index)
        for name in columns:
            if name not in row:
                raise ContractError("SCHEMA_MISSING_COLUMN", f"row {index} lacks {name}", name, index)
        for name in row:
            if name not in columns:
                raise ContractError("SCHEMA_NEW_COLUMN", f"row {index}: {name} is not a column", name, index)
    return {name: tensor(name, spec["type"], [row[name] for row in rows]) for name, spec in columns.items()}


def tensor(name: str, kind: str, values: list) -> np.ndarray:
    """Return the column *name* as a tensor [rows, 1]. Raises ContractError on a value of another type."""
    read, dtype = READERS[kind]
    cells = np.empty((len(values), 1), dtype)
    for index, value in enumerate(values):
        try:
            cells[index, 0] = read(value)
        except ValueError as error:
            message = f"row {index}: {name} must be {error}, got {value!r:.60}"
            raise ContractError("UNEXPECTED_DATA_TYPE", message, name, index) from None
    return cells


def from_table(table: Any, contract: dict) -> dict[str, np.ndarray]:
    """Return the tensors of an Arrow *table* whose columns have the types of *contract* (dates as date32)."""
    return {name: from_column(table[name], spec["type"]) for name, spec in contract["columns"].items()}


def from_column(column: Any, kind: str) -> np.ndarray:
    """Return an Arrow column as a tensor [rows, 1]."""
    if kind == "text":
        return column.fill_null("").to_numpy().astype(object).reshape(-1, 1)
    if kind == "date":
        column = column.cast("int32")
    return column.cast("float64").to_numpy(zero_copy_only=False).astype(np.float32).reshape(-1, 1)
