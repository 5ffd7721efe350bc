"""JSON values in messages to clients."""

from typing import Any


def format_value(value: Any) -> str:
    """Return a JSON value for a message: true, false and null as in JSON, objects and nested lists by kind only."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case dict():
            return "an object"
        case list() if any(isinstance(item, list | dict) for item in value):
            return "a nested list"
        case list():
            return f"[{', '.join(map(format_value, value))}]"
    return repr(value)
