"""The checks of the gate: what was measured on the test split against the limits of analyze.gate.

A check is {"kind", "of", "metric", "limit", "passed", "value", "low", "high"}, and "why" where there is nothing to
compare. *of* names what it is about: nothing for all rows, a slice, a column. A change has one formula: new - old, and
as a share (new - old) / |old|, so that a falling metric has a negative change whatever its sign.

Bless a model that keeps every limit of analyze.gate on the test split, or stop the run with all that it breaks."""

import importlib
from pathlib import Path

from scripts.errors import BadInput
from scripts.provenance.canonical import digest, read_json, rounded, write_json
from scripts.provenance.run_job import main, say

VALUES = ("min", "max")
NONE = {"value": None, "low": None, "high": None}
LOWER = {"log_loss", "brier", "ece", "rmse", "mae", "median_absolute_error", "mape"}  # less is better


def check(kind: str, of: str, metric: str, limit: dict, figure: dict | None, why: str = "") -> dict:
    """Return the check of a *figure* (None where there is none, and *why*) against the bounds *limit*.

    A minimum holds for the low end of the interval, a maximum for the high end.
    """
    figure = figure or NONE
    passed = figure["low"] is not None and not why
    passed = passed and figure["low"] >= limit.get("min", figure["low"])
    passed = passed and figure["high"] <= limit.get("max", figure["high"])
    return made(kind, of, metric, limit, figure, passed, why)


def made(kind: str, of: str, metric: str, limit: dict, figure: dict, passed: bool, why: str = "") -> dict:
    """Return a check as it is written."""
    about = {"kind": kind, "of": of, "metric": metric, "limit": limit, "passed": bool(passed)}
    return about | {key: figure[key] for key in NONE} | ({"why": why} if why else {})


def some(limits: dict, keys: tuple[str, ...]) -> dict:
    """Return those of *limits* that *keys* name."""
    return {key: limits[key] for key in keys if key in limits}


def of_values(test: dict, gate: dict) -> list[dict]:
    """Return the checks of metrics of all rows."""
    found = [(metric, some(limits, VALUES)) for metric, limits in sorted(gate.items()) if metric in test["metrics"]]
    return [check("value", "", metric, limit, test["metrics"][metric]) for metric, limit in found if limit]


def sized(test: dict, name: str, limit: str) -> str:
    """Return why the slice *name* cannot be held to a *limit*: "" where it is measured."""
    if any(entry["name"] == name for entry in test["slices"]):
        return ""
    small = [entry["rows"] for entry in test["too_small"] if entry["name"] == name]
    return f"only {small[0]} rows, analyze.min_slice asks for more" if small else f"no such slice, so no {limit}"


def of_slices(test: dict, gate: dict) -> list[dict]:
    """Return the checks of metrics of slices: of every one ("*"), and of named ones, which fail where not measured."""
    checks = []
    for metric, limits in sorted(gate.items()):
        for name, bounds in sorted(limits.get("slices", {}).items()):
            limit = some(bounds, VALUES)
            if limit and name == "*":
                checks += [check("slice", s["name"], metric, limit, s["metrics"].get(metric)) for s in test["slices"]]
                if not test["slices"]:
                    checks.append(check("slice", name, metric, limit, None, "no slice has analyze.min_slice rows"))
            elif limit:
                figures = {entry["name"]: entry["metrics"].get(metric) for entry in test["slices"]}
                checks.append(check("slice", name, metric, limit, figures.get(name), sized(test, name, "figure")))
    return checks


def of_gaps(test: dict, gate: dict) -> list[dict]:
    """Return the checks of the largest difference between two slices of a column."""
    return [
        check(
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


def of_fairness(test: dict, limits: dict) -> list[dict]:
    """Return the checks of fairness at the chosen threshold for each sensitive column."""
    checks = []
    for column, found in sorted(test["fairness"].items()) if limits else ():
        chosen = next((entry for entry in found["thresholds"] if entry["chosen"]), None)
        why = "" if chosen else "fewer than two groups have analyze.min_slice rows"
        if chosen and found["reference"] not in (None, *chosen["groups"]):
            why = f"the reference {found['reference']} has fewer than analyze.min_slice rows"
        for metric, limit in sorted(limits.items()):
            checks.append(check("fairness", column, metric, limit, chosen and chosen["metrics"][metric], why))
    return checks


def of_size(measured: dict, gate: dict) -> list[dict]:
    """Return the check of the size of the bundle."""
    size = measured["size_mb"]
    exact = {"value": size, "low": size, "high": size}
    return [check("size", "", "size_mb", gate["size_mb"], exact)] if "size_mb" in gate else []


def of_change(of: str, metric: str, limits: dict, change: dict, why: str = "") -> list[dict]:
    """Return the checks of a *change* {"absolute": figure, "relative": figure} against the deployed version.

    A drop or a rise fails where the whole interval is beyond its limit: equal models pass with a probability of more
    than 95 %. A gain, demanded in the direction that is better, fails where the whole interval is not beyond it.
    """
    sign = -1 if metric in LOWER else 1
    checks = []
    for kind, limit in sorted(limits.items()):
        figure = (change or {}).get("relative" if kind.startswith("relative") else "absolute", NONE)
        low, high = figure["low"], figure["high"]
        if low is None:
            passed, why = False, why or "the change is not defined"
        elif kind == "gain":
            passed = (low if sign > 0 else -high) > limit
        else:
            passed = low <= limit if kind.endswith("rise") else high >= -limit
        checks.append(made("change", of, metric, {kind: limit}, figure, passed, why))
    return checks


def words(check: dict) -> str:
    """Return a failed check in words: figure, interval and limit."""
    name = " ".join(filter(None, (check["metric"], check["of"] and f"of {check['of']}")))
    name = f"change of {name}" if check["kind"] == "change" else f"{check['kind']} {name}" if check["of"] else name
    limit = ", ".join(f"{key} {value:g}" for key, value in sorted(check["limit"].items()))
    if "why" in check:
        return f"{name}: {check['why']} (limit {limit})"
    value = "undefined" if check["value"] is None else f"{check['value']:.4f}"
    span = "no interval" if check["low"] is None else f"{check['low']:.4f} to {check['high']:.4f}"
    return f"{name} {value} ({span}), limit {limit}"


def timed(bundle: Path, limit: dict) -> dict:
    """Return the check of the latency of *bundle*, whose figure goes to the log alone: no two runs measure the same."""
    latency = importlib.import_module("scripts.analyze.latency").latency_ms(bundle)
    say(f"a row takes {latency:.3g} ms (median), limit {limit['max']:g}")
    passed = latency <= limit["max"]
    return made("latency", "", "latency_ms", limit, NONE, passed, "" if passed else "slower, see the log")


def reject(folder: Path, content: dict) -> Path:
    """Write *content* about a rejected bundle to a file of its own in *folder*, which stays; return its path."""
    path = folder / f"{content['bundle'][:16]}-{digest(rounded(content))[:8]}.json"
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
) -> None:
    """Write *blessing* if all limits of *gate* and *limits* (of fairness) hold; else a file below *rejected*.

    *bundle*, *tables* and all from *case* on are there where a limit needs them: the rows are then scored again, beside
    the version that the label *tag* names below *serving* now. Raises BadInput naming every limit that does not hold.
    """
    measured = read_json(metrics)
    test = measured["splits"]["test"]
    found = {"bundle": measured["bundle"], "threshold": measured["threshold"], "criterion": measured["criterion"]}
    checks = of_values(test, gate) + of_slices(test, gate) + of_gaps(test, gate)
    checks += of_fairness(test, limits) + of_size(measured, gate)
    if "latency_ms" in gate:
        checks.append(timed(bundle[0], gate["latency_ms"]))
    if tables:
        compare = importlib.import_module("scripts.analyze.compare")
        how = compare.Setting(label, columns, measured["cuts"], min_slice, unit, ranking, bootstrap, seed)
        change = compare.compared(tables, bundle[0], measured["threshold"], Path(serving), case, tag, gate, how)
        checks += change.pop("checks")
        found |= change
        say(f"compared with {change['baseline'] or 'nothing: this is the first run'}")
    if not checks and "baseline" not in found:
        raise BadInput("no limit is configured under analyze.gate, so no model is blessed; set at least one")
    failed = [check for check in checks if not check["passed"]]
    if failed:
        path = reject(Path(rejected), found | {"blessed": False, "checks": checks})
        reasons = "; ".join(map(words, failed))
        raise BadInput(
            f"the model is not blessed: {reasons} (test split; all figures are in {metrics}, kept in {path})"
        )
    write_json(blessing, found | {"blessed": True, "checks": checks})


if __name__ == "__main__":
    main(gate)
