"""Rows that are left out on purpose, with a reason."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from scripts.ingest.columns import convert
from scripts.ingest.splits import said
from scripts.spine.job import BadInput


class Filters:
    """The conditions of `ingest.filter`, each on a column: min, max, in, not_in, matches or present.

    A missing value satisfies `not_in` and `present: false` only.
    """

    def __init__(self, conditions: list[dict], columns: dict[str, str]):
        self.conditions = [self.prepared(condition, columns) for condition in conditions]

    def prepared(self, condition: dict, columns: dict[str, str]) -> tuple[str, str, object, str]:
        """Return column, test, typed limit and reason of a condition. Raises BadInput."""
        column = condition["column"]
        ((test, limit),) = ((key, value) for key, value in condition.items() if key not in ("column", "reason"))
        if test in ("min", "max", "in", "not_in"):
            values = limit if isinstance(limit, list) else [limit]
            found, bad, expected = convert(pa.array([said(value) for value in values], pa.string()), columns[column])
            if pc.any(bad).as_py():
                raise BadInput(f"ingest.filter: {test}: {limit!r} on column {column} is not {expected}")
            limit = found if isinstance(limit, list) else found[0]
        return column, test, limit, condition["reason"]

    def apply(self, rows: pa.Table, counts: dict[str, int]) -> np.ndarray:
        """Return a mask of the rows to keep; adds to *counts* how many are left out for each reason."""
        keep = np.ones(len(rows), bool)
        for column, test, limit, reason in self.conditions:
            passed = pc.fill_null(self.test(rows[column], test, limit), False).to_numpy()
            counts[reason] = counts.get(reason, 0) + int((keep & ~passed).sum())
            keep &= passed
        return keep

    def test(self, values: pa.ChunkedArray, test: str, limit: object) -> pa.ChunkedArray:
        """Return for each value whether it satisfies a condition; missing values may give missing answers."""
        match test:
            case "min":
                return pc.greater_equal(values, limit)
            case "max":
                return pc.less_equal(values, limit)
            case "in":
                return pc.is_in(values, value_set=limit)
            case "not_in":
                return pc.invert(pc.is_in(values, value_set=limit))
            case "matches":
                return pc.match_substring_regex(values, limit)
            case _:
                return pc.is_valid(values) if limit else pc.is_null(values)
