"""What-if: a row that a person edits, read from the query of a URL, and what a model answers to it.

A row is a field of text for each column of the contract; an empty one is a missing value. Dates and times are ISO 8601
as browsers send them, whatever the format of the column in requests. The first row is made of golden rows, which are
synthetic. Nothing of it is logged or counted.
"""

import datetime
import re
import time
import urllib.parse
from dataclasses import dataclass
from typing import Any

from scripts.bundle.clean import clean_rows
from scripts.bundle.conformal import find_quantile
from scripts.column_types import as_text
from scripts.data.times import expand_format, load_zone, parse_time
from scripts.errors import ContractError
from scripts.serve.counterfactual import is_violating
from scripts.serve.extras import BOOLEANS, Extras, refuse
from scripts.serve.http_request import HTTPError
from scripts.serve.inference import InferenceService
from scripts.serve.inference_statistics import Timing
from scripts.serve.json_body import check_exact, read_number
from scripts.serve.model import Model

MAX_COLUMNS = 200
MAX_LENGTH = 5_000  # characters of a value
COVERAGE = 0.9  # of the prediction set
NUMBER = re.compile(r"-?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
INTEGER = re.compile(r"-?[0-9]+")
MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:T[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?)?")


@dataclass(frozen=True)
class Answer:
    """The *answer* of a model to the row *texts*, as it took them, or why it has none: HTTP *status* and *message*."""

    texts: dict[str, str]
    answer: dict | None
    status: int = 200
    message: str = ""


def check_offered(model: Model) -> None:
    """Raise HTTPError if rows of *model* cannot be edited on a page."""
    columns, lags = model.contract["columns"], model.contract.get("window")
    if len(columns) > MAX_COLUMNS:
        raise HTTPError(
            422, "NOT_OFFERED", f"what-if is for at most {MAX_COLUMNS} columns, the model has {len(columns)}"
        )
    if lags and not any(f"{name}@1" in columns for name in lags["columns"]):
        raise HTTPError(422, "NOT_OFFERED", "what-if is not for time series of which the model takes no latest values")


def parse_texts(query: bytes, contract: dict) -> dict[str, str]:
    """Return the texts by column that *query* has. Raises HTTPError on what is no column, there twice or too long."""
    try:
        pairs = urllib.parse.parse_qsl(
            query.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MAX_COLUMNS
        )
    except ValueError:  # also what is no text
        raise refuse(f"the query must be UTF-8, with at most {MAX_COLUMNS} fields") from None
    found: dict[str, str] = {}
    for name, text in pairs:
        if name not in contract["columns"] or name in found:
            raise refuse(f"?{name[:40]}: columns of the model, each once, may follow the path")
        if len(text) > MAX_LENGTH:
            raise refuse(f"?{name[:40]}: {len(text)} characters, at most {MAX_LENGTH} are read")
        found[name] = text.replace("\r\n", "\n")  # a browser sends all ends of lines so
    return found


def read_value(text: str, column: str, contract: dict) -> Any:
    """Return the JSON value that *text* stands for in a request; what is none of its type stays, to be refused."""
    if not text:
        return None
    dtype, cleaning = contract["columns"][column]["type"], contract.get("cleaning") or {"columns": {}}
    if dtype == "boolean":
        return BOOLEANS.get(text, text)
    if dtype in ("integer", "number") and NUMBER.fullmatch(text):
        check_exact(read_number(text), "")
        return int(text) if INTEGER.fullmatch(text) else float(text)
    if dtype in ("date", "time") and MOMENT.fullmatch(text):
        try:
            moment = datetime.datetime.fromisoformat(text)
        except ValueError:  # such as 30 February
            return text
        if form := cleaning["columns"].get(column, "").partition(":")[2]:
            zone = load_zone(cleaning["timezone"])
            written = moment.replace(tzinfo=zone).strftime(expand_format(form))
            return written if parse_time(written, form, zone) == moment else text  # seconds, or a century, may be lost
        return text if dtype == "date" else moment.isoformat()
    return text


def write_row(row: dict) -> dict[str, str]:
    """Return the values of *row*, clean JSON values, as texts."""
    return {name: "" if value is None else as_text(value) for name, value in row.items()}


def choose_row(model: Model) -> dict:
    """Return a clean row that breaks no rule of the schema, if the golden rows have one, with few missing values.

    Each column has its first value, from one of the golden rows on, that breaks no rule by itself.
    """
    rows = clean_rows(model.golden, model.contract)
    allowed = {
        name: [row[name] for row in rows if row[name] is not None and not model.guard.broken_rules({name: row[name]})]
        for name in model.contract["columns"]
    }

    def combine(start: int) -> dict:
        return {name: values[start % len(values)] if values else None for name, values in allowed.items()}

    return next((row for row in map(combine, range(len(rows))) if not is_violating(model, row)), combine(0))


def answer_texts(service: InferenceService, model: Model, given: dict[str, str]) -> Answer:
    """Return what *model* answers to the row *given*, whose other columns are those of choose_row(); in a thread."""
    texts = write_row(choose_row(model)) | given
    conformal = model.contract.get("conformal")
    coverage = COVERAGE if conformal and find_quantile(conformal, COVERAGE) is not None else None
    try:
        row = {name: read_value(text, name, model.contract) for name, text in texts.items()}
        extras = Extras(explain=True, coverage=coverage)
        answers, taken = service.compute(model, [row], Timing(time.perf_counter_ns()), extras)
    except ContractError as error:
        return Answer(texts, None, 422, f"{error.code}: {error}")
    except HTTPError as error:
        return Answer(texts, None, error.status, f"{error.code}: {error}")
    return Answer(write_row(taken[0]), answers[0])
