"""The part of the report that shows slices of the test split, and what columns the model needs."""

from scripts.report import forest
from scripts.report.markup import Markup, interval, number, table, text
from scripts.report.measures import name_of, value_of
from scripts.report.page import figure
from scripts.report.sections import Figures

DRAWN = 60  # slices, the worst first
WORDS = {"roc_auc": "ROC AUC", "rmse": "RMSE"}


def main_metric(found: list[dict]) -> str:
    """Return the metric by which slices are drawn: ROC AUC, or RMSE where the model predicts values."""
    names = {name for part in found for name in part["metrics"]}
    return next((name for name in WORDS if name in names), min(names, default="roc_auc"))


def slices(test: dict, captions: dict[str, str]) -> Figures:
    """Show one metric of each slice of the test split by value and by size, and all metrics as a table."""
    found = test.get("slices", [])
    metric = main_metric(found)
    label = WORDS.get(metric, metric)
    rows = [(name_of(part), part["rows"], part["metrics"].get(metric) or {}) for part in found]
    rows = [row for row in rows if row[2].get("value") is not None]
    title = f"{label} by slice of test"
    plot = drawn(rows, test.get("metrics", {}).get(metric) or {}, label, title) if rows else Markup("<p>no slices</p>")
    if small := test.get("too_small"):
        words = ", ".join(f"{entry['name']} ({number(entry['rows'])})" for entry in small)
        plot = Markup(f"{plot}<p>too few rows to measure: {text(words)}</p>")
    return [
        figure("slices", title, plot, captions["slices"], full=True),
        figure("slices-table", "Slices in figures", listed(found), captions["slices-table"], full=True),
        *gaps(test.get("gaps") or {}, captions),
    ]


def drawn(rows: list[tuple[str, int, dict]], whole: dict, label: str, title: str) -> Markup:
    """Return the plot of *rows* twice, by value and by size, and the choice between both."""
    orders = {"value": lambda row: (row[2]["value"], row[0]), "size": lambda row: (-row[1], row[0])}
    worst = sorted(rows, key=orders["value"], reverse=label == WORDS["rmse"])[:DRAWN]
    band = forest.ends_of(whole) if whole.get("low") is not None else None
    choice, plots = "", ""
    for order, key in orders.items():
        ordered = sorted(worst, key=key, reverse=order == "value" and label == WORDS["rmse"])
        checked = " checked" if order == "value" else ""
        choice += f'<label><input type="radio" name="order" id="slices-{order}"{checked}>by {order}</label>'
        plot = forest.dots(f"slices-by-{order}", f"{title}, by {order}", ordered, whole.get("value"), label, band)
        plots += f'<div class="by-{order}">{plot}</div>'
    few = f"<p>the {DRAWN} worst of {len(rows)}</p>" if len(rows) > DRAWN else ""
    return Markup(f"<fieldset><legend>order</legend>{choice}</fieldset>{few}{plots}")


def listed(found: list[dict]) -> Markup:
    """Return the table of all metrics of all slices."""
    metrics = sorted({name for part in found for name in part["metrics"]})
    rows = [
        [part["column"], value_of(part), part["rows"], *(interval(part["metrics"].get(name)) for name in metrics)]
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
    if len(rows) > DRAWN:
        title += f", the first {DRAWN} of {len(rows)}"
    plot = forest.bars("importance", title, rows[:DRAWN], f"loss of {entries[0]['metric']} on eval")
    return [figure("importance", title, plot, captions["importance"], full=True)]
