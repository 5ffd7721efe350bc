"""Escaped text and what is made of it: tables, trees, verdicts."""

import html
import json
import re
from typing import Any

BLANK = "–"
TAG = re.compile("<[^>]*>")
SOME, LONG = 10, 40  # signs of a table cell that needs room


class Markup(str):
    """Text that is HTML already; everything else is escaped on its way into the page."""


def clean(value: str) -> str:
    """Return *value* on one line, with nothing in it that cannot be printed."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in value).split())


def short(value: str, length: int = 24) -> str:
    """Return *value* cleaned and cut to *length* signs."""
    line = clean(value)
    return line if len(line) <= length else line[: length - 1].rstrip() + "…"


def number(value: float | None) -> str:
    """Return a number for readers: whole numbers with thousands marked, others with four significant digits."""
    if value is None:
        return BLANK
    if isinstance(value, int) or abs(value) >= 10_000:
        return f"{value:,.0f}"
    return f"{value:.4g}"


def share(value: float | None) -> str:
    """Return a share of one as percent."""
    return BLANK if value is None else f"{100 * value:.1f} %"


def interval(entry: dict | None) -> str:
    """Return a metric with its interval: value (low to high)."""
    if not entry or entry.get("value") is None:
        return BLANK
    if entry.get("low") is None or entry.get("high") is None:
        return f"{entry['value']:.3f}"
    return f"{entry['value']:.3f} ({entry['low']:.3f} to {entry['high']:.3f})"


def listed(value: Any) -> str:
    """Return what was observed or allowed on one line: names with values, or values."""
    if isinstance(value, dict):
        return ", ".join(f"{key} {listed(value[key])}" for key in sorted(value))
    if isinstance(value, list):
        return ", ".join(map(listed, value))
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
    return Markup(html.escape(clean(value)))


def table(head: list[str], rows: list[list], left: int = 1, empty: str = "none") -> Markup:
    """Return a table whose first *left* columns are text and whose others are figures; *empty* where it has no rows.

    Long texts are marked, so that the style sheet gives them room.
    """
    if not rows:
        return Markup(f"<p>{text(empty)}</p>")

    def kind(cell: str) -> str:
        length = len(TAG.sub("", cell))
        return "long" if length > LONG else "some" if length > SOME else ""

    def line(cells: list, mark: str) -> str:
        texts = [text(cell) for cell in cells]
        kinds = ["n" if index >= left else kind(cell) for index, cell in enumerate(texts)]
        marks = [f'{mark} class="{kind}"' if kind else mark for kind in kinds]
        return "".join(f"<{opened}>{cell}</{mark}>" for opened, cell in zip(marks, texts, strict=True))

    body = "\n".join(f"<tr>{line(row, 'td')}</tr>" for row in rows)
    return Markup(f"<table><thead><tr>{line(head, 'th')}</tr></thead>\n<tbody>{body}</tbody></table>")


def tree(value: Any) -> Markup:
    """Return nested dictionaries and lists as nested HTML lists."""
    if isinstance(value, dict):
        items = [f"<li><b>{text(key)}</b> {tree(item)}</li>" for key, item in value.items()]
    elif isinstance(value, list):
        items = [f"<li>{tree(item)}</li>" for item in value]
    else:
        return Markup(f"<code>{text(value)}</code>")
    return Markup(f"<ul>{''.join(items)}</ul>") if items else text("none")


def verdict(good: bool, yes: str = "passed", no: str = "failed") -> Markup:
    """Return a verdict that can be told without colours."""
    kind, sign, word = ("good", "✓", yes) if good else ("bad", "✗", no)
    return Markup(f'<span class="{kind}">{sign} {text(word)}</span>')
