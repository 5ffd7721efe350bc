"""The page at `/`: what is served, to whom the traffic goes, how fast the answers are; read-only, without scripts."""

import datetime
import html

from scripts.serve.inference import InferenceService
from scripts.serve.model import Model
from scripts.serve.model_store import Case
from scripts.serve.page import page_headers, render_document

REFRESH_SECONDS = 10
HEADERS = page_headers()
COLUMNS = ("version", "labels", "traffic", "bundle", "requests", "failed", "rows")
COLUMNS += ("p50 ms", "p95 ms", "p99 ms", "last", "what-if")
NUMBERS = {"requests", "failed", "rows", "p50 ms", "p95 ms", "p99 ms"}


def format_time(seconds: float) -> str:
    """Return a time in seconds since 1970, in UTC; a dash for 0."""
    if not seconds:
        return "–"
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def describe_share(case: Case, labels: list[str]) -> str:
    """Return the share of the requests without a version that go to *labels*, and whether one of them is a shadow."""
    total = sum(share for _, share in case.traffic.split)
    own = sum(share for label, share in case.traffic.split if label in labels)
    shadow = "shadow" if set(labels) & set(case.traffic.shadow) else ""
    return ", ".join(filter(None, (f"{100 * own / total:.3g} %" if own else "", shadow))) or "–"


def describe_version(service: InferenceService, name: str, case: Case, model: Model) -> list[str]:
    """Return the HTML of the cells of *model* in the table of the case *name*, one for each of COLUMNS."""
    labels = sorted(label for label, version in case.labels.items() if version == model.version)
    counts = service.statistics.describe(name, model.version)
    latency = service.statistics.quantiles(name, model.version)
    cells = [str(model.version), ", ".join(labels) or "–", describe_share(case, labels), model.digest[:12]]
    cells += [str(counts["inference_stats"][kind]["count"]) for kind in ("success", "fail")]
    cells.append(str(counts["inference_count"]))
    cells += ["–" if latency is None else f"{milliseconds:.3g}" for milliseconds in latency or (0, 0, 0)]
    cells.append(format_time(counts["last_inference"] / 1000))
    return [*map(html.escape, cells), f'<a href="/what-if/{html.escape(name)}/versions/{model.version}">edit a row</a>']


def render_table(rows: list[list[str]]) -> str:
    """Return the HTML table of *rows*, which have HTML, below COLUMNS; what does not fit is scrolled."""
    kinds = [' class="number"' if name in NUMBERS else "" for name in COLUMNS]
    head = "".join(f"<th{kind}>{name}</th>" for name, kind in zip(COLUMNS, kinds, strict=True))
    body = ""
    for cells in rows:
        items = zip(cells, kinds, strict=True)
        body += "<tr>" + "".join(f"<td{kind}>{cell}</td>" for cell, kind in items) + "</tr>"
    return f'<div class="scroll" tabindex="0"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def render_case(service: InferenceService, name: str, case: Case) -> str:
    """Return the HTML section of a case."""
    models = list(case.versions.values())
    title = str(models[-1].contract.get("title", name)) if models else name
    parts = [f"<section><h2>{html.escape(title)}</h2>"]
    parts.append(f"<p><code>{html.escape(name)}</code>, last update {format_time(case.updated)}</p>")
    for count, what in (
        (service.store.refused[name], "times something published could not be served; the log says why"),
        (service.log.dropped[name], "requests or shadows were not logged"),
    ):
        parts.append(f'<p class="bad">{count} {what}</p>' if count else "")
    parts.append(render_table([describe_version(service, name, case, model) for model in models]))
    return "".join([*parts, "</section>"])


def render_status(service: InferenceService) -> bytes:
    """Return the page."""
    cases = sorted(service.store.cases.items())
    sections = "".join(render_case(service, name, case) for name, case in cases)
    body = f"""<h1>Model server</h1>
<p>Latency is that of the last answers of each version. Shares are of requests that name no version.</p>
{sections or "<p>Nothing is published yet.</p>"}"""
    return render_document("Model server", body, REFRESH_SECONDS)
