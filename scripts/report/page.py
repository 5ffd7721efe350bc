"""One HTML file without outside requests: captioned figures, sections, contents, styles and scripts by digest."""

import base64
import hashlib

from scripts.report.markup import Markup, text


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


def allowed(content: str) -> str:
    """Return what names an inline style sheet or script in the page's policy."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode('utf-8', 'replace')).digest()).decode()}'"


def page(
    title: str, subtitle: Markup, style: str, scripts: list[str], sections: dict[str, list[tuple[str, str, Markup]]]
) -> str:
    """Return the whole document; *sections* gives the figures by heading.

    Its policy allows the *style* and the *scripts*, by digest, and nothing else: no request and no other code.
    """
    contents, body = [], []
    for heading, figures in sections.items():
        name = f"section-{heading.lower()}"
        links = "".join(f'<li><a href="#{key}">{text(label)}</a></li>' for key, label, _ in figures)
        contents.append(f'<li><a href="#{name}">{text(heading)}</a><ul>{links}</ul></li>')
        parts = "".join(part for *_, part in figures)
        body.append(f'<section id="{name}"><h2>{text(heading)}</h2>\n<div class="grid">{parts}</div></section>\n')
    programs = " ".join(map(allowed, scripts)) or "'none'"
    code = "".join(f"<script>{script}</script>\n" for script in scripts)
    style = f"\n{style}"
    policy = f"default-src 'none'; img-src data:; style-src {allowed(style)}; script-src {programs}"
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
