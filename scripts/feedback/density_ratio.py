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


def frequent_texts(sides: list[pa.ChunkedArray]) -> pa.Array:
    """Return the most frequent texts of both *sides* of a column; none, unless it is one of texts."""
    column = pa.chunked_array([chunk for side in sides for chunk in side.chunks], sides[0].type)
    counts = pc.value_counts(column).to_pylist() if pa.types.is_string(column.type) else []
    ordered = sorted((-entry["counts"], entry["values"] or "") for entry in counts)
    return pa.array([text for _, text in ordered[:CATEGORIES]], pa.string())


def encode_column(column: pa.ChunkedArray, texts: pa.Array) -> np.ndarray:
    """Return the values of a column as numbers [rows], NaN for missing, texts other than *texts* as one number."""
    if not pa.types.is_string(column.type):
        return to_numbers(column)
    codes = pc.index_in(column, texts).cast(pa.float64()).to_numpy()
    return np.where(np.isnan(codes) & ~column.is_null().to_numpy(), len(texts), codes)


def encode_columns(rows: pa.Table, texts: dict[str, pa.Array]) -> np.ndarray:
    """Return the columns of *rows* that *texts* (frequent_texts) names as numbers [rows, columns]."""
    none = np.empty((len(rows), 0))
    return np.column_stack([none, *(encode_column(rows[name], known) for name, known in texts.items())])


def spread_rows(rows: np.ndarray) -> np.ndarray:
    """Return SAMPLE of *rows*, as far from each other as they can be; all, if there are fewer."""
    return rows[np.linspace(0, len(rows) - 1, min(len(rows), SAMPLE)).astype(np.int64)]


def estimate_ratios(reference: np.ndarray, requests: np.ndarray) -> np.ndarray:
    """Return for each row of the *reference* [rows, columns] the density of *requests* over that of the reference.

    Without columns it is 1.
    """
    if not reference.shape[1]:
        return np.ones(len(reference))
    ratios = np.empty(len(reference))
    for half in (0, 1):
        sides = [spread_rows(side[1 - half :: 2]) for side in (reference, requests)]
        if not min(map(len, sides)):
            return np.ones(len(reference))
        sizes = [*map(len, sides)]
        requested = np.repeat([0, 1], sizes)
        model = HistGradientBoostingClassifier(**SETTINGS).fit(np.vstack(sides), requested)
        chance = model.predict_proba(reference[half::2])[:, 1]
        ratios[half::2] = chance / np.maximum(1 - chance, 1e-9) * sizes[0] / sizes[1]
    return np.minimum(ratios, MAX_RATIO)
