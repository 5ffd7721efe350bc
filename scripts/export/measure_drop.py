"""How much worse another form of a bundle's model is than the model itself, on the same labelled rows.

A check is {"of", "rows", "metric", "limit", "drop", "high", "passed"}: "of" names a slice and is empty for all rows,
"drop" is how much worse the metric is, as a share of its value in regression. Over all rows the upper end of its 95 %
interval ("high") must be within the limit, in a slice the drop itself. Where the metric is undefined in a slice, as in
one of a single class, there is nothing to lose, and "why" says so.
"""

import numpy as np

from scripts.analyze.bootstrap import Scores
from scripts.analyze.compare import NORMAL, Change, bootstrap_changes
from scripts.metrics.table import is_lower_better

RANKS, DECIDES, ERRS = "roc_auc", "balanced_accuracy", "rmse"


def measure_drops(
    new: Scores, old: Scores, parts: dict[str, np.ndarray], limit: float, samples: int, seed: int
) -> list[dict]:
    """Return the checks that *new* is worse than *old* by at most *limit*, in all rows and in the slices *parts*.

    The order of scores and the decisions are measured, in regression the errors. *samples* are those of a paired
    bootstrap.
    """
    parts = {"": np.arange(len(new.y))} | parts
    changes = bootstrap_changes(new, old, parts, samples, seed)
    metrics, kind = ((ERRS,), "relative") if new.regression else ((RANKS, DECIDES), "absolute")
    return [
        {"of": of, "rows": len(rows), "metric": metric} | check_drop(metric, changes[of, metric, kind], limit, bool(of))
        for of, rows in parts.items()
        for metric in metrics
    ]


def check_drop(metric: str, change: Change, limit: float, is_slice: bool) -> dict:
    """Return the check of the *change* of *metric* in all rows or in those of a slice."""
    if not np.isfinite(change.value):
        return {"limit": limit, "drop": None, "high": None, "passed": is_slice, "why": change.undefined}
    estimate, lower = change.estimate(NORMAL), is_lower_better(metric)
    end = estimate["high" if lower else "low"]
    drop, high = (None if value is None else (value if lower else 0.0 - value) for value in (change.value, end))
    judged = drop if is_slice else high
    return {"limit": limit, "drop": drop, "high": high, "passed": judged is not None and bool(judged <= limit)}


def format_drop(check: dict) -> str:
    """Return a failed check for a message."""
    name = " of ".join(filter(None, (check["metric"], check["of"])))
    if check["drop"] is None:
        return f"{name}: {check['why']}"
    verb = "rises" if is_lower_better(check["metric"]) else "drops"
    high = "no interval" if check["high"] is None else f"up to {check['high']:.4f}"
    return f"{name} {verb} by {check['drop']:.4f} ({high}, {check['rows']} rows), at most {check['limit']:g}"
