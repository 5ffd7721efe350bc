"""Cross-fit the features that learn from labels, and plan the folds of cross-validation.

Each training row is encoded with what other training rows teach. Encoded by its own label, a row would show it to the
model: a column of noise with many levels would look like the best feature. The folds and results are those of
scikit-learn's TargetEncoder.fit_transform. In each fold of cross-validation, the rows that are fitted on are
cross-fitted among themselves and encode those that are scored.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from sklearn.model_selection import KFold, StratifiedKFold

from scripts.bundle.folds import Folds, save_folds
from scripts.bundle.label import labelled_batches
from scripts.bundle.table import column_types, span_names
from scripts.config.features import learns_from_labels
from scripts.data.natural_order import natural_sort_key
from scripts.errors import InputError
from scripts.preprocess.feature import Feature, input_columns, plan_features, read_summaries, to_tensors
from scripts.provenance.canonical import read_json
from scripts.provenance.run_job import echo, main

FOLDS = 5  # as many as TargetEncoder has


def assign_folds(y: np.ndarray, units: np.ndarray, count: int) -> np.ndarray:
    """Return the fold [rows] of each row, from 0, at most *count* of them; *units* [rows] stay whole.

    Folds are stratified by the labels *y* [rows] if these are class numbers (for units, by that of the first row), and
    the same for the same rows. Raises InputError if there are fewer than two units of one class.
    """
    _, first, unit = np.unique(units, return_index=True, return_inverse=True)
    labels, is_class = y[first], y.dtype.kind != "f"
    count = min(count, int(np.bincount(labels).max()) if is_class else len(labels))
    if count < 2:
        raise InputError(
            f"{len(y)} training rows with a label have {len(first)} values of analyze.unit, which cannot be divided "
            "into folds; widen windows.train"
        )
    splitter, folds = (
        (StratifiedKFold if is_class else KFold)(count, shuffle=True, random_state=0),
        np.empty_like(first),
    )
    for fold, (_, held_out) in enumerate(splitter.split(labels, labels)):
        folds[held_out] = fold
    return folds[unit]


def plan_folds(y: np.ndarray, spans: np.ndarray, units: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return which rows each of *count* folds of cross-validation fits on and scores, both [folds, rows].

    If the rows are of several *spans* [rows], numbered in the order of time, they are cut into one more block of spans
    than there are folds, but at most one for each span; fold k scores block k + 1 and fits on the blocks before it.
    Rows of one of *units* [rows] are never on both sides of a fold: if units have several rows, a fold scores a part of
    the units and fits on the others. Raises InputError if a side of a fold has fewer than two classes or values,
    or a class of a single span fewer rows than there are folds.
    """
    blocks = np.array_split(np.arange(spans.max() + 1), min(count + 1, spans.max() + 1))
    block = np.concatenate([np.full(len(part), number) for number, part in enumerate(blocks)])[spans]
    number = np.arange(len(blocks) - 1 or count)[:, None]
    if len(blocks) == 1:
        rarest = int(np.unique(y, return_counts=True)[1].min()) if y.dtype.kind != "f" else count
        if rarest < count:
            raise InputError(
                f"tune.folds is {count}, but the rarest class has {rarest} rows in train: some folds would have none "
                "of it; use fewer folds, or 0 to score on the eval split"
            )
        held_out = assign_folds(y, units, count) == number
        fit = ~held_out
    else:
        fit, held_out = block <= number, block == number + 1
        if len(np.unique(units)) < len(units):
            in_part = assign_folds(y, units, max(2, len(number))) == number
            fit, held_out = fit & ~in_part, held_out & in_part
    for fold in range(len(number)):
        for rows, verb in ((fit[fold], "fits on"), (held_out[fold], "scores")):
            if len(np.unique(y[rows])) < 2:
                raise InputError(
                    f"tune.folds: fold {fold + 1} of {len(number)} {verb} {rows.sum()} rows, which lack labels of two "
                    "kinds; use fewer folds or widen windows.train"
                )
    return fit, held_out


def encode_out_of_fold(feature: Feature, fitted: object, values: np.ndarray, y: np.ndarray, folds: np.ndarray):
    """Return the features [rows, width] of *values*, each row encoded by *fitted* as the other folds teach it."""
    encoded = np.empty((len(values), len(feature.kind.names(feature.name, fitted))))
    for fold in np.unique(folds):
        held_out = folds == fold
        refitted = feature.kind.refit(fitted, values[~held_out], y[~held_out], feature.options)
        encoded[held_out] = refitted.transform(values[held_out])
    return encoded


class TrainingRows(NamedTuple):
    """The labelled rows of the training split: the *values* of each feature, labels *y*, *spans* and *units* [rows].

    Spans are numbered in the order of time. Without a column of units each row is one.
    """

    values: list[np.ndarray]
    y: np.ndarray
    spans: np.ndarray
    units: np.ndarray


def read_rows(tables: list[Path], plan: list[Feature], label: dict, unit: str | None) -> TrainingRows:
    """Return the rows of *tables* for the features of *plan*. Raises InputError if no row has a label."""
    columns = input_columns(plan, column_types(tables))
    ordered = sorted({table.parent.name for table in tables}, key=natural_sort_key)
    parts, labels, spans, units = [[] for _ in plan], [], [], []
    for table in tables:
        for rows, y in labelled_batches([table], label, [*columns, *filter(None, [unit])]):
            data = to_tensors(rows, columns)
            for feature, found in zip(plan, parts, strict=True):
                found.append(feature.values(data))
            labels.append(y)
            spans.append(np.full(len(y), ordered.index(table.parent.name)))
            units += rows[unit].chunks if unit else []
    if not labels:
        raise InputError(f"no row of span {span_names(tables)} has a label; widen windows.train")
    y = np.concatenate(labels)
    named = pa.chunked_array(units).combine_chunks().dictionary_encode("encode").indices.to_numpy() if unit else None
    values = [np.concatenate(found) for found in parts]
    return TrainingRows(values, y, np.concatenate(spans), np.arange(len(y)) if named is None else named)


class Supervised(NamedTuple):
    """A *feature* that learns from labels, its *fitted* transformer and the *columns* that it has among all."""

    feature: Feature
    fitted: object
    columns: list[int]


def fit_supervised(summaries: list[Path], contract: Path, plan: list[Feature]) -> list[Supervised]:
    """Return the features of *plan* that learn from labels, fitted on *summaries*."""
    parts = [read_summaries(path, plan)[0] for path in summaries]
    places = {name: place for place, name in enumerate(read_json(contract)["features"])}
    found = []
    for number, feature in enumerate(plan):
        if learns_from_labels(feature.options):
            fitted = feature.kind.fit(feature.kind.merge([part[number] for part in parts]), feature.options, iter)
            names = feature.kind.names(feature.name, fitted)
            found.append(Supervised(feature, fitted, [places[name] for name in names]))
    return found


def encode_training(supervised: list[Supervised], rows: TrainingRows) -> np.ndarray:
    """Return the values of the *supervised* features [rows, w], each row encoded by the other folds of *rows*."""
    if not supervised:
        return np.empty((len(rows.y), 0))
    folds, pairs = assign_folds(rows.y, rows.units, FOLDS), zip(supervised, rows.values, strict=True)
    return np.hstack([encode_out_of_fold(own.feature, own.fitted, values, rows.y, folds) for own, values in pairs])


def encode_fold(supervised: list[Supervised], rows: TrainingRows, fit: np.ndarray, held_out: np.ndarray) -> np.ndarray:
    """Return the values of the *supervised* features [rows, w] in a fold that knows only the labels of *fit* [rows]."""
    known = TrainingRows([values[fit] for values in rows.values], rows.y[fit], rows.spans[fit], rows.units[fit])
    inside, start = encode_training(supervised, known), 0
    encoded = np.zeros((len(rows.y), inside.shape[1]))
    encoded[fit] = inside
    for own, values, every in zip(supervised, known.values, rows.values, strict=True):
        refitted = own.feature.kind.refit(own.fitted, values, known.y, own.feature.options)
        encoded[held_out, start : start + len(own.columns)] = refitted.transform(every[held_out])
        start += len(own.columns)
    return encoded


def cross_fit(
    tables: list[Path],
    summaries: list[Path],
    contract: Path,
    encodings: Path,
    folds: Path,
    features: dict,
    label: dict,
    unit: str | None = None,
    count: int = 0,
    window: dict | None = None,
) -> None:
    """Write *encodings* (npz): the columns [w] of the features that learn from labels, and their values [rows, w].

    The rows are those of *tables*, the training split, that have a label. Rows that share a value of the column *unit*
    do not teach each other. *summaries* are those of *tables*, and *contract* names the features in their order.
    *folds* (npz) gets *count* folds of cross-validation. Raises InputError if rows of both sides of a fold would be
    lags of each other (*window*, ingest.window).
    """
    plan = plan_features(features, label)
    supervised = fit_supervised(summaries, contract, plan)
    rows = read_rows(tables, [own.feature for own in supervised], label, unit)
    columns = np.array([place for own in supervised for place in own.columns], np.int64)
    with open(encodings, "wb") as file:
        np.savez(file, columns=columns, values=encode_training(supervised, rows))
    if count and window and window["columns"] and not unit and not rows.spans.any():
        raise InputError(
            "tune.folds: with ingest.window, rows on both sides of a fold would be lags of each other; name the column "
            "of the series in analyze.unit, or take several spans into windows.train"
        )
    none = np.zeros((0, len(rows.y)), bool)
    fit, held_out = plan_folds(rows.y, rows.spans, rows.units, count) if count else (none, none)
    encoded = [encode_fold(supervised, rows, *sides) for sides in zip(fit, held_out, strict=True)]
    values = np.array(encoded).reshape(len(fit), len(rows.y), len(columns))
    save_folds(folds, Folds(fit, held_out, columns, values))
    echo(f"{len(rows.y)} rows, {len(columns)} features that learn from labels, {len(fit)} folds of cross-validation")


if __name__ == "__main__":
    main(cross_fit)
