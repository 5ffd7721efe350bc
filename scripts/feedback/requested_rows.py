"""Read the tables of requested rows that request_table.py writes, day by day."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from scripts.bundle.table import DTYPES

HEAD = ["request", "position", "time", "version", "score"]
PERIODS = {"week": "%G-W%V", "day": "%Y-%m-%d"}


def requested_rows(tables: list[Path], columns: list[str]) -> Iterator[pa.Table]:
    """Yield the requested rows in *tables* (request_table.py), by row group, with *columns* of their values."""
    for path in tables:
        with pq.ParquetFile(path) as file:
            for index in range(file.num_row_groups):
                rows = file.read_row_group(index, [*HEAD, *(f"values.{name}" for name in columns)])
                values = [pc.struct_field(rows["values"], [name]) for name in columns]
                yield pa.table(
                    [*(rows[name] for name in HEAD), *values], [*HEAD, *(f"values.{name}" for name in columns)]
                )


def select_values(rows: pa.Table) -> pa.Table:
    """Return the values of requested *rows*, in columns with the names that they have in a request."""
    names = [name for name in rows.column_names if name.startswith("values.")]
    return rows.select(names).rename_columns([name.removeprefix("values.") for name in names])


def value_types(tables: list[Path]) -> dict[str, str]:
    """Return the types of the values that may be requested, by column, as the configuration names them."""
    fields = [field for path in tables[:1] for field in pq.read_schema(path).field("values").type]
    return {field.name: DTYPES[field.type] for field in fields}


def period_names(rows: pa.Table, period: str) -> np.ndarray:
    """Return the name of the *period* (week or day) in which each of *rows* was requested."""
    days, number = np.unique(rows["time"].to_numpy().astype("datetime64[D]"), return_inverse=True)
    return np.array([day.strftime(PERIODS[period]) for day in days.tolist()], str)[number]
