"""HTML of the report: escaped text, and the parts and the page of the templates in scripts/templates/."""

import json
from collections.abc import Sequence
from typing import Any

from markupsafe import Markup, escape

from scripts.templates.render import clean, make_environment, render_page

NO_VALUE = "–"
SOME, LONG = 10, 40  # characters of a table cell that needs room
Figure = tuple[str, str, Markup]  # name, title, HTML
Figures = list[Figure]


def short(value: str, length: int = 24) -> str:
    """Return *value* cleaned and cut to *length* characters."""
    line = clean(value)
    return line if len(line) <= length else line[: length - 1].rstrip() + "…"


def number(value: float | None) -> str:
    """Return a number for readers: whole numbers with thousands marked, others with four significant digits."""
    if value is None:
        return NO_VALUE
    if isinstance(value, int) or abs(value) >= 10_000:
        return f"{value:,.0f}"
    return f"{value:.4g}"


def share(value: float | None) -> str:
    """Return a share of one as percent."""
    return NO_VALUE if value is None else f"{100 * value:.1f} %"


def interval(entry: dict | None) -> str:
    """Return a metric with its interval, value (low to high), or the reason why it has none."""
    if not entry or entry.get("value") is None:
        return f"{NO_VALUE} ({entry['reason']})" if entry and "reason" in entry else NO_VALUE
    if entry.get("low") is None or entry.get("high") is None:
        return f"{entry['value']:.3f}" + (f" (no interval: {entry['reason']})" if entry.get("reason") else "")
    return f"{entry['value']:.3f} ({entry['low']:.3f} to {entry['high']:.3f})"


def format_value(value: Any) -> str:
    """Return an observed value or a limit on one line: names with values, or values."""
    if isinstance(value, dict):
        return ", ".join(f"{key} {format_value(value[key])}" for key in sorted(value))
    if isinstance(value, list):
        return ", ".join(map(format_value, value))
    return number(value) if value is None or type(value) in (int, float) else str(value)


def text(value: Any) -> Markup:
    """Return any JSON value as escaped HTML text."""
    if isinstance(value, Markup):
        return value
    if isinstance(value, bool):
        value = "yes" if value else "no"
    elif value is None or isinstance(value, int | float):
        value = number(value)
    elif not isinstance(value, str):
        value = json.dumps(value, ensure_ascii=False, sort_keys=True)
    return escape(clean(value))


ENVIRONMENT = make_environment(text=text)


def part(name: str, *values: Any) -> Markup:
    """Return the part *name* of the page (a macro of parts.html.j2) for some values."""
    return getattr(ENVIRONMENT.get_template("parts.html.j2").module, name)(*values)


def join(*parts: Markup) -> Markup:
    """Return *parts* one after the other."""
    return Markup("").join(parts)


def width_class(cell: Markup) -> str:
    """Return the class that gives a cell of text the room it needs."""
    length = len(cell.striptags())
    return "long" if length > LONG else "some" if length > SOME else ""


def table(head: list[str], rows: list[list], left: int = 1, empty: str = "none") -> Markup:
    """Return a table whose first *left* columns are text and whose others are figures; *empty* where it has no rows.

    Long texts get a class, so that the style sheet gives them room.
    """

    def line(cells: list) -> list[tuple[Markup, str]]:
        texts = [text(cell) for cell in cells]
        return [(cell, "n" if index >= left else width_class(cell)) for index, cell in enumerate(texts)]

    return part("table", line(head), list(map(line, rows)), empty)


def tree(value: Any) -> Markup:
    """Return nested dictionaries and lists as nested HTML lists."""
    return part("tree", value)


def verdict(good: bool, yes: str = "passed", no: str = "failed") -> Markup:
    """Return a verdict that can be read without colours."""
    return part("verdict", good, yes if good else no)


def figure(
    name: str, title: str, body: Markup, caption: str, full: bool = False, scroll: bool = True, opened: bool = False
) -> Figure:
    """Return name, title and HTML of a figure or table with its caption (paragraphs of plain text).

    The caption is folded unless *opened*. A body that is wider than the page scrolls; without *scroll*, its parts do.
    """
    paragraphs = [words for words in caption.split("\n\n") if words.strip()]
    return name, title, part("figure", name, title, body, paragraphs, full or "<table" in body, scroll, opened)


def page(
    title: str, subtitle: str, style: str, scripts: list[str], tiles: Sequence[tuple], sections: dict[str, Figures]
) -> str:
    """Return the complete document: the *tiles* of verdicts, then the figures of *sections* by heading."""
    return render_page(
        ENVIRONMENT, "page.html.j2", style, scripts, title=title, subtitle=subtitle, tiles=tiles, sections=sections
    )
