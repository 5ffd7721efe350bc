"""The pages of the server: one style, a policy that allows no script and no request, and the document around both."""

import html

from scripts.templates.policy import csp_source

STYLE = """
:root {
  --page: #ffffff; --card: #f5f6f8; --ink: #1b1e23; --soft: #565d68; --line: #c5cad2; --bad: #b3261e; --link: #0b5cad;
  --up: #c25500; --down: #0b6cb5;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #14161a; --card: #1d2026; --ink: #e9ebef; --soft: #a5adb9; --line: #434a55; --bad: #ff8f86; --link: #7fb9f2;
    --up: #f5a25d; --down: #5eb3f0;
  }
}
* { box-sizing: border-box; }
html { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--page); color-scheme: light dark; }
body { margin: 0 auto; padding: 1rem; max-width: 70rem; color: var(--ink); overflow-wrap: anywhere; }
h1, h2 { line-height: 1.25; margin: 0 0 .25rem; }
table + h2, p + h2 { margin-top: 1.25rem; }
p { margin: 0 0 .5rem; color: var(--soft); }
.answer { font-size: 1.5rem; font-weight: 600; color: var(--ink); }
small { display: block; color: var(--soft); }
a { color: var(--link); }
section { margin: 1rem 0; padding: 1rem; background: var(--card); border: 1px solid var(--line); border-radius: .5rem; }
.bad { color: var(--bad); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .75rem .25rem 0; text-align: left; border-top: 1px solid var(--line); }
.scroll th, .scroll td { white-space: nowrap; }
th { font-weight: 600; color: var(--soft); border-top: 0; }
.number { text-align: right; white-space: nowrap; }
code { font-size: .875rem; }
.fields { display: grid; gap: .75rem; grid-template-columns: repeat(auto-fill, minmax(min(100%, 15rem), 1fr)); }
label { display: block; min-width: 0; color: var(--soft); }
input, select, textarea, button {
  display: block; width: 100%; min-width: 0; padding: .3rem .5rem; font: inherit; color: var(--ink);
  background: var(--page); border: 1px solid var(--soft); border-radius: .25rem;
}
button { width: auto; margin-top: 1rem; padding: .4rem 1.5rem; cursor: pointer; }
svg { display: block; width: 100%; height: .75rem; margin: .25rem 0; }
.bar { width: 40%; min-width: 6rem; }
.track { fill: var(--line); }
.up { fill: var(--up); }
.down { fill: var(--down); }
.at { stroke: var(--ink); stroke-width: 2; vector-effect: non-scaling-stroke; }
@media (min-width: 60rem) {
  .sides { display: grid; grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); gap: 1rem; align-items: start; }
}
"""


def page_headers(form_action: str = "'none'") -> dict[str, str]:
    """Return the headers of a page whose forms may be sent to *form_action* (of the Content-Security-Policy)."""
    return {
        "content-type": "text/html; charset=utf-8",
        "content-security-policy": f"default-src 'none'; img-src data:; style-src {csp_source(STYLE)}; "
        f"base-uri 'none'; form-action {form_action}; frame-ancestors 'none'",
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "cache-control": "no-store",
    }


def render_document(title: str, body: str, refresh_seconds: int = 0) -> bytes:
    """Return the document with the HTML *body*, which browsers load again every *refresh_seconds*, unless that is 0."""
    refresh = f'<meta http-equiv="refresh" content="{refresh_seconds}">' if refresh_seconds else ""
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
{refresh}<link rel="icon" href="data:,">
<style>{STYLE}</style></head><body>{body}</body></html>
""".encode("utf-8", "replace")
