"""What the jobs found that make data ready, from raw bytes to features: a line for each."""

import re

from scripts.console.job import Job
from scripts.console.wording import bytes_below, count_of, size

SHOWN = 3  # anomalies that a line names


def describe_fetch(job: Job) -> str:
    origin = job.search_log(r"bytes from the (.*)$")
    return size(bytes_below(job.path("raw"))) + (f" from the {origin}" if origin else "")


def describe_ingest(job: Job) -> str:
    counts = job.read("counts.json")
    text = count_of(counts["kept"], "row")
    text += f", {counts['quarantined']:,} set aside" if counts["quarantined"] else ""
    left_out = sum(counts["filtered"].values())
    return text + (f", {left_out:,} left out by filters" if left_out else "")


def describe_statistics(job: Job) -> str:
    found = job.read("statistics.json")
    missing = sum(column["missing"] for column in found["columns"].values())
    cells = found["rows"] * len(found["columns"])
    share = f", {100 * missing / cells:.0f} % of the values missing" if cells else ""
    return f"{count_of(len(found['columns']), 'column')} of {count_of(found['rows'], 'row')}{share}"


def describe_checks(job: Job) -> str:
    found = job.read("checks.json")
    return f"{count_of(len(found['rules']), 'rule')} on {count_of(found['rows'], 'row')}"


def describe_anomalies(job: Job) -> str:
    found = job.read("anomalies.json")["anomalies"]
    errors = [item for item in found if item["severity"] == "error"]
    waived = f", {len(found) - len(errors)} waived" if len(errors) < len(found) else ""
    named = [" ".join(filter(None, (item["code"], item.get("column"), item.get("span")))) for item in errors[:SHOWN]]
    more = f" and {len(errors) - SHOWN} more" if len(errors) > SHOWN else ""
    listed = f": {', '.join(named)}{more}" if named else ""
    return (count_of(len(errors), "anomaly") if errors else "no anomaly") + waived + listed


def describe_data_gate(job: Job) -> str:
    waivers = job.read("granted.json")["waivers"]
    return f"passed, {count_of(len(waivers), 'waiver')} in force" if waivers else "passed"


def describe_proposal(job: Job) -> str:
    return f"{job.path('schema.yaml')}, to be read and copied"


def describe_summary(job: Job) -> str:
    rows, features = re.fullmatch(r"(\d+) rows, (\d+) features", job.log_lines()[-1]).groups()
    return f"{count_of(int(rows), 'row')}, {count_of(int(features), 'feature')}"


def describe_graph(job: Job) -> str:
    contract = job.read("contract.json")
    return f"{count_of(len(contract['features']), 'feature')} of {count_of(len(contract['columns']), 'column')}"


def describe_features(job: Job) -> str:
    found = job.read("statistics.json")
    return f"{count_of(found['rows'], 'row')}, {count_of(len(found['features']), 'feature')}"


FINDINGS = {
    "fetch": describe_fetch,
    "ingest_span": describe_ingest,
    "statistics": describe_statistics,
    "check_rows": describe_checks,
    "anomalies": describe_anomalies,
    "gate_data": describe_data_gate,
    "propose": describe_proposal,
    "summarize": describe_summary,
    "fit_graph": describe_graph,
    "transform": describe_features,
}
