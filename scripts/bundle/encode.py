"""Encode raw rows as the tensors that a bundle takes: the same for tables (offline) and requests (in the server).

A contract (contract.json of a bundle) names the columns: ``{"columns": {name: {"type": ..., "tensor": ...}}}``, with a
type of ingest.columns. Each becomes a tensor of shape [rows, 1], which is "text" (strings, "" if missing) or "number"
(float64, NaN if missing). True is 1; dates and times are days since 1970-01-01. A column whose tensor is "hook" is
transformed by the user's own module (scripts/bundle/custom.py) to float64 [rows, width].
"""

import contextlib
import datetime
import math
from typing import Any

import numpy as np

from scripts.bundle.custom import apply_custom
from scripts.column_types import IDENTIFIER_ADVICE, MAX_EXACT, MAX_NUMBER, as_text, is_exact_number
from scripts.errors import ContractError
from scripts.schema.json_value import format_value

EPOCH = datetime.datetime(1970, 1, 1)
MICROSECONDS_PER_DAY = 86_400_000_000.0  # microseconds
MANY = 16  # values that are encoded sooner by operations on all of them
USUAL = {"number": float, "integer": int, "boolean": bool, "text": str, "date": str, "time": str}  # in JSON


def parse_number(value: Any) -> float:
    """Return a JSON number as float. Raises ValueError on anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= MAX_NUMBER:
        raise ValueError(f"a number from {-MAX_NUMBER:.2g} to {MAX_NUMBER:.2g} or null")
    if isinstance(value, int) and not is_exact_number(str(value)):
        raise ValueError(f"a number{IDENTIFIER_ADVICE}")
    return float(value)


def parse_integer(value: Any) -> int:
    """Return a JSON number without fraction or exponent. Raises ValueError on anything else."""
    if isinstance(value, bool) or not isinstance(value, int) or not -(2**63) <= value < 2**63:
        raise ValueError("an integer of 64 bits or null")
    return value


def parse_boolean(value: Any) -> bool:
    """Return true or false of JSON. Raises ValueError on anything else."""
    if not isinstance(value, bool):
        raise ValueError("true, false or null")
    return value


def parse_text(value: Any) -> str:
    """Return a JSON string. Raises ValueError on anything else."""
    if not isinstance(value, str):
        raise ValueError("a string or null")
    return value


def parse_date(value: Any) -> float:
    """Return an ISO 8601 date (YYYY-MM-DD) as days since 1970-01-01. Raises ValueError on anything else."""
    try:
        if len(value) != 10 or value[4] + value[7] != "--":  # ISO 8601 allows other forms, too
            raise ValueError(value)
        return float((datetime.date.fromisoformat(value) - EPOCH.date()).days)
    except (TypeError, ValueError):
        raise ValueError("a date like 1996-09-30 or null") from None


def parse_time(value: Any) -> float:
    """Return an ISO 8601 time (YYYY-MM-DDTHH:MM:SS, with up to six decimals) as days since 1970-01-01.

    Raises ValueError on anything else.
    """
    try:
        if len(value) < 19 or value[4] + value[7] + value[10] + value[13] + value[16] != "--T::":
            raise ValueError(value)
        if len(value) > 19 and not (value[19] == "." and value[20:].isdecimal() and len(value) <= 26):
            raise ValueError(value)
        return (
            float((datetime.datetime.fromisoformat(value) - EPOCH) // datetime.timedelta(microseconds=1))
            / MICROSECONDS_PER_DAY
        )
    except (TypeError, ValueError):
        raise ValueError("a time like 1996-09-30T23:59:00 or null") from None


PARSERS = {
    "number": parse_number,
    "integer": parse_integer,
    "boolean": parse_boolean,
    "text": parse_text,
    "date": parse_date,
    "time": parse_time,
}


def is_text(spec: dict) -> bool:
    """Return whether a column of a contract is read as strings; for a custom transformer its type decides."""
    return (spec["type"] if spec["tensor"] == "hook" else spec["tensor"]) == "text"


def transform_if_custom(name: str, spec: dict, values: np.ndarray) -> np.ndarray:
    """Return *values* [rows, 1] of a column as they are, or transformed if *spec* names a custom transformer."""
    return apply_custom(name, spec, values) if spec["tensor"] == "hook" else values


def encode_rows(rows: Any, contract: dict) -> dict[str, np.ndarray]:
    """Return the tensors of *rows*, a list of JSON objects with exactly the columns of *contract*, by column name.

    Raises ContractError at the first field that violates the contract.
    """
    columns = contract["columns"]
    if not isinstance(rows, list) or not rows:
        raise ContractError("INVALID_REQUEST", "a list of at least one row (an object) was expected")
    for index, row in enumerate(rows):
        if not isinstance(row, dict):
            raise ContractError("INVALID_REQUEST", f"row {index}: an object was expected", row=index)
        if row.keys() == columns.keys():
            continue
        for name in columns:
            if name not in row:
                raise ContractError("SCHEMA_MISSING_COLUMN", f"row {index} lacks {name}", name, index)
        for name in row:
            if name not in columns:
                raise ContractError("SCHEMA_NEW_COLUMN", f"row {index}: {name} is not a column", name, index)
    values = {name: encode_values(name, spec, [row[name] for row in rows]) for name, spec in columns.items()}
    return {name: transform_if_custom(name, spec, values[name]) for name, spec in columns.items()}


def parse_values(name: str, dtype: str, values: list) -> list:
    """Return the JSON *values* of column *name*, of type *dtype*, parsed; None stays None. Raises ContractError."""
    parse, parsed = PARSERS[dtype], []
    for index, value in enumerate(values):
        try:
            parsed.append(None if value is None else parse(value))
        except ValueError as error:
            message = f"row {index}: {name} must be {error}, got {format_value(value):.60}"
            raise ContractError("UNEXPECTED_DATA_TYPE", message, name, index) from None
    return parsed


def encode_values(name: str, spec: dict, values: list) -> np.ndarray:
    """Return the JSON *values* of column *name* as an array [rows, 1]. Raises ContractError on another type."""
    as_texts = is_text(spec)
    if len(values) >= MANY and as_texts == (spec["type"] == "text"):
        with contextlib.suppress(ValueError, OverflowError):
            return encode_at_once(spec["type"], values)
    cells = np.full((len(values), 1), "" if as_texts else np.nan, object if as_texts else np.float64)
    for index, value in enumerate(parse_values(name, spec["type"], values)):
        if value is not None:
            cells[index, 0] = as_text(value) if as_texts else value
    return cells


def encode_at_once(dtype: str, values: list) -> np.ndarray:
    """Return the JSON *values* of a column of type *dtype* as an array [rows, 1], by operations on all of them.

    Raises ValueError or OverflowError unless all have the usual type and size: they have to be looked at one by one.
    """
    if not {*map(type, values)} <= {USUAL[dtype], type(None)}:
        raise ValueError(dtype)
    if dtype == "text":
        texts = np.empty((len(values), 1), object)
        texts[:, 0] = ["" if value is None else value for value in values]
        return texts
    if USUAL[dtype] is str:
        parse = PARSERS[dtype]
        days = {value: math.nan if value is None else parse(value) for value in {*values}}
        return np.array([[days[value]] for value in values])
    numbers = np.array(values, np.float64)  # nan for None
    largest = MAX_NUMBER if dtype == "number" else MAX_EXACT
    if (np.abs(numbers) <= largest).sum() + values.count(None) < len(values):
        raise ValueError(dtype)
    return numbers.reshape(-1, 1)


def encode_table(table: Any, contract: dict) -> dict[str, np.ndarray]:
    """Return the tensors of an Arrow *table*, whose columns have the types of *contract*, by column name."""
    columns = contract["columns"]
    return {name: transform_if_custom(name, spec, encode_column(table[name], spec)) for name, spec in columns.items()}


def encode_column(column: Any, spec: dict) -> np.ndarray:
    """Return an Arrow column as an array [rows, 1]; equal strings are one object, which saves memory."""
    if is_text(spec):
        parts = [np.empty(0, object)]
        for chunk in column.cast("string").fill_null("").chunks:
            encoded = chunk.dictionary_encode()
            parts.append(np.array(encoded.dictionary.to_pylist(), object)[encoded.indices.to_numpy()])
        return np.concatenate(parts).reshape(-1, 1)
    if spec["type"] in ("date", "time"):
        column = column.cast("int32" if spec["type"] == "date" else "int64")
    numbers = column.cast("float64", safe=False).to_numpy()
    return (numbers / MICROSECONDS_PER_DAY if spec["type"] == "time" else numbers).reshape(-1, 1)
