"""Cross-fit the features that learn from labels: each training row is encoded with what other training rows teach.

Encoded by its own label, a row would show it to the model: a column of noise with many levels would look like the best
feature. The folds and results are those of scikit-learn's TargetEncoder.fit_transform.
"""

from pathlib import Path

import numpy as np
import pyarrow as pa
from sklearn.model_selection import KFold, StratifiedKFold

from scripts.bundle.label import labelled_batches
from scripts.bundle.table import column_types, span_names
from scripts.config.features import learns_from_labels
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


def encode_out_of_fold(feature: Feature, fitted: object, values: np.ndarray, y: np.ndarray, folds: np.ndarray):
    """Return the features [rows, width] of *values*, each row encoded by *fitted* as the other folds teach it."""
    encoded = np.empty((len(values), len(feature.kind.names(feature.name, fitted))))
    for fold in np.unique(folds):
        held_out = folds == fold
        refitted = feature.kind.refit(fitted, values[~held_out], y[~held_out], feature.options)
        encoded[held_out] = refitted.transform(values[held_out])
    return encoded


def read_rows(
    tables: list[Path], plan: list[Feature], label: dict, unit: str | None
) -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
    """Return of the labelled rows of *tables* the values of each feature of *plan*, the labels and the units [rows].

    Without a *unit* each row is one. Raises InputError if no row has a label.
    """
    columns = input_columns(plan, column_types(tables))
    parts, labels, units = [[] for _ in plan], [], []
    for rows, y in labelled_batches(tables, label, [*columns, *filter(None, [unit])]):
        data = to_tensors(rows, columns)
        for feature, found in zip(plan, parts, strict=True):
            found.append(feature.values(data))
        labels.append(y)
        units.append(rows[unit] if unit else pa.chunked_array([pa.nulls(len(rows))]))
    if not labels:
        raise InputError(f"no row of span {span_names(tables)} has a label; widen windows.train")
    y = np.concatenate(labels)
    named = pa.chunked_array([chunk for column in units for chunk in column.chunks]).combine_chunks()
    numbers = named.dictionary_encode("encode").indices.to_numpy() if unit else np.arange(len(y))
    return [np.concatenate(found) for found in parts], y, numbers


def cross_fit(
    tables: list[Path],
    summaries: list[Path],
    contract: Path,
    encodings: Path,
    features: dict,
    label: dict,
    unit: str | None = None,
) -> None:
    """Write *encodings* (npz): the columns [w] of the features that learn from labels, and their values [rows, w].

    The rows are those of *tables*, the training split, that have a label. Rows that share a value of the column *unit*
    do not teach each other. *summaries* are those of *tables*, and *contract* names the features in their order.
    """
    plan, fitted = plan_features(features, label), []
    supervised = [number for number, feature in enumerate(plan) if learns_from_labels(feature.options)]
    parts = [read_summaries(path, plan)[0] for path in summaries]
    for number in supervised:
        kind, options = plan[number].kind, plan[number].options
        fitted.append(kind.fit(kind.merge([part[number] for part in parts]), options, iter))
    plan = [plan[number] for number in supervised]
    values, y, units = read_rows(tables, plan, label, unit)
    folds = assign_folds(y, units, FOLDS)
    encoded = [encode_out_of_fold(*parts, y, folds) for parts in zip(plan, fitted, values, strict=True)]
    places = {name: place for place, name in enumerate(read_json(contract)["features"])}
    names = [name for feature, one in zip(plan, fitted, strict=True) for name in feature.kind.names(feature.name, one)]
    with open(encodings, "wb") as file:
        np.savez(file, columns=np.array([places[name] for name in names]), values=np.hstack(encoded))
    echo(f"{len(names)} features of {len(y)} rows, in {folds.max() + 1} folds")


if __name__ == "__main__":
    main(cross_fit)
