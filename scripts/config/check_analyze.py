"""What is wrong between the keys of `analyze` and the columns and classes of a case."""

from collections.abc import Callable
from typing import Any

from scripts.errors import ExpressionError
from scripts.schema.expression import columns_of, parse

VALUED = ("text", "integer", "boolean")  # types of columns whose values are slices
CUT = ("number", "integer")  # types of columns that quantiles cut
OF_CLASSES = {"roc_auc", "pr_auc", "log_loss", "brier", "ece", "precision", "recall", "f1", "accuracy"}
OF_CLASSES |= {"balanced_accuracy", "specificity", "mcc"}
OF_SEVERAL = {"precision_weighted", "recall_weighted", "f1_weighted"}
OF_VALUES = {"rmse", "mae", "median_absolute_error", "r2", "mape", "bias"}
RANKED = {"ndcg", "precision_at_k"}
OF_BUNDLE = {"size_mb", "latency_ms"}
CHANGES = ("drop", "rise", "relative_drop", "relative_rise", "gain")


def wrong_analyze(config: dict, columns: dict[str, str]) -> list[tuple[str, str]]:
    """Return what is wrong, each with the key to mend; *columns* are types by name."""
    asked, classes = config["analyze"], config["preprocess"]["label"].get("classes") or {}
    wrong = [("analyze.slices", why) for spec in asked["slices"] for why in wrong_slice(spec, columns)]
    for key, name in [("analyze.unit", asked["unit"]), ("analyze.ranking.group", asked["ranking"]["group"])]:
        if name is not None and columns.get(name) not in VALUED:
            wrong.append((key, either(name, VALUED)))
    if asked["ranking"]["group"] and len(classes) > 2:
        wrong.append(("analyze.ranking", f"for two classes or values, there are {len(classes)} classes"))
    return wrong + wrong_fairness(asked["fairness"], columns, classes) + wrong_gate(asked, classes)


def criterion(value: Any, number: Callable[[Any], float]) -> str | dict:
    """Return analyze.threshold with numbers by *number*. Raises ValueError."""
    match value:
        case "f1" | "youden":
            return value
        case {"cost": {"fp": fp, "fn": fn}} if len(value) == 1 and len(value["cost"]) == 2:
            return {"cost": {"fp": number(fp), "fn": number(fn)}}
        case {"precision": found} | {"recall": found} | {"value": found} if len(value) == 1:
            return dict.fromkeys(value, number(found))
    raise ValueError("f1, youden, {cost: {fp, fn}}, {precision}, {recall} or {value} was expected")


def compares(gate: dict) -> bool:
    """Return whether a limit of *gate* (analyze.gate) is about the change against the deployed version."""
    parts = [part for limits in gate.values() for part in (limits, *limits.get("slices", {}).values())]
    return any(kind in part for part in parts for kind in CHANGES)


def either(name: str, types: tuple[str, ...]) -> str:
    """Return the sentence that *name* is no column of one of *types*."""
    return f"{name} is not a column of ingest.columns of type {' or '.join(types)}"


def wrong_slice(spec: str | list | dict, columns: dict[str, str]) -> list[str]:
    """Return why *spec*, one of analyze.slices, cannot be measured."""
    if isinstance(spec, dict):
        if spec.keys() != {"column", "quantiles"}:
            return ["{column: name, quantiles: number} was expected"]
        if not isinstance(spec["quantiles"], int) or spec["quantiles"] < 2:
            return [f"quantiles of {spec['column']}: a whole number from 2 was expected"]
        return [] if columns.get(spec["column"]) in CUT else [either(spec["column"], CUT)]
    names = spec if isinstance(spec, list) else [spec]
    if isinstance(spec, list) or spec in columns or spec == "span" or str(spec).isidentifier():
        return [either(name, VALUED) for name in names if name != "span" and columns.get(name) not in VALUED]
    try:
        columns_of(parse(spec, {name: kind.split(":")[0] for name, kind in columns.items()}))
    except ExpressionError as error:
        return [str(error)]
    return []


def wrong_fairness(asked: dict, columns: dict[str, str], classes: dict) -> list[tuple[str, str]]:
    """Return what is wrong with analyze.fairness."""
    wrong = [
        ("analyze.fairness.columns", either(name, VALUED))
        for name in asked["columns"]
        if columns.get(name) not in VALUED
    ]
    if asked["columns"] and len(classes) != 2:
        wrong.append(("analyze.fairness.columns", "fairness is measured for two classes"))
    if asked["limits"] and not asked["columns"]:
        wrong.append(("analyze.fairness.limits", "there are no analyze.fairness.columns to hold them for"))
    if asked["limits"] and "chosen" not in asked["thresholds"]:
        wrong.append(("analyze.fairness.limits", "they hold at the chosen threshold, which is not in thresholds"))
    for name in asked["reference"]:
        if name not in asked["columns"]:
            wrong.append((f"analyze.fairness.reference.{name}", "not one of analyze.fairness.columns"))
    return wrong


def wrong_gate(asked: dict, classes: dict) -> list[tuple[str, str]]:
    """Return the limits of metrics that are not measured, and those of slices that are not configured."""
    measured = (OF_CLASSES if classes else OF_VALUES) | OF_BUNDLE
    measured |= OF_SEVERAL if len(classes) > 2 else set()
    measured |= RANKED if asked["ranking"]["group"] else set()
    held = {", ".join(spec) if isinstance(spec, list) else column_of(spec) for spec in asked["slices"]}
    wrong = []
    for metric, limits in asked["gate"].items():
        key = f"analyze.gate.{metric}"
        if metric not in measured:
            wrong.append((key, f"not measured in this case; there are {', '.join(sorted(measured))}"))
        if metric in OF_BUNDLE and limits.keys() != {"max"}:
            wrong.append((key, "takes max alone"))
        if metric == "bias" and "gain" in limits:
            wrong.append((f"{key}.gain", "a bias has no direction that is better"))
        for name in limits.get("gap", {}):
            if name not in held:
                wrong.append((f"{key}.gap.{name}", "not one of analyze.slices"))
        if "slices" in limits and not held:
            wrong.append((f"{key}.slices", "there are no analyze.slices"))
    return wrong


def column_of(spec: str | dict) -> str:
    """Return the name of the column of slices *spec*."""
    return spec["column"] if isinstance(spec, dict) else spec
