"""The sections of the report that show the sweep and the chosen model."""

from typing import Any

from scripts.report import choose, curves
from scripts.report.page import BLANK, Markup, figure, interval, number, share, short, table, verdict
from scripts.report.sections import Figures

LISTED = 20  # trials in the table


def setting(params: dict[str, Any]) -> str:
    """Return hyperparameters on one line."""
    values = {key: number(value) if isinstance(value, int | float) else str(value) for key, value in params.items()}
    return ", ".join(f"{key} {values[key]}" for key in sorted(values))


def tuning(tuned: dict, captions: dict[str, str]) -> Figures:
    """Show the sweep as history and as a table, the best trial first."""
    metric, trials = tuned["metric"], tuned["trials"]
    best = (tuned.get("best") or {}).get("number")
    rows = []
    for trial in choose.best_first(trials)[:LISTED]:
        good = verdict(trial["status"] == "ok", "best" if trial["number"] == best else "ok", "failed")
        score = BLANK if trial["score"] is None else f"{trial['score']:.4f}"
        words = "; ".join(filter(None, (setting(trial["params"]), short(trial.get("error", ""), 120))))
        rows.append([trial["number"], trial["family"], words, good, trial["round"], score])
    failed = sum(trial["status"] != "ok" for trial in trials)
    title = f"Trials: {len(trials)}, {failed} failed"
    if len(trials) > LISTED:
        title += f"; the first {LISTED}"
    plot = curves.history("history", "Score by trial", trials, choose.running_best(trials), metric)
    listed = table(["trial", "family", "setting", "status", "round", metric], rows, 4)
    return [
        figure("history", "Score by trial", plot, captions["history"], full=True),
        figure("trials", title, listed, captions["trials"], full=True),
    ]


def model(metrics: dict, classes: list[str], captions: dict[str, str]) -> Figures:
    """Show metrics, curves, confusion and slices of the chosen model, splits side by side."""
    splits = metrics["splits"]
    of = {key: {split: found["curves"].get(key, []) for split, found in splits.items()} for key in KINDS}
    tables = {split: found["confusion"] for split, found in splits.items()}
    rows = [
        [split, f"true {classes[true]}", *row, share(row[true] / sum(row) if sum(row) else None)]
        for split, found in tables.items()
        for true, row in enumerate(found)
    ]
    head = ["split", "rows that are", *(f"predicted {name}" for name in classes), "right"]
    title = "Confusion"
    return [
        figure("metrics", "Metrics", measured(splits), captions["metrics"]),
        *(
            figure(kind, label, curves.curves(kind, label, of[kind], xlabel, ylabel, diagonal, points), captions[kind])
            for kind, (label, xlabel, ylabel, diagonal, points) in KINDS.items()
        ),
        figure("confusion", title, curves.confusion("confusion", title, tables, classes), captions["confusion"]),
        figure("confusion-table", "Confusion in figures", table(head, rows, 2), captions["confusion-table"]),
        *slices(splits.get("test", {}), captions),
    ]


KINDS = {
    "roc": ("ROC curve", "false positive rate", "true positive rate", True, False),
    "pr": ("Precision and recall", "recall", "precision", False, False),
    "calibration": ("Calibration", "mean score", "share of positive rows", True, True),
}


def measured(splits: dict[str, dict]) -> Markup:
    """Return the table of metrics by split."""
    names = sorted({name for found in splits.values() for name in found["metrics"]})
    rows = [[name, *(interval(found["metrics"].get(name)) for found in splits.values())] for name in names]
    rows += [[name, *(found.get(name) for found in splits.values())] for name in ("rows", "positives")]
    return table(["metric", *splits], rows)


def value_of(part: dict) -> str:
    """Return the value that a slice stands for as text that can be seen."""
    return BLANK if part["value"] in (None, "") else str(part["value"])


def slices(test: dict, captions: dict[str, str]) -> Figures:
    """Show the ROC AUC of each slice of the test split, and all metrics as a table."""
    found = test.get("slices", [])
    named = [(f"{part['column']}: {value_of(part)}", part["metrics"].get("roc_auc") or {}) for part in found]
    named = [(label, entry) for label, entry in named if entry.get("value") is not None]
    whole = test.get("metrics", {}).get("roc_auc", {}).get("value")
    title = "ROC AUC by slice of test"
    plot = curves.dots("slices", title, named, whole, "ROC AUC") if named else Markup("<p>no slices</p>")
    metrics = sorted({name for part in found for name in part["metrics"]})
    rows = [
        [part["column"], value_of(part), part["rows"], *(interval(part["metrics"].get(name)) for name in metrics)]
        for part in found
    ]
    listed = table(["column", "value", "rows", *metrics], rows, 2, "no slices")
    return [
        figure("slices", title, plot, captions["slices"], full=True),
        figure("slices-table", "Slices in figures", listed, captions["slices-table"], full=True),
    ]
