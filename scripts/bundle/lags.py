"""Lag columns of time series: each row gets values of the rows before it, the same in ingestion and in the server.

Lags (`ingest.window` in the configuration) are {key: [columns], order: column, columns: [names], size: n,
complete: bool}. For k from 1 to n - 1, each row gets the columns `<name>@k`: the value of `name` k rows earlier among
the rows of the same key. Without columns there are no lags.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from typing import Any


class OutOfOrder(ValueError):
    """A row has a smaller order than an earlier row of its key, or none; *row* is its number in the batch."""

    def __init__(self, row: int, message: str):
        super().__init__(message)
        self.row = row


def describe_lags(columns: dict[str, str], lags: dict) -> dict | None:
    """Return "window" of a contract: *lags* with the types of their key, order and columns, None without lags.

    *columns* has the types of `ingest.columns`.
    """
    needed = (*lags["key"], lags["order"], *lags["columns"])
    types = {name: columns[name].partition(":")[0] for name in needed if name in columns}
    return lags | {"types": types} if lags["columns"] else None


def lag_indices(keys: Iterable[Hashable], orders: Iterable[Any], size: int) -> list[list[int]]:
    """Return for each lag k from 1 to *size* - 1 the number of the row that is k rows earlier in the same key, or -1.

    *keys* and *orders* have one value per row; each list that is returned has one number per row. Raises OutOfOrder
    if the order decreases within a key or is missing.
    """
    seen: dict[Hashable, list[int]] = defaultdict(list)
    last: dict[Hashable, Any] = {}
    indices: list[list[int]] = [[] for _ in range(1, size)]
    for row, (key, order) in enumerate(zip(keys, orders, strict=True)):
        if order is None:
            raise OutOfOrder(row, f"no value to order the rows of {key} by")
        if key in last and order < last[key]:
            raise OutOfOrder(row, f"{order} comes after {last[key]} in the rows of {key}: sort them")
        last[key] = order
        before = seen[key]
        for step in range(1, size):
            indices[step - 1].append(before[-step] if step <= len(before) else -1)
        before.append(row)
        del before[: -size + 1 or None]
    return indices


def add_lags_to_rows(rows: Sequence[dict[str, Any]], lags: dict) -> tuple[list[dict[str, Any]], list[int]]:
    """Return JSON *rows* with their lag columns, and the numbers of those that have all lags that *lags* ask for.

    Values are not converted: the order column must compare as in the table (numbers, dates as YYYY-MM-DD). Raises
    OutOfOrder.
    """
    keys = [tuple(row.get(name) for name in lags["key"]) for row in rows]
    steps = lag_indices(keys, [row.get(lags["order"]) for row in rows], lags["size"])
    result = []
    for row, fields in enumerate(rows):
        lag_values = {
            f"{name}@{step}": rows[before[row]].get(name) if before[row] >= 0 else None
            for name in lags["columns"]
            for step, before in enumerate(steps, 1)
        }
        result.append({**fields, **lag_values})
    wanted = steps if lags["complete"] else []
    return result, [row for row in range(len(rows)) if all(before[row] >= 0 for before in wanted)]


class LagColumns:
    """Adds lag columns to consecutive Arrow tables; remembers the last rows of each key between them."""

    def __init__(self, lags: dict):
        self.lags = lags
        self.previous_rows: Any = None  # the last rows of each key
        self._complete: Any = None

    def add_lags(self, rows: Any) -> Any:
        """Return *rows* (a pyarrow Table) with their lag columns. Raises OutOfOrder."""
        import numpy as np
        import pyarrow as pa

        before = len(self.previous_rows) if self.previous_rows is not None else 0
        combined = pa.concat_tables([self.previous_rows, rows]) if before else rows
        combined = combined.combine_chunks()
        keys = list(zip(*(combined[name].to_pylist() for name in self.lags["key"]), strict=True)) or [()] * len(
            combined
        )
        try:
            steps = lag_indices(keys, combined[self.lags["order"]].to_pylist(), self.lags["size"])
        except OutOfOrder as error:
            raise OutOfOrder(error.row - before, str(error)) from None
        for name in self.lags["columns"]:
            for step, lagged in enumerate(steps, 1):
                indices = pa.array(lagged[before:], pa.int64(), mask=np.array(lagged[before:], np.int64) < 0)
                rows = rows.append_column(f"{name}@{step}", combined[name].take(indices))
        self._complete = np.array([found[before:] for found in steps], np.int64).reshape(len(steps), -1).min(0) >= 0
        last: dict[Hashable, list[int]] = defaultdict(list)
        for row, key in enumerate(keys):
            last[key].append(row)
            del last[key][: -self.lags["size"] + 1 or None]
        self.previous_rows = combined.take(
            pa.array(sorted(row for numbers in last.values() for row in numbers), pa.int64())
        )
        return rows

    def complete_mask(self) -> Any:
        """Return a mask of the latest rows that have all lags, None if incomplete rows are to be kept."""
        return self._complete if self.lags["complete"] else None
