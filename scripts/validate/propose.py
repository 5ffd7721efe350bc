"""Propose a schema from the statistics. The schema of the case is compared with the proposal and never written."""

import difflib
import math
from pathlib import Path

import yaml

from scripts.data.yaml_file import parse_yaml
from scripts.provenance.canonical import read_json, write_bytes
from scripts.provenance.run_job import echo, main

HEADER = """\
# Proposed from the statistics of the spans {spans}: what the data is, not what it should be.
# Read and correct it, then: cp {proposal} {own}
"""


def propose_schema(tables: list[dict]) -> dict:
    """Return a schema that all *tables* (statistics) satisfy."""
    filled = [table for table in tables if table["rows"]]
    shares: dict[str, list[float]] = {}
    for table in filled:
        if total := sum(table["label"].values()):
            for name, count in table["label"].items():
                shares.setdefault(name, []).append(count / total)
    label = {
        name: {"min": lower_bound(min(found)), "max": upper_bound(max(found))} for name, found in sorted(shares.items())
    }
    names = list(dict.fromkeys(name for table in filled for name in table["columns"]))
    columns = {}
    for name in names:
        parts = [(table["columns"][name], table["rows"]) for table in filled if name in table["columns"]]
        columns[name] = propose_column(parts)
    spans: dict[str, int] = {}
    for table in filled:
        spans[table["span"]] = spans.get(table["span"], 0) + table["rows"]
    return {"rows": {"min": min(spans.values(), default=0) // 2}, "label": label, "columns": columns}


def lower_bound(value: float) -> float:
    """Return 0.9 times *value*, rounded down to two decimal places."""
    return math.floor(90 * value) / 100


def upper_bound(value: float) -> float:
    """Return 1.1 times *value*, rounded up to two decimal places, at most 1."""
    return min(math.ceil(110 * value) / 100, 1.0)


def propose_column(parts: list[tuple[dict, int]]) -> dict:
    """Return the rules of one column from *parts*: its statistics and the number of rows, of each table."""
    dtype = parts[0][0]["type"]
    rules: dict = {"type": dtype}
    least = min(figures["count"] / rows for figures, rows in parts)
    if least:
        rules["min_fraction"] = 1 if least == 1 else math.floor(100 * least) / 100
    filled = [figures for figures, _ in parts if figures["count"]]
    if dtype in ("number", "integer") and filled and min(figures["min"] for figures in filled) >= 0:
        rules["min"] = 0
    if dtype == "text" and all(figures["distinct"] == len(figures["top"]) for figures, _ in parts):
        values = sorted({value for figures, _ in parts for value, _ in figures["top"]})
        if values and sum(figures["count"] for figures, _ in parts) >= 10 * len(values):
            rules["domain"] = values
    return rules


def propose(statistics: list[Path], schema: list[Path], proposal: Path, case: str) -> None:
    """Write the proposal; log its differences from the *schema* of the case, if there is one."""
    tables = [read_json(path) for path in statistics]
    own, spans = f"data/{case}/schema.yaml", dict.fromkeys(table["span"] for table in tables)
    content = propose_schema(tables)
    head = HEADER.format(spans=", ".join(spans), proposal=f"results/{case}/validate/proposal/schema.yaml", own=own)
    body = yaml.safe_dump(content, sort_keys=False, allow_unicode=True, default_flow_style=None, width=120)
    write_bytes(proposal, (head + body).encode())
    if schema:
        frozen = parse_yaml(schema[0].read_text(encoding="utf-8"))
        texts = [yaml.safe_dump(one, default_flow_style=None, width=120).splitlines() for one in (frozen, content)]
        lines = list(difflib.unified_diff(*texts, own, "proposal", lineterm="", n=0))
        echo("\n".join(lines) if lines else "the proposal is the schema")


if __name__ == "__main__":
    main(propose)
