"""What the rows of one span add to the features that are fitted on the training split."""

from pathlib import Path

import numpy as np
import pyarrow as pa

from scripts.bundle.label import targets
from scripts.bundle.table import empty, groups, types
from scripts.preprocess.feature import Feature, Summary, columns_read, planned, tensors, written
from scripts.provenance.run_job import main, say


def summaries(table: Path, plan: list[Feature], label: dict) -> tuple[list[Summary], int]:
    """Return the summary of each feature of *plan* over the rows of *table*, and their number."""
    columns, count = columns_read(plan, types([table])), 0
    asked = list(dict.fromkeys([*columns, label["column"]]))
    parts = [of_rows(empty(table, asked), plan, columns, label)]
    for rows in groups([table], asked):
        parts.append(of_rows(rows, plan, columns, label))
        parts = [[feature.kind.merge(list(pair)) for feature, *pair in zip(plan, *parts, strict=True)]]
        count += len(rows)
    return parts[0], count


def of_rows(rows: pa.Table, plan: list[Feature], columns: dict, label: dict) -> list[Summary]:
    """Return the summary of each feature of *plan* over some rows."""
    data, (y, _) = tensors(rows, columns), targets(rows[label["column"]], label)
    return [feature.kind.summarize(feature.values(data), y, feature.options) for feature in plan]


def summarize(table: Path, summary: Path, features: dict, label: dict) -> None:
    """Write the *summary* (npz) of the rows of *table*."""
    found, count = summaries(table, planned(features, label), label)
    with open(summary, "wb") as file:
        np.savez(file, rows=np.array(count), **written(found))
    say(f"{count} rows, {len(found)} features")


if __name__ == "__main__":
    main(summarize)
