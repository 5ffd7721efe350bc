"""The part of the report on what single columns do to the outputs, and where a row can be edited."""

from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.ticker import MaxNLocator

from scripts.report.html import Figures, Markup, figure, join, part, short
from scripts.report.svg import FILL, SERIES, axes, to_inline_svg

MARGIN = 0.04  # of the range of the outputs, above and below
TICKS = 4


def dependence(entries: list[dict], metrics: dict, address: str, captions: dict[str, str]) -> Figures:
    """Show the curves of *entries* for each column, on one scale, and the *address* at which a row can be edited.

    An empty address is not known.
    """
    if not entries:
        return []
    curves = [curve for entry in entries for curve in (*entry["average"].values(), *entry["individual"])]
    low, high = min(map(min, curves)), max(map(max, curves))
    margin = MARGIN * ((high - low) or 1)
    output = f"probability of {metrics['positive'] or 'a class'}" if metrics["classes"] else "prediction"
    scale = (low - margin, high + margin)
    plots = [plot(f"dependence-{number}", entry, output, scale) for number, entry in enumerate(entries)]
    title = "What single columns do"
    body = join(
        *([part("what_if", address)] if address else []), part("panels", f"{short(output, 60)}, by column", plots)
    )
    return [figure("dependence", title, body, captions["dependence"], full=True, scroll=False)]


def plot(name: str, entry: dict, output: str, scale: tuple[float, float]) -> Markup:
    """Draw the individual curves of *entry* thin and the mean ones thick; texts from top to bottom, in their order."""
    svg, [axis] = axes(3.2, 3.0)
    is_text, values = isinstance(entry["values"][0], str), entry["values"]
    means = list(entry["average"].items())
    order = sorted(range(len(values)), key=lambda at: means[0][1][at]) if is_text else range(len(values))
    places = range(len(values)) if is_text else values

    def draw(curve: list[float], **style) -> None:
        heights = [curve[at] for at in order]
        axis.plot(*((heights, places) if is_text else (places, heights)), **style)

    for curve in entry["individual"]:
        draw(curve, color=FILL, linewidth=0.6, alpha=0.5)
    for number, (label, curve) in enumerate(means):
        style = {"linestyle": ["-", "--", "-.", ":"][number], "color": SERIES[number], "label": short(label, 14)}
        draw(curve, linewidth=2, **style, **({"marker": "o", "markersize": 4} if is_text else {}))
    axis.set_title(short(entry["column"], 36))
    if is_text:
        axis.set_yticks(places, [short(values[at] or "(missing)", 16) for at in order])
        axis.set(xlim=scale, xlabel=short(output, 36))
    else:
        axis.set(ylim=scale, ylabel=short(output, 36))
        choose_ticks(axis, entry["type"])
    if len(means) > 1:
        svg.legend(loc="outside upper center", ncols=2, fontsize=7.5)
    return to_inline_svg(svg, name, f"{output} by {entry['column']}")


def choose_ticks(axis: Axes, dtype: str) -> None:
    """Put few ticks below the numbers, dates or times of a column; the latter are days since 1970-01-01."""
    if dtype in ("date", "time"):
        locator = AutoDateLocator(minticks=2, maxticks=TICKS)
        axis.xaxis.set_major_formatter(ConciseDateFormatter(locator))
    else:
        locator = MaxNLocator(TICKS)
    axis.xaxis.set_major_locator(locator)
