"""Check what YAML made of unquoted words before any value is coerced: texts that became numbers, dates, true or false.

YAML reads 00501 as 321, 1.10 as 1.1, no and off as false. As a value of a text column such a word would match other
rows, or none, without a word; as a name it would be another name.
"""

import datetime
from collections.abc import Iterator
from typing import Any

from scripts.column_types import as_text

Problems = list[tuple[str, str]]
CHANGED_TYPES = (bool, int, float, datetime.date)
EXAMPLE = "YAML reads 00501 as 321, 1.10 as 1.1, and yes, no, on and off as true and false"


def check_names(value: Any, path: str = "") -> Problems:
    """Return the keys in nested dictionaries and lists that are no text, as (dotted key, message)."""
    problems: Problems = []
    if isinstance(value, list):
        items = list(enumerate(value))
    else:
        items = list(value.items()) if isinstance(value, dict) else []
        wrong = [key for key in value if not isinstance(key, str)] if isinstance(value, dict) else []
        problems += [(path or "the top level", f"the key {key!r} is not a text: quote it ({EXAMPLE})") for key in wrong]
    for key, item in items:
        problems += check_names(item, f"{path}.{key}" if path else str(key))
    return problems


def values_of_columns(config: dict) -> Iterator[tuple[str, str, Any]]:
    """Yield (dotted key, column, value) of all values that *config* compares with those of a column."""
    ingest, label = part(config, "ingest"), part(part(config, "preprocess"), "label")
    filters = ingest.get("filter")
    for number, condition in enumerate(filters if isinstance(filters, list) else []):
        for test in ("min", "max", "in", "not_in"):
            yield f"ingest.filter.{number}.{test}", part(condition, "").get("column"), part(condition, "").get(test)
    split = part(ingest, "split")
    for name, values in part(split, "values").items():
        yield f"ingest.split.values.{name}", split.get("column"), values
    classes = label.get("classes")
    for name, values in classes.items() if isinstance(classes, dict) else [("", classes)]:
        yield f"preprocess.label.classes.{name}".rstrip("."), label.get("column"), values
    for column, value in part(part(part(config, "analyze"), "fairness"), "reference").items():
        yield f"analyze.fairness.reference.{column}", column, value


def part(config: Any, key: str) -> dict:
    """Return the dictionary at *key* of *config* (itself for ""), {} if there is none."""
    found = config.get(key) if key and isinstance(config, dict) else config
    return found if isinstance(found, dict) else {}


def check_span_names(config: dict) -> Problems:
    """Return the spans in *config* that are fractions, true or false, as (dotted key, message)."""
    windows, problems = part(config, "windows"), []
    places = [(key, config.get(key)) for key in ("until", "span")]
    places += [
        (f"windows.{split}.{word}".rstrip("."), item)
        for split, window in windows.items()
        for word, item in (window.items() if isinstance(window, dict) else [("", window)])
        if word in ("", "from", "to", "exclude")
    ]
    for key, given in places:
        wrong = [value for value in (given if isinstance(given, list) else [given]) if isinstance(value, bool | float)]
        if wrong:
            problems.append((key, f"the span {wrong[0]!r} is no text: quote it ({EXAMPLE})"))
    return problems


def check_texts(config: dict) -> Problems:
    """Return the spans and the values compared with a text column that are no texts, as (dotted key, message)."""
    types, problems = part(part(config, "ingest"), "columns"), check_span_names(config)
    classes = part(part(config, "preprocess"), "label").get("classes")
    texts = [as_text(value) for value in classes] if isinstance(classes, list) else []
    for value in [value for index, value in enumerate(texts) if value in texts[:index]][:1]:
        problems.append(("preprocess.label.classes", f"{value!r} is listed twice; leave one out"))
    for key, column, given in values_of_columns(config):
        if isinstance(given, datetime.date):
            problems.append((key, f"YAML reads {given} as a date, not as a text: quote it"))
            continue
        values = given if isinstance(given, list) else [given]
        wrong = [value for value in values if isinstance(value, CHANGED_TYPES)]
        if wrong and isinstance(column, str) and types.get(column) == "text":
            problems.append((key, f"{column} is a text column and {wrong[0]!r} is no text: quote texts ({EXAMPLE})"))
    return problems
