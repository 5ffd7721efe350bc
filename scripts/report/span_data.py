"""The data by span for the report: merged statistics, tables and matrices, shares of classes, and their plots."""

import datetime
import math
from typing import Any

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from scripts.report.html import NO_VALUE, Markup, format_value, number, share, short
from scripts.report.svg import FILL, SERIES, axes, to_inline_svg

SEVERITIES = ("error", "warning", "info")
SECONDS = {"date": 86_400, "time": 1}  # of a unit of their statistics
TEXT_TYPES = {"text", "boolean"}  # types of columns that have frequent values and no moments


def span_label(statistics: dict) -> str:
    """Return the label of *statistics*: their span, with the split if that is only a part of the span."""
    split = statistics.get("split", "all")
    return statistics["span"] if split == "all" else f"{statistics['span']} {split}"


def column_names(statistics: list[dict]) -> list[str]:
    """Return the columns of all spans, sorted."""
    return sorted({name for span in statistics for name in span["columns"]})


def moving_columns(statistics: list[dict]) -> set[str]:
    """Return the columns of dates and times, which differ between spans by their nature."""
    kinds = {(name, span["columns"][name]["type"].partition(":")[0]) for span in statistics for name in span["columns"]}
    return {name for name, kind in kinds if kind in SECONDS}


def present(statistics: list[dict], name: str) -> list[tuple[dict, int]]:
    """Return the statistics of column *name* with the number of values, for each span that has the column."""
    found = [(span["columns"][name], span["rows"]) for span in statistics if name in span["columns"]]
    return [(column, rows - column["missing"]) for column, rows in found]


def missing_share(statistics: list[dict], name: str) -> float | None:
    """Return the share of rows without a value over all spans that have the column."""
    rows = sum(span["rows"] for span in statistics if name in span["columns"])
    missing = sum(span["columns"][name]["missing"] for span in statistics if name in span["columns"])
    return missing / rows if rows else None


def pooled_moments(parts: list[tuple[dict, int]]) -> tuple[float | None, float | None]:
    """Return mean and standard deviation over spans from those of each span."""
    parts = [(column, count) for column, count in parts if count and isinstance(column.get("mean"), int | float)]
    total = sum(count for _, count in parts)
    if not total:
        return None, None
    mean = sum(column["mean"] * count for column, count in parts) / total
    square = sum(((column.get("sd") or 0) ** 2 + (column["mean"] - mean) ** 2) * count for column, count in parts)
    return mean, math.sqrt(square / total)


def format_moment(value: Any, kind: str) -> str:
    """Return a value of a column as text; a date may be text already or days, a time seconds, since 1970."""
    if value is None or isinstance(value, str):
        return value or NO_VALUE
    if kind in SECONDS:
        when = datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=round(value * SECONDS[kind]))
        return str(when if kind == "time" else when.date())
    return number(value)


def number_rows(statistics: list[dict]) -> list[list]:
    """Return a table row for each column of numbers, dates or times: missing, distinct, mean, deviation, range."""
    rows = []
    for name in column_names(statistics):
        parts = present(statistics, name)
        kind = parts[0][0]["type"].partition(":")[0]
        if kind in TEXT_TYPES:
            continue
        ends = [[part[end] for part, _ in parts if part.get(end) is not None] for end in ("min", "max")]
        mean, sd = pooled_moments(parts)
        unit = {"date": " days", "time": " s"}.get(kind, "")
        spread = NO_VALUE if sd is None else number(sd) + unit
        distinct = max(part["distinct"] for part, _ in parts)
        low, high = min(ends[0], default=None), max(ends[1], default=None)
        row = [name, kind, share(missing_share(statistics, name)), distinct, format_moment(mean, kind), spread]
        rows.append([*row, format_moment(low, kind), format_moment(high, kind)])
    return rows


def text_rows(statistics: list[dict], shown: int = 3) -> list[list]:
    """Return a table row for each text or boolean column: missing, distinct, length, most frequent values."""
    rows = []
    for name in column_names(statistics):
        parts = present(statistics, name)
        if parts[0][0]["type"] not in TEXT_TYPES:
            continue
        total = sum(count for _, count in parts)
        counts: dict[str, int] = {}
        for part, _ in parts:
            for value, count in part.get("top", []):
                counts[str(value)] = counts.get(str(value), 0) + count
        top = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:shown]
        frequent = ", ".join(f"{short(value, 20)} ({100 * count / total:.0f} %)" for value, count in top)
        lengths = [(part["lengths"], count) for part, count in parts if part.get("lengths")]
        length, _ = pooled_moments(lengths)
        longest = max((part["max"] for part, _ in lengths if part["max"] is not None), default=None)
        distinct = max(part["distinct"] for part, _ in parts)
        rows.append([name, frequent or NO_VALUE, share(missing_share(statistics, name)), distinct, length, longest])
    return rows


def missing_matrix(statistics: list[dict]) -> tuple[list[str], list[list[float | None]]]:
    """Return columns and their share of missing values in each span, the worst first; None where a span lacks one."""
    cells = {}
    for name in column_names(statistics):
        cells[name] = [missing_share([span], name) for span in statistics]
    return sort_by_worst(cells)


def drift_matrix(drift: dict, spans: list[str], features: set[str]) -> tuple[list[str], list[list[float | None]]]:
    """Return columns and their distance in each span, the worst first: *features*, then all other columns."""
    cells = {name: [found.get(span) for span in spans] for name, found in drift.items()}
    names, rows = sort_by_worst({name: row for name, row in cells.items() if name in features})
    others, more = sort_by_worst({name: row for name, row in cells.items() if name not in features})
    return names + others, rows + more


def sort_by_worst(cells: dict[str, list]) -> tuple[list[str], list[list]]:
    """Return names and rows of *cells*, the row with the largest value first."""
    order = sorted(cells, key=lambda name: (-max((v for v in cells[name] if v is not None), default=-1), name))
    return order, [cells[name] for name in order]


def anomaly_rows(anomalies: list[dict]) -> list[list]:
    """Return a table row for each anomaly, the severest first."""
    rank = {severity: index for index, severity in enumerate(SEVERITIES)}
    keys = ("severity", "code", "column", "span", "message")
    ends = ("observed", "limit")
    rows = [[*(entry.get(key) for key in keys), *(format_value(entry.get(end)) for end in ends)] for entry in anomalies]
    return sorted(rows, key=lambda row: (rank.get(row[0], len(rank)), [str(cell) for cell in row[1:4]]))


def base_rates(statistics: list[dict], positive: str) -> list[tuple[str, int, int, float | None]]:
    """Return span, rows, rows of the positive class and their share of the labelled rows, in the order of the spans."""
    found = []
    for span in statistics:
        labelled, hits = sum(span["label"].values()), span["label"].get(positive, 0)
        found.append((span_label(span), span["rows"], hits, hits / labelled if labelled else None))
    return found


def shares_by_span(statistics: list[dict]) -> tuple[list[str], list[list[float | None]]]:
    """Return the classes and their share of the labelled rows in each span, the most frequent class first."""
    totals = [sum(span["label"].values()) for span in statistics]
    counts = {name: [span["label"].get(name, 0) for span in statistics] for name in statistics[0]["label"]}
    order = sorted(counts, key=lambda name: (-sum(counts[name]), name))
    shares = [[n / total if total else None for n, total in zip(counts[name], totals, strict=True)] for name in order]
    return order, shares


def frequent(table: list[list[int]], names: list[str], most: int) -> tuple[list[list[int]], list[str]]:
    """Return a confusion *table* and *names* of the *most* frequent true classes alone, in their order."""
    kept = sorted(sorted(range(len(names)), key=lambda number: -sum(table[number]))[:most])
    return [[table[true][predicted] for predicted in kept] for true in kept], [names[number] for number in kept]


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
    return to_inline_svg(figure, name, title)


def line(name: str, title: str, labels: list[str], values: list[float | None], ylabel: str) -> Markup:
    """Draw a share by span; gaps where it is unknown."""
    figure, [axis] = axes(max(4.4, 1 + 0.24 * len(labels)), 2.6)
    known = [float("nan") if value is None else 100 * value for value in values]
    axis.plot(range(len(labels)), known, color=SERIES[0], marker="o", markersize=4)
    spans_axis(axis, labels)
    axis.set_ylim(bottom=0, top=max([1.0, *(1.15 * value for value in known if value == value)]))
    axis.set_ylabel(ylabel)
    return to_inline_svg(figure, name, title)


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
    return to_inline_svg(figure, name, title)
