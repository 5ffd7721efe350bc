"""The order of the classes of a label, which gives them their numbers."""

from collections.abc import Iterable


def sort_classes(classes: Iterable[str]) -> list[str]:
    """Return the classes in the order of their numbers: alphabetical, so that the order of keys does not matter."""
    return sorted(classes)


def positive_number(label: dict) -> int | None:
    """Return the number of the positive class of *label* (preprocess.label), None if no class is positive."""
    return None if label["positive"] is None else sort_classes(label["classes"]).index(label["positive"])
