"""The end of a run: its errors, and nothing else; or what ran, what was reused, what is deployed, what to do next."""

import json
import os
from pathlib import Path
from typing import Any

from scripts.console import dry_run
from scripts.console.messages import FAILED, FINISHING, NOTHING, format_error
from scripts.console.printer import Printer
from scripts.console.progress import Plan, read_plan
from scripts.console.run import Deployed, Session
from scripts.console.wording import format_count, format_duration, format_estimate
from scripts.metrics.table import choose_main_metric
from scripts.provenance.snakemake_api import log_files

METRICS = 3  # metrics that a line names
Lines = list[tuple[str, str]]  # label and text


def read(path: Path) -> Any:
    """Return the JSON value of the file at *path*, an empty dictionary where there is none."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def read_deployed(config: dict, root: Path = Path()) -> Deployed | None:
    """Return the version that the label of the case names now, None where there is none."""
    case = root / "serving" / config["case"]
    version = read(case / "labels.json").get(config["deploy"]["label"])
    if version is None:
        return None
    return Deployed(version, read(case / str(version) / "lineage.json").get("test", {}).get("metrics", {}))


def select_metrics(metrics: dict[str, Any], tuned: str, gate: dict) -> list[str]:
    """Return the names of the metrics to show: the main one, then those that the *gate* has limits for."""
    main = choose_main_metric(metrics, tuned)
    return list(dict.fromkeys(name for name in [main, *gate] if name in metrics))[:METRICS]


def describe_changes(names: list[str], now: Deployed, before: Deployed, blessing: dict) -> str:
    """Return by how much the metrics *names* differ from those *before*; with the interval where the gate has one."""
    parts = []
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
            parts.append(f"{name} {format_change(check['value'])}{interval}")
        elif new is not None and old is not None:
            parts.append(f"{name} {format_change(new - old)}")
    return f"against version {before.version}: {', '.join(parts)}" if parts else ""


def format_change(change: float) -> str:
    """Return a change with its sign."""
    return f"{change:+.2g}" if change else "unchanged"


def locate_report(results: Path) -> str:
    """Return where the report of the version is, or the command that writes it."""
    report = results / "report/report.html"
    used = read(results / "report/record.json").get("inputs", {}).get("version", {})
    version = read(results / "register/record.json").get("outputs", {}).get(str(results / "register/version.json"))
    if report.is_file() and version and f"sha256:{version}" in used.values():
        return str(report)
    return f"./ouroboros report writes {report}"


def describe_deployment(config: dict, before: Deployed | None, root: Path = Path()) -> Lines:
    """Return the lines about the version that is deployed now; *before* is the one deployed when the run began."""
    now, results = read_deployed(config, root), Path("results") / config["case"]
    if now is None:
        return []
    names = select_metrics(now.metrics, config["tune"]["metric"], config["analyze"]["gate"])
    lines = [("test", ", ".join(f"{name} {format_estimate(now.metrics[name])}" for name in names))]
    if before and before.version != now.version:
        blessing = read(root / results / "analyze/gate/blessing.json")
        lines.append(("change", describe_changes(names, now, before, blessing)))
    lines.append(("report", locate_report(results)))
    address = f"http://127.0.0.1:{config['serve']['port']}/predict/{config['case']}"
    lines.append(("serve", f"./ouroboros serve, then POST to {address}"))
    return [(label, text) for label, text in lines if text]


def describe_work(plan: Plan, ran: dict[tuple, float], elapsed: float, expected: int) -> Lines:
    """Return the lines about the jobs: those that *ran*, those of the *plan* that did not have to, and time saved."""
    lines = [("ran", f"{format_count(len(ran), 'job')} in {format_duration(elapsed)}")] if ran else []
    reused = [job for key, job in plan.items() if job.record and key not in ran]
    if reused:
        saved = sum(job.seconds or 0.0 for job in reused)
        took = f", which took {format_duration(saved)} when they ran" if saved else ""
        unneeded = max(0, expected - len(ran))
        after_all = f"; {unneeded:,} of them after all, since what they read stayed the same" if unneeded else ""
        lines.append(("reused", f"the outputs of {format_count(len(reused), 'job')}{took}{after_all}"))
    return lines


def print_end(printer: Printer, session: Session, dryrun: bool) -> None:
    """Print how the run of *session* ended."""
    run = printer.run
    for line in run.unclaimed_lines():
        printer.print_note(line)
    finished = f"{format_count(len(run.progress.done), 'job')} finished"
    if run.is_stopped:
        hint = f": {finished}, the same command continues from there" if run.watched else ""
        printer.screen.print(f"stopped{hint}")
    elif run.failed:
        for job, lines in run.failed.values():
            printer.print_failure(job, lines)
    elif run.exception and FAILED not in run.exception:
        printer.print_error(format_error(run.exception))
    elif run.state == FINISHING:
        printer.screen.print(f"stopped after the jobs that ran: {finished}, the same command continues from there")
    elif dryrun and not run.error_printed:
        if run.watched or run.state == NOTHING:
            dry_run.print_end(printer, session.workflow, run.state == NOTHING)
    elif not run.error_printed and (run.watched or run.state == NOTHING):
        print_summary(printer, session)


def print_summary(printer: Printer, session: Session) -> None:
    """Print what ran and was reused, and what is deployed where that was asked for."""
    run, config = printer.run, session.config
    plan = read_plan(session.workflow)
    if run.state == NOTHING:
        title, lines = f"{config['case']}: nothing to do, all is up to date", describe_work(plan, {}, 0.0, 0)
    else:
        title, lines = (
            f"{config['case']}: done",
            describe_work(plan, run.progress.done, run.progress.elapsed, run.progress.total),
        )
    if any(job.rule == "deploy" for job in plan.values()):
        lines += describe_deployment(config, run.deployed_before)
        if now := read_deployed(config):
            title += f"; version {now.version} is {config['deploy']['label']}"
    logs = log_files(session.workflow) if run.watched else []
    printer.print_summary(title, lines + [("log", os.path.relpath(path)) for path in logs])
