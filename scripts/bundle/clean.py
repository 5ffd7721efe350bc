"""Clean the texts of requests as ingestion cleans those of files: a request is read like a line of JSON lines.

A contract has, as "cleaning", the keys trim, null_values and timezone of the section `ingest`, and as "columns" the
types, with their formats, of the columns of texts, dates and times that a request may hold.
"""

from typing import Any

from scripts.column_types import with_lag_columns
from scripts.data.times import DATE_FORMAT, load_zone, parse_time
from scripts.errors import ContractError

TEXT_TYPES = ("text", "date", "time")  # types of columns whose values are texts in JSON


def describe_cleaning(
    columns: dict[str, str], lags: dict, needed: set[str], trim: bool, null_values: list[str], timezone: str
) -> dict:
    """Return "cleaning" of a contract for the *needed* columns of `ingest.columns`, and those that *lags* need."""
    lagging = {*lags["key"], lags["order"], *lags["columns"]} if lags["columns"] else set()
    types = {
        name: dtype
        for name, dtype in with_lag_columns(columns, lags).items()
        if name in needed | lagging and dtype.partition(":")[0] in TEXT_TYPES
    }
    return {"trim": trim, "null_values": null_values, "timezone": timezone, "columns": types}


def clean_rows(rows: Any, contract: dict) -> Any:
    """Return *rows*, a list of JSON objects, with clean texts; anything else is left to encode_rows().

    Texts that stand for a missing value become None, dates and times ISO 8601 without a zone. Raises ContractError at
    the first text that is no date or time in the format of its column.
    """
    cleaning = contract.get("cleaning")
    if not cleaning or not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        return rows
    rows, zone, nulls = [dict(row) for row in rows], load_zone(cleaning["timezone"]), set(cleaning["null_values"])
    for name, dtype in cleaning["columns"].items():
        base, _, form = dtype.partition(":")
        form = form or (DATE_FORMAT if base == "date" else "")
        for index, row in enumerate(rows):
            text = row.get(name)
            if not isinstance(text, str):
                continue
            text = text.strip() if cleaning["trim"] else text
            row[name] = None if text in nulls else text
            if base == "text" or row[name] is None:
                continue
            moment = parse_time(text, form, zone)
            if moment is None:
                expected = f"a {base} like {form or '1996-09-30T23:59:00'} or null"
                message = f"row {index}: {name} must be {expected}, got {text!r:.60}"
                raise ContractError("UNEXPECTED_DATA_TYPE", message, name, index)
            row[name] = moment.date().isoformat() if base == "date" else moment.isoformat()
    return rows
