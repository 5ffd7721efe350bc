"""Plots of the model: curves over the unit square, rates by threshold, clouds of values, confusion matrices."""

import math
import xml.etree.ElementTree as ET

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from scripts.report.html import Markup, short
from scripts.report.interval_plot import interval_ends
from scripts.report.metric_labels import wilson
from scripts.report.svg import FILL, INK, MARKERS, SERIES, axes, to_inline_svg, to_svg_coordinates

NARROW = 24  # characters of all names of a legend that has one line


def curves(
    name: str,
    title: str,
    lines: dict[str, list],
    xlabel: str,
    ylabel: str,
    diagonal: bool,
    points: bool = False,
    chosen: dict[str, tuple[float, float]] | None = None,
) -> Markup:
    """Draw one curve per split over the unit square, with the diagonal if that is the reference.

    A ring shows the *chosen* threshold; *points* (mean score, share, rows) have a 95 % interval (Wilson 1927).
    """
    figure, [axis] = axes(4.2, 3.9)
    if diagonal:
        axis.plot([0, 1], [0, 1], color=INK, linewidth=0.8, linestyle=":")
    for index, (split, pairs) in enumerate(lines.items()):
        style = {"color": SERIES[index % len(SERIES)], "linestyle": ["-", "--"][index % 2]}
        style |= {"marker": MARKERS[index % len(MARKERS)], "markersize": 4} if points else {}
        axis.plot([pair[0] for pair in pairs], [pair[1] for pair in pairs], label=short(split), **style)
        if points:
            ends = zip(*(wilson(share, rows) for _, share, rows in pairs), strict=True) if pairs else ([], [])
            axis.vlines([pair[0] for pair in pairs], *map(list, ends), color=style["color"], linewidth=1)
        if chosen and split in chosen:
            axis.plot(*chosen[split], "o", color=style["color"], fillstyle="none", markersize=9, markeredgewidth=1.5)
    axis.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), xlabel=xlabel, ylabel=ylabel, aspect="equal")
    if lines:
        columns = 4 if sum(len(short(line)) for line in lines) <= NARROW else 2
        figure.legend(loc="outside upper center", ncols=columns, fontsize=8)
    return to_inline_svg(figure, name, title)


def rates(
    name: str, title: str, lines: dict[str, list], ylabel: str, reference: str | None, chosen: float | None
) -> Markup:
    """Draw (threshold, estimate) of each group with intervals, the *reference* thick, a line at the *chosen* one."""
    figure, [axis] = axes(3.2, 3.0)
    for index, (group, points) in enumerate(lines.items()):
        known = [(at, entry) for at, entry in points if entry.get("value") is not None]
        style = {"color": SERIES[index % len(SERIES)], "marker": MARKERS[(index + index // 4) % len(MARKERS)]}
        width = 2.6 if group == reference else 1.2
        xs = [at for at, _ in known]
        label = short(str(group), 14)
        axis.plot(xs, [entry["value"] for _, entry in known], label=label, linewidth=width, markersize=4, **style)
        ends = zip(*(interval_ends(entry) for _, entry in known), strict=True) if known else ([], [])
        axis.vlines(xs, *map(list, ends), color=style["color"], linewidth=1)
    if chosen is not None:
        axis.axvline(chosen, color=INK, linewidth=0.8, linestyle="--")
    axis.set(ylim=(-0.03, 1.03), xlabel="threshold", ylabel=ylabel)
    figure.legend(loc="outside upper center", ncols=2, fontsize=7.5)
    return to_inline_svg(figure, name, title)


def by_threshold(name: str, title: str, lines: dict[str, list[tuple[float, float | None]]], chosen: float) -> Markup:
    """Draw each of *lines* (threshold, share) and a line at the *chosen* threshold, which a script may move."""
    figure, [axis] = axes(4.8, 3.0)
    for index, (label, points) in enumerate(lines.items()):
        style = {"color": SERIES[index % len(SERIES)], "linestyle": ["-", "--", "-.", ":"][index % 4]}
        axis.plot([at for at, _ in points], [math.nan if y is None else y for _, y in points], label=label, **style)
    axis.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), xlabel="threshold")
    figure.legend(loc="outside upper center", ncols=4, fontsize=8)
    (left, bottom), (right, top), (x, _) = to_svg_coordinates(figure, axis, [(0, 0), (1, 1), (chosen, 0)])
    line = {"x1": x, "x2": x, "y1": bottom, "y2": top, "data-left": left, "data-right": right, "data-at": chosen}
    return to_inline_svg(
        figure, name, title, [ET.Element("line", {key: f"{v:g}" for key, v in line.items()} | {"class": "at"})]
    )


def cloud(
    name: str, title: str, points: dict[str, list], xlabel: str, ylabel: str, level: bool = False, joined: bool = False
) -> Markup:
    """Draw pairs of values of each split and the reference line without error: the diagonal, or with *level* zero."""
    figure, [axis] = axes(4.2, 3.9)
    for index, (split, pairs) in enumerate(points.items()):
        style = {"color": SERIES[index % len(SERIES)], "marker": MARKERS[index % len(MARKERS)], "label": short(split)}
        style |= {"linestyle": "-", "markersize": 4} if joined else {"linestyle": "none", "markersize": 3, "alpha": 0.6}
        axis.plot([x for x, _ in pairs], [y for _, y in pairs], **style)
    reference_line(axis, level)
    axis.set(xlabel=xlabel, ylabel=ylabel)
    if points:
        figure.legend(loc="outside upper center", ncols=4, fontsize=8)
    return to_inline_svg(figure, name, title)


def reference_line(axis: Axes, level: bool) -> None:
    """Draw the line on which predictions without error lie."""
    style = {"color": INK, "linewidth": 0.8, "linestyle": ":"}
    if level:
        axis.axhline(0, **style)
    else:
        axis.axline((0, 0), slope=1, **style)


def confusion(name: str, title: str, tables: dict[str, list[list[int]]], classes: list[str]) -> Markup:
    """Draw a confusion matrix per split; a cell is the fuller the larger its share of the true class."""
    figure, panels = axes(max(2.8, 2.5 * len(tables)), 2.5, max(1, len(tables)))
    labels = [short(label, 14) for label in classes]
    for index, (axis, (split, rows)) in enumerate(zip(panels, tables.items(), strict=False)):
        for y, row in enumerate(rows):
            for x, count in enumerate(row):
                part = count / sum(row) if sum(row) else 0.0
                axis.add_patch(Rectangle((x - 0.48, y - 0.48), 0.96, 0.96, facecolor=FILL, alpha=max(0.05, part), lw=0))
                axis.text(x, y, f"{count:,}\n{100 * part:.1f} %", ha="center", va="center")
        axis.set(xlim=(-0.5, 1.5), ylim=(1.5, -0.5), xlabel="predicted", title=short(split), aspect="equal")
        axis.set_xticks([0, 1], labels)
        axis.set_yticks([0, 1], labels if index == 0 else ["", ""], rotation=90, va="center")
        axis.set_ylabel("true" if index == 0 else "")
        axis.grid(False)
        axis.tick_params(length=0)
        axis.spines[:].set_visible(False)
    return to_inline_svg(figure, name, title)
