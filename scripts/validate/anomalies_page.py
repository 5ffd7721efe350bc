"""Render the anomalies as a self-contained HTML page with light and dark colours. All content is escaped."""

import json
from html import escape
from typing import Any

STYLE = """
:root{color-scheme:light dark;--ink:#1d2330;--soft:#5b6472;--back:#fafaf8;--card:#fff;--line:#dcdfe4;--bad:#b3261e;
--calm:#2f6f4f;--held:#8a6100}
@media (prefers-color-scheme:dark){:root{--ink:#e8eaee;--soft:#a3abb8;--back:#14171c;--card:#1d2128;--line:#363c46;
--bad:#ff8a80;--calm:#7fd1a4;--held:#f0c35e}}
*{box-sizing:border-box}
body{margin:0 auto;padding:1.5rem 1rem 4rem;max-width:56rem;color:var(--ink);background:var(--back);
font:1rem/1.5 system-ui,sans-serif;overflow-wrap:anywhere}
h1{font-size:1.5rem;margin:0 0 .25rem}h2{font-size:1.1rem;margin:2rem 0 .5rem}
.lead{font-size:1.1rem;margin:0 0 1rem}.error{color:var(--bad)}.waived{color:var(--held)}.well{color:var(--calm)}
article{background:var(--card);border:1px solid var(--line);border-left:4px solid var(--bad);border-radius:6px;
padding:.75rem 1rem;margin:.75rem 0}article.held{border-left-color:var(--held)}
article h3{font-size:1rem;margin:0}code,pre{font:.85rem/1.45 ui-monospace,monospace}
pre{white-space:pre-wrap;background:var(--back);border:1px solid var(--line);border-radius:4px;
padding:.5rem;margin:.25rem 0}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.1rem .75rem;margin:.5rem 0 0}
dt{color:var(--soft)}dd{margin:0}
@media (max-width:30rem){dl{grid-template-columns:1fr}dd{margin-bottom:.35rem}}
"""


def format_value(value: Any) -> str:
    """Return *value* as readable, escaped text."""
    if isinstance(value, float):
        return escape(f"{value:.6g}")
    return escape(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str))


def render_anomaly(item: dict) -> str:
    """Return one anomaly as an HTML article."""
    facts = [("column", item["column"]), ("span", item["span"]), ("split", item["split"]), ("rule", item["rule"])]
    facts += [("observed", item["observed"]), ("limit", item["limit"]), ("rows", item["examples"])]
    if waiver := item.get("waiver"):
        facts.append(("waived", f"until {waiver['expires']} by {waiver['owner']}: {waiver['reason']}"))
    rows = "".join(
        f"<dt>{name}</dt><dd>{format_value(value)}</dd>" for name, value in facts if value not in ("", None, [])
    )
    patch = f"<pre>{escape(item['patch'])}</pre>" if item["patch"] else f"<p>{escape(item['why_no_patch'])}</p>"
    css_class = ' class="held"' if item["severity"] == "waived" else ""
    return (
        f"<article{css_class}><h3><code>{escape(item['code'])}</code></h3><p>{escape(item['message'])}</p><dl>{rows}</dl>"
        f"<details><summary>Schema change that would accept it</summary>{patch}</details></article>"
    )


def render_page(case: str, content: dict, tables: int) -> str:
    """Return the page on the anomalies of *content* (anomalies.json), found in a number of *tables*."""
    errors = [item for item in content["anomalies"] if item["severity"] == "error"]
    waived = [item for item in content["anomalies"] if item["severity"] == "waived"]
    word = "anomaly stops" if len(errors) == 1 else "anomalies stop"
    lead = f'<p class="lead error">{len(errors)} {word} the run.</p>' if errors else ""
    lead = lead or '<p class="lead well">No anomaly: nothing stops the run.</p>'
    body = "".join(map(render_anomaly, errors))
    if waived:
        body += f"<h2>Waived ({len(waived)})</h2>" + "".join(map(render_anomaly, waived))
    name = escape(case)
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>Anomalies: {name}</title><style>{STYLE}</style></head><body><main>"
        f"<h1>Data of {name}</h1>{lead}<p>{tables} tables were compared with the schema.</p>{body}"
        "</main></body></html>\n"
    )
