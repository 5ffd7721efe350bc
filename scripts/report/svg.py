"""Figures as inline SVG: real text, colours by CSS variable (light and dark), the same bytes on every machine."""

import io
import xml.etree.ElementTree as ET
from collections.abc import Iterable

import matplotlib
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from scripts.report.html import Markup

# colours that stand for a CSS variable, since matplotlib knows no variables
INK, LINE, FILL = "#010101", "#020202", "#030303"
SERIES = ["#040401", "#040402", "#040403", "#040404"]
VARIABLES = {INK: "ink", LINE: "line", FILL: "fill"} | {color: f"s{i}" for i, color in enumerate(SERIES, 1)}
MARKERS = "osD^"
POINTS = 72  # per inch, the unit of an SVG
SCROLLS = 5.5  # inches: a wider plot scrolls on a phone and is not shrunk
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
    figure = Figure(figsize=(width, height), dpi=POINTS, layout="constrained")
    FigureCanvasSVG(figure)
    return figure, list(figure.subplots(1, count, squeeze=False)[0])


def to_svg_coordinates(figure: Figure, axis: Axes, points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return the coordinates of *points* of *axis* in the SVG; the layout must not change afterwards."""
    figure.draw_without_rendering()
    height = figure.get_figheight() * POINTS
    return [(round(x, 1), round(height - y, 1)) for x, y in axis.transData.transform(points or [(0, 0)])[: len(points)]]


def to_inline_svg(
    figure: Figure, name: str, title: str, elements: Iterable[ET.Element] = (), under: bool = False
) -> Markup:
    """Return the figure as an SVG element for a page with others: own ids, no namespaces, metadata or styles.

    *elements* are drawn on top, or *under* all else. The page allows no style attributes: each becomes several others.
    """
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
        for part in element.attrib.pop("style", "").split(";"):
            key, _, value = part.strip().partition(": ")
            element.attrib |= {key: f"var(--{VARIABLES[value]})" if value in VARIABLES else value} if key else {}
    for parent in root.iter():
        if "id" in parent.attrib:
            own = parent.attrib.pop("id")
            parent.attrib |= {"id": f"{name}-{own}"} if own in used else {}
        for child in [child for child in parent if child.tag in ("style", "metadata")]:
            parent.remove(child)
    place = 0 if under else len(root)
    root[place:place] = list(elements)
    root.attrib = {key: root.attrib[key] for key in ("viewBox", "width")} | {"role": "img", "aria-label": title}
    root.attrib |= {"class": "wide"} if figure.get_figwidth() > SCROLLS else {}
    return Markup(ET.tostring(root, encoding="unicode"))
