"""The section of the report that shows the chosen model."""

from scripts.report import curves, plots
from scripts.report.classes import frequent
from scripts.report.markup import BLANK, Markup, interval, share, table
from scripts.report.page import figure
from scripts.report.sections import CLASSES, Figures


def model(metrics: dict, captions: dict[str, str]) -> Figures:
    """Show metrics, curves, confusion and slices of the chosen model, splits side by side."""
    splits = metrics["splits"]
    return [
        figure("metrics", "Metrics", measured(splits), captions["metrics"]),
        *(curve(kind, metrics, captions[kind]) for kind in KINDS),
        *confusion(metrics, captions),
        *slices(splits.get("test", {}), captions),
    ]


def curve(kind: str, metrics: dict, caption: str) -> tuple[str, str, Markup]:
    """Show one kind of curve, a line for each split; with more than two classes, those of test by class."""
    label, xlabel, ylabel, diagonal, points = KINDS[kind]
    lines = {split: found["curves"].get(kind, []) for split, found in metrics["splits"].items()}
    if any(isinstance(found, dict) for found in lines.values()):
        lines = lines.get("test") or {}
        label += ", class against the rest, test"
    elif metrics["positive"] is None:
        ylabel = "share that is right"
    return figure(kind, label, curves.curves(kind, label, lines, xlabel, ylabel, diagonal, points), caption)


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
