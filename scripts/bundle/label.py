"""Labels: raw values to classes, classes to numbers."""

from collections.abc import Iterable


def classes_of(values: Iterable[str | float | None], classes: dict[str, list[str | None]]) -> list[str | None]:
    """Return the class of each raw value; None for values that no class names.

    *classes* maps a class to its raw values; None stands for missing, "*" for any value that no class names.
    """
    known = {value: name for name, named in classes.items() for value in named if value != "*"}
    other = next((name for name, named in classes.items() if "*" in named), None)
    return [known.get(value, other if value is not None else None) for value in map(as_text, values)]


def as_text(value: str | float | None) -> str | None:
    """Return a raw value as the configuration writes it: 1.0 is "1"."""
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value)
    return value


def order(classes: Iterable[str]) -> list[str]:
    """Return the classes in the order of their numbers: alphabetical, so that no file's key order matters."""
    return sorted(classes)
