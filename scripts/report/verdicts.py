"""The verdicts that open the report: gate, main metric, change, drift, anomalies, each in a tile."""

from collections import Counter
from typing import NamedTuple

from scripts.metrics.table import choose_main_metric
from scripts.report.gate import check_label, format_limits
from scripts.report.html import NO_VALUE, interval, number
from scripts.report.metric_labels import metric_label

DRIFT_CODES = {
    "COMPARATOR_JENSEN_SHANNON_DIVERGENCE_HIGH",
    "COMPARATOR_L_INFTY_HIGH",
    "COMPARATOR_NORMALIZED_ABSOLUTE_DIFFERENCE_HIGH",
}
REASONS = 2  # failed checks in a tile: more are counted only


class Tile(NamedTuple):
    """A verdict: *state* is good, bad, warn or plain, *target* the figure that says more."""

    name: str
    state: str
    value: str
    note: str
    target: str


def verdicts(blessing: dict, metrics: dict, tuned: dict, anomalies: dict, watched: set[str]) -> list[Tile]:
    """Return the tiles of the report; *watched* are the columns whose drift counts."""
    test = metrics["splits"].get("test", {}).get("metrics", {})
    metric = choose_main_metric(test, tuned["metric"]) or tuned["metric"]
    return [
        gate_tile(blessing),
        metric_tile(test, metric),
        change_tile(blessing, metric),
        drift_tile(anomalies, watched),
        anomalies_tile(anomalies["anomalies"]),
    ]


def gate_tile(blessing: dict) -> Tile:
    """Return whether the gate was passed; if not, the checks that failed."""
    checks = blessing["checks"]
    failed = [check for check in checks if not check["passed"]]
    if blessing["blessed"]:
        return Tile("Gate", "good", "passed", f"{count(len(checks), 'check')}, all within limits", "gate")
    reasons = [failure_reason(check) for check in failed[:REASONS]]
    reasons += [f"and {len(failed) - REASONS} more"] if len(failed) > REASONS else []
    return Tile("Gate", "bad", "not passed", "; ".join(reasons) or "no limit is configured", "gate")


def failure_reason(check: dict) -> str:
    """Return what failed, and what was expected of it."""
    found = check.get("why") or interval(check)
    change = "change of " if check.get("kind") == "change" else ""
    limit = f", limit {format_limits(check['limit'])}" if check["limit"] else ""
    return f"{change}{check_label(check)} {found}{limit}"


def metric_tile(test: dict, metric: str) -> Tile:
    """Return the main metric on the test split with its interval."""
    entry = test.get(metric) or {}
    value = NO_VALUE if entry.get("value") is None else f"{entry['value']:.3f}"
    return Tile(f"{metric_label(metric)} on test", "plain", value, interval_note(entry), "metrics")


def interval_note(entry: dict) -> str:
    """Return the interval of an estimate in words, or why there is none."""
    if entry.get("low") is None or entry.get("high") is None:
        return f"no interval: {entry['reason']}" if entry.get("reason") else "no interval"
    return f"95 % interval {entry['low']:.3f} to {entry['high']:.3f}"


def change_tile(blessing: dict, metric: str) -> Tile:
    """Return the change against the deployed version, of the main metric if that has a limit."""
    name = "Change"
    if "baseline" not in blessing:
        return Tile(name, "plain", "not compared", "no change has a limit in analyze.gate", "gate")
    if blessing["baseline"] is None:
        return Tile(name, "plain", "first version", "nothing is deployed to compare with", "gate")
    version = blessing["baseline"].get("version")
    against = "the deployed bundle" if version is None else f"version {version}"
    checks = [check for check in blessing["checks"] if check.get("kind") == "change" and not check.get("of")]
    check = next((check for check in checks if check["metric"] == metric), checks[0] if checks else {})
    if check.get("value") is None:
        return Tile(name, "warn", "not measured", check.get("why") or f"no metric was compared with {against}", "gate")
    relative = any(key.startswith("relative") for key in check["limit"])
    value, low, high = (format_change(check.get(key), relative) for key in ("value", "low", "high"))
    note = f"{metric_label(check['metric'])}, {low} to {high}, against {against}"
    return Tile(name, "good" if check["passed"] else "bad", value, note, "change")


def format_change(value: float | None, relative: bool) -> str:
    """Return a change with its sign, a *relative* one in percent."""
    if value is None:
        return NO_VALUE
    return (f"{100 * value:+.1f} %" if relative else f"{value:+.3f}").replace("-", "−")


def drift_tile(anomalies: dict, watched: set[str]) -> Tile:
    """Return the columns that are over their limit, and the largest distance of the columns *watched*."""
    distances = [
        (value, name, span)
        for name, found in anomalies["drift"].items()
        for span, value in found.items()
        if name in watched and value is not None
    ]
    value, name, span = max(distances, default=(None, "", ""))
    largest = "" if value is None else f"largest of a feature: {number(value)}, {name} in {span}"
    over = [item for item in anomalies["anomalies"] if item["code"] in DRIFT_CODES]
    if over:
        state = "bad" if any(item["severity"] == "error" for item in over) else "warn"
        columns = count(len({item["column"] for item in over}), "column")
        return Tile("Drift", state, f"{columns} over limit", largest, "drift")
    if value is None:
        return Tile("Drift", "plain", "not measured", "no feature has a distance", "drift")
    return Tile("Drift", "plain", f"at most {number(round(value, 3))}", f"{name} in {span}; none over a limit", "drift")


def anomalies_tile(anomalies: list[dict]) -> Tile:
    """Return the number of anomalies of each severity."""
    counts, codes = (Counter(item[key] for item in anomalies) for key in ("severity", "code"))
    if not counts:
        return Tile("Data anomalies", "good", "none", "all data keep the schema", "anomalies")
    nouns = [severity for severity in ("error", "warning") if severity in counts]
    words = [count(counts[noun], noun) for noun in nouns]
    words += [f"{number(counts[kind])} {kind}" for kind in sorted(counts.keys() - set(nouns))]
    most = min(codes, key=lambda code: (-codes[code], code))
    state = "bad" if "error" in counts else "warn"
    return Tile("Data anomalies", state, ", ".join(words), f"most frequent: {most}", "anomalies")


def count(amount: int, noun: str) -> str:
    """Return an amount with its noun."""
    return f"{number(amount)} {noun}{'' if amount == 1 else 's'}"
