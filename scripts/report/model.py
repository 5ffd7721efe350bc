"""The section of the report that shows the chosen model."""

from scripts.report import curves, plots
from scripts.report.classes import frequent
from scripts.report.fairness import fairness
from scripts.report.markup import Markup, interval, share, table
from scripts.report.measures import points_of
from scripts.report.page import figure
from scripts.report.sections import CLASSES, Figures
from scripts.report.slices import importance, slices
from scripts.report.threshold import threshold
from scripts.report.values import values


def model(metrics: dict, captions: dict[str, str]) -> Figures:
    """Show metrics, curves, confusion and slices of the chosen model, splits side by side."""
    splits, test = metrics["splits"], metrics["splits"].get("test", {})
    shown = [figure("metrics", "Metrics", measured(splits), captions["metrics"])]
    if metrics.get("task") == "regression":
        shown += values(metrics, captions)
    else:
        shown += [curve(kind, metrics, captions[kind]) for kind in KINDS]
        shown += threshold(metrics, captions) + confusion(metrics, captions)
    shown += slices(test, captions) + fairness(test, captions)
    return shown + importance(metrics.get("importance") or [], captions)


def curve(kind: str, metrics: dict, caption: str) -> tuple[str, str, Markup]:
    """Show one kind of curve, a line for each split; with more than two classes, those of test by class."""
    label, xlabel, ylabel, diagonal, points = KINDS[kind]
    lines = {split: found["curves"].get(kind, []) for split, found in metrics["splits"].items()}
    if any(isinstance(found, dict) for found in lines.values()):
        lines = lines.get("test") or {}
        label += ", class against the rest, test"
    elif metrics["positive"] is None:
        ylabel = "share that is right"
    chosen = points_of(metrics, kind)
    return figure(kind, label, curves.curves(kind, label, lines, xlabel, ylabel, diagonal, points, chosen), caption)


def confusion(metrics: dict, captions: dict[str, str]) -> Figures:
    """Show the confusion of classes: two for both splits, more as shares of the true class on test; and in figures."""
    names, splits = metrics["classes"], metrics["splits"]
    tables = {split: found["confusion"] for split, found in splits.items()}
    title = "Confusion"
    if len(names) == 2:
        plot = curves.confusion("confusion", title, tables, names)
        rows = [
            [split, f"true {names[true]}", *row, share(row[true] / sum(row) if sum(row) else None)]
            for split, found in tables.items()
            for true, row in enumerate(found)
        ]
        listed = table(["split", "rows that are", *(f"predicted {name}" for name in names), "right"], rows, 2)
    else:
        counts, shown = frequent(tables["test"], names, CLASSES)
        title += " on test" if len(shown) == len(names) else f" on test, the {len(shown)} most frequent classes"
        cells = [[count / sum(row) if count else None for count in row] for row in counts]
        plot = plots.heat("confusion", title, shown, shown, cells, "predicted", "true")
        rows = [
            [split, name, one["rows"], *(share(one[key]) for key in ("precision", "recall"))]
            for split, found in splits.items()
            for name, one in found["classes"].items()
        ]
        listed = table(["split", "class", "rows", "precision", "recall"], rows, 2)
    return [
        figure("confusion", title, plot, captions["confusion"], full=len(names) > 2),
        figure("confusion-table", "Confusion in figures", listed, captions["confusion-table"]),
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
    rows += [
        [name, *(found.get(name) for found in splits.values())]
        for name in ("rows", "positives")
        if any(found.get(name) is not None for found in splits.values())
    ]
    return table(["metric", *splits], rows)
