"""The part of the report that shows how groups of people are treated, threshold by threshold."""

from scripts.report import curves
from scripts.report.markup import BLANK, Markup, interval, number, short, table, text, verdict
from scripts.report.page import figure
from scripts.report.sections import Figures

RATES = {
    "selection_rate": "selection rate",
    "true_positive_rate": "true positive rate",
    "false_positive_rate": "false positive rate",
}
DRAWN = 8  # groups in a plot, the largest ones


def fairness(test: dict, captions: dict[str, str]) -> Figures:
    """Show the rates of groups by threshold, their differences, and each group at the chosen threshold."""
    found = {column: entry for column, entry in (test.get("fairness") or {}).items() if entry["thresholds"]}
    if not found:
        return []
    plots = "".join(panels(number, column, entry) for number, (column, entry) in enumerate(found.items()))
    head = ["column", "threshold", *next(iter(found.values()))["thresholds"][0]["metrics"]]
    measured = [
        [column, at(step), *(interval(step["metrics"].get(name)) for name in head[2:])]
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
        figure("fairness", titles[0], Markup(plots), captions["fairness"], full=True, scroll=False),
        figure("fairness-table", titles[1], table(head, measured, 1), captions["fairness-table"], full=True),
        figure("groups", titles[2], table(names, groups, 2), captions["groups"], full=True),
    ]


def by_threshold(entry: dict) -> list[dict]:
    """Return what was measured of a column in the order of the thresholds."""
    return sorted(entry["thresholds"], key=lambda step: step["threshold"])


def at(step: dict) -> Markup:
    """Return a threshold, marked where it is the chosen one."""
    chosen = f" {verdict(True, 'chosen')}" if step["chosen"] else ""
    return Markup(f"{number(step['threshold'])}{chosen}")


def panels(index: int, column: str, entry: dict) -> str:
    """Return the plots of one column: each rate by threshold, a line for each group, the reference the thickest."""
    steps = by_threshold(entry)
    sizes = {group: found["rows"] for step in steps for group, found in step["groups"].items()}
    reference = entry["reference"]
    order = sorted(sizes, key=lambda group: (group != reference, -sizes[group], group))[:DRAWN]
    plots = []
    for rate, label in RATES.items():
        lines = {
            group: [(step["threshold"], step["groups"][group][rate]) for step in steps if group in step["groups"]]
            for group in order
        }
        chosen = next((step["threshold"] for step in steps if step["chosen"]), None)
        plots.append(curves.rates(f"fairness-{index}-{rate}", f"{label} by {column}", lines, label, reference, chosen))
    few = f", the {DRAWN} largest of {len(sizes)} groups" if len(sizes) > DRAWN else ""
    small = f"; too few rows: {', '.join(map(str, entry['too_small']))}" if entry.get("too_small") else ""
    words = f"{column}{few}; reference: {BLANK if reference is None else reference}{small}"
    return f'<h4>{text(short(words, 200))}</h4><div class="panels">{"".join(plots)}</div>'


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
