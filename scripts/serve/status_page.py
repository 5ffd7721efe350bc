"""The page at `/`: what is served, to whom the traffic goes, how fast the answers are; read-only, without scripts."""

import datetime
import html

from scripts.serve.inference import InferenceService
from scripts.serve.model import Model
from scripts.serve.model_store import Case
from scripts.templates.policy import csp_source

REFRESH_SECONDS = 10
STYLE = """
:root { --page: #ffffff; --card: #f5f6f8; --ink: #1b1e23; --soft: #565d68; --line: #c5cad2; --bad: #b3261e; }
@media (prefers-color-scheme: dark) {
  :root { --page: #14161a; --card: #1d2026; --ink: #e9ebef; --soft: #a5adb9; --line: #434a55; --bad: #ff8f86; }
}
* { box-sizing: border-box; }
html { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--page); }
body { margin: 0 auto; padding: 1rem; max-width: 70rem; color: var(--ink); overflow-wrap: anywhere; }
h1, h2 { line-height: 1.25; margin: 0 0 .25rem; }
p { margin: 0 0 .5rem; color: var(--soft); }
section { margin: 1rem 0; padding: 1rem; background: var(--card); border: 1px solid var(--line); border-radius: .5rem; }
.bad { color: var(--bad); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .75rem .25rem 0; text-align: left; white-space: nowrap; border-top: 1px solid var(--line); }
th { font-weight: 600; color: var(--soft); border-top: 0; }
.number { text-align: right; }
code { font-size: .875rem; }
"""
HEADERS = {
    "content-type": "text/html; charset=utf-8",
    "content-security-policy": f"default-src 'none'; img-src data:; style-src {csp_source(STYLE)}; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}
COLUMNS = ("version", "labels", "traffic", "bundle", "requests", "failed", "rows", "p50 ms", "p95 ms", "p99 ms", "last")
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
    """Return the cells of the row of *model* in the table of the case *name*, one for each of COLUMNS."""
    labels = sorted(label for label, version in case.labels.items() if version == model.version)
    counts = service.statistics.describe(name, model.version)
    latency = service.statistics.quantiles(name, model.version)
    cells = [str(model.version), ", ".join(labels) or "–", describe_share(case, labels), model.digest[:12]]
    cells += [str(counts["inference_stats"][kind]["count"]) for kind in ("success", "fail")]
    cells.append(str(counts["inference_count"]))
    cells += ["–" if latency is None else f"{milliseconds:.3g}" for milliseconds in latency or (0, 0, 0)]
    return [*cells, format_time(counts["last_inference"] / 1000)]


def render_table(rows: list[list[str]]) -> str:
    """Return the HTML table of *rows* below COLUMNS; what does not fit is scrolled."""
    kinds = [' class="number"' if name in NUMBERS else "" for name in COLUMNS]
    head = "".join(f"<th{kind}>{name}</th>" for name, kind in zip(COLUMNS, kinds, strict=True))
    body = ""
    for cells in rows:
        items = zip(cells, kinds, strict=True)
        body += "<tr>" + "".join(f"<td{kind}>{html.escape(cell)}</td>" for cell, kind in items) + "</tr>"
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
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Model server</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="refresh" content="{REFRESH_SECONDS}"><link rel="icon" href="data:,">
<style>{STYLE}</style></head><body><h1>Model server</h1>
<p>Latency is that of the last answers of each version. Shares are of requests that name no version.</p>
{sections or "<p>Nothing is published yet.</p>"}</body></html>
""".encode("utf-8", "replace")
