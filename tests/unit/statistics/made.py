"""Sketches and figures of plain lists, as the statistics of a table have them."""

import pyarrow as pa

from scripts.statistics.sketch import Sketch, figures, sketch_of


def sketch(values, kind: pa.DataType | None = None) -> Sketch:
    """Return the sketch of *values*, None for missing."""
    return sketch_of(pa.chunked_array([pa.array(values, kind)]))


def described(values, kind: pa.DataType | None = None, top: int = 10) -> dict:
    """Return the figures of *values*, None for missing."""
    return figures(sketch(values, kind), top)
