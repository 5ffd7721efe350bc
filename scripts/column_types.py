"""Column types and raw values, the same in the configuration, in tables and in requests."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

TRUE, FALSE = ("1", "true", "t", "yes", "y"), ("0", "false", "f", "no", "n")  # words in columns of type boolean
MAX_NUMBER = 3.4028234663852886e38  # of float32, so that squares and sums of squares are finite doubles
MAX_EXACT = 2.0**53  # up to here a double holds every integer
IDENTIFIER_ADVICE = " that a double holds; a column of identifiers is of type integer or text"


def is_exact_number(text: str) -> bool:
    """Return whether the double nearest to *text*, a number, names it: is equal to it, or is printed like it.

    A number below MAX_EXACT, or with an exponent, is a measured value, which may be rounded.
    """
    number = float(text)
    if abs(number) < MAX_EXACT or abs(number) > MAX_NUMBER or "e" in text.lower():
        return True
    return Decimal(text.strip()) in (Decimal(number), Decimal(repr(number)))


def as_text(value: Any) -> Any:
    """Return a raw value as text, as the configuration writes it: "1" for 1.0, "true" for True; None stays None."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value)
    return str(value) if isinstance(value, int) else value


def list_values(values: Iterable[Any], length: int = 120) -> str:
    """Return *values*, joined by commas: as many as fit into *length* characters, and how many more there are."""
    texts = [repr(value) for value in values]
    shown = len(texts)
    while shown > 1 and sum(map(len, texts[:shown])) + 2 * shown > length:
        shown -= 1
    more = f" and {len(texts) - shown} more" if shown < len(texts) else ""
    return ", ".join(texts[:shown]) + more


def with_lag_columns(columns: dict[str, str], lags: dict) -> dict[str, str]:
    """Return the types of *columns* and of their lag columns, `<name>@<step>`, by `ingest.window`."""
    steps = range(1, lags["size"])
    return columns | {f"{name}@{step}": columns[name] for name in lags["columns"] for step in steps}


def is_pseudonym(column: str, pseudonyms: list[str]) -> bool:
    """Return whether *column*, or the one that it is a lag column of, is among *pseudonyms* (feedback.log)."""
    return column in pseudonyms or column.rpartition("@")[0] in pseudonyms
