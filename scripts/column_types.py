"""Raw values as text, the same in the configuration, in tables and in requests."""

from typing import Any


def as_text(value: Any) -> Any:
    """Return a raw value as the configuration writes it: 1.0 is "1", True is "true"; a text or None as it is."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value)
    return str(value) if isinstance(value, int) else value


def extended(columns: dict[str, str], window: dict) -> dict[str, str]:
    """Return the types of all columns of a table with its windows."""
    steps = range(1, window["size"])
    return columns | {f"{name}@{step}": columns[name] for name in window["columns"] for step in steps}
