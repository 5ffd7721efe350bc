"""Plots as inline SVG: real text, colours by CSS variable (light and dark), the same bytes on every machine."""

import io
import xml.etree.ElementTree as ET

import matplotlib
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from scripts.report.page import Markup, short

# colours that stand for a CSS variable, since matplotlib knows no variables
INK, LINE, FILL = "#010101", "#020202", "#030303"
SERIES = ["#040401", "#040402", "#040403", "#040404"]
VARIABLES = {INK: "ink", LINE: "line", FILL: "fill"} | {color: f"s{i}" for i, color in enumerate(SERIES, 1)}
MARKERS = "osD^"
SCROLLS = 6.0  # inches: a wider plot scrolls on a phone and is not shrunk

matplotlib.rcdefaults()  # whatever the user's matplotlibrc says
matplotlib.rcParams.update(
    {
        "svg.fonttype": "none",
        "text.parse_math": False,
        "font.size": 9,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "axes.axisbelow": True,
        "grid.color": LINE,
        "grid.linewidth": 0.6,
        "axes.edgecolor": LINE,
        "text.color": INK,
        "axes.labelcolor": INK,
        "xtick.color": LINE,
        "ytick.color": LINE,
        "xtick.labelcolor": INK,
        "ytick.labelcolor": INK,
        "legend.frameon": False,
    }
)
# text is measured with the fonts in the package: others differ between machines
FONTS = font_manager.fontManager
FONTS.ttflist = [font for font in FONTS.ttflist if font.fname.startswith(matplotlib.get_data_path())]


def axes(width: float, height: float, count: int = 1) -> tuple[Figure, list[Axes]]:
    """Return a figure of *width* by *height* inches with *count* axes side by side."""
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasSVG(figure)
    return figure, list(figure.subplots(1, count, squeeze=False)[0])


def inline(figure: Figure, name: str, title: str) -> Markup:
    """Return the figure as an SVG element for a page with others: own ids, no namespaces, metadata or style sheet."""
    matplotlib.rcParams["svg.hashsalt"] = name
    file = io.BytesIO()
    figure.savefig(file, format="svg", transparent=True, metadata=dict.fromkeys(("Creator", "Date", "Format", "Type")))
    root = ET.fromstring(file.getvalue())
    used = set()
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
        element.attrib = {key.rpartition("}")[2]: value for key, value in element.attrib.items()}
        for key, value in element.attrib.items():
            if value.startswith(("#", "url(#")):
                used.add(value.removeprefix("url(").strip("#)"))
                element.attrib[key] = value.replace("#", f"#{name}-", 1)
            for color, variable in VARIABLES.items() if key == "style" else ():
                element.attrib[key] = element.attrib[key].replace(color, f"var(--{variable})")
    for parent in root.iter():
        if "id" in parent.attrib:
            own = parent.attrib.pop("id")
            parent.attrib |= {"id": f"{name}-{own}"} if own in used else {}
        for child in [child for child in parent if child.tag in ("style", "metadata")]:
            parent.remove(child)
    root.attrib = {key: root.attrib[key] for key in ("viewBox", "width")} | {"role": "img", "aria-label": title}
    root.attrib |= {"class": "wide"} if figure.get_figwidth() > SCROLLS else {}
    return Markup(ET.tostring(root, encoding="unicode"))


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
