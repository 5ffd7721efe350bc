"""Measure the bundle on raw rows of the eval and test splits; the threshold is chosen on eval alone."""

from pathlib import Path

import numpy as np
import pyarrow as pa

from scripts.analyze.measure import best_threshold, by_class, confusion, curves, intervals, slices
from scripts.analyze.weighted import METRICS
from scripts.bundle.encode import from_column, from_table
from scripts.bundle.label import labelled
from scripts.bundle.predictor import Predictor, predictor
from scripts.bundle.rows import spans, types
from scripts.spine.canon import read_json, write_json
from scripts.spine.job import BadInput, main, say


def scored(
    tables: list[Path], bundle: Predictor, contract: dict, label: dict, columns: list[str]
) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    """Return the class numbers and probabilities [rows, classes] of the labelled rows, and the texts of *columns*.

    Raises BadInput unless at least two classes have rows.
    """
    numbers, parts, kept = [], [], []
    asked = [*contract["columns"], *(name for name in columns if name not in contract["columns"])]
    for rows, classes in labelled(tables, label, asked, len(contract["features"])):
        numbers.append(classes)
        parts.append(bundle.outputs(from_table(rows, contract)))
        kept.append(rows.select(columns))
    y = np.concatenate(numbers) if numbers else np.empty(0, np.int64)
    counts = np.bincount(y, minlength=len(contract["classes"]))
    if np.count_nonzero(counts) < 2:
        held = ", ".join(f"{count} {name}" for name, count in zip(contract["classes"], counts, strict=True))
        raise BadInput(f"span {spans(tables)}: {len(y)} rows with a class ({held}); at least two classes are needed")
    specs = {name: {"type": type_, "tensor": "text"} for name, type_ in types(tables).items()}
    table = pa.concat_tables(kept)
    texts = {name: from_column(table[name], specs[name]).ravel() for name in columns}
    return y, np.concatenate(parts), texts


def metrics(
    eval_tables: list[Path],
    test_tables: list[Path],
    bundle: Path,
    metrics: Path,
    label: dict,
    columns: list,
    min_slice: int,
    bootstrap: int,
    seed: int,
) -> None:
    """Write metrics with 95 % intervals, confusion, curves and slices of both splits.

    With two classes the positive one comes last and a threshold decides; with more, the most probable class.
    """
    described, answers = read_json(bundle / "contract.json"), predictor(bundle)
    positive, classes, options = described["positive"], described["classes"], {"samples": bootstrap, "seed": seed}
    splits, threshold = {}, None
    for split, tables in (("eval", eval_tables), ("test", test_tables)):
        y, p, groups = scored(tables, answers, described, label, columns)
        if positive is not None:
            y, p = (y == classes.index(positive)).astype(np.int64), p[:, classes.index(positive)]
            threshold = best_threshold(y, p) if split == "eval" else threshold
        table = confusion(y, p, threshold)
        splits[split] = {
            "rows": len(y),
            "positives": None if positive is None else int(y.sum()),
            "metrics": intervals(y, p, threshold, METRICS, **options),
            "confusion": table,
            "curves": curves(y, p, classes),
            "slices": slices(y, p, groups, threshold, min_slice, **options),
        }
        splits[split] |= {"classes": by_class(table, classes)} if positive is None else {}
        auc = splits[split]["metrics"]["roc_auc"]
        say(f"{split}: ROC AUC {auc['value']:.4f} ({auc['low']:.4f} to {auc['high']:.4f}) on {len(y)} rows")
    if positive is not None:
        classes = [*(name for name in classes if name != positive), positive]
    write_json(metrics, {"classes": classes, "positive": positive, "threshold": threshold, "splits": splits})


if __name__ == "__main__":
    main(metrics)
