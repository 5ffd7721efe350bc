"""What a run leaves: what ran and what was reused, what is deployed and how good it is, where to go on from here."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.console.model_findings import main_metric
from scripts.console.plan import Plan
from scripts.console.wording import count_of, duration, figure

METRICS = 3  # metrics that a line names
Lines = list[tuple[str, str]]  # label and text


@dataclass
class Deployed:
    """A version that is served, with its metrics on the test split."""

    version: int
    metrics: dict[str, Any]


def read(path: Path) -> Any:
    """Return the JSON value of the file at *path*, an empty dictionary where there is none."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def deployed(config: dict, root: Path = Path()) -> Deployed | None:
    """Return the version that the label of the case names now, None where there is none."""
    case = root / "serving" / config["case"]
    version = read(case / "labels.json").get(config["deploy"]["label"])
    if version is None:
        return None
    return Deployed(version, read(case / str(version) / "lineage.json").get("test", {}).get("metrics", {}))


def shown_metrics(metrics: dict[str, Any], gate: dict) -> list[str]:
    """Return the names of the metrics to show: the main one, then those that the *gate* has limits for."""
    if not metrics:
        return []
    return list(dict.fromkeys([main_metric(metrics), *(name for name in gate if name in metrics)]))[:METRICS]


def changes(names: list[str], now: Deployed, before: Deployed, blessing: dict) -> str:
    """Return by how much the metrics *names* differ from those *before*; with the interval where the gate has one."""
    found = []
    paired = {
        check["metric"]: check
        for check in blessing.get("checks", [])
        if check["kind"] == "change" and not check["of"] and not next(iter(check["limit"])).startswith("relative")
    }
    for name in names:
        new, old = now.metrics[name].get("value"), before.metrics.get(name, {}).get("value")
        if name in paired and paired[name]["value"] is not None:
            check = paired[name]
            interval = f" ({check['low']:+.2g} to {check['high']:+.2g})" if check["low"] or check["high"] else ""
            found.append(f"{name} {signed(check['value'])}{interval}")
        elif new is not None and old is not None:
            found.append(f"{name} {signed(new - old)}")
    return f"against version {before.version}: {', '.join(found)}" if found else ""


def signed(change: float) -> str:
    """Return a change with its sign."""
    return f"{change:+.2g}" if change else "unchanged"


def report_of(results: Path) -> str:
    """Return where the report of the version is, or the command that writes it."""
    report = results / "report/report.html"
    used = read(results / "report/record.json").get("inputs", {}).get("version", {})
    version = read(results / "register/record.json").get("outputs", {}).get(str(results / "register/version.json"))
    if report.is_file() and version and f"sha256:{version}" in used.values():
        return str(report)
    return f"./ouroboros report writes {report}"


def deployment(config: dict, before: Deployed | None, root: Path = Path()) -> Lines:
    """Return the lines about the version that is deployed now; *before* is the one deployed when the run began."""
    now, results = deployed(config, root), Path("results") / config["case"]
    if now is None:
        return []
    names = shown_metrics(now.metrics, config["analyze"]["gate"])
    lines = [("test", ", ".join(f"{name} {figure(now.metrics[name])}" for name in names))]
    if before and before.version != now.version:
        blessing = read(root / results / "analyze/gate/blessing.json")
        lines.append(("change", changes(names, now, before, blessing)))
    lines.append(("report", report_of(results)))
    address = f"http://127.0.0.1:{config['serve']['port']}/predict/{config['case']}"
    lines.append(("serve", f"./ouroboros serve, then POST to {address}"))
    return [(label, text) for label, text in lines if text]


def work(plan: Plan, ran: dict[tuple, float], elapsed: float, expected: int) -> Lines:
    """Return the lines about the jobs: those that *ran*, those of the *plan* that did not have to, and time saved."""
    lines = [("ran", f"{count_of(len(ran), 'job')} in {duration(elapsed)}")] if ran else []
    reused = [job for key, job in plan.items() if job.record and key not in ran]
    if reused:
        saved = sum(job.seconds or 0.0 for job in reused)
        took = f", which took {duration(saved)} when they ran" if saved else ""
        spared = max(0, expected - len(ran))
        after_all = f"; {spared:,} of them after all, since what they read stayed the same" if spared else ""
        lines.append(("reused", f"the outputs of {count_of(len(reused), 'job')}{took}{after_all}"))
    return lines
