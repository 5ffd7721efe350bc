"""The section of the report that shows what happened to the served versions: performance by period, and a timeline."""

from datetime import date
from typing import Any

from scripts.provenance.wording import describe_reason
from scripts.report import interval_plot
from scripts.report.html import Figures, figure, number, part, table

LABELS = {"roc_auc": "ROC AUC", "rmse": "RMSE"}
SHOWN = 60  # periods drawn, the latest ones


def feedback(report: dict | None, captions: dict[str, str]) -> Figures:
    """Show the realised and estimated performance by period and the timeline of *report* (feedback.json).

    Without one, there is nothing to show.
    """
    if report is None:
        return []
    estimated = report["estimated"]
    rows = list_periods(report["realised"], estimated)[-SHOWN:]
    metric = find_metric(report["realised"], estimated)
    plot = part("paragraph", "no requests have labels, and nothing was estimated")
    if rows:
        reference = estimated.get("reference", {}).get("metrics", {}).get(metric)
        plot = interval_plot.dots("performance", "Performance on requests", rows, reference, LABELS[metric])
    events = table(["day", "what happened"], list_events(report, metric), 2, "nothing happened yet")
    return [
        figure("performance", "Performance on requests", plot, captions["performance"], full=True),
        figure("timeline", "Timeline", events, captions["timeline"], full=True),
    ]


def find_metric(realised: dict, estimated: dict) -> str:
    """Return the metric that both sides are shown by: RMSE of a regression, otherwise ROC AUC."""
    names = {name for version in realised["versions"].values() for name in version["metrics"]}
    return "rmse" if "rmse" in names or estimated.get("metric") == "rmse" else "roc_auc"


def list_periods(realised: dict, estimated: dict) -> list[tuple[str, int, dict]]:
    """Return (label, rows, estimate) of each period that has a value, by period: realised, then estimated."""
    metric, found = find_metric(realised, estimated), []
    for number_, version in realised["versions"].items():
        for period in version["periods"]:
            if period["metrics"][metric]["value"] is not None:
                label = f"{period['period']} version {number_}, labels"
                found.append((period["period"], label, period["rows"], period["metrics"][metric]))
    for period in estimated.get("periods", []):
        value, error = period["metrics"].get(metric), period["error"]
        if value is not None and error is not None:
            entry = {"value": value, "low": value - 1.96 * error, "high": value + 1.96 * error}
            label = f"{period['period']} version {estimated['version']}, estimate"
            found.append((period["period"], label, period["rows"], entry))
    return [entry[1:] for entry in sorted(found, key=lambda entry: entry[:2])]


def first_day(period: str) -> str:
    """Return the first day of a *period*: a week (1999-W01) or a day."""
    year, _, week = period.partition("-W")
    return date.fromisocalendar(int(year), int(week), 1).isoformat() if week else period


def list_events(report: dict, metric: str) -> list[list[Any]]:
    """Return (day, what happened) in order: performance by period, changes of the scores, verdicts."""
    events = []
    for version, found in report["realised"]["versions"].items():
        for period in found["periods"]:
            value = number(period["metrics"][metric]["value"])
            text = f"version {version}: {LABELS[metric]} {value} by {period['rows']} late labels"
            events.append([first_day(period["period"]), text])
    for period in report["estimated"].get("periods", []):
        value = number(period["metrics"].get(metric))
        text = f"version {report['estimated']['version']}: {LABELS[metric]} {value} estimated without labels"
        events.append([first_day(period["period"]), text])
    events += [[moment[:10], "the mean score changed"] for moment in report["estimated"].get("changes", [])]
    verdicts = [*report["retraining"].get("history", []), report["retraining"]]
    for verdict in verdicts if report["retraining"] else []:
        reasons = ", ".join(map(describe_reason, verdict["reasons"]))
        events.append([verdict["day"], f"verdict {verdict['number']}: train again, for {reasons}"])
    return sorted(events)
