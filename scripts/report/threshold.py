"""The part of the report that shows what a decision threshold does, for two classes."""

from scripts.report import curves
from scripts.report.markup import Markup, number, share, table, verdict
from scripts.report.measures import f1
from scripts.report.page import figure
from scripts.report.sections import Figures


def threshold(metrics: dict, captions: dict[str, str]) -> Figures:
    """Show precision, recall, F1 and the selection rate by threshold on eval, the chosen threshold marked."""
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
        mark = f" {verdict(True, 'chosen')}" if index == marked else ""
        name = Markup(f'<span data-threshold="{at:g}">{number(at)}</span>{mark}')
        rows.append([name, *map(share, (precision, recall, f1(precision, recall), rate))])
    title = "What a threshold does, eval"
    plot = curves.by_threshold("thresholds", title, lines, chosen)
    listed = table(["threshold", *lines], rows)
    body = Markup(f'{plot}<div class="tall">{listed}</div>')
    return [figure("thresholds", title, body, captions["thresholds"], full=True)]
