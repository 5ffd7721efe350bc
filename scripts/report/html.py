"""HTML of the report: escaped text, tables, lists, verdicts, captioned figures, and the page itself.

The page is one file that makes no requests; its policy allows style sheet and scripts by their digests.
"""

import base64
import hashlib
import html
import json
import re
from typing import Any

NO_VALUE = "–"
TAG = re.compile("<[^>]*>")
SOME, LONG = 10, 40  # characters of a table cell that needs room


class Markup(str):
    """Text that is already HTML; everything else is escaped before it enters the page."""


def clean(value: str) -> str:
    """Return *value* on one line, with nothing in it that cannot be printed."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in value).split())


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
    """Return a metric with its interval: value (low to high)."""
    if not entry or entry.get("value") is None:
        return NO_VALUE
    if entry.get("low") is None or entry.get("high") is None:
        return f"{entry['value']:.3f}"
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
    return Markup(html.escape(clean(value)))


def table(head: list[str], rows: list[list], left: int = 1, empty: str = "none") -> Markup:
    """Return a table whose first *left* columns are text and whose others are figures; *empty* where it has no rows.

    Long texts get a class, so that the style sheet gives them room.
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
    """Return a verdict that can be read without colours."""
    kind, sign, word = ("good", "✓", yes) if good else ("bad", "✗", no)
    return Markup(f'<span class="{kind}">{sign} {text(word)}</span>')


def figure(
    name: str, title: str, body: Markup, caption: str, full: bool = False, scroll: bool = True
) -> tuple[str, str, Markup]:
    """Return name, title and HTML of a figure or table with its caption (paragraphs of plain text).

    A body that is wider than the page scrolls unless it is made of parts that *scroll* by themselves.
    """
    paragraphs = "".join(f"<p>{text(part)}</p>" for part in caption.split("\n\n") if part.strip())
    kind = ' class="full"' if full or "<table" in body else ""
    region = f'<div class="scroll" tabindex="0" role="region" aria-label="{text(title)}">{body}</div>'
    inside = f"<h3>{text(title)}</h3>{region if scroll else body}<figcaption>{paragraphs}</figcaption>"
    return name, title, Markup(f'<figure id="{name}"{kind}>{inside}</figure>\n')


def csp_source(content: str) -> str:
    """Return the source expression of an inline style sheet or script in the Content-Security-Policy."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode('utf-8', 'replace')).digest()).decode()}'"


def page(
    title: str, subtitle: Markup, style: str, scripts: list[str], sections: dict[str, list[tuple[str, str, Markup]]]
) -> str:
    """Return the complete document; *sections* gives the figures by heading.

    Its policy allows the *style* and the *scripts*, by digest, and nothing else: no request and no other code.
    """
    contents, body = [], []
    for heading, figures in sections.items():
        name = f"section-{heading.lower()}"
        links = "".join(f'<li><a href="#{key}">{text(label)}</a></li>' for key, label, _ in figures)
        contents.append(f'<li><a href="#{name}">{text(heading)}</a><ul>{links}</ul></li>')
        parts = "".join(part for *_, part in figures)
        body.append(f'<section id="{name}"><h2>{text(heading)}</h2>\n<div class="grid">{parts}</div></section>\n')
    programs = " ".join(map(csp_source, scripts)) or "'none'"
    code = "".join(f"<script>{script}</script>\n" for script in scripts)
    style = f"\n{style}"
    policy = f"default-src 'none'; img-src data:; style-src {csp_source(style)}; script-src {programs}"
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<link rel="icon" href="data:,">
<title>{text(title)}</title>
<style>{style}</style>
</head>
<body>
<header><h1>{text(title)}</h1><p>{subtitle}</p></header>
<nav aria-label="Contents"><h2>Contents</h2><ul>{"".join(contents)}</ul></nav>
<main>
{"".join(body)}</main>
{code}</body>
</html>
"""
