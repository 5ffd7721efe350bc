"""Golden rows: synthetic rows that test a server, drawn from the values in the contract and from ranges of columns.

They contain no record of the data, and no value that fewer rows share than the graph lists values for (min_count).
"""

import datetime
from typing import Any

import numpy as np

from scripts.bundle.encode import EPOCH, is_text
from scripts.bundle.value_range import describe_range
from scripts.column_types import as_text
from scripts.data.times import expand_format, load_zone

MISSING_SHARE = 0.1  # share of missing values
PADDED_SHARE = 0.2  # share of texts with white space around them, if that is removed
UNSEEN = {"text": "NEVER SEEN", "integer": 2**62, "boolean": False}


def draw_value(rng: np.random.Generator, column: str, spec: dict, ranges: dict) -> Any:
    """Draw a JSON value for *column*: missing, from its vocabulary, unseen, or from its range in *range_of*."""
    if rng.random() < MISSING_SHARE:
        return None
    if is_text(spec):
        values = [value for value in spec.get("known", []) if value]
        if spec.get("words"):
            return " ".join(values[index] for index in rng.integers(0, len(values), rng.integers(0, 12)))
        values.append(as_text(UNSEEN[spec["type"]]))
        return parse_category(values[rng.integers(0, len(values))], spec["type"])
    low, high = ranges[column]
    value = float(rng.uniform(low, high))
    if spec["type"] == "date":
        return (EPOCH + datetime.timedelta(days=round(value))).date().isoformat()
    if spec["type"] == "time":
        return (EPOCH + datetime.timedelta(seconds=round(86_400 * value))).isoformat()
    if spec["type"] == "boolean":
        return bool(rng.random() < 0.5)
    return round(value) if spec["type"] == "integer" else float(f"{value:.3g}")


def write_as_raw(rng: np.random.Generator, value: Any, dtype: str, cleaning: dict) -> Any:
    """Return *value* of a column of type *dtype* as a raw file may have it: to be cleaned as *cleaning* says."""
    form = dtype.partition(":")[2]
    if value is None:
        missing = [None, *cleaning["null_values"]]
        return missing[rng.integers(0, len(missing))]
    if form:
        moment = datetime.datetime.fromisoformat(value).replace(tzinfo=load_zone(cleaning["timezone"]))
        value = moment.strftime(expand_format(form))
    return f" {value} " if cleaning["trim"] and rng.random() < PADDED_SHARE else value


def parse_category(category: str, type_: str) -> Any:
    """Return *category*, a value as text, as a JSON value of the column type *type_*."""
    if type_ == "boolean":
        return category == "true"
    return int(category) if type_ == "integer" else category


def make_golden_rows(contract: dict, data: dict[str, np.ndarray], count: int, seed: int) -> list[dict[str, Any]]:
    """Return *count* rows for *contract*, the same for the same *seed*.

    Numbers, dates and times lie within the range that the contract states, or in that of *data*, the tensors of the
    columns that the graph reads as numbers (describe_range). Texts are raw, as before the cleaning that the contract
    states.
    """
    ranges = {}
    for column, spec in contract["columns"].items():
        if "range" in spec:
            ranges[column] = tuple(spec["range"])
        elif not is_text(spec):
            ranges[column] = describe_range(data[column])
    rng = np.random.default_rng(seed)
    rows = [
        {name: draw_value(rng, name, spec, ranges) for name, spec in contract["columns"].items()} for _ in range(count)
    ]
    cleaning = contract.get("cleaning") or {"columns": {}}
    for name, dtype in sorted(cleaning["columns"].items()):
        for row in rows:
            if name in row:
                row[name] = write_as_raw(rng, row[name], dtype, cleaning)
    return rows
