"""What the jobs found that make, judge and publish a model: a line for each."""

import json
from typing import Any

from scripts.console.job import Job
from scripts.console.wording import bytes_below, count_of, figure, size

MAIN_METRICS = ("roc_auc", "ndcg", "accuracy", "rmse")  # the first one there stands for the others
SHOWN = 3  # limits that a line names


def main_metric(metrics: dict[str, Any]) -> str:
    """Return the name of the metric that stands for all. Raises KeyError where there is none at all."""
    known = [name for wanted in MAIN_METRICS for name in metrics if name.partition("@")[0] == wanted]
    return (known or sorted(metrics) or [""])[0]


def describe_tune(job: Job) -> str:
    if not job.path("trials.json").stat().st_size:
        raise ValueError("no trials")
    found = job.read("trials.json")
    best, failed = found["best"], sum(trial["status"] != "ok" for trial in found["trials"])
    lost = f", {failed} failed" if failed else ""
    trials = count_of(len(found["trials"]), "trial")
    return f"best {found['metric']} {best['score']:.4f} of {trials} ({best['family']}){lost}"


def describe_train(job: Job) -> str:
    bundle = job.path("bundle")
    contract = json.loads((bundle / "contract.json").read_text(encoding="utf-8"))
    params = ", ".join(
        f"{name} {value:.3g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in contract["params"].items()
    )
    return f"{contract['family']}, {size(bytes_below(bundle))}" + (f", {params}" if params else "")


def describe_metrics(job: Job) -> str:
    test = job.read("metrics.json")["splits"]["test"]
    name = main_metric(test["metrics"])
    return f"test {name} {figure(test['metrics'][name])}, {count_of(test['rows'], 'row')}"


def describe_sentinel(job: Job) -> str:
    found = job.read("sentinel.json")
    return f"no leak: shuffled labels give {found['metric']} {figure(found)}"


def describe_model_gate(job: Job) -> str:
    blessing = job.read("blessing.json")
    checks = blessing["checks"]
    named = ", ".join(map(limit_of, checks[:SHOWN]))
    more = f" and {len(checks) - SHOWN} more" if len(checks) > SHOWN else ""
    return f"passed: {named}{more}" if named else "passed"


def limit_of(check: dict) -> str:
    """Return a limit of the gate that held: roc_auc 0.9407 (min 0.9)."""
    name = " of ".join(filter(None, (check["metric"], check["of"])))
    name = f"change of {name}" if check["kind"] == "change" else name
    limit = ", ".join(f"{key} {value:g}" for key, value in sorted(check["limit"].items()))
    return f"{name} {check['value']:.4g} ({limit})" if check["value"] is not None else f"{name} ({limit})"


def describe_version(job: Job) -> str:
    version = job.read("version.json")
    return f"version {version['version']}, bundle {version['bundle'][:12]}"


def describe_deploy(job: Job) -> str:
    published = job.read("published.json")
    latency = job.search_log(r"([\d.e+-]+ ms) a row\)")
    return f"{published['label']} is version {published['version']}" + (f", {latency} a row" if latency else "")


def describe_feedback(job: Job) -> str:
    found = job.read("feedback.json")
    return f"{count_of(found['rows'], 'row')} asked: {found['verdict']}"


def describe_report(job: Job) -> str:
    path = job.path("report.html")
    return f"{path}, {size(path.stat().st_size)}"


FINDINGS = {
    "tune": describe_tune,
    "train": describe_train,
    "metrics": describe_metrics,
    "sentinel": describe_sentinel,
    "gate_model": describe_model_gate,
    "register_model": describe_version,
    "deploy": describe_deploy,
    "feedback": describe_feedback,
    "report": describe_report,
}
