"""How much more frequent a row of the reference is among the requests: the ratio of both densities.

A classifier tells requests from rows of the reference; its odds are the ratio (Sugiyama et al. 2012). Each half of the
rows is predicted by the classifier of the other half, so that no row teaches its own weight.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from sklearn.ensemble import HistGradientBoostingClassifier

from scripts.bundle.column_numbers import to_numbers

MAX_RATIO = 50.0  # more would let a few rows of the reference decide
SAMPLE = 20_000  # rows of each side that the classifier sees
CATEGORIES = 50  # of a text column that are told apart
SETTINGS = {"max_iter": 50, "max_leaf_nodes": 8, "min_samples_leaf": 50, "early_stopping": False, "random_state": 0}


def encode_column(sides: list[pa.ChunkedArray]) -> np.ndarray:
    """Return the values of both *sides* of a column as numbers [rows], NaN for missing, rare texts as one number."""
    column = pa.chunked_array([chunk for side in sides for chunk in side.chunks], sides[0].type)
    if not pa.types.is_string(column.type):
        return to_numbers(column)
    counts = sorted((-entry["counts"], entry["values"] or "") for entry in pc.value_counts(column).to_pylist())
    frequent = pa.array([text for _, text in counts[:CATEGORIES]], pa.string())
    codes = pc.index_in(column, frequent).cast(pa.float64()).to_numpy()
    return np.where(np.isnan(codes) & ~column.is_null().to_numpy(), len(frequent), codes)


def encode_sides(reference: pa.Table, requests: pa.Table, columns: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return the *columns* of both sides as numbers [rows, columns]."""
    none = np.empty((len(reference) + len(requests), 0))
    encoded = np.column_stack([none, *(encode_column([reference[name], requests[name]]) for name in columns)])
    return encoded[: len(reference)], encoded[len(reference) :]


def estimate_ratios(reference: np.ndarray, requests: np.ndarray) -> np.ndarray:
    """Return for each row of the *reference* [rows, columns] the density of *requests* over that of the reference.

    Without columns it is 1.
    """
    if not reference.shape[1]:
        return np.ones(len(reference))
    ratios = np.empty(len(reference))
    for half in (0, 1):
        sides = [side[1 - half :: 2][:SAMPLE] for side in (reference, requests)]
        if not min(map(len, sides)):
            return np.ones(len(reference))
        sizes = [*map(len, sides)]
        requested = np.repeat([0, 1], sizes)
        model = HistGradientBoostingClassifier(**SETTINGS).fit(np.vstack(sides), requested)
        chance = model.predict_proba(reference[half::2])[:, 1]
        ratios[half::2] = chance / np.maximum(1 - chance, 1e-9) * sizes[0] / sizes[1]
    return np.minimum(ratios, MAX_RATIO)
