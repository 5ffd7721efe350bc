"""Plots of the sweep: score by trial, parallel coordinates, score by hyperparameter.

A trial is a marker or a line with the attribute `data-trial`, so that scripts can highlight it in all plots.
"""

import math
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, LogLocator, MaxNLocator, NullFormatter, NullLocator

from scripts.report.html import NO_VALUE, Markup, number, short
from scripts.report.svg import INK, LINE, axes, to_inline_svg, to_svg_coordinates
from scripts.templates.render import clean

LOGARITHMIC = {"loguniform", "qloguniform", "lognormal", "qlognormal"}
DECADES = 1.5  # of values above zero, from which an axis is logarithmic where no distribution is configured


@dataclass(frozen=True)
class Scale:
    """An axis from *low* to *high*, logarithmic or not, or one of the categories *names*."""

    name: str
    low: float = 0.0
    high: float = 1.0
    log: bool = False
    names: tuple[str, ...] = ()

    def position(self, value: Any) -> float:
        """Return where *value* lies, from 0 to 1."""
        if self.names:
            return self.names.index(format_parameter(value)) / (len(self.names) - 1) if len(self.names) > 1 else 0.5
        low, high, own = (math.log(end) if self.log else end for end in (self.low, self.high, value))
        return (own - low) / (high - low) if high > low else 0.5


def format_parameter(value: Any) -> str:
    """Return the value of a hyperparameter as text."""
    return number(value) if type(value) in (int, float) else "none" if value is None else str(value)


def distributions(space: dict[str, dict]) -> dict[str, str]:
    """Return the distribution of each hyperparameter of a search space, those of options among them."""
    found = {}
    for name, spec in space.items():
        ((found[name], arguments),) = spec.items()
        for option in arguments if found[name] == "choice" else ():
            for more in option.values() if isinstance(option, dict) else ():
                found |= distributions(more)
    return found


def make_scale(name: str, values: list, distribution: str | None) -> Scale:
    """Return the axis of the *values* that trials had of a hyperparameter."""
    if distribution == "choice" or not all(type(value) in (int, float) for value in values):
        order = sorted(set(values), key=lambda value: (type(value).__name__, value if value is not None else 0))
        return Scale(name, names=tuple(dict.fromkeys(map(format_parameter, order))))
    low, high = min(values), max(values)
    log = distribution in LOGARITHMIC
    if distribution is None:
        log = low > 0 and math.log10(high / low) >= DECADES
    return Scale(name, low, high, log and low > 0)


def make_scales(trials: list[dict], space: dict[str, dict]) -> list[Scale]:
    """Return the axis of each hyperparameter of the *trials* of a family, in the order of its *space*."""
    known = distributions(space)
    found: dict[str, list] = {name: [] for name in known}
    for trial in trials:
        for name, value in trial["params"].items():
            found.setdefault(name, []).append(value)
    return [make_scale(name, values, known.get(name)) for name, values in found.items() if values]


SHAPES = ["m-3 0a3 3 0 1 0 6 0a3 3 0 1 0-6 0z", "m-3-3h6v6h-6z", "m0-4l4 4l-4 4l-4-4z", "m0-4l4 7h-8z"]
COLORS = 4
CROSS = "m-3-3l6 6m0-6l-6 6"


def family_style(index: int) -> tuple[str, str]:
    """Return colour class and marker shape of family *index*; 16 families differ."""
    return f"c{index % COLORS + 1}", SHAPES[(index + index // COLORS) % len(SHAPES)]


def format_setting(params: dict) -> str:
    """Return hyperparameters on one line."""
    values = {key: number(value) if type(value) in (int, float) else str(value) for key, value in params.items()}
    return ", ".join(f"{key} {values[key]}" for key in sorted(values))


def trial_label(trial: dict, metric: str) -> str:
    """Return the text for the tooltip of a trial, one line for each part."""
    score = NO_VALUE if trial["score"] is None else f"{trial['score']:.4f}"
    spread = f" ± {trial['spread']:.4f} ({len(trial['losses'])} fits)" if trial.get("spread") is not None else ""
    lines = [
        f"trial {trial['number']}, {trial['family']}",
        f"{metric} {score}{spread}",
        format_setting(trial["params"]),
    ]
    lines += [f"on {trial['fraction']:.0%} of the resource"] if "fraction" in trial else []
    return "\n".join(short(line, 200) for line in [*lines, trial.get("error", "")] if clean(line))


def element(tag: str, trial: dict, family: int, kind: str, words: str = "", **attributes: str) -> ET.Element:
    """Return an element of a plot that belongs to a trial: to find it, hide it with its family, and read it."""
    found = ET.Element(tag, attributes | {"class": f"trial f{family} {kind}", "data-trial": str(trial["number"])})
    if words:
        ET.SubElement(found, "title").text = words
    return found


def dot(trial: dict, family: int, place: tuple[float, float], words: str = "") -> ET.Element:
    """Return the marker of a trial: its family's, hollow if on a part of the resource; a cross if it failed."""
    kind, shape = family_style(family) if trial["status"] == "ok" else ("cross", CROSS)
    kind += " hollow" if "fraction" in trial and trial["status"] == "ok" else ""
    return element("path", trial, family, kind, words, d=f"M{place[0]:g} {place[1]:g}{shape}")


TICKS = 5
FOOT = -0.12  # where trials are that have no value on an axis


def history(
    name: str, title: str, trials: list[dict], best: list[tuple[int, float]], metric: str, families: list[str]
) -> Markup:
    """Draw score by trial with the spread of its fits, failed trials at the bottom, the best so far as a line."""
    figure, [axis] = axes(7.4, 3.2)
    if best:
        axis.plot(*zip(*best, strict=True), color=INK, drawstyle="steps-post", linewidth=1)
    if spread := [trial for trial in trials if trial.get("spread") is not None]:
        ends = [[trial["score"] + sign * trial["spread"] for trial in spread] for sign in (-1, 1)]
        axis.vlines([trial["number"] for trial in spread], *ends, color=LINE, linewidth=1.2)
    good = [trial for trial in trials if trial["status"] == "ok"]
    axis.plot([trial["number"] for trial in good], [trial["score"] for trial in good], linestyle="none")
    axis.set_xlim(-0.5, max(trial["number"] for trial in trials) + 0.5)
    low, high = axis.get_ylim()
    axis.set_ylim(low - 0.06 * (high - low), high)
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.set(xlabel="trial", ylabel=short(metric))
    foot = axis.get_ylim()[0] + 0.03 * (high - low)
    heights = [trial["score"] if trial["status"] == "ok" else foot for trial in trials]
    places = to_svg_coordinates(figure, axis, [(trial["number"], y) for trial, y in zip(trials, heights, strict=True)])
    elements = [
        dot(trial, families.index(trial["family"]), place, trial_label(trial, metric))
        for trial, place in zip(trials, places, strict=True)
    ]
    return to_inline_svg(figure, name, title, elements)


def parallel(
    name: str, title: str, trials: list[dict], scales: list[Scale], metric: str, family: int, step: dict[int, int]
) -> Markup:
    """Draw a line for each trial of a family through its hyperparameters to its score, the best ones on top.

    Where a trial has no value (a hyperparameter of an option it did not take; the score of a failed one), its line
    passes the bottom of the axis.
    """
    scores = [trial["score"] for trial in trials if trial["status"] == "ok"]
    all_scales = [*scales, *([make_scale(metric, scores, "uniform")] if scores else [])]
    figure, [axis] = axes(max(4.2, 1 + 1.25 * len(all_scales)), 3.0)
    axis.set(xlim=(-0.3, max(len(all_scales) - 1, 1) + 0.55), ylim=(FOOT - 0.08, 1.14))
    axis.axis("off")
    for x, scale in enumerate(all_scales):
        axis.plot([x, x], [0, 1], color=INK, linewidth=1)
        words = short(scale.name, 16) + (" (log)" if scale.log else "")
        axis.text(x, 1.07, words, ha="center", va="bottom", fontsize=8)
        for y, tick in ticks(scale):
            axis.plot([x, x + 0.04], [y, y], color=INK, linewidth=0.8)
            axis.text(x + 0.07, y, short(tick, 12), va="center", fontsize=7.5)
    ordered = sorted(trials, key=lambda trial: (step.get(trial["number"], -1), -trial["number"]))
    paths = [[(x, height(trial, scale, metric)) for x, scale in enumerate(all_scales)] for trial in ordered]
    for x in range(len(all_scales)):
        if any(path[x][1] == FOOT for path in paths):
            axis.text(x, FOOT - 0.03, "no value", ha="center", va="top", fontsize=7.5)
    flat = to_svg_coordinates(figure, axis, [point for path in paths for point in path])
    elements = [axis_line(figure, axis, x, scale) for x, scale in enumerate(all_scales)]
    for index, trial in enumerate(ordered):
        points = " ".join(f"{x:g},{y:g}" for x, y in flat[index * len(all_scales) : (index + 1) * len(all_scales)])
        kind = f"line q{step[trial['number']]}" if trial["number"] in step else "line lost"
        elements.append(element("polyline", trial, family, kind, trial_label(trial, metric), points=points))
    return to_inline_svg(figure, name, title, elements, under=True)


def height(trial: dict, scale: Scale, metric: str) -> float:
    """Return where the line of a trial crosses the axis of *scale*: FOOT if the trial has no value there."""
    value = trial["params"].get(scale.name, trial["score"] if scale.name == metric else None)
    known = scale.name in trial["params"] or value is not None
    return scale.position(value) if known else FOOT


def ticks(scale: Scale) -> list[tuple[float, str]]:
    """Return positions and labels of a few round values of *scale*, or of its ends if there are none."""
    if scale.names:
        return [(scale.position(name), name) for name in scale.names]
    whole = float(scale.low).is_integer() and float(scale.high).is_integer()
    locator = LogLocator(subs=(1, 2, 5), numticks=99) if scale.log else MaxNLocator(TICKS - 1, integer=whole)
    found = [float(value) for value in locator.tick_values(scale.low, scale.high) if scale.low <= value <= scale.high]
    found = found[:: math.ceil(len(found) / TICKS)] if len(found) > 1 else sorted({scale.low, scale.high})
    return [(scale.position(value), number(value)) for value in found]


def axis_line(figure: Figure, axis: Axes, x: int, scale: Scale) -> ET.Element:
    """Return the line along an axis on which a reader can select a range, with the values of its ends."""
    (left, bottom), (_, top) = to_svg_coordinates(figure, axis, [(x, 0), (x, 1)])
    ends = {"data-low": f"{scale.low:g}", "data-high": f"{scale.high:g}", "data-log": str(int(scale.log))}
    words = {"data-name": scale.name, "data-names": "\n".join(scale.names)}
    line = {"x1": f"{left:g}", "x2": f"{left:g}", "y1": f"{top:g}", "y2": f"{bottom:g}"}
    return ET.Element("line", line | ends | words | {"class": "lane"})


def slices(name: str, title: str, trials: list[dict], scale: Scale, metric: str, family: int) -> Markup:
    """Draw score by the value of one hyperparameter, failed trials at the bottom."""
    figure, [axis] = axes(2.7, 2.1)
    having = [trial for trial in trials if scale.name in trial["params"]]
    scores = [trial["score"] for trial in having if trial["status"] == "ok"]
    scored = make_scale(metric, scores or [0.0, 1.0], "uniform")
    for which, found in ((axis.xaxis, ticks(scale)), (axis.yaxis, ticks(scored))):
        which.set_major_locator(FixedLocator([place for place, _ in found]))
        which.set_minor_locator(NullLocator())
        which.set_minor_formatter(NullFormatter())
        which.set_ticklabels([short(words, 10) for _, words in found], fontsize=7.5)
    axis.set(xlim=(-0.06, 1.06), ylim=(FOOT - 0.06, 1.08), ylabel=short(metric))
    axis.set_xlabel(short(scale.name, 22) + (" (log)" if scale.log else ""))
    heights = [scored.position(trial["score"]) if trial["status"] == "ok" else FOOT for trial in having]
    points = [(scale.position(trial["params"][scale.name]), y) for trial, y in zip(having, heights, strict=True)]
    places = to_svg_coordinates(figure, axis, points)
    return to_inline_svg(
        figure, name, title, [dot(trial, family, at) for trial, at in zip(having, places, strict=True)]
    )
