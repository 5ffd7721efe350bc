"""Requests of a case with windows of a time series: each row gets the values of the rows before it, as in training."""

from scripts.bundle.encode import ContractError
from scripts.bundle.window import Disorder, from_json


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
