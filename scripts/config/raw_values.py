"""Values of columns, as the configuration writes them and as tables have them: 01 is 1 in a column of integers."""

import re
from typing import Any

from scripts.column_types import FALSE, TRUE, as_text

INTEGER = re.compile(r"\s*([-+]?\d+)(\.0*)?\s*")


def canonical_text(value: Any, dtype: str) -> str | None:
    """Return the text of the raw *value* in a column of type *dtype*, None if the column cannot have it.

    Dates and times are taken as they are. A missing value has the text "null".
    """
    text = "null" if value is None else str(as_text(value))
    if value is None or dtype not in ("integer", "number", "boolean"):
        return text
    if dtype == "boolean":
        word = text.strip().lower()
        return "true" if word in TRUE else "false" if word in FALSE else None
    if dtype == "integer":
        match = INTEGER.fullmatch(text)
        return str(int(match[1])) if match else None
    try:
        return as_text(float(text))
    except (ValueError, OverflowError):
        return None


def find_shared(values: dict[str, list], dtype: str) -> dict[str, list[str]]:
    """Return the names of the lists *values* that have the same value of a column of type *dtype*, by its text."""
    names: dict[str, list[str]] = {}
    for name, named in values.items():
        for text in dict.fromkeys(canonical_text(value, dtype) or str(value) for value in named):
            names.setdefault(text, []).append(name)
    return {text: found for text, found in names.items() if len(found) > 1}
