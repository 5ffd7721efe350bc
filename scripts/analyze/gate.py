"""Rule gate: bless a model that meets all limits of analyze.gate on the test split, or stop the run and say why not.

A check is {"kind", "of", "metric", "limit", "passed", "value", "low", "high"}, with "why" if there is nothing to
compare. "of" names a slice or a column and is empty for all rows. A change is new - old, and relative to the old value
(new - old) / |old|, so that a falling metric has a negative change whatever its sign. Its check has "detectable", the
smallest change that would have been found in 80 % of samples, and "against" if the old version is not the deployed one.
"""

import importlib
from pathlib import Path
from statistics import NormalDist
from types import ModuleType
from typing import Any

from scripts.errors import InputError
from scripts.metrics.table import METRICS
from scripts.provenance.canonical import json_digest, read_json, round_floats, write_json
from scripts.provenance.run_job import echo, main
from scripts.provenance.trail import append_event

BOUNDS = ("min", "max")
MAX_DETERMINED = 0.15  # share of each class that single values of a column may decide
ALPHA = 0.05  # of the intervals in the metrics file
UNDEFINED = {"value": None, "low": None, "high": None}


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
            checks.append(
                make_check("leak", entry["column"], entry["metric"], {"max": limit}, skill, passed, why + advice)
            )
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
    limit = ", ".join(f"{key} {value:g}" for key, value in sorted(check["limit"].items()))
    if "why" in check:
        small = check["kind"] == "slice" and check["value"] is not None
        advice = "; a larger analyze.min_slice leaves out slices this small" if small else ""
        return f"{name}: {check['why']}{advice} (limit {limit})"
    value = "undefined" if check["value"] is None else f"{check['value']:.4f}"
    span = "no interval" if check["low"] is None else f"{check['low']:.4f} to {check['high']:.4f}"
    found = f", detectable {check['detectable']:.4f}" if "detectable" in check else ""
    return f"{name} {value} ({span}), limit {limit}{found}"


def load_module(name: str) -> ModuleType:
    """Return the module *name* of this stage, which is code of the gate only where the case needs it.

    The name is no literal, so that the imports do not count it; GATE in rules/analyze.smk does.
    """
    return importlib.import_module(f"scripts.analyze.{name}")


def check_latency(bundle: Path, limit: dict) -> dict:
    """Return the check of the latency of *bundle*; its value is only logged, since no two runs measure the same."""
    latency = load_module("latency").measure_prediction_ms(bundle)
    echo(f"a row takes {latency:.3g} ms (median), limit {limit['max']:g}")
    passed = latency <= limit["max"]
    return make_check("latency", "", "latency_ms", limit, UNDEFINED, passed, "" if passed else "slower, see the log")


def count_look(trail: Path, test: str, bundle: str) -> int:
    """Return the number of the look at the test tables with the digest *test* that *bundle* is; a new one is appended.

    Each bundle that was measured on them is a look, also one that was not blessed: the more there are, the more
    probable it is that one keeps the limits by chance.
    """

    def find(events: list[dict]) -> list[str]:
        return [event["bundle"] for event in events if event["event"] == "look" and event["test"] == test]

    def decide(events: list[dict]) -> dict | None:
        looks = find(events)
        event = {"event": "look", "case": trail.stem, "test": test, "bundle": bundle, "look": len(looks) + 1}
        return None if bundle in looks else event

    return find(append_event(trail, decide)).index(bundle) + 1


def widening(look: int) -> float:
    """Return how many times as wide an interval of 95 % has to be at a *look*.

    The error of look k is that of the first one divided by k², so that one of any number of bundles whose true figures
    are at a limit passes in less than 2.5 % * 1.65 of cases (alpha spending: Lan & DeMets 1983).
    """
    normal = NormalDist()
    return normal.inv_cdf(1 - ALPHA / 2 / look**2) / normal.inv_cdf(1 - ALPHA / 2)


def widen_intervals(measured: Any, factor: float) -> Any:
    """Return *measured*, a JSON value, with the intervals of its estimates *factor* times as wide."""
    if isinstance(measured, list):
        return [widen_intervals(part, factor) for part in measured]
    if not isinstance(measured, dict):
        return measured
    if measured.keys() >= {"value", "low", "high"} and measured["low"] is not None:
        value = measured["value"]
        return measured | {end: value + factor * (measured[end] - value) for end in ("low", "high")}
    return {key: widen_intervals(part, factor) for key, part in measured.items()}


def write_rejection(folder: Path, content: dict) -> Path:
    """Write *content* about a rejected bundle to a permanent file of its own in *folder* and return its path."""
    path = folder / f"{content['bundle'][:16]}-{json_digest(round_floats(content))[:8]}.json"
    folder.mkdir(parents=True, exist_ok=True)
    write_json(path, content)
    return path


def gate(
    metrics: Path,
    bundle: list[Path],
    tables: list[Path],
    blessing: Path,
    rejected: str,
    serving: str,
    gate: dict,
    limits: dict,
    case: str = "",
    tag: str = "",
    label: dict | None = None,
    columns: list | None = None,
    min_slice: int = 0,
    unit: str | None = None,
    ranking: dict | None = None,
    bootstrap: int = 0,
    seed: int = 0,
    leaks: dict | None = None,
    reference: int | None = None,
    trail: str = "",
    correct_looks: bool = False,
) -> None:
    """Write *blessing* if all limits of *gate* and *limits* (on fairness) are met, otherwise a file in *rejected*.

    So it is if a column seems to leak the label and *leaks* (analyze.leaks) does not accept it. The look at the test
    tables is counted in *trail*, if given; with *correct_looks*, intervals are so much wider that those of all looks
    hold together.

    *bundle*, *tables* and the arguments from *case* on are given if a limit needs them: the rows are then scored again,
    by the bundle and by the version that the label *tag* names in *serving* now. Raises InputError with all limits that
    are not met.
    """
    measured = read_json(metrics)
    test = measured["splits"]["test"]
    content = {"bundle": measured["bundle"], "threshold": measured["threshold"], "criterion": measured["criterion"]}
    factor = 1.0
    if trail:
        content["look"] = count_look(Path(trail), measured["test_digest"], measured["bundle"])
        echo(f"look {content['look']} at these test rows")
        factor = widening(content["look"]) if correct_looks else 1.0
    test = widen_intervals(test, factor)
    checks = check_values(test, gate) + check_slices(test, gate) + check_gaps(test, gate)
    checks += check_fairness(test, limits) + check_size(measured, gate)
    if "latency_ms" in gate:
        checks.append(check_latency(bundle[0], gate["latency_ms"]))
    if tables:
        compare = load_module("compare")
        settings = compare.Settings(
            label, columns, measured["cuts"], min_slice, unit, ranking, bootstrap, seed, reference, factor
        )
        comparison = compare.compare_with_deployed(
            tables, bundle[0], measured["threshold"], Path(serving), case, tag, gate, settings
        )
        checks += comparison.pop("checks")
        content |= comparison
        echo(f"compared with {comparison['baseline'] or 'nothing: this is the first run'}")
    if not checks and "baseline" not in content:
        raise InputError("no limit is configured under analyze.gate, so no model is blessed; set at least one")
    if leaks:
        checks += check_leaks(measured["leaks"], leaks["limit"], leaks["accept"])
    failed = [check for check in checks if not check["passed"]]
    if failed:
        path = write_rejection(Path(rejected), content | {"blessed": False, "checks": checks})
        reasons = "; ".join(map(format_check, failed))
        look = f", look {content['look']} at these rows" if "look" in content else ""
        raise InputError(
            f"the model is not blessed: {reasons} "
            f"(test split{look}; all metrics are in {metrics}, all checks in {path})"
        )
    write_json(blessing, content | {"blessed": True, "checks": checks})


if __name__ == "__main__":
    main(gate)
