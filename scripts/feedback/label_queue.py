"""Rule label_queue: which requested rows to label next, as a CSV file to fill in and give back.

A label says most where the model is least certain, and least where it is like another one. So the rows whose scores are
nearest to the decision threshold are candidates (in regression, where there is no such thing, all are), and of these
each next row is the one that is farthest from all rows chosen before (k-center; Sener & Savarese 2018).
"""

import datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from scripts.bundle.column_numbers import to_numbers
from scripts.feedback.label_files import plan_passes
from scripts.feedback.labels import gather_rows, list_classes, make_keys, read_labels
from scripts.feedback.requested_rows import requested_rows, value_types
from scripts.provenance.canonical import read_json
from scripts.provenance.run_job import echo, main

CANDIDATES = 10  # for each row of the queue


def uncertainty(rows: pa.Table, classes: list[str], thresholds: dict[str, float | None]) -> np.ndarray:
    """Return how near the score of each of *rows* is to the threshold of its version; 0 in regression."""
    if not classes:
        return np.zeros(len(rows))
    score = rows["score"].to_numpy()
    if len(classes) > 2:  # the score is that of the predicted class
        return 1 - score
    versions, number = np.unique(rows["version"].to_numpy(), return_inverse=True)
    cuts = np.array([thresholds.get(str(version)) or 0.5 for version in versions])
    return -np.abs(score - cuts[number])


def to_coordinates(column: pa.ChunkedArray) -> list[np.ndarray]:
    """Return the coordinates [rows] of the values of a column, by which rows are near or far: ranks, or codes of texts.

    A missing value is away from all others.
    """
    missing = np.asarray(column.is_null())
    if pa.types.is_string(column.type) or pa.types.is_boolean(column.type):
        codes = column.combine_chunks().dictionary_encode()
        points = [np.asarray(pc.fill_null(pc.equal(column, value), False)) for value in codes.dictionary[:20]]
        return [0.7 * point.astype(np.float64) for point in points] + [0.7 * missing.astype(np.float64)]
    levels, rank = np.unique(np.where(missing, 0.0, to_numbers(column)), return_inverse=True)
    return [np.where(missing, -1.0, rank / max(len(levels) - 1, 1))]


def choose_rows(points: np.ndarray, count: int) -> list[int]:
    """Return the numbers of *count* rows of *points* [rows, coordinates], each the farthest from those before."""
    chosen, distance = [], np.full(len(points), np.inf)
    for _ in range(min(count, len(points))):
        number = int(distance.argmax())
        chosen.append(number)
        distance = np.minimum(distance, ((points - points[number]) ** 2).sum(axis=1))
        distance[number] = -1.0
    return chosen


def label_queue(
    requests: list[Path], labels: list[Path], contracts: list[Path], queue: Path, label: dict, count: int
) -> None:
    """Write *queue*: *count* rows of *requests* without a label, with an empty one, the most important first."""
    classes, types = list_classes(label), value_types(requests)
    now = datetime.datetime.now(datetime.UTC)
    thresholds = {path.parent.name: read_json(path).get("threshold") for path in contracts}
    best, certain = None, np.empty(0)
    for part in plan_passes(labels):
        known = read_labels(labels, classes, now, part).keys
        for rows in gather_rows(requested_rows(requests, list(types)), part):  # of a batch, only candidates are kept
            rows = rows.filter(pc.invert(pc.is_in(make_keys(rows["request"], rows["position"]), known)))
            both = rows if best is None else pa.concat_tables([best, rows])
            scores = np.concatenate([certain, uncertainty(rows, classes, thresholds)])
            order = np.argsort(-scores, kind="stable")[: CANDIDATES * count]
            best, certain = both.take(pa.array(order)), scores[order]
    head = ["request", "position", "label", "time"]
    if best is None:
        table = pa.table({name: pa.array([], pa.string()) for name in head})
    else:
        coordinates = [one for name in types for one in to_coordinates(best[f"values.{name}"])]
        chosen = best.take(pa.array(choose_rows(np.column_stack(coordinates), count), pa.int64()))
        empty = pa.nulls(len(chosen), pa.string())
        values = {
            f"values.{name}": chosen[f"values.{name}"]
            for name in types
            if chosen[f"values.{name}"].null_count < len(chosen)
        }
        columns = {"request": chosen["request"], "position": chosen["position"], "label": empty, "time": empty}
        table = pa.table(columns | {"values.score": chosen["score"]} | values)
    pa.csv.write_csv(table, queue)
    echo(f"{len(table)} rows to label in {queue.name}; fill in the column label and put the file with the other labels")


if __name__ == "__main__":
    main(label_queue)
