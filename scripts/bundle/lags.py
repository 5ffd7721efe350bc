"""Windows of a time series: to each row the values of the rows before it, the same at ingestion and at the server.

A window is {key: [columns], order: column, columns: [names], size: n, complete: bool}. Each row gets, for k from 1 to
n - 1, the columns `<name>@k`: the value of `name` k rows before it among the rows of the same key. No columns: none.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from typing import Any


class Disorder(ValueError):
    """A row comes before one of its key that stands before it: its number in the batch, and what is wrong."""

    def __init__(self, row: int, message: str):
        super().__init__(message)
        self.row = row


def earlier(keys: Iterable[Hashable], orders: Iterable[Any], size: int) -> list[list[int]]:
    """Return for each step k from 1 to *size* - 1 and each row the number of the row k before it in its key, or -1.

    *keys* and *orders* have one value for each row. Raises Disorder where the order falls within a key or is missing.
    """
    seen: dict[Hashable, list[int]] = defaultdict(list)
    last: dict[Hashable, Any] = {}
    found: list[list[int]] = [[] for _ in range(1, size)]
    for row, (key, order) in enumerate(zip(keys, orders, strict=True)):
        if order is None:
            raise Disorder(row, f"no value to order the rows of {key} by")
        if key in last and order < last[key]:
            raise Disorder(row, f"{order} comes after {last[key]} in the rows of {key}: sort them")
        last[key] = order
        before = seen[key]
        for step in range(1, size):
            found[step - 1].append(before[-step] if step <= len(before) else -1)
        before.append(row)
        del before[: -size + 1 or None]
    return found


def from_json(rows: Sequence[dict[str, Any]], window: dict) -> list[dict[str, Any]]:
    """Return JSON *rows* with the values of their windows, those without a whole one left out where it must be.

    Values are taken as they come: the order must compare as it does in the table (numbers, dates as YYYY-MM-DD).
    """
    keys = [tuple(row.get(name) for name in window["key"]) for row in rows]
    steps = earlier(keys, [row.get(window["order"]) for row in rows], window["size"])
    made = []
    for row, fields in enumerate(rows):
        more = {
            f"{name}@{step}": rows[before[row]].get(name) if before[row] >= 0 else None
            for name in window["columns"]
            for step, before in enumerate(steps, 1)
        }
        if not window["complete"] or all(before[row] >= 0 for before in steps):
            made.append({**fields, **more})
    return made


class Windows:
    """Adds windows to Arrow tables that come one after the other."""

    def __init__(self, window: dict):
        self.window = window
        self.carried: Any = None  # the last rows of each key
        self._whole: Any = None

    def add(self, rows: Any) -> Any:
        """Return *rows* (a pyarrow Table) with the columns of their windows. Raises Disorder."""
        import numpy as np
        import pyarrow as pa

        before = len(self.carried) if self.carried is not None else 0
        both = pa.concat_tables([self.carried, rows]) if before else rows
        both = both.combine_chunks()
        key = list(zip(*(both[name].to_pylist() for name in self.window["key"]), strict=True)) or [()] * len(both)
        try:
            steps = earlier(key, both[self.window["order"]].to_pylist(), self.window["size"])
        except Disorder as error:
            raise Disorder(error.row - before, str(error)) from None
        for name in self.window["columns"]:
            for step, found in enumerate(steps, 1):
                indices = pa.array(found[before:], pa.int64(), mask=np.array(found[before:], np.int64) < 0)
                rows = rows.append_column(f"{name}@{step}", both[name].take(indices))
        self._whole = np.array([found[before:] for found in steps], np.int64).reshape(len(steps), -1).min(0) >= 0
        last: dict[Hashable, list[int]] = defaultdict(list)
        for row, value in enumerate(key):
            last[value].append(row)
            del last[value][: -self.window["size"] + 1 or None]
        self.carried = both.take(pa.array(sorted(row for kept in last.values() for row in kept), pa.int64()))
        return rows

    def whole(self) -> Any:
        """Return a mask of the rows added last that have a whole window, None where all are to be kept."""
        return self._whole if self.window["complete"] else None
