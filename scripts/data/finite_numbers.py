"""Numbers that users write must be finite: no value is larger than NaN, and every value is within infinity."""

import math
from collections.abc import Iterator
from typing import Any


def iter_not_finite(value: Any, path: str = "") -> Iterator[tuple[str, float]]:
    """Yield the dotted key and the value of each NaN and infinity in nested dictionaries and lists."""
    if isinstance(value, float) and not math.isfinite(value):
        yield path, value
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from iter_not_finite(item, f"{path}.{key}" if path else str(key))
