"""The parts of the report on slices of the test split, importance of columns, and fairness by threshold."""

from scripts.metrics.table import choose_main_metric, is_lower_better
from scripts.report import interval_plot, model_plots
from scripts.report.html import NO_VALUE, Figures, Markup, figure, interval, join, number, part, short, table, verdict
from scripts.report.metric_labels import metric_label, slice_label, value_label

MAX_SLICES = 60  # slices, the worst first


def slices(test: dict, tuned_metric: str, captions: dict[str, str]) -> Figures:
    """Show the main metric of each slice of the test split by value and by size, and all metrics as a table."""
    found = test.get("slices", [])
    metric = choose_main_metric({name for part in found for name in part["metrics"]}, tuned_metric) or tuned_metric
    label = metric_label(metric)
    rows = [(slice_label(part), part["rows"], part["metrics"].get(metric) or {}) for part in found]
    rows = [row for row in rows if row[2].get("value") is not None]
    title = f"{label} by slice of test"
    plot = (
        plot_slices(rows, test.get("metrics", {}).get(metric) or {}, metric, title)
        if rows
        else part("paragraph", "no slices")
    )
    if small := test.get("too_small"):
        words = ", ".join(f"{entry['name']} ({number(entry['rows'])})" for entry in small)
        plot = join(plot, part("paragraph", f"too few rows to measure: {words}"))
    return [
        figure("slices", title, plot, captions["slices"], full=True),
        figure("slices-table", "Slices in figures", slices_table(found), captions["slices-table"], full=True),
        *gaps(test.get("gaps") or {}, captions),
    ]


def plot_slices(rows: list[tuple[str, int, dict]], whole: dict, metric: str, title: str) -> Markup:
    """Return the plot of *rows* twice, by value and by size, and the choice between both."""
    label, descending = metric_label(metric), is_lower_better(metric)  # the worst come first
    orders = {"value": lambda row: (row[2]["value"], row[0]), "size": lambda row: (-row[1], row[0])}
    worst = sorted(rows, key=orders["value"], reverse=descending)[:MAX_SLICES]
    band = interval_plot.interval_ends(whole) if whole.get("low") is not None else None
    plots = {}
    for order, key in orders.items():
        ordered = sorted(worst, key=key, reverse=order == "value" and descending)
        plots[order] = interval_plot.dots(
            f"slices-by-{order}", f"{title}, by {order}", ordered, whole.get("value"), label, band
        )
    return part("ordered_plots", plots, f"the {MAX_SLICES} worst of {len(rows)}" if len(rows) > MAX_SLICES else "")


def slices_table(found: list[dict]) -> Markup:
    """Return the table of all metrics of all slices."""
    metrics = sorted({name for part in found for name in part["metrics"]})
    rows = [
        [part["column"], value_label(part), part["rows"], *(interval(part["metrics"].get(name)) for name in metrics)]
        for part in found
    ]
    return table(["column", "value", "rows", *metrics], rows, 2, "no slices")


def gaps(found: dict, captions: dict[str, str]) -> Figures:
    """Show the largest difference between two slices of each column."""
    metrics = sorted({name for entry in found.values() for name in entry})
    rows = [[column, *(interval(entry.get(name)) for name in metrics)] for column, entry in found.items()]
    title = "Largest difference between slices"
    return [figure("gaps", title, table(["column", *metrics], rows), captions["gaps"], full=True)] if rows else []


def importance(entries: list[dict], captions: dict[str, str]) -> Figures:
    """Show what the metric loses on shuffled values of each column."""
    rows = [(entry["column"], entry["drop"]) for entry in entries if entry["drop"].get("value") is not None]
    if not rows:
        return []
    title = "Importance of columns"
    if len(rows) > MAX_SLICES:
        title += f", the first {MAX_SLICES} of {len(rows)}"
    plot = interval_plot.bars("importance", title, rows[:MAX_SLICES], f"loss of {entries[0]['metric']} on eval")
    return [figure("importance", title, plot, captions["importance"], full=True)]


RATES = {
    "selection_rate": "selection rate",
    "true_positive_rate": "true positive rate",
    "false_positive_rate": "false positive rate",
}
MAX_GROUPS = 8  # groups in a plot, the largest ones


def fairness(test: dict, captions: dict[str, str]) -> Figures:
    """Show the rates of groups by threshold, their differences, and each group at the chosen threshold."""
    found = {column: entry for column, entry in (test.get("fairness") or {}).items() if entry["thresholds"]}
    if not found:
        return []
    plots = join(*(panels(number, column, entry) for number, (column, entry) in enumerate(found.items())))
    head = ["column", "threshold", *next(iter(found.values()))["thresholds"][0]["metrics"]]
    measured = [
        [column, threshold_label(step), *(interval(step["metrics"].get(name)) for name in head[2:])]
        for column, entry in found.items()
        for step in by_threshold(entry)
    ]
    groups = [row for column, entry in found.items() for row in group_rows(column, entry)]
    names = [
        "column",
        "group",
        "rows",
        *(f"{word}{more}" for word in RATES.values() for more in ("", ", less reference")),
    ]
    titles = ["Groups by threshold", "Differences between groups", "Groups at the chosen threshold"]
    return [
        figure("fairness", titles[0], plots, captions["fairness"], full=True, scroll=False),
        figure("fairness-table", titles[1], table(head, measured, 1), captions["fairness-table"], full=True),
        figure("groups", titles[2], table(names, groups, 2), captions["groups"], full=True),
    ]


def by_threshold(entry: dict) -> list[dict]:
    """Return what was measured of a column in the order of the thresholds."""
    return sorted(entry["thresholds"], key=lambda step: step["threshold"])


def threshold_label(step: dict) -> Markup:
    """Return a threshold, marked where it is the chosen one."""
    at = step["threshold"]
    return part("threshold", f"{at:g}", number(at), verdict(True, "chosen") if step["chosen"] else "")


def panels(index: int, column: str, entry: dict) -> Markup:
    """Return the plots of one column: each rate by threshold, a line for each group, the reference the thickest."""
    steps = by_threshold(entry)
    sizes = {group: found["rows"] for step in steps for group, found in step["groups"].items()}
    reference = entry["reference"]
    order = sorted(sizes, key=lambda group: (group != reference, -sizes[group], group))[:MAX_GROUPS]
    plots = []
    for rate, label in RATES.items():
        lines = {
            group: [(step["threshold"], step["groups"][group][rate]) for step in steps if group in step["groups"]]
            for group in order
        }
        chosen = next((step["threshold"] for step in steps if step["chosen"]), None)
        plots.append(
            model_plots.rates(f"fairness-{index}-{rate}", f"{label} by {column}", lines, label, reference, chosen)
        )
    few = f", the {MAX_GROUPS} largest of {len(sizes)} groups" if len(sizes) > MAX_GROUPS else ""
    small = f"; too few rows: {', '.join(map(str, entry['too_small']))}" if entry.get("too_small") else ""
    words = f"{column}{few}; reference: {NO_VALUE if reference is None else reference}{small}"
    return part("panels", short(words, 200), plots)


def group_rows(column: str, entry: dict) -> list[list]:
    """Return a table row for each group at the chosen threshold, the reference marked."""
    rows = []
    for step in entry["thresholds"]:
        for group, found in step["groups"].items() if step["chosen"] else ():
            name = f"{group} (reference)" if group == entry["reference"] else group
            against = found.get("against_reference") or {}
            cells = [interval(side.get(rate)) for rate in RATES for side in (found, against)]
            rows.append([column, name, found["rows"], *cells])
    return rows
