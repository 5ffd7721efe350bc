"""Sketches and statistics of plain lists, as those of the columns of a table."""

import pyarrow as pa

from scripts.statistics.sketch import Sketch, column_statistics, sketch_column


def sketch(values, kind: pa.DataType | None = None) -> Sketch:
    """Return the sketch of *values*, None for missing."""
    return sketch_column(pa.chunked_array([pa.array(values, kind)]))


def described(values, kind: pa.DataType | None = None, top: int = 10) -> dict:
    """Return the statistics of *values*, None for missing."""
    return column_statistics(sketch(values, kind), top)
