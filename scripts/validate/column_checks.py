"""Find the anomalies of the columns of one table, from its statistics and from the record of its row checks."""

import re
from collections.abc import Iterator
from typing import Any

from scripts.schema.columns import is_checked
from scripts.schema.schema import check_column
from scripts.validate.anomaly import make_anomaly

PERMISSIVE = {"allow_nan": True, "allow_infinite": True, "unique": False}
SPECIAL_CHARACTERS = re.compile(r"([\\()\[\]{}*+?|^$.])")


def check_rule(rule: dict, schema: dict, place: dict) -> Iterator[dict]:
    """Yield the anomaly of a *rule* (of checks.json) that rows violate, if they are more than it allows."""
    name, key, count = rule["column"], rule["key"], rule["count"]
    place = place | {"examples": rule["examples"]}
    if not name:
        yield from check_custom(rule, schema["custom"], place)
        return
    spec = schema["columns"][name]
    if key == "present":
        yield from check_presence(rule, spec, place)
    elif key == "domain":
        yield from check_domain(rule, spec, place)
    elif key in ("matches", "kind"):
        text = f"{count} values do not fit {key} {spec[key]!r}, such as {rule['strange'][0][0]!r}"
        yield make_anomaly(
            rule["code"], key, rule["strange"][:5], spec[key], text, widen_pattern(rule, spec), name, **place
        )
    elif key in PERMISSIVE:
        text = f"{count} values are repeated" if key == "unique" else f"{count} values are {key[6:]}"
        change = {"columns": {name: {key: PERMISSIVE[key]}}}
        yield make_anomaly(rule["code"], key, count, 0, text, change, name, **place)
    else:
        worst, limit = rule["worst"], spec[key]
        text = f"{count} values break {key} {limit}, the most extreme is {worst}"
        yield make_anomaly(rule["code"], key, worst, limit, text, {"columns": {name: {key: worst}}}, name, **place)


def check_custom(rule: dict, customs: list[dict], place: dict) -> Iterator[dict]:
    """Yield the anomaly of a custom rule if more rows violate it than its limit allows."""
    limit = next(custom["limit"] for custom in customs if custom["name"] == rule["key"])
    share = rule["count"] / rule["rows"]
    if share > limit:
        text = f"{rule['count']} rows ({share:.4f}) break the rule {rule['key']}, at most {limit} may"
        change = {
            "custom": [custom | {"limit": share} if custom["name"] == rule["key"] else custom for custom in customs]
        }
        yield make_anomaly(rule["code"], f"custom.{rule['key']}", share, limit, text, change, **place)


def check_presence(rule: dict, spec: dict, place: dict) -> Iterator[dict]:
    """Yield the anomalies of a column with too few values."""
    name, present = rule["column"], rule["rows"] - rule["count"]
    min_fraction, min_count, share = spec.get("min_fraction", 0), spec.get("min_count", 0), present / rule["rows"]
    if not present:
        change = {"columns": {name: {key: 0 for key in ("min_fraction", "min_count") if key in spec}}}
        yield make_anomaly(
            "FEATURE_TYPE_NOT_PRESENT", "min_fraction", 0, min_fraction, "no row has a value", change, name, **place
        )
        return
    if share < min_fraction:
        text = f"{share:.4f} of the rows have a value, at least {min_fraction}"
        change = {"columns": {name: {"min_fraction": share}}}
        yield make_anomaly(rule["code"], "min_fraction", share, min_fraction, text, change, name, **place)
    if present < min_count:
        text, change = f"{present} rows have a value, at least {min_count}", {"columns": {name: {"min_count": present}}}
        yield make_anomaly(
            "FEATURE_TYPE_LOW_NUMBER_PRESENT", "min_count", present, min_count, text, change, name, **place
        )


def check_domain(rule: dict, spec: dict, place: dict) -> Iterator[dict]:
    """Yield the anomaly of values outside the domain if they are more than allowed."""
    mass, min_mass, outside = (
        (rule["values"] - rule["count"]) / rule["values"],
        spec["min_domain_mass"],
        rule["strange"],
    )
    if mass < min_mass:
        change = {"min_domain_mass": mass}
        if rule["all_listed"]:
            change = {"domain": [*spec["domain"], *sorted(value for value, _ in outside)]}
        text = f"{mass:.4f} of the values are in the domain, at least {min_mass}; not in it: {outside[0][0]!r}"
        change = {"columns": {rule["column"]: change}}
        yield make_anomaly(rule["code"], "domain", outside[:5], min_mass, text, change, rule["column"], **place)


def widen_pattern(rule: dict, spec: dict) -> dict | str:
    """Return the change that extends the pattern of a column by the violating values, or why there is none."""
    if rule["key"] == "kind":
        return "texts of another kind need another kind in the schema, or corrected data"
    if not rule["all_listed"]:
        return "too many distinct values do not match: the pattern has to be rewritten"
    texts = sorted(SPECIAL_CHARACTERS.sub(r"\\\1", value) for value, _ in rule["strange"])
    return {"columns": {rule["column"]: {"matches": "|".join([f"(?:{spec['matches']})", *texts])}}}


def check_columns(statistics: dict, checks: dict, schema: dict) -> Iterator[dict]:
    """Yield the anomalies of the columns of one table."""
    place = {"span": statistics["span"], "split": statistics["split"]}
    for name, spec in schema["columns"].items():
        if not is_checked(spec):
            continue
        figures = statistics["columns"].get(name)
        if figures is None:
            change = {"columns": {name: {"lifecycle": "deprecated"}}}
            text = "the column is missing"
            yield make_anomaly("SCHEMA_MISSING_COLUMN", "type", None, spec["type"], text, change, name, **place)
        elif figures["type"] != spec["type"]:
            yield make_type_anomaly(name, figures["type"], spec, place)
        elif statistics["rows"]:
            yield from check_statistics(name, figures, spec, place)
    for name in sorted(set(statistics["columns"]) - set(schema["columns"])):
        dtype = statistics["columns"][name]["type"]
        text, change = "the column is not in the schema", {"columns": {name: {"type": dtype}}}
        yield make_anomaly("SCHEMA_NEW_COLUMN", "columns", dtype, None, text, change, name, **place)
    for rule in checks["rules"]:
        if rule["count"]:
            yield from check_rule(rule, schema, place)


def make_type_anomaly(name: str, dtype: str, spec: dict, place: dict) -> dict:
    """Return the anomaly of a column with another type; its patch removes the keys that do not fit that type."""
    unfit = [key for key, value in spec.items() if not is_valid_key(dtype, key, value)]
    change = {"columns": {name: {"type": dtype} | dict.fromkeys(unfit)}}
    text = f"is {dtype}, must be {spec['type']}"
    return make_anomaly("UNEXPECTED_DATA_TYPE", "type", dtype, spec["type"], text, change, name, **place)


def is_valid_key(dtype: str, key: str, value: Any) -> bool:
    """Return whether the schema of a column of type *dtype* may have *key* with *value*."""
    try:
        check_column({key: value} | {"type": dtype})
    except (ValueError, TypeError):
        return False
    return True


def check_statistics(name: str, figures: dict, spec: dict, place: dict) -> Iterator[dict]:
    """Yield the anomalies of the number of distinct values and of the distribution."""
    distinct = figures["distinct"]
    for key, code, wrong, relation in (
        ("min_distinct", "FEATURE_TYPE_LOW_UNIQUE", distinct < spec.get("min_distinct", 0), "at least"),
        ("max_distinct", "FEATURE_TYPE_HIGH_UNIQUE", distinct > spec.get("max_distinct", distinct), "at most"),
    ):
        if wrong:
            text, change = f"{distinct} distinct values, {relation} {spec[key]}", {"columns": {name: {key: distinct}}}
            yield make_anomaly(code, key, distinct, spec[key], text, change, name, **place)
    expected = spec.get("distribution", {}) if figures["count"] else {}
    bounds = [((key,), figures[key], expected[key]) for key in ("mean", "sd") if key in expected]
    for share, limits in expected.get("quantiles", {}).items():
        if share in figures["quantiles"]:
            bounds.append((("quantiles", share), figures["quantiles"][share], limits))
    for path, value, limits in bounds:
        for end, wrong in (("min", value < limits.get("min", value)), ("max", value > limits.get("max", value))):
            if wrong:
                rule = ".".join(["distribution", *path, end])
                text = f"{' '.join(path)} is {value:g}, {end} {limits[end]:g}"
                change = nest(["columns", name, "distribution", *path, end], value)
                yield make_anomaly("DISTRIBUTION_OUT_OF_RANGE", rule, value, limits[end], text, change, name, **place)


def nest(path: list[str], value: Any) -> dict:
    """Return nested dictionaries with *value* at the keys of *path*."""
    return {path[0]: nest(path[1:], value) if path[1:] else value}
