"""What a finished job found, in one line: read from the small files that it wrote.

FINDINGS has a function for each rule. A rule without one, and a file that is not as expected, give the last line of
the job's log. Numbers are for people; programs read the files.
"""

import csv
import json
import re
from collections.abc import Callable

from scripts.console.job import Job
from scripts.console.wording import count_bytes, format_count, format_estimate, format_size
from scripts.metrics.table import choose_main_metric

SHOWN = 3  # anomalies that a line names
LIMITS = 3  # limits that a line names
PROGRESS = re.compile(r"tune: \d+/\d+ trials|.* rows so far, ")  # how far a job is
ROUTINE = re.compile(r"(eval|test): |compared with |rebuilding ")  # what a finding makes needless
NO_SUMMARY = {"gate_data", "propose"}  # rules whose last line is no summary


def describe_fetch(job: Job) -> str:
    origin = job.search_log(r"bytes from the (.*)$")
    return format_size(count_bytes(job.path("raw"))) + (f" from the {origin}" if origin else "")


def describe_ingest(job: Job) -> str:
    counts = job.read("counts.json")
    text = format_count(counts["kept"], "row")
    text += f", {counts['quarantined']:,} set aside" if counts["quarantined"] else ""
    left_out = sum(counts["filtered"].values())
    return text + (f", {left_out:,} left out by filters" if left_out else "")


def describe_statistics(job: Job) -> str:
    statistics = job.read("statistics.json")
    missing = sum(column["missing"] for column in statistics["columns"].values())
    cells = statistics["rows"] * len(statistics["columns"])
    share = f", {100 * missing / cells:.0f} % of the values missing" if cells else ""
    return f"{format_count(len(statistics['columns']), 'column')} of {format_count(statistics['rows'], 'row')}{share}"


def describe_checks(job: Job) -> str:
    checks = job.read("checks.json")
    return f"{format_count(len(checks['rules']), 'rule')} on {format_count(checks['rows'], 'row')}"


def describe_anomalies(job: Job) -> str:
    anomalies = job.read("anomalies.json")["anomalies"]
    errors = [item for item in anomalies if item["severity"] == "error"]
    waived = f", {len(anomalies) - len(errors)} waived" if len(errors) < len(anomalies) else ""
    named = [" ".join(filter(None, (item["code"], item.get("column"), item.get("span")))) for item in errors[:SHOWN]]
    more = f" and {len(errors) - SHOWN} more" if len(errors) > SHOWN else ""
    listed = f": {', '.join(named)}{more}" if named else ""
    return (format_count(len(errors), "anomaly") if errors else "no anomaly") + waived + listed


def describe_data_gate(job: Job) -> str:
    waivers = job.read("granted.json")["waivers"]
    return f"passed, {format_count(len(waivers), 'waiver')} in force" if waivers else "passed"


def describe_proposal(job: Job) -> str:
    return f"{job.path('schema.yaml')}, to be read and copied"


def describe_summary(job: Job) -> str:
    rows, features = re.fullmatch(r"(\d+) rows, (\d+) features", job.log_lines()[-1]).groups()
    return f"{format_count(int(rows), 'row')}, {format_count(int(features), 'feature')}"


def describe_graph(job: Job) -> str:
    contract = job.read("contract.json")
    return f"{format_count(len(contract['features']), 'feature')} of {format_count(len(contract['columns']), 'column')}"


def describe_features(job: Job) -> str:
    statistics = job.read("statistics.json")
    return f"{format_count(statistics['rows'], 'row')}, {format_count(len(statistics['features']), 'feature')}"


def describe_tune(job: Job) -> str:
    if not job.path("trials.json").stat().st_size:
        raise ValueError("no trials")
    sweep = job.read("trials.json")
    best, failed = sweep["best"], sum(trial["status"] != "ok" for trial in sweep["trials"])
    lost = f", {failed} failed" if failed else ""
    trials = format_count(len(sweep["trials"]), "trial")
    return f"best {sweep['metric']} {best['score']:.4f} of {trials} ({best['family']}){lost}"


def describe_train(job: Job) -> str:
    bundle = job.path("bundle")
    contract = json.loads((bundle / "contract.json").read_text(encoding="utf-8"))
    params = ", ".join(
        f"{name} {value:.3g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in contract["params"].items()
    )
    return f"{contract['family']}, {format_size(count_bytes(bundle))}" + (f", {params}" if params else "")


def describe_metrics(job: Job) -> str:
    test = job.read("metrics.json")["splits"]["test"]
    trials = job.path("metrics.json").parents[2] / "tune/trials.json"
    tuned = json.loads(trials.read_text(encoding="utf-8"))["metric"] if trials.is_file() else ""
    name = choose_main_metric(test["metrics"], tuned)
    return f"test {name} {format_estimate(test['metrics'][name])}, {format_count(test['rows'], 'row')}"


def describe_sentinel(job: Job) -> str:
    sentinel = job.read("sentinel.json")
    return f"no leak: shuffled labels give {sentinel['metric']} {format_estimate(sentinel)}"


def describe_model_gate(job: Job) -> str:
    blessing = job.read("blessing.json")
    checks = blessing["checks"]
    named = ", ".join(map(describe_limit, checks[:LIMITS]))
    more = f" and {len(checks) - LIMITS} more" if len(checks) > LIMITS else ""
    return f"passed: {named}{more}" if named else "passed"


def describe_limit(check: dict) -> str:
    """Return a limit of the gate that held: roc_auc 0.9407 (min 0.9)."""
    name = " of ".join(filter(None, (check["metric"], check["of"])))
    name = f"change of {name}" if check["kind"] == "change" else name
    limit = ", ".join(f"{key} {value:g}" for key, value in sorted(check["limit"].items()))
    return f"{name} {check['value']:.4g} ({limit})" if check["value"] is not None else f"{name} ({limit})"


def describe_claims(job: Job) -> str:
    verdicts = job.read("claims.json")
    return f"{len(verdicts['claims']) - verdicts['missed']} of {format_count(len(verdicts['claims']), 'claim')} hold"


def describe_version(job: Job) -> str:
    version = job.read("version.json")
    return f"version {version['version']}, bundle {version['bundle'][:12]}"


def describe_challenger(job: Job) -> str:
    return f"the best {job.read('best.json')['family']} of the sweep"


def describe_deploy(job: Job) -> str:
    published = job.read("published.json")
    latency = job.search_log(r"([\d.e+-]+ ms) a row\)")
    return f"{published['label']} is version {published['version']}" + (f", {latency} a row" if latency else "")


def describe_realised(job: Job) -> str:
    labels = job.read("realised.json")["labels"]
    left_out = [f"{entry['count']} {reason}" for reason, entry in labels["left_out"].items() if entry["count"]]
    return ", ".join([f"{labels['joined']} of {format_count(labels['given'], 'label')} joined", *left_out])


def describe_queue(job: Job) -> str:
    path = job.path("queue.csv")
    with open(path, newline="", encoding="utf-8") as file:
        rows = sum(1 for _ in csv.DictReader(file))  # a text may have several lines
    return f"{format_count(rows, 'row')} to label in {path}"


def describe_shadow(job: Job) -> str:
    shadow = job.read("shadow.json")
    return f"{format_count(shadow['rows'], 'logged row')} answered again, {shadow['changed']} decided otherwise"


def describe_estimated(job: Job) -> str:
    estimated = job.read("estimated.json")
    if "requests" not in estimated:
        return estimated["reason"]
    metric = estimated["metric"]
    after, before = (estimated[side]["metrics"][metric] for side in ("requests", "reference"))
    return f"{metric} {after:.4f} without labels, {before:.4f} on test rows"


def describe_feedback(job: Job) -> str:
    feedback = job.read("feedback.json")
    return f"{format_count(feedback['rows'], 'row')} asked: {feedback['verdict']}"


def describe_request_table(job: Job) -> str:
    counts = job.read("statistics.json")
    rows = sum(version["rows"] for version in counts["versions"].values())
    left_out = f"{counts['malformed']} malformed lines, {counts['repeated']} repeated"
    return f"{format_count(rows, 'row')} asked" + f", {left_out}" * bool(counts["malformed"] + counts["repeated"])


def describe_report(job: Job) -> str:
    path = job.path("report.html")
    return f"{path}, {format_size(path.stat().st_size)}"


FINDINGS: dict[str, Callable[[Job], str]] = {
    "fetch": describe_fetch,
    "ingest_span": describe_ingest,
    "statistics": describe_statistics,
    "check_rows": describe_checks,
    "anomalies": describe_anomalies,
    "gate_data": describe_data_gate,
    "propose": describe_proposal,
    "check_claims": describe_claims,
    "summarize": describe_summary,
    "fit_graph": describe_graph,
    "transform": describe_features,
    "tune": describe_tune,
    "train": describe_train,
    "metrics": describe_metrics,
    "sentinel": describe_sentinel,
    "gate_model": describe_model_gate,
    "register_model": describe_version,
    "deploy": describe_deploy,
    "challenger": describe_challenger,
    "deploy_challenger": describe_deploy,
    "request_table": describe_request_table,
    "measure": describe_realised,
    "label_queue": describe_queue,
    "shadow": describe_shadow,
    "estimate": describe_estimated,
    "feedback": describe_feedback,
    "report": describe_report,
}


def describe_job(job: Job) -> str:
    """Return what *job* found, in one line; nothing where its log is empty."""
    try:
        return FINDINGS[job.rule](job)
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, OSError):
        return next(iter(job.log_lines()[-1:]), "")


def covered_lines(job: Job) -> list[str]:
    """Return the line of the log that the finding of *job* stands for: the last; nothing where that is no summary."""
    return [] if job.rule in NO_SUMMARY else job.log_lines()[-1:]


def select_notes(job: Job, lines: list[str]) -> list[str]:
    """Return those of the *lines* of *job* that people need besides its finding."""
    if lines and lines[-1] in covered_lines(job):
        lines = lines[:-1]
    return [line for line in lines if not is_routine(line)]


def is_routine(line: str) -> bool:
    """Return whether *line* is one of those that jobs write about their progress."""
    return bool(PROGRESS.match(line) or ROUTINE.match(line))
