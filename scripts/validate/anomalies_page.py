"""Render the anomalies as a self-contained HTML page with light and dark colours. All content is escaped."""

import json
from typing import Any

from scripts.templates.render import make_environment
from scripts.templates.render import render_page as render


def format_value(value: Any) -> str:
    """Return *value* as readable text."""
    if isinstance(value, float):
        return f"{value:.6g}"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


ENVIRONMENT = make_environment(shown=format_value)


def facts_of(item: dict) -> list[tuple[str, Any]]:
    """Return names and values of what is known of an anomaly."""
    facts = [(name, item[name]) for name in ("column", "span", "split", "rule", "observed", "limit")]
    facts.append(("rows", item["examples"]))
    if waiver := item.get("waiver"):
        facts.append(("waived", f"until {waiver['expires']} by {waiver['owner']}: {waiver['reason']}"))
    return [(name, value) for name, value in facts if value not in ("", None, [])]


def render_page(case: str, content: dict, tables: int, style: str) -> str:
    """Return the page on the anomalies of *content* (anomalies.json), found in a number of *tables*."""
    items = [item | {"facts": facts_of(item)} for item in content["anomalies"]]
    found = {kind: [item for item in items if item["severity"] == kind] for kind in ("error", "waived")}
    values = {"case": case, "tables": tables, "errors": found["error"], "waived": found["waived"]}
    return render(ENVIRONMENT, "anomalies.html.j2", style, [], title=f"Anomalies: {case}", **values)
