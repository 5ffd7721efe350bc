"""YAML of the user's files: errors say on which line, and anchors cannot make a small file a large value."""

import os
from typing import Any

import yaml

from scripts.errors import ConfigError

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
MAX_VALUES = 1_000_000  # values that a file may stand for, each alias written out


def parse_yaml(text: str, loader: Any = LOADER) -> Any:
    """Return the value of the YAML *text*. Raises ValueError that begins with the line, if it is known."""
    try:
        content = yaml.load(text, Loader=loader)
    except yaml.MarkedYAMLError as error:
        at = error.problem_mark or error.context_mark
        place = f"line {at.line + 1}, column {at.column + 1}: " if at else ""
        raise ValueError(f"{place}{error.problem or error.context}") from error
    except yaml.YAMLError as error:  # a character that YAML does not allow
        raise ValueError(" ".join(str(error).replace('in "<unicode string>", ', "").split())) from error
    if (size := count_values(content, {})) > MAX_VALUES:
        raise ValueError(f"its aliases (*name) stand for more than {MAX_VALUES:,} values ({size:.1g}); write them out")
    return content


def count_values(value: Any, known: dict[int, float]) -> float:
    """Return the number of values in *value*, shared ones each time; infinite if it contains itself.

    *known* has the numbers of those counted before, by id.
    """
    if not isinstance(value, dict | list):
        return 1
    if id(value) not in known:
        known[id(value)] = float("inf")
        items = [*value, *value.values()] if isinstance(value, dict) else value
        known[id(value)] = 1 + sum(count_values(item, known) for item in items)
    return known[id(value)]


def check_yaml(path: str) -> None:
    """Raise ConfigError, with the line, if the configuration file at *path* exists and is not YAML."""
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            try:
                parse_yaml(file.read())
            except (ValueError, RecursionError) as error:
                raise ConfigError(f"{path}: not YAML: {error}") from error
