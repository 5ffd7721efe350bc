"""The page at /what-if/<case>: a form with a field for each column, and what the model answers; without scripts."""

import html
import math
import re
import urllib.parse

from scripts.column_types import as_text
from scripts.serve.counterfactual import is_value
from scripts.serve.http_request import Headers, HTTPError, find_header
from scripts.serve.inference import InferenceService
from scripts.serve.model import Model
from scripts.serve.page import page_headers, render_document
from scripts.serve.what_if import COVERAGE, MAX_LENGTH, NUMBER, Answer, answer_texts, check_offered, parse_texts

HEADERS = page_headers("'self'")
MAX_OPTIONS = 200  # that a field lists
MAX_CLASSES = 12  # the most probable ones
MAX_REASONS = 20  # the largest ones
MAX_SHOWN = 60  # characters of a value next to its reason
MAX_TITLE = 300  # likewise of titles and messages
# what browsers keep in a field of a date or time: they would empty it otherwise, without a word
DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
TIME = re.compile(DATE.pattern + r"T[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,3})?)?")


def check_page_request(headers: Headers) -> None:
    """Raise HTTPError if a page of another site asks for the page as a part of itself, which costs time.

    People may follow a link from anywhere.
    """
    site, target = (find_header(headers, b"sec-fetch-" + name) for name in (b"site", b"dest"))
    if site not in (None, b"same-origin", b"none") and target != b"document":
        raise HTTPError(403, "WRONG_ORIGIN", "web pages of other hosts may link to this page, and no more")


async def answer_what_if(
    service: InferenceService,
    path: str,
    name: str,
    version: str | None,
    label: str | None,
    headers: Headers,
    query: bytes,
) -> tuple[int, bytes, dict[str, str]]:
    """Return status, body and headers of the page of case *name* at *path*. Raises HTTPError."""
    check_page_request(headers)
    model = service.find_model(name, int(version) if version else None, label)
    check_offered(model)
    given = parse_texts(query, model.contract)

    def answer() -> tuple[int, bytes, dict[str, str]]:
        found = answer_texts(service, model, given)
        return found.status, render_what_if(name, model, path, found), HEADERS

    with service.admitted():
        return await service.run(len(query), answer)


def render_what_if(name: str, model: Model, path: str, found: Answer) -> bytes:
    """Return the page of *model* at *path*, with the row and the answer *found*."""
    title = str(model.contract.get("title", name))[:MAX_TITLE]
    fields = "".join(
        render_field(model, column, index, found.texts[column])
        for index, column in enumerate(model.contract["columns"])
    )
    if found.answer is None:
        result = f'<p class="bad" role="alert">{html.escape(found.message[:MAX_TITLE])}</p>'
    else:
        result = render_answer(model, path, found.texts, found.answer)
    body = f"""<h1>What if? {html.escape(title)}</h1>
<p><code>{html.escape(name)}</code>, version {model.version}, bundle <code>{model.digest[:12]}</code>.
Edit the row and ask again: nothing of it is logged. <a href="/">What is served</a></p>
<div class="sides"><section><h2>Row</h2>
<p>A field that is empty is a missing value. The first row is synthetic.</p>
<form method="get" action="{html.escape(path)}"><div class="fields">{fields}</div><button>Ask the model</button></form>
</section><section><h2>Answer</h2>{result}</section></div>"""
    return render_document(f"What if? {title}", body)


def render_field(model: Model, column: str, index: int, text: str) -> str:
    """Return the field of *column*, which is number *index*, filled with *text*.

    Columns with a domain and booleans have a choice of values, other texts may have any and list those that the model
    knows. Limits are those of the schema, if it refuses what is outside.
    """
    spec, rules = model.contract["columns"][column], model.guard.columns.get(column, {})
    attributes = f'name="{html.escape(column)}" placeholder="missing"'
    choices = ["true", "false"] if spec["type"] == "boolean" else list_domain(rules, spec["type"])
    known = [] if spec.get("words") else [value for value in spec.get("known", []) if value][:MAX_OPTIONS]
    if choices and len(choices) <= MAX_OPTIONS:
        shown = dict.fromkeys(["", *choices, text])
        options = "".join(
            f'<option value="{html.escape(choice)}"{" selected" * (choice == text)}>'
            f"{html.escape(choice) or '(missing)'}</option>"
            for choice in shown
        )
        field = f'<select name="{html.escape(column)}">{options}</select>'
    elif spec["type"] == "text" and (not known or "\n" in text or "\r" in text):
        field = f'<textarea rows="2" maxlength="{MAX_LENGTH}" {attributes}>\n{html.escape(text)}</textarea>'
    else:
        kind = describe_input(spec["type"], rules, text)
        options = "".join(f'<option value="{html.escape(value)}"></option>' for value in map(as_text, known))
        listed = f' list="known-{index}"' if known and "text" in kind else ""
        field = f'<input {kind}{listed} {attributes} value="{html.escape(text)}">'
        field += f'<datalist id="known-{index}">{options}</datalist>' if listed else ""
    return f"<label>{html.escape(column)}{field}</label>"


def list_domain(rules: dict, dtype: str) -> list[str]:
    """Return the values of the domain in *rules* that a request may have in a column of type *dtype*, as texts.

    There are none if other values are tolerated.
    """
    values = [] if rules.get("serving") == "flag" else rules.get("domain", [])
    return [as_text(value) for value in sorted(values, key=str) if is_value(value, dtype)]


def describe_input(dtype: str, rules: dict, text: str) -> str:
    """Return the attributes of a field for a column of type *dtype*, one of texts where it could not hold *text*."""
    limits = {key: rules[key] for key in ("min", "max") if key in rules and rules.get("serving") != "flag"}
    if dtype in ("integer", "number") and (not text or is_browser_number(text)):
        limits = {key: value for key, value in limits.items() if math.isfinite(value)}
        if dtype == "integer":
            limits = {key: (math.ceil if key == "min" else math.floor)(value) for key, value in limits.items()}
        kind = f'type="number" step="{1 if dtype == "integer" else "any"}"'
    elif dtype == "date" and (not text or DATE.fullmatch(text)):
        kind = 'type="date"'
    elif dtype == "time" and (not text or TIME.fullmatch(text)):
        kind = 'type="datetime-local" step="any"'
    else:
        return f'type="text" maxlength="{MAX_LENGTH}"'
    return kind + "".join(f' {key}="{html.escape(as_text(value))}"' for key, value in limits.items())


def is_browser_number(text: str) -> bool:
    """Return whether a field of a number keeps *text*."""
    return NUMBER.fullmatch(text) is not None and not text.endswith(".") and math.isfinite(float(text))


def render_answer(model: Model, path: str, texts: dict[str, str], answer: dict) -> str:
    """Return the HTML of *answer*: label, score, probabilities, prediction set, flags and reasons."""
    contract = model.contract
    if "prediction" in answer:
        parts = [render_headline(f"{answer['prediction']:.6g}")]
    else:
        threshold = None if contract["positive"] is None else contract["threshold"]
        words = f"score {answer['score']:.4g}, the probability of {contract['positive'] or answer['label']}"
        words += "" if threshold is None else f", threshold {threshold:.4g}"
        parts = [render_headline(answer["label"]), f"<p>{html.escape(words)}</p>"]
        parts.append(draw_share(answer["score"], words, threshold))
        by_class = sorted(answer["probabilities"].items(), key=lambda item: -item[1])[:MAX_CLASSES]
        rows = [[html.escape(label), draw_share(share, label), f"{share:.4g}"] for label, share in by_class]
        parts.append(render_rows(["class", "", "probability"], rows))
    if "set" in answer:
        named = ", ".join(answer["set"]) or "no class"
        parts.append(f"<p>With a coverage of {COVERAGE:.0%}: {html.escape(named)}</p>")
    if "interval" in answer:
        low, high = answer["interval"]
        parts.append(f"<p>With a coverage of {COVERAGE:.0%}: {low:.6g} to {high:.6g}</p>")
    for flag in answer.get("flags", []):
        words = f"{flag['code']}: {flag['message']}"
        parts.append(f'<p class="bad">{html.escape(words)}</p>')
    return "".join([*parts, render_reasons(path, texts, answer["reasons"])])


def render_headline(words: str) -> str:
    """Return the HTML of what is predicted."""
    return f'<p class="answer">{html.escape(words)}</p>'


def render_reasons(path: str, texts: dict[str, str], reasons: dict) -> str:
    """Return the HTML of *reasons*: a bar for each column that contributes, and the counterfactual if there is one."""
    ordered = sorted(reasons["contributions"].items(), key=lambda item: -abs(item[1]))
    shown, others = ordered[:MAX_REASONS], ordered[MAX_REASONS:]
    rows = [(column, texts[column][:MAX_SHOWN] or "missing", part) for column, part in shown]
    rows += [(f"{len(others)} others", "", math.fsum(part for _, part in others))] if others else []
    largest = max((abs(part) for _, _, part in rows), default=0) or 1
    cells = [
        [f"{html.escape(column)}<small>{html.escape(text)}</small>", draw_part(part / largest, column), f"{part:+.4g}"]
        for column, text, part in rows
    ]
    how = "exact" if reasons["exact"] else "estimated"
    words = f"From the mean of synthetic rows, {reasons['base']:.4g}, to this row, {reasons['value']:.4g}"
    html_parts = [f"<h2>Reasons</h2><p>{words}: what each column adds ({html.escape(reasons['scale'])}, {how}).</p>"]
    html_parts.append(render_rows(["column", "", "adds"], cells))
    if "counterfactual" in reasons:
        html_parts.append(render_counterfactual(path, texts, reasons["counterfactual"]))
    return "".join(html_parts)


def render_counterfactual(path: str, texts: dict[str, str], found: dict | None) -> str:
    """Return the HTML of the counterfactual *found* to the row *texts*, with a link that fills it in."""
    if found is None:
        return "<p>No change of one or two columns that the case permits gives another label.</p>"
    changes = {name: "" if value is None else as_text(value) for name, value in found["changes"].items()}
    words = " and ".join(f"{name} {text}" for name, text in changes.items())
    address = f"{path}?{urllib.parse.urlencode(texts | changes, errors='replace')}"
    link = f'<a href="{html.escape(address)}">{html.escape(words)}</a>'
    return f"<p>The nearest row with another label has {link}: {html.escape(found['label'])}</p>"


def render_rows(head: list[str], rows: list[list[str]]) -> str:
    """Return the table of *rows*, which have HTML, below *head*; the last column has numbers, an unnamed one bars."""
    kinds = ['class="number"' if name == head[-1] else "" if name else 'class="bar"' for name in head]
    lines = [
        "".join(f"<{tag} {kind}>{cell}</{tag}>" for kind, cell in zip(kinds, cells, strict=True))
        for tag, cells in [("th", head), *(("td", row) for row in rows)]
    ]
    return f"<table>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>"


def draw_share(share: float, words: str, threshold: float | None = None) -> str:
    """Return a bar of a *share* of one, with a line at the *threshold*; *words* say what it is."""
    line = "" if threshold is None else f'<line class="at" x1="{threshold:.4f}" x2="{threshold:.4f}" y2="1"/>'
    return draw(words, "0 0 1 1", f'<rect class="track" width="1" height="1"/>{draw_rect("down", 0, share)}{line}')


def draw_part(part: float, words: str) -> str:
    """Return a bar from the middle to *part*, from -1 to 1; *words* say what it is."""
    middle = '<line class="at" x1="0" x2="0" y2="1"/>'
    kind = "up" if part > 0 else "down"
    return draw(words, "-1 0 2 1", f"{draw_rect(kind, min(part, 0), abs(part))}{middle}")


def draw_rect(kind: str, start: float, width: float) -> str:
    """Return a bar of the class *kind*."""
    return f'<rect class="{kind}" x="{start:.4f}" width="{width:.4f}" height="1"/>'


def draw(words: str, box: str, content: str) -> str:
    """Return *content*, drawn in the coordinates *box*, as a picture that *words* describe."""
    start = f'<svg viewBox="{box}" preserveAspectRatio="none" role="img" aria-label="{html.escape(words)}">'
    return f"{start}{content}</svg>"
