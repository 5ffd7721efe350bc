"""Checks of the section `analyze` against the columns and classes of a case.

A problem is a pair (dotted key, message).
"""

from collections.abc import Callable
from typing import Any

from scripts.config.raw_values import canonical_text
from scripts.errors import ExpressionError
from scripts.metrics.table import METRICS, Metric, metrics_of
from scripts.schema.expression import columns_of, parse_expression

SLICE_TYPES = ("text", "integer", "boolean")  # types of columns whose values can be slices
QUANTILE_TYPES = ("number", "integer")  # types of columns that can be cut into quantiles
NOT_BROKEN = ("drop", "rise", "relative_drop", "relative_rise")  # limits that a change must not be shown to break
DIFFERENCES = ("drop", "rise", "gain", "non_inferior")  # limits of a difference, in the unit of the metric
COMPARISON_LIMITS = (*NOT_BROKEN, "gain", "non_inferior")


def check_analyze(config: dict, columns: dict[str, str]) -> list[tuple[str, str]]:
    """Return the problems of `analyze`; *columns* are the types of columns by name."""
    analyze, classes = config["analyze"], config["preprocess"]["label"].get("classes") or {}
    problems = [("analyze.slices", why) for spec in analyze["slices"] for why in check_slice(spec, columns)]
    for key, name in [("analyze.unit", analyze["unit"]), ("analyze.ranking.group", analyze["ranking"]["group"])]:
        if name is not None and columns.get(name) not in SLICE_TYPES:
            problems.append((key, wrong_type_message(name, SLICE_TYPES)))
    problems += [
        ("analyze.leaks.accept", f"{name} is not a column of ingest.columns")
        for name in analyze["leaks"]["accept"]
        if name not in columns
    ]
    if analyze["unit"] is not None and "confidence" in analyze["threshold"]:
        problems.append(("analyze.threshold.confidence", "holds for independent rows; analyze.unit says they are not"))
    if analyze["ranking"]["group"] and len(classes) > 2:
        problems.append(
            ("analyze.ranking", f"only for two classes or for regression, there are {len(classes)} classes")
        )
    return problems + check_fairness(analyze["fairness"], columns, classes) + check_gate(analyze, classes)


def parse_threshold(value: Any, number: Callable[[Any], float]) -> str | dict:
    """Return analyze.threshold, its numbers converted by *number*. Raises ValueError if it has another form."""
    match value:
        case "f1" | "youden":
            return value
        case {"cost": {"fp": fp, "fn": fn}} if len(value) == 1 and len(value["cost"]) == 2:
            costs = {"fp": number(fp), "fn": number(fn)}
            if min(costs.values()) < 0 or not any(costs.values()):
                raise ValueError("costs must be at least 0, and one of them above 0")
            return {"cost": costs}
        case {"precision": found} | {"recall": found} | {"value": found} if len(value) == 1:
            return dict.fromkeys(value, parse_share(found, number))
        case {"precision": _, "confidence": _} | {"recall": _, "confidence": _} if len(value) == 2:
            found = {key: parse_share(value[key], number) for key in sorted(value, reverse=True)}
            if 0 < found["confidence"] < 1:
                return found
            raise ValueError("confidence must be between 0 and 1")
    raise ValueError("expected f1, youden, {cost: {fp, fn}}, {precision}, {recall} (with confidence) or {value}")


def parse_share(value: Any, number: Callable[[Any], float]) -> float:
    """Return *value*, converted by *number*. Raises ValueError if it is not a share, from 0 to 1."""
    if not 0 <= (share := number(value)) <= 1:
        raise ValueError(f"{value} is not between 0 and 1")
    return share


def compares_with_deployed(gate: dict) -> bool:
    """Return whether a limit of *gate* (analyze.gate) compares with the deployed version."""
    parts = [part for limits in gate.values() for part in (limits, *limits.get("slices", {}).values())]
    return any(kind in part for part in parts for kind in COMPARISON_LIMITS)


def wrong_type_message(name: str, types: tuple[str, ...]) -> str:
    """Return the message that *name* is not a column of one of *types*."""
    return f"{name} is not a column of ingest.columns of type {' or '.join(types)}"


def check_slice(spec: str | list | dict, columns: dict[str, str]) -> list[str]:
    """Return messages on why *spec*, one of analyze.slices, cannot be used."""
    if isinstance(spec, dict):
        if spec.keys() != {"column", "quantiles"}:
            return ["expected {column: name, quantiles: number}"]
        if not isinstance(spec["quantiles"], int) or spec["quantiles"] < 2:
            return [f"quantiles of {spec['column']}: expected an integer of at least 2"]
        return (
            []
            if columns.get(spec["column"]) in QUANTILE_TYPES
            else [wrong_type_message(spec["column"], QUANTILE_TYPES)]
        )
    names = spec if isinstance(spec, list) else [spec]
    if isinstance(spec, list) or spec in columns or spec == "span" or str(spec).isidentifier():
        return [
            wrong_type_message(name, SLICE_TYPES)
            for name in names
            if name != "span" and columns.get(name) not in SLICE_TYPES
        ]
    try:
        columns_of(parse_expression(spec, {name: kind.split(":")[0] for name, kind in columns.items()}))
    except ExpressionError as error:
        return [str(error)]
    return []


def check_fairness(fairness: dict, columns: dict[str, str], classes: dict) -> list[tuple[str, str]]:
    """Return the problems of analyze.fairness."""
    problems = [
        ("analyze.fairness.columns", wrong_type_message(name, SLICE_TYPES))
        for name in fairness["columns"]
        if columns.get(name) not in SLICE_TYPES
    ]
    if fairness["columns"] and len(classes) != 2:
        problems.append(("analyze.fairness.columns", "fairness is measured for two classes"))
    if fairness["limits"] and not fairness["columns"]:
        problems.append(("analyze.fairness.limits", "there are no analyze.fairness.columns to check"))
    if fairness["limits"] and "chosen" not in fairness["thresholds"]:
        problems.append(("analyze.fairness.limits", "limits hold at the chosen threshold, which is not in thresholds"))
    for name, limits in fairness["limits"].items():
        key = f"analyze.fairness.limits.{name}"
        problems += [
            (key, f"{kind} {value} is not between 0 and 1") for kind, value in limits.items() if not 0 <= value <= 1
        ]
        problems += [(key, why) for why in check_order(limits)]
    problems += [
        ("analyze.fairness.thresholds", f"{cut} is not between 0 and 1")
        for cut in fairness["thresholds"]
        if cut != "chosen" and not 0 <= cut <= 1
    ]
    for name, group in fairness["reference"].items():
        key, dtype = f"analyze.fairness.reference.{name}", columns.get(name, "text")
        if name not in fairness["columns"]:
            problems.append((key, "not one of analyze.fairness.columns"))
        if (meant := canonical_text(group, dtype)) not in (None, group):
            problems.append((key, f"no value of a column of type {dtype} is written {group!r}: write {meant!r}"))
    return problems


def check_gate(analyze: dict, classes: dict) -> list[tuple[str, str]]:
    """Return limits of metrics that are not measured and limits of slices that are not configured."""
    task = "regression" if not classes else "multiclass" if len(classes) > 2 else "binary"
    ranking = metrics_of("ranking") if analyze["ranking"]["group"] else ()
    measured = {*metrics_of(task), *ranking, *metrics_of("bundle")}
    slice_columns = {", ".join(spec) if isinstance(spec, list) else slice_column(spec) for spec in analyze["slices"]}
    problems = []
    for metric, limits in analyze["gate"].items():
        key = f"analyze.gate.{metric}"
        if metric not in measured:
            problems.append((key, f"not measured in this case; available are {', '.join(sorted(measured))}"))
        if metric in metrics_of("bundle") and limits.keys() != {"max"}:
            problems.append((key, "only max is possible"))
        if METRICS[metric].lower_is_better is None:
            directed = sorted(limits.keys() & {"gain", "non_inferior"})
            problems += [(f"{key}.{name}", f"neither a higher nor a lower {metric} is better") for name in directed]
        for name in limits.get("gap", {}):
            if name not in slice_columns:
                problems.append((f"{key}.gap.{name}", "not one of analyze.slices"))
        if "slices" in limits and not slice_columns:
            problems.append((f"{key}.slices", "there are no analyze.slices"))
        places = {key: limits} | {f"{key}.slices.{name}": inner for name, inner in limits.get("slices", {}).items()}
        problems += [(at, why) for at, inner in places.items() for why in check_limits(inner, METRICS[metric])]
    return problems


def check_limits(limits: dict, metric: Metric) -> list[str]:
    """Return messages on *limits* of *metric*, for all rows or for a slice, that every value keeps, or none."""
    least, most = metric.least, metric.most
    problems = [
        f"{kind} {limits[kind]} is not between {least:g} and {most:g}, as all values of {metric.name} are"
        for kind in ("min", "max")
        if kind in limits and not least <= limits[kind] <= most
    ]
    differences = {kind: limits[kind] for kind in DIFFERENCES if kind in limits}
    differences |= {f"gap of {column}": gap for column, gap in limits.get("gap", {}).items()}
    problems += [
        f"{kind} {value} is more than two values of {metric.name} can differ, {most - least:g}"
        for kind, value in differences.items()
        if value > most - least
    ]
    return problems + check_order(limits)


def check_order(limits: dict) -> list[str]:
    """Return a message if the least value of *limits* is above the largest one."""
    if "min" in limits and "max" in limits and limits["min"] > limits["max"]:
        return [f"min {limits['min']} is above max {limits['max']}"]
    return []


def slice_column(spec: str | dict) -> str:
    """Return the column of *spec*, one of analyze.slices."""
    return spec["column"] if isinstance(spec, dict) else spec
