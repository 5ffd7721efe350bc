"""Columns whose distribution does not change, of many shapes: as data, and (faster, with the same chances) as sketches.

The counts of the bins of a sketch over independent rows are multinomial, so they can be drawn without the rows.
"""

import functools

import numpy as np
import pyarrow as pa
from scipy.special import ndtr

from scripts.statistics.histogram import LOG_LINEAR, Histogram
from scripts.statistics.numeric_sketch import NumericSketch
from scripts.statistics.sketch import Sketch, sketch_column
from scripts.statistics.text_sketch import BUCKETS, TextSketch

NONE = np.zeros(0, np.uint64)
ZIPF = 1 / np.arange(1, 1001) ** 1.2
ZIPF /= ZIPF.sum()
SHAPES = ("normal", "lognormal", "zipf", "ties", "constant", "missing", "uniform", "few", "flag", "ids")


def values(shape: str, rng: np.random.Generator, rows: int, shift: float = 0.0) -> pa.Array:
    """Return a column of *rows* values; *shift* (0 to 1) moves the distribution."""
    if shape in ("normal", "missing"):
        mask = rng.random(rows) < (0.7 * (1 - shift) if shape == "missing" else 0.0)
        return pa.array(rng.normal(shift, 1, rows), mask=mask)
    if shape == "lognormal":
        return pa.array(np.exp(rng.normal(shift, 2, rows)))
    if shape == "ids":
        return pa.array([f"id {value}" for value in rng.integers(0, 2**60, rows)])
    if shape in ("zipf", "few"):
        return pa.array([str(value) for value in rng.choice(1000, rows, p=shares(shape, shift))])
    return pa.array(rng.choice(len(shares(shape, shift)), rows, p=shares(shape, shift)).astype(float))


def shares(shape: str, shift: float) -> np.ndarray:
    """Return the probability of each whole number or category of a discrete *shape*."""
    found = {
        "zipf": ZIPF,
        "few": np.where(np.arange(1000) < 5, ZIPF, 0),
        "ties": np.where(np.arange(100) % 10 == 0, 9.0, 0.1),
        "constant": np.array([99.0, *[1 / 49] * 49]),
        "uniform": np.ones(200),
        "flag": np.array([999.0, 1.0]),
        "ids": np.ones(BUCKETS),
    }[shape]
    moved = found * (1 - shift) + shift * np.roll(found, 1)
    return moved / moved.sum()


def draw_sketch(shape: str, rng: np.random.Generator, rows: int, shift: float = 0.0) -> Sketch:
    """Return a sketch of such a column with all that comparisons look at, without its rows."""
    if shape in ("normal", "missing", "lognormal"):
        missing = int(rng.binomial(rows, 0.7 * (1 - shift))) if shape == "missing" else 0
        keys, chances = in_bins(shape == "lognormal", shift)
        return numbers(keys, rng.multinomial(rows - missing, chances), missing)
    counts = rng.multinomial(rows, shares(shape, shift))
    if shape in ("zipf", "few", "ids"):
        listed = {} if shape == "ids" else {str(value): (int(count), 0) for value, count in enumerate(counts) if count}
        truncated_parts, buckets = int(shape == "ids"), counts if shape == "ids" else np.zeros(BUCKETS, int)
        return TextSketch(
            "text", rows, 0, listed, 0, truncated_parts, buckets, NONE, 0, 0, 0, Histogram(LOG_LINEAR, NONE, NONE)
        )
    return numbers(Histogram.from_values(np.arange(float(len(counts)))).keys, counts, 0)


@functools.cache
def in_bins(logarithm: bool, shift: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the bins of a normal (or lognormal) distribution with a chance above 1e-15, and their chances."""
    edge = int(Histogram.from_values(np.array([1e9])).keys[0])
    keys = np.arange(0 if logarithm else -edge, edge + 1)
    ends = np.array(Histogram(LOG_LINEAR, keys, keys).bounds())
    below = ndtr((np.log(np.maximum(ends, 1e-300)) - shift) / 2 if logarithm else ends - shift)
    chances = below[1] - below[0]
    likely = chances > 1e-15
    return keys[likely], chances[likely] / chances[likely].sum()


def numbers(keys: np.ndarray, counts: np.ndarray, missing: int) -> NumericSketch:
    """Return the sketch of numbers with *counts* in the bins *keys*."""
    bins = Histogram(LOG_LINEAR, keys[counts > 0], counts[counts > 0])
    return NumericSketch("number", int(counts.sum()), missing, 0, 0, None, None, False, bins, 0, 0, NONE)


def sketch_of_rows(shape: str, rng: np.random.Generator, rows: int, shift: float = 0.0) -> Sketch:
    """Return the sketch of *rows* values."""
    return sketch_column(pa.chunked_array([values(shape, rng, rows, shift)]))
