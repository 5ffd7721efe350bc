"""The section of the report on the chosen model: metrics, curves, thresholds, confusion, or residuals (regression)."""

from scripts.report import model_plots, span_data
from scripts.report.html import Figure, Figures, Markup, figure, interval, number, part, share, table, verdict
from scripts.report.metric_labels import chosen_points, f1
from scripts.report.overview import CLASSES
from scripts.report.slices import fairness, importance, slices
from scripts.report.span_data import frequent


def values(metrics: dict, captions: dict[str, str]) -> Figures:
    """Show actual against predicted values, residuals, and the means of groups of rows by prediction."""
    found = {split: entry["curves"] for split, entry in metrics["splits"].items()}
    left = {split: [tuple(pair) for pair in entry.get("residuals", [])] for split, entry in found.items()}
    actual = {
        split: [(predicted, predicted + residual) for predicted, residual in pairs] for split, pairs in left.items()
    }
    means = {split: [tuple(point[:2]) for point in entry.get("calibration", [])] for split, entry in found.items()}
    titles = ["Actual against predicted", "Residuals", "Mean value by prediction"]
    xlabel = "prediction"
    return [
        figure(
            "predicted",
            titles[0],
            model_plots.cloud("predicted", titles[0], actual, xlabel, "value"),
            captions["predicted"],
        ),
        figure(
            "residuals",
            titles[1],
            model_plots.cloud("residuals", titles[1], left, xlabel, "value less prediction", level=True),
            captions["residuals"],
        ),
        figure(
            "means",
            titles[2],
            model_plots.cloud("means", titles[2], means, f"mean {xlabel}", "mean value", joined=True),
            captions["means"],
        ),
    ]


def threshold(metrics: dict, captions: dict[str, str]) -> Figures:
    """Show precision, recall, F1 and selection rate by threshold on eval, with the chosen threshold."""
    points = metrics["splits"].get("eval", {}).get("curves", {}).get("thresholds")
    if not points or metrics.get("threshold") is None:
        return []
    chosen = metrics["threshold"]
    marked = min(range(len(points)), key=lambda index: abs(points[index][0] - chosen))
    lines = {
        "precision": [(at, precision) for at, _, precision, _ in points],
        "recall": [(at, recall) for at, _, _, recall in points],
        "F1": [(at, f1(precision, recall)) for at, _, precision, recall in points],
        "selection rate": [(at, rate) for at, rate, *_ in points],
    }
    rows = []
    for index, (at, rate, precision, recall) in enumerate(points):
        name = part("threshold", f"{at:g}", number(at), verdict(True, "chosen") if index == marked else "")
        rows.append([name, *map(share, (precision, recall, f1(precision, recall), rate))])
    title = "What a threshold does, eval"
    plot = model_plots.by_threshold("thresholds", title, lines, chosen)
    listed = table(["threshold", *lines], rows)
    body = part("threshold_table", plot, listed)
    return [figure("thresholds", title, body, captions["thresholds"], full=True)]


def model(metrics: dict, tuned_metric: str, captions: dict[str, str]) -> Figures:
    """Show metrics, curves, confusion and slices of the chosen model, splits side by side.

    Slices are drawn by *tuned_metric*, that of the sweep, if it was measured.
    """
    splits, test = metrics["splits"], metrics["splits"].get("test", {})
    shown = [figure("metrics", "Metrics", measured(splits), captions["metrics"])]
    if metrics.get("task") == "regression":
        shown += values(metrics, captions)
    else:
        shown += [curve(kind, metrics, captions[kind]) for kind in KINDS]
        shown += threshold(metrics, captions) + confusion(metrics, captions)
    shown += slices(test, tuned_metric, captions) + fairness(test, captions)
    return shown + importance(metrics.get("importance") or [], captions)


def curve(kind: str, metrics: dict, caption: str) -> Figure:
    """Show one kind of curve, a line for each split; with more than two classes, those of test by class."""
    label, xlabel, ylabel, diagonal, points = KINDS[kind]
    lines = {split: found["curves"].get(kind, []) for split, found in metrics["splits"].items()}
    if any(isinstance(found, dict) for found in lines.values()):
        lines = lines.get("test") or {}
        label += ", class against the rest, test"
    elif metrics["positive"] is None:
        ylabel = "share that is right"
    chosen = chosen_points(metrics, kind)
    return figure(
        kind, label, model_plots.curves(kind, label, lines, xlabel, ylabel, diagonal, points, chosen), caption
    )


def confusion(metrics: dict, captions: dict[str, str]) -> Figures:
    """Show the confusion matrix: of two classes for both splits, of more as shares of the true class on test."""
    names, splits = metrics["classes"], metrics["splits"]
    tables = {split: found["confusion"] for split, found in splits.items()}
    title = "Confusion"
    if len(names) == 2:
        plot = model_plots.confusion("confusion", title, tables, names)
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
        plot = span_data.heat("confusion", title, shown, shown, cells, "predicted", "true")
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
        [f"{name}, too high by", *(found.get("optimism", {}).get(name) for found in splits.values())]
        for name in ("precision", "recall", "f1")
        if any(name in found.get("optimism", {}) for found in splits.values())
    ]
    rows += [
        [name, *(found.get(name) for found in splits.values())]
        for name in ("rows", "positives")
        if any(found.get(name) is not None for found in splits.values())
    ]
    return table(["metric", *splits], rows)
