"""What a data schema says about its columns: their types, whether they are checked, and bounds of these types.

The model server needs this without Cerberus, which schema.py needs.
"""

import datetime
from typing import Any

from scripts.errors import ExpressionError
from scripts.schema.expression import PARSERS

ENVIRONMENTS = ["TRAINING", "SERVING"]


def parse_bound(value: Any, dtype: str) -> Any:
    """Return *value*, a bound or a value of a JSON row, as a value of type *dtype*: ISO texts become dates and times.

    Raises ExpressionError, TypeError or ValueError where it has another type.
    """
    if dtype in PARSERS:
        return value if value is None or isinstance(value, datetime.date) else PARSERS[dtype](value)
    if dtype == "integer" and isinstance(value, float):
        raise ExpressionError(f"{value} is not an integer")
    if dtype in ("number", "integer") and isinstance(value, str):
        raise ExpressionError(f"{value!r} is not a number")
    return value


def types_of(schema: dict) -> dict[str, str]:
    """Return the type of each column of *schema*."""
    return {name: rules["type"] for name, rules in schema["columns"].items()}


def is_checked(rules: dict, environment: str = "TRAINING") -> bool:
    """Return whether a column is checked: its lifecycle is beta or production, and it belongs to *environment*."""
    ready = rules.get("lifecycle", "production") in ("beta", "production")
    return ready and environment in rules.get("environments", ENVIRONMENTS)
