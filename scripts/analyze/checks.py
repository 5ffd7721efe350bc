"""Checks of figures against the limits of analyze.gate.

A check is {"kind", "of", "metric", "limit", "passed", "value", "low", "high"}, with "why" if there is nothing to
compare. "of" names a slice or a column and is empty for all rows. A change is new - old, and relative to the old value
(new - old) / |old|, so that a falling metric has a negative change whatever its sign. Its check has "detectable", the
smallest change that would have been found in 80 % of samples, and "against" if the old version is not the deployed one.
"""

from scripts.analyze.confidence import UNDEFINED
from scripts.metrics.table import METRICS

BOUNDS = ("min", "max")
MAX_DETERMINED = 0.15  # share of each class that single values of a column may decide


def check_bounds(kind: str, of: str, metric: str, limit: dict, estimate: dict | None, why: str = "") -> dict:
    """Return the check of an *estimate* against the bounds *limit*; without an estimate, *why* says the reason.

    A minimum applies to the lower end of the interval, a maximum to the upper end. Without an interval, it fails.
    """
    estimate = estimate or UNDEFINED
    why = why or estimate.get("reason", "")
    passed = estimate["low"] is not None and not why
    passed = passed and estimate["low"] >= limit.get("min", estimate["low"])
    passed = passed and estimate["high"] <= limit.get("max", estimate["high"])
    return make_check(kind, of, metric, limit, estimate, passed, why)


def make_check(kind: str, of: str, metric: str, limit: dict, estimate: dict, passed: bool, why: str = "") -> dict:
    """Return a check as it is written to the blessing."""
    result = {"kind": kind, "of": of, "metric": metric, "limit": limit, "passed": bool(passed)}
    return result | {key: estimate[key] for key in UNDEFINED} | ({"why": why} if why else {})


def select(limits: dict, keys: tuple[str, ...]) -> dict:
    """Return those of *limits* whose keys are in *keys*."""
    return {key: limits[key] for key in keys if key in limits}


def check_values(test: dict, gate: dict) -> list[dict]:
    """Return the checks of the metrics of all rows."""
    selected = [
        (metric, select(limits, BOUNDS)) for metric, limits in sorted(gate.items()) if metric in test["metrics"]
    ]
    return [check_bounds("value", "", metric, limit, test["metrics"][metric]) for metric, limit in selected if limit]


def explain_missing_slice(test: dict, name: str, limit: str) -> str:
    """Return why the slice *name* has no estimate to compare with a *limit*, "" if it was measured."""
    if any(entry["name"] == name for entry in test["slices"]):
        return ""
    small = [entry["rows"] for entry in test["too_small"] if entry["name"] == name]
    return f"only {small[0]} rows, analyze.min_slice requires more" if small else f"no such slice, so no {limit}"


def check_slices(test: dict, gate: dict) -> list[dict]:
    """Return the checks of slices: of all ("*"), and of named ones, which fail if they were not measured."""
    checks = []
    for metric, limits in sorted(gate.items()):
        for name, bounds in sorted(limits.get("slices", {}).items()):
            limit = select(bounds, BOUNDS)
            if limit and name == "*":
                checks += [
                    check_bounds("slice", s["name"], metric, limit, s["metrics"].get(metric)) for s in test["slices"]
                ]
                if not test["slices"]:
                    checks.append(
                        check_bounds("slice", name, metric, limit, None, "no slice has analyze.min_slice rows")
                    )
            elif limit:
                estimates = {entry["name"]: entry["metrics"].get(metric) for entry in test["slices"]}
                checks.append(
                    check_bounds(
                        "slice", name, metric, limit, estimates.get(name), explain_missing_slice(test, name, "estimate")
                    )
                )
    return checks


def check_gaps(test: dict, gate: dict) -> list[dict]:
    """Return the checks of gaps: the largest difference between two slices of a column."""
    return [
        check_bounds(
            "gap",
            column,
            metric,
            {"max": most},
            test["gaps"].get(column, {}).get(metric),
            "" if column in test["gaps"] else "fewer than two slices have analyze.min_slice rows",
        )
        for metric, limits in sorted(gate.items())
        for column, most in sorted(limits.get("gap", {}).items())
    ]


def check_fairness(test: dict, limits: dict) -> list[dict]:
    """Return the checks of the fairness of each sensitive column at the chosen threshold."""
    checks = []
    if not limits:
        return checks
    for column, measured in sorted(test["fairness"].items()):
        chosen = next((entry for entry in measured["thresholds"] if entry["chosen"]), None)
        why = "" if chosen else "fewer than two groups have analyze.min_slice rows"
        if chosen and measured["reference"] not in (None, *chosen["groups"]):
            why = f"the reference {measured['reference']} has fewer than analyze.min_slice rows"
        for metric, limit in sorted(limits.items()):
            checks.append(check_bounds("fairness", column, metric, limit, chosen and chosen["metrics"][metric], why))
    return checks


def explain_leak(entry: dict, limit: float) -> str:
    """Return why the column of *entry* (leaks.py) is held to leak the label, "" if it is not."""
    if entry["identifier"]:
        return "its values identify rows"
    if (entry["skill"] or 0.0) > limit:
        return f"alone it predicts the label of eval rows with {entry['metric']} {entry['skill']:.3f}"
    if entry["determined"] > MAX_DETERMINED:
        return f"on eval it decides the label without exception in {entry['determined']:.0%} of each class or more"
    return ""


def check_leaks(columns: list[dict], limit: float, accepted: list[str]) -> list[dict]:
    """Return a check of each of *columns* that seems to leak the label; it passes if the column is *accepted*."""
    checks = []
    for entry in columns:
        if why := explain_leak(entry, limit):
            passed = entry["column"] in accepted
            advice = (
                ""
                if passed
                else (
                    "; if it is known only after the event, leave it out of preprocess.features; if it is right, "
                    "name it in analyze.leaks.accept"
                )
            )
            skill = {"value": entry["skill"], "low": None, "high": None}
            by_skill = (entry["skill"] or 0.0) > limit and not entry["identifier"]
            bounds = {"max": limit} if by_skill else {}
            checks.append(make_check("leak", entry["column"], entry["metric"], bounds, skill, passed, why + advice))
    return checks


def check_size(measured: dict, gate: dict) -> list[dict]:
    """Return the check of the size of the bundle, if *gate* limits it."""
    size = measured["size_mb"]
    exact = {"value": size, "low": size, "high": size}
    return [check_bounds("size", "", "size_mb", gate["size_mb"], exact)] if "size_mb" in gate else []


def check_change(of: str, metric: str, limits: dict, change: dict, why: str = "") -> list[dict]:
    """Return the checks of a *change* {"absolute": estimate, "relative": estimate} against the deployed version.

    A drop or rise fails if the whole interval is beyond its limit: equally good models pass with a probability of more
    than 95 %. A gain, which is in the direction that is better, fails unless the whole interval is beyond its limit.
    non_inferior fails unless the whole interval excludes a loss of its limit: a model that is worse by the limit passes
    with a probability of at most 5 %.
    """
    sign = -1 if METRICS[metric].lower_is_better else 1
    checks = []
    for kind, limit in sorted(limits.items()):
        estimate = (change or {}).get("relative" if kind.startswith("relative") else "absolute", UNDEFINED)
        low, high = estimate["low"], estimate["high"]
        if low is None:
            passed, why = False, why or estimate.get("reason", "the change is not defined")
        elif kind in ("gain", "non_inferior"):
            passed = (low if sign > 0 else -high) > (limit if kind == "gain" else -limit)
        else:
            passed = low <= limit if kind.endswith("rise") else high >= -limit
        check = make_check("change", of, metric, {kind: limit}, estimate, passed, why)
        checks.append(check | ({"detectable": estimate["detectable"]} if "detectable" in estimate else {}))
    return checks


def format_check(check: dict) -> str:
    """Return a failed check for a message: estimate, interval and limit."""
    name = " ".join(filter(None, (check["metric"], check["of"] and f"of {check['of']}")))
    name = f"{name} against {check['against']}" if "against" in check else name
    name = f"change of {name}" if check["kind"] == "change" else f"{check['kind']} {name}" if check["of"] else name
    name = f"column {check['of']}" if check["kind"] == "leak" else name
    limit = ", ".join(f"{key} {value:g}" for key, value in sorted(check["limit"].items()))
    if "why" in check:
        small = check["kind"] == "slice" and check["value"] is not None
        advice = "; a larger analyze.min_slice leaves out slices this small" if small else ""
        return f"{name}: {check['why']}{advice}" + (f" (limit {limit})" if limit else "")
    value = "undefined" if check["value"] is None else f"{check['value']:.4f}"
    span = "no interval" if check["low"] is None else f"{check['low']:.4f} to {check['high']:.4f}"
    found = f", detectable {check['detectable']:.4f}" if "detectable" in check else ""
    return f"{name} {value} ({span}), limit {limit}{found}"
