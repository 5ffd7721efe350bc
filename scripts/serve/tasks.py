"""What classify, regress and multi-inference make of predictions and rows, for REST and gRPC alike."""

from typing import Any

from scripts.serve.http_request import HTTPError
from scripts.serve.model import Model, request_columns

ROUTES = {"classification": "classify", "regression": "regress"}
MAX_MODELS = 16


def check_task(model: Model, task: str) -> None:
    """Raise HTTPError unless *model* is one for *task*."""
    own = model.contract["task"]
    if own != task:
        raise HTTPError(422, "WRONG_TASK", f"this is a model for {own}: ask {ROUTES[own]}, not {ROUTES[task]}")


def classify(prediction: dict) -> dict:
    """Return label and classes of a prediction, the most probable class first."""
    by_class = sorted(prediction["probabilities"].items(), key=lambda item: -item[1])
    classes = [{"name": name, "probability": probability} for name, probability in by_class]
    return {"label": prediction["label"], "classes": classes, **read_flags(prediction)}


def regress(prediction: dict) -> dict:
    """Return the value of a prediction."""
    return {"value": prediction["prediction"], **read_flags(prediction)}


def read_flags(prediction: dict) -> dict:
    """Return the flags of a prediction, if it has any."""
    return {"flags": prediction["flags"]} if "flags" in prediction else {}


def check_model_count(count: int) -> None:
    """Raise HTTPError if one request names no model or more than are asked at once."""
    if not 0 < count <= MAX_MODELS:
        raise HTTPError(422, "INVALID_REQUEST", f"{count} models, from 1 to {MAX_MODELS} are asked at once")


def share_rows(rows: list, models: list[Model]) -> list[list]:
    """Return *rows* for each of *models*, without the columns that only others of them take."""
    taken = [{*request_columns(model.contract), *model.contract["columns"]} for model in models]
    return [[drop_columns(row, set().union(*taken) - own) for row in rows] for own in taken]


def drop_columns(row: Any, names: set[str]) -> Any:
    """Return *row* without the columns *names*; what is no row stays, to be refused."""
    return {name: value for name, value in row.items() if name not in names} if isinstance(row, dict) else row
