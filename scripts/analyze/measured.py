"""All that is said of the scores of one split: metrics with intervals, curves, slices, gaps between them, fairness."""

import numpy as np

from scripts.analyze import curves
from scripts.analyze.bootstrap import Sampled, Scores, figure, sampled
from scripts.analyze.read import Split
from scripts.analyze.slices import Slice, texts


def whole(scores: Scores, classes: list[str], **options) -> dict:
    """Return metrics, curves and confusion of all rows; with more than two *classes* also figures of each."""
    found = {"rows": len(scores.y), "positives": None, "metrics": sampled(scores, **options).figures()}
    if scores.regression:
        return found | {"curves": curves.of_values(scores.y, scores.p)}
    table = curves.confusion(scores.y, scores.p, scores.threshold)
    found |= {"confusion": table, "curves": curves.curves(scores.y, scores.p, classes)}
    if scores.p.ndim > 1:
        return found | {"classes": curves.by_class(table, classes)}
    found["curves"]["thresholds"] = curves.by_threshold(scores.y, scores.p, scores.threshold)
    return found | {"positives": int(scores.y.sum())}


def sliced(scores: Scores, parts: list[Slice], least: int, samples: int, seed: int) -> dict:
    """Return the metrics of each slice of at least *least* rows, the smaller ones by name, and the gaps."""
    large = [(number, part) for number, part in enumerate(parts) if len(part.rows) >= least]
    found, by_column = [], {}
    for number, part in large:
        own = scores.of(part.rows)
        made = sampled(own, samples, [seed, number])  # slices of a column share no row: draws of their own
        positives = None if own.regression or own.p.ndim > 1 else int(own.y.sum())
        found.append(part.described() | {"positives": positives, "metrics": made.figures()})
        by_column.setdefault(part.column, []).append(made)
    small = [{"name": part.name, "column": part.column, "rows": len(part.rows)} for part in parts]
    return {
        "slices": found,
        "too_small": [entry for entry in small if entry["rows"] < least],
        "gaps": {column: gaps(made) for column, made in by_column.items() if len(made) > 1},
    }


def gaps(made: list[Sampled]) -> dict[str, dict]:
    """Return {metric: figure} of the largest difference between two slices; undefined ones do not count."""
    found = {}
    for name in made[0].whole:
        (value,) = spread(np.array([[part.whole[name]] for part in made]))
        found[name] = figure(value, spread(np.array([part.drawn[name] for part in made])))
    return found


def spread(values: np.ndarray) -> np.ndarray:
    """Return the largest less the smallest of each column of *values*, NaN where fewer than two are defined."""
    known = np.isfinite(values)
    apart = np.where(known, values, -np.inf).max(axis=0) - np.where(known, values, np.inf).min(axis=0)
    return np.where(known.sum(axis=0) > 1, apart, np.nan)


def treated(
    scores: Scores, split: Split, columns: list[str], reference: dict, thresholds: list, least: int, **options
) -> dict:
    """Return the fairness of each of *columns* (analyze.fairness)."""
    if not columns:
        return {}
    from scripts.analyze.fairness import of_column  # fairlearn and pandas take a second to load

    coded = {column: texts(split.table[column]) for column in columns}
    return {
        column: of_column(scores, *values, reference.get(column), least, thresholds, **options)
        for column, values in coded.items()
    }
