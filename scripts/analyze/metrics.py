"""Measure the bundle on raw rows of the eval and test splits; the threshold is chosen on eval alone."""

from pathlib import Path

import numpy as np
import onnxruntime
import pyarrow as pa

from scripts.analyze.measure import METRICS, best_threshold, curves, intervals, slices
from scripts.bundle.encode import from_column, from_table
from scripts.bundle.rows import labelled, spans
from scripts.spine.canon import read_json, write_json
from scripts.spine.job import BadInput, main, say


def scored(tables: list[Path], session, contract: dict, label: dict) -> tuple[pa.Table, np.ndarray, np.ndarray]:
    """Return the labelled rows, their labels (1: positive) and scores. Raises BadInput without both classes."""
    rows, names = labelled(tables, label)
    y = np.array([name == contract["positive"] for name in names], np.int64)
    if not 0 < y.sum() < len(y):
        raise BadInput(
            f"span {spans(tables)}: {y.sum()} of {len(y)} rows are {contract['positive']}; both classes are needed"
        )
    probabilities = session.run(["probabilities"], from_table(rows, contract))[0]
    return rows, y, probabilities[:, contract["classes"].index(contract["positive"])].astype(np.float64)


def metrics(
    eval_tables: list[Path],
    test_tables: list[Path],
    model: Path,
    contract: Path,
    metrics: Path,
    label: dict,
    columns: list,
    min_slice: int,
    bootstrap: int,
    seed: int,
) -> None:
    """Write metrics with 95 % intervals, confusion, curves and slices of both splits."""
    described = read_json(contract)
    session = onnxruntime.InferenceSession(model)
    options = {"samples": bootstrap, "seed": seed}
    splits, threshold = {}, 0.5
    for split, tables in (("eval", eval_tables), ("test", test_tables)):
        rows, y, p = scored(tables, session, described, label)
        if split == "eval":
            threshold = best_threshold(y, p)
        hit = (p >= threshold).astype(int)
        groups = {name: from_column(rows[name], "text").ravel().astype(str) for name in columns}
        splits[split] = {
            "rows": len(y),
            "positives": int(y.sum()),
            "metrics": intervals(y, p, threshold, tuple(METRICS), **options),
            "confusion": [[int(((y == a) & (hit == b)).sum()) for b in (0, 1)] for a in (0, 1)],
            "curves": curves(y, p),
            "slices": slices(y, p, groups, threshold, min_slice, **options),
        }
        auc = splits[split]["metrics"]["roc_auc"]
        say(f"{split}: ROC AUC {auc['value']:.4f} ({auc['low']:.4f} to {auc['high']:.4f}) on {len(y)} rows")
    write_json(metrics, {"positive": described["positive"], "threshold": threshold, "splits": splits})


if __name__ == "__main__":
    main(metrics)
