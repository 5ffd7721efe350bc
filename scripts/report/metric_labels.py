"""Read metrics for the report: labels of slices, points of the chosen threshold, intervals of shares."""

import math

from scripts.report.html import NO_VALUE, number

Z = 1.96  # of a 95 % interval
WORDS = {"roc_auc": "ROC AUC", "rmse": "RMSE"}


def metric_label(metric: str) -> str:
    """Return the name of a metric for readers."""
    return WORDS.get(metric, metric)


def value_label(part: dict) -> str:
    """Return the value of a slice as visible text."""
    return NO_VALUE if part["value"] in (None, "") else str(part["value"])


def slice_label(part: dict) -> str:
    """Return the label of a slice: column and value, the values of a cross, or an expression."""
    if part.get("name") == part["column"]:
        return part["column"]
    if len(part.get("slice", {})) > 1:
        return value_label(part)
    ends = f" ({' to '.join(map(number, part['bounds']))})" if "bounds" in part else ""
    return f"{part['column']}: {value_label(part)}{ends}"


def chosen_points(metrics: dict, kind: str) -> dict[str, tuple[float, float]]:
    """Return the point of the chosen threshold on the ROC or PR curve of each split, from its confusion matrix."""
    found = {}
    for split, entry in metrics["splits"].items() if metrics.get("threshold") is not None else ():
        (right, alarm), (miss, hit) = entry["confusion"]
        if kind == "roc" and right + alarm and miss + hit:
            found[split] = (alarm / (right + alarm), hit / (miss + hit))
        elif kind == "pr" and hit + alarm and miss + hit:
            found[split] = (hit / (miss + hit), hit / (hit + alarm))
    return found


def f1(precision: float | None, recall: float) -> float | None:
    """Return the harmonic mean of precision and recall, None where it is not defined."""
    return 2 * precision * recall / (precision + recall) if precision and recall else None


def wilson(share: float, rows: int) -> tuple[float, float]:
    """Return the 95 % interval of a share of *rows*."""
    middle = (share + Z * Z / (2 * rows)) / (1 + Z * Z / rows)
    half = Z / (1 + Z * Z / rows) * math.sqrt(share * (1 - share) / rows + Z * Z / (4 * rows * rows))
    return max(0.0, middle - half), min(1.0, middle + half)
