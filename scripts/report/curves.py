"""Plots of the model: curves, confusion matrices, slices."""

from matplotlib.patches import Rectangle

from scripts.report.canvas import FILL, INK, MARKERS, SERIES, axes, inline
from scripts.report.markup import Markup, short


def curves(
    name: str, title: str, lines: dict[str, list], xlabel: str, ylabel: str, diagonal: bool, points: bool = False
) -> Markup:
    """Draw one curve per split over the unit square, with the diagonal where that is the yardstick."""
    figure, [axis] = axes(4.2, 3.9)
    if diagonal:
        axis.plot([0, 1], [0, 1], color=INK, linewidth=0.8, linestyle=":")
    for index, (split, pairs) in enumerate(lines.items()):
        look = {"color": SERIES[index % len(SERIES)], "linestyle": ["-", "--"][index % 2]}
        look |= {"marker": MARKERS[index % len(MARKERS)], "markersize": 4} if points else {}
        axis.plot([pair[0] for pair in pairs], [pair[1] for pair in pairs], label=short(split), **look)
    axis.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), xlabel=xlabel, ylabel=ylabel, aspect="equal")
    if lines:
        figure.legend(loc="outside upper center", ncols=4, fontsize=8)
    return inline(figure, name, title)


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
    return inline(figure, name, title)


def dots(name: str, title: str, slices: list[tuple[str, dict]], whole: float | None, xlabel: str) -> Markup:
    """Draw value and interval of a metric for each slice, and a line at its value over all rows."""
    figure, [axis] = axes(4.6, 0.9 + 0.24 * len(slices))
    for y, (_, entry) in enumerate(slices):
        ends = [entry["value"] if entry.get(end) is None else entry[end] for end in ("low", "high")]
        axis.plot(ends, [y, y], color=SERIES[0], linewidth=1.5)
        axis.plot(entry["value"], y, "o", color=SERIES[0], markersize=5)
    if whole is not None:
        axis.axvline(whole, color=INK, linewidth=0.8, linestyle="--")
    axis.set_yticks(range(len(slices)), [short(label) for label, _ in slices])
    axis.set(ylim=(len(slices) - 0.5, -0.5), xlabel=xlabel)
    return inline(figure, name, title)
