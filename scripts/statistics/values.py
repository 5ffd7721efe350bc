"""The values of an Arrow column as numpy arrays."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

FEW = 2048  # where a sample has so few distinct values, they are counted first
SAMPLE = 4096


def kind_of(kind: pa.DataType) -> str:
    """Return the word for an Arrow type other than text and boolean."""
    if pa.types.is_date(kind):
        return "date"
    if pa.types.is_timestamp(kind):
        return "time"
    return "integer" if pa.types.is_integer(kind) else "number"


def raw(column: pa.ChunkedArray) -> np.ndarray:
    """Return the values that are not missing: doubles, or int64 for integers, days and microseconds."""
    column = column.drop_null() if column.null_count else column
    if not pa.types.is_floating(column.type):
        column = pc.cast(pc.cast(column, pa.int32()) if pa.types.is_date32(column.type) else column, pa.int64())
    return column.to_numpy()


def condensed(values: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    """Return distinct values and their counts where they are few, else *values* and None."""
    sample = values[:: max(1, len(values) // SAMPLE)]
    if len(values) < SAMPLE or len(np.unique(sample)) > FEW:
        return values, None
    found = pc.value_counts(pa.array(values))
    return found.field("values").to_numpy(), found.field("counts").to_numpy()


def is_whole(values: np.ndarray) -> bool:
    """Return whether all of *values* are whole numbers."""
    return all(bool((part == np.floor(part)).all()) for part in (values[:1000], values[1000:]))
