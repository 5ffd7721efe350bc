"""Plots of estimates with their intervals, one row for each slice, column or check."""

import math

from matplotlib.ticker import MaxNLocator

from scripts.report.html import Markup, number, short
from scripts.report.svg import FILL, INK, SERIES, axes, to_inline_svg

BAR = 0.6  # height of a bar in rows


def interval_ends(entry: dict) -> tuple[float, float]:
    """Return the ends of the interval of an estimate, or twice its value if it has no interval."""
    low, high = (entry["value"] if entry.get(end) is None else entry[end] for end in ("low", "high"))
    return low, high


def dots(
    name: str,
    title: str,
    rows: list[tuple[str, int | None, dict]],
    whole: float | None,
    xlabel: str,
    band: tuple[float, float] | None = None,
) -> Markup:
    """Draw estimate and interval of each of *rows* (label, number of rows, estimate), larger dots for more rows.

    A line shows the value of the *whole*, a *band* its interval.
    """
    figure, [axis] = axes(5.0, 0.9 + 0.24 * len(rows))
    most = max((count or 1 for _, count, _ in rows), default=1)
    if band:
        axis.axvspan(*band, color=FILL, alpha=0.15, linewidth=0)
    if whole is not None:
        axis.axvline(whole, color=INK, linewidth=0.8, linestyle="--")
    for y, (_, count, entry) in enumerate(rows):
        axis.plot(interval_ends(entry), [y, y], color=SERIES[0], linewidth=1.5)
        size = 6 if count is None else 3 + 6 * math.sqrt(count / most)
        axis.plot(entry["value"], y, "o", color=SERIES[0], markersize=round(size, 2))
        if count is not None:
            words = {"xycoords": ("axes fraction", "data"), "va": "center", "fontsize": 7.5}
            axis.annotate(number(count), (1.02, y), annotation_clip=False, **words)
    if any(count is not None for _, count, _ in rows):
        axis.annotate("rows", (1.02, -0.9), xycoords=("axes fraction", "data"), annotation_clip=False, fontsize=7.5)
    axis.set_yticks(range(len(rows)), [short(label, 36) for label, _, _ in rows])
    axis.xaxis.set_major_locator(MaxNLocator(6))
    axis.set(ylim=(len(rows) - 0.5, -0.5), xlabel=xlabel)
    return to_inline_svg(figure, name, title)


def bars(name: str, title: str, rows: list[tuple[str, dict]], xlabel: str) -> Markup:
    """Draw a bar from zero for each of *rows* (label, estimate), with its interval."""
    figure, [axis] = axes(5.0, 0.9 + 0.24 * len(rows))
    axis.barh(range(len(rows)), [entry["value"] for _, entry in rows], BAR, color=FILL, alpha=0.7)
    for y, (_, entry) in enumerate(rows):
        axis.plot(interval_ends(entry), [y, y], color=INK, linewidth=1.2)
    axis.axvline(0, color=INK, linewidth=0.8)
    axis.grid(False, axis="y")
    axis.set_yticks(range(len(rows)), [short(label, 36) for label, _ in rows])
    axis.set(ylim=(len(rows) - 0.5, -0.5), xlabel=xlabel)
    return to_inline_svg(figure, name, title)
