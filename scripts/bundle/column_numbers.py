"""The values of a column as doubles, for what measures or compares rows."""

import numpy as np
import pyarrow as pa


def to_numbers(column: pa.ChunkedArray) -> np.ndarray:
    """Return the values [rows] of a column of numbers, booleans, dates (days) or times (µs), NaN if not finite."""
    values = column.combine_chunks()
    if pa.types.is_temporal(values.type):
        values = values.cast(pa.int32() if values.type == pa.date32() else pa.int64())
    found = values.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    return np.where(np.isfinite(found), found, np.nan)
