"""What was asked of the models, counted by the sketches of the statistics; memory does not grow with the log."""

from typing import Any

import pyarrow as pa

from scripts.statistics.merge import Sketch, merged, sketch_of

BATCH = 2**14
TYPES = {"number": pa.float64(), "integer": pa.int64(), "boolean": pa.bool_(), "text": pa.string()}


def is_number(value: Any) -> bool:
    """Return whether *value* is a finite JSON number."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300


class Tally:
    """The values asked of one column."""

    def __init__(self, kind: str):
        self.kind = kind
        self.waiting: list[Any] = []
        self.sketches: list[Sketch] = []

    def accepts(self, value: Any) -> bool:
        """Return whether *value* can be added: one of the column's type, or None."""
        if value is None:
            return True
        if self.kind == "number":
            return is_number(value)
        if self.kind == "integer":
            return is_number(value) and int(value) == value and abs(value) < 2**63
        return isinstance(value, bool if self.kind == "boolean" else str)

    def add(self, value: Any) -> None:
        """Count *value*, which the tally accepts."""
        convert = {"number": float, "integer": int}.get(self.kind)
        self.waiting.append(convert(value) if convert and value is not None else value)
        if len(self.waiting) == BATCH:
            self.flush()

    def flush(self) -> None:
        """Count the values that wait."""
        column = pa.chunked_array([pa.array(self.waiting, TYPES[self.kind])])
        self.sketches = [merged([*self.sketches, sketch_of(column)])]
        self.waiting = []

    def sketch(self) -> Sketch:
        """Return the sketch of all values so far."""
        self.flush()
        return self.sketches[0]


def tallies_of(statistics: list[dict]) -> dict[str, Tally]:
    """Return an empty tally by column of the training *statistics*; dates and times move on and have none."""
    columns = {name: spec["type"] for described in statistics for name, spec in described["columns"].items()}
    return {name: Tally(kind) for name, kind in columns.items() if kind in TYPES}
