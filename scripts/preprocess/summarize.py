"""Summarize the rows of one span for the features, which are fitted on the merged summaries of the training split."""

from pathlib import Path

import numpy as np
import pyarrow as pa

from scripts.bundle.label import extract_targets
from scripts.bundle.table import column_types, empty_table, row_groups
from scripts.preprocess.feature import Feature, Summary, input_columns, pack_summaries, plan_features, to_tensors
from scripts.provenance.run_job import echo, main


def summarize_table(table: Path, plan: list[Feature], label: dict) -> tuple[list[Summary], int]:
    """Return the summary of each feature of *plan* over the rows of *table*, and the number of rows."""
    columns, count = input_columns(plan, column_types([table])), 0
    names = list(dict.fromkeys([*columns, label["column"]]))
    parts = [summarize_rows(empty_table(table, names), plan, columns, label)]
    for rows in row_groups([table], names):
        parts.append(summarize_rows(rows, plan, columns, label))
        parts = [[feature.kind.merge(list(pair)) for feature, *pair in zip(plan, *parts, strict=True)]]
        count += len(rows)
    return parts[0], count


def summarize_rows(rows: pa.Table, plan: list[Feature], columns: dict, label: dict) -> list[Summary]:
    """Return the summary of each feature of *plan* over *rows*."""
    data, (y, _) = to_tensors(rows, columns), extract_targets(rows[label["column"]], label)
    return [feature.kind.summarize(feature.values(data), y, feature.options) for feature in plan]


def summarize(table: Path, summary: Path, features: dict, label: dict) -> None:
    """Write the *summary* (npz) of the rows of *table* for all features."""
    found, count = summarize_table(table, plan_features(features, label), label)
    with open(summary, "wb") as file:
        np.savez(file, rows=np.array(count), **pack_summaries(found))
    echo(f"{count} rows, {len(found)} features")


if __name__ == "__main__":
    main(summarize)
