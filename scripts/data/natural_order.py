"""The order of the names of spans, which is that of time."""

import re


def natural_sort_key(span: str) -> list:
    """Return the natural sort key of a span: numbers in it compare by value."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", span)]
