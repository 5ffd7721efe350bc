"""The section of the report that shows the gate: each check, and the change against the deployed version."""

from markupsafe import escape

from scripts.report import interval_plot
from scripts.report.html import Figures, Markup, figure, interval, join, number, part, table, verdict

ENDS = {"min": "at least", "max": "at most"}
UNIT = {"relative": "relative change, new less old by old", "absolute": "change, new less old"}


def gate(blessing: dict, captions: dict[str, str]) -> Figures:
    """Show the verdict, each check with its limit and what broke it, and what changed."""
    rows = [
        [
            check_label(check),
            check.get("kind", "value"),
            verdict_cell(check),
            format_limits(check["limit"]),
            interval(check) + (f"; {number(check['detectable'])} would be found" if "detectable" in check else ""),
        ]
        for check in blessing["checks"]
    ]
    outcome = join(verdict(blessing["blessed"], "blessed", "not blessed"), escape(comparison_text(blessing)))
    whole = part("paragraph", outcome)
    head = ["metric", "kind", "verdict", "limit", "measured"]
    checks = table(head, rows, 5, "no limit is configured, so nothing is blessed")
    return [figure("gate", "Checks", join(whole, checks), captions["gate"]), *changes(blessing, captions)]


def check_label(check: dict) -> str:
    """Return what a check is about: a metric, of a slice or column where it is not of all rows."""
    label = f"{check['metric']} of {check['of']}" if check.get("of") else check["metric"]
    return f"{label} against {check['against']}" if check.get("against") else label


def verdict_cell(check: dict) -> Markup:
    """Return the verdict of a check, and why where there was nothing to compare."""
    return part("verdict_cell", verdict(check["passed"]), check.get("why", ""))


def format_limits(limit: dict) -> str:
    """Return the limits of a check in words."""
    return ", ".join(f"{ENDS.get(key, key.replace('_', ' '))} {number(limit[key])}" for key in sorted(limit))


def comparison_text(blessing: dict) -> str:
    """Return which version the model was compared with, nothing where no change has a limit."""
    if "baseline" not in blessing:
        return ""
    version = (blessing["baseline"] or {}).get("version")
    return "; nothing is deployed to compare with" if version is None else f"; compared with version {version}"


def changes(blessing: dict, captions: dict[str, str]) -> Figures:
    """Show the paired difference to the deployed version for each check of a change that could be measured."""
    found = [check for check in blessing["checks"] if check.get("kind") == "change" and check["value"] is not None]
    plots = []
    for unit, label in UNIT.items():
        own = [
            check
            for check in found
            if any(key.startswith("relative") for key in check["limit"]) == (unit == "relative")
        ]
        rows = {check_label(check): (check_label(check), None, check) for check in own}
        title = f"Change against the deployed version, {unit}"
        if rows:
            plots.append(interval_plot.dots(f"change-{unit}", title, list(rows.values()), 0.0, label))
    title = "Change against the deployed version"
    return [figure("change", title, join(*plots), captions["change"], full=True)] if plots else []
