"""Plots of the sweep: score by trial, parallel coordinates, score by hyperparameter."""

import math
import xml.etree.ElementTree as ET

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, LogLocator, MaxNLocator, NullFormatter, NullLocator

from scripts.report.canvas import INK, LINE, axes, inline, placed
from scripts.report.marks import called, dot, element
from scripts.report.markup import Markup, number, short
from scripts.report.scales import Scale, scale

TICKS = 5
FOOT = -0.12  # where trials are that have no value on an axis


def history(
    name: str, title: str, trials: list[dict], best: list[tuple[int, float]], metric: str, families: list[str]
) -> Markup:
    """Draw score by trial with the spread of its fits, failed trials at the foot, the best so far as a line."""
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
    places = placed(figure, axis, [(trial["number"], y) for trial, y in zip(trials, heights, strict=True)])
    marks = [
        dot(trial, families.index(trial["family"]), place, called(trial, metric))
        for trial, place in zip(trials, places, strict=True)
    ]
    return inline(figure, name, title, marks)


def parallel(
    name: str, title: str, trials: list[dict], scales: list[Scale], metric: str, family: int, step: dict[int, int]
) -> Markup:
    """Draw a line for each trial of a family through its hyperparameters to its score, the best ones on top.

    Where a trial has no value (a hyperparameter of an option it did not take; the score of a failed one), its line
    passes the foot of the axis.
    """
    scores = [trial["score"] for trial in trials if trial["status"] == "ok"]
    lanes = [*scales, *([scale(metric, scores, "uniform")] if scores else [])]
    figure, [axis] = axes(max(4.2, 1 + 1.25 * len(lanes)), 3.0)
    axis.set(xlim=(-0.3, max(len(lanes) - 1, 1) + 0.55), ylim=(FOOT - 0.08, 1.14))
    axis.axis("off")
    for x, lane in enumerate(lanes):
        axis.plot([x, x], [0, 1], color=INK, linewidth=1)
        words = short(lane.name, 16) + (" (log)" if lane.log else "")
        axis.text(x, 1.07, words, ha="center", va="bottom", fontsize=8)
        for y, tick in ticks(lane):
            axis.plot([x, x + 0.04], [y, y], color=INK, linewidth=0.8)
            axis.text(x + 0.07, y, short(tick, 12), va="center", fontsize=7.5)
    ordered = sorted(trials, key=lambda trial: (step.get(trial["number"], -1), -trial["number"]))
    paths = [[(x, height(trial, lane, metric)) for x, lane in enumerate(lanes)] for trial in ordered]
    for x in range(len(lanes)):
        if any(path[x][1] == FOOT for path in paths):
            axis.text(x, FOOT - 0.03, "no value", ha="center", va="top", fontsize=7.5)
    flat = placed(figure, axis, [point for path in paths for point in path])
    marks = [lane_line(figure, axis, x, lane) for x, lane in enumerate(lanes)]
    for index, trial in enumerate(ordered):
        points = " ".join(f"{x:g},{y:g}" for x, y in flat[index * len(lanes) : (index + 1) * len(lanes)])
        kind = f"line q{step[trial['number']]}" if trial["number"] in step else "line lost"
        marks.append(element("polyline", trial, family, kind, called(trial, metric), points=points))
    return inline(figure, name, title, marks, under=True)


def height(trial: dict, lane: Scale, metric: str) -> float:
    """Return where the line of a trial passes the axis *lane*: its foot if the trial has no value there."""
    value = trial["params"].get(lane.name, trial["score"] if lane.name == metric else None)
    known = lane.name in trial["params"] or value is not None
    return lane.place(value) if known else FOOT


def ticks(lane: Scale) -> list[tuple[float, str]]:
    """Return places and words of a few round values of *lane*, or of its ends where there are none."""
    if lane.names:
        return [(lane.place(name), name) for name in lane.names]
    whole = float(lane.low).is_integer() and float(lane.high).is_integer()
    locator = LogLocator(subs=(1, 2, 5), numticks=99) if lane.log else MaxNLocator(TICKS - 1, integer=whole)
    found = [float(value) for value in locator.tick_values(lane.low, lane.high) if lane.low <= value <= lane.high]
    found = found[:: math.ceil(len(found) / TICKS)] if len(found) > 1 else sorted({lane.low, lane.high})
    return [(lane.place(value), number(value)) for value in found]


def lane_line(figure: Figure, axis: Axes, x: int, lane: Scale) -> ET.Element:
    """Return the line along an axis by which a reader may choose a part of it, with what its ends stand for."""
    (left, bottom), (_, top) = placed(figure, axis, [(x, 0), (x, 1)])
    ends = {"data-low": f"{lane.low:g}", "data-high": f"{lane.high:g}", "data-log": str(int(lane.log))}
    words = {"data-name": lane.name, "data-names": "\n".join(lane.names)}
    line = {"x1": f"{left:g}", "x2": f"{left:g}", "y1": f"{top:g}", "y2": f"{bottom:g}"}
    return ET.Element("line", line | ends | words | {"class": "lane"})


def slices(name: str, title: str, trials: list[dict], lane: Scale, metric: str, family: int) -> Markup:
    """Draw score by the value of one hyperparameter; failed trials are at the foot."""
    figure, [axis] = axes(2.7, 2.1)
    having = [trial for trial in trials if lane.name in trial["params"]]
    scores = [trial["score"] for trial in having if trial["status"] == "ok"]
    scored = scale(metric, scores or [0.0, 1.0], "uniform")
    for which, found in ((axis.xaxis, ticks(lane)), (axis.yaxis, ticks(scored))):
        which.set_major_locator(FixedLocator([place for place, _ in found]))
        which.set_minor_locator(NullLocator())
        which.set_minor_formatter(NullFormatter())
        which.set_ticklabels([short(words, 10) for _, words in found], fontsize=7.5)
    axis.set(xlim=(-0.06, 1.06), ylim=(FOOT - 0.06, 1.08), ylabel=short(metric))
    axis.set_xlabel(short(lane.name, 22) + (" (log)" if lane.log else ""))
    heights = [scored.place(trial["score"]) if trial["status"] == "ok" else FOOT for trial in having]
    points = [(lane.place(trial["params"][lane.name]), y) for trial, y in zip(having, heights, strict=True)]
    places = placed(figure, axis, points)
    return inline(figure, name, title, [dot(one, family, at) for one, at in zip(having, places, strict=True)])
