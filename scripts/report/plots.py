"""Plots of the data by span: bars, lines, and grids of shares."""

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from scripts.report.canvas import FILL, SERIES, axes, inline
from scripts.report.markup import Markup, short


def spans_axis(axis: Axes, spans: list[str]) -> None:
    """Name the spans along the x axis, upright where they would not fit."""
    steep = len(spans) > 5 or max(map(len, spans), default=0) > 8
    axis.set_xticks(range(len(spans)), [short(span, 12) for span in spans], rotation=90 if steep else 0)


def bars(name: str, title: str, labels: list[str], values: list[int]) -> Markup:
    """Draw counts by span."""
    figure, [axis] = axes(max(4.4, 1 + 0.24 * len(labels)), 2.6)
    axis.bar(range(len(labels)), values, color=FILL, width=0.7)
    spans_axis(axis, labels)
    axis.grid(False, axis="x")
    axis.yaxis.set_major_formatter("{x:,.0f}")
    axis.set_ylabel("rows")
    return inline(figure, name, title)


def line(name: str, title: str, labels: list[str], values: list[float | None], ylabel: str) -> Markup:
    """Draw a share by span; gaps where it is unknown."""
    figure, [axis] = axes(max(4.4, 1 + 0.24 * len(labels)), 2.6)
    known = [float("nan") if value is None else 100 * value for value in values]
    axis.plot(range(len(labels)), known, color=SERIES[0], marker="o", markersize=4)
    spans_axis(axis, labels)
    axis.set_ylim(bottom=0, top=max([1.0, *(1.15 * value for value in known if value == value)]))
    axis.set_ylabel(ylabel)
    return inline(figure, name, title)


def heat(
    name: str,
    title: str,
    rows: list[str],
    columns: list[str],
    cells: list[list[float | None]],
    xlabel: str = "",
    ylabel: str = "",
) -> Markup:
    """Draw shares (0 to 1) as a grid of cells, the fuller the larger, with their value in hundredths."""
    figure, [axis] = axes(max(4.2, 1.5 + 0.27 * len(columns)), 0.8 + 0.23 * len(rows))
    for y, values in enumerate(cells):
        for x, value in enumerate(values):
            alpha = None if value is None else max(0.04, min(1.0, value))
            color = "none" if value is None else FILL
            axis.add_patch(Rectangle((x - 0.47, y - 0.45), 0.94, 0.9, facecolor=color, alpha=alpha, linewidth=0))
            label = "·" if value is None else f"{100 * value:.0f}"
            axis.text(x, y, label, ha="center", va="center", fontsize=7.5)
    axis.set(xlim=(-0.5, len(columns) - 0.5), ylim=(len(rows) - 0.5, -0.5), xlabel=xlabel, ylabel=ylabel)
    axis.set_yticks(range(len(rows)), [short(row, 18) for row in rows])
    spans_axis(axis, columns)
    axis.grid(False)
    axis.tick_params(length=0)
    axis.spines[:].set_visible(False)
    return inline(figure, name, title)
