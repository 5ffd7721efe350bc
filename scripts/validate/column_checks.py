"""What the rows that break one rule of the schema amount to (checks.json): an anomaly, or less than the rule allows.

What is wrong with one column of one table, from its statistics and from the rows that break its rules."""

import re
from collections.abc import Iterator
from typing import Any

from scripts.schema.schema import check_column, is_checked
from scripts.validate.anomaly import anomaly

ALLOWING = {"allow_nan": True, "allow_infinite": True, "unique": False}
SPECIAL = re.compile(r"([\\()\[\]{}*+?|^$.])")


def of_rule(rule: dict, schema: dict, place: dict) -> Iterator[dict]:
    """Yield the anomaly of one *rule* that rows break, if there is one."""
    name, key, count = rule["column"], rule["key"], rule["count"]
    place = place | {"examples": rule["examples"]}
    if not name:
        yield from of_custom(rule, schema["custom"], place)
        return
    spec = schema["columns"][name]
    if key == "present":
        yield from of_presence(rule, spec, place)
    elif key == "domain":
        yield from of_domain(rule, spec, place)
    elif key in ("matches", "kind"):
        text = f"{count} values do not fit {key} {spec[key]!r}, such as {rule['strange'][0][0]!r}"
        yield anomaly(rule["code"], key, rule["strange"][:5], spec[key], text, widened(rule, spec), name, **place)
    elif key in ALLOWING:
        text = f"{count} values come again" if key == "unique" else f"{count} values are {key[6:]}"
        change = {"columns": {name: {key: ALLOWING[key]}}}
        yield anomaly(rule["code"], key, count, 0, text, change, name, **place)
    else:
        worst, limit = rule["worst"], spec[key]
        text = f"{count} values break {key} {limit}, the farthest is {worst}"
        yield anomaly(rule["code"], key, worst, limit, text, {"columns": {name: {key: worst}}}, name, **place)


def of_custom(rule: dict, customs: list[dict], place: dict) -> Iterator[dict]:
    """Yield the anomaly of a custom rule, where more rows break it than its limit allows."""
    limit = next(custom["limit"] for custom in customs if custom["name"] == rule["key"])
    share = rule["count"] / rule["rows"]
    if share > limit:
        text = f"{rule['count']} rows ({share:.4f}) break the rule {rule['key']}, at most {limit} may"
        change = {"custom": [one | {"limit": share} if one["name"] == rule["key"] else one for one in customs]}
        yield anomaly(rule["code"], f"custom.{rule['key']}", share, limit, text, change, **place)


def of_presence(rule: dict, spec: dict, place: dict) -> Iterator[dict]:
    """Yield the anomaly of a column with too few values."""
    name, held = rule["column"], rule["rows"] - rule["count"]
    least, fewest, share = spec.get("min_fraction", 0), spec.get("min_count", 0), held / rule["rows"]
    if not held:
        change = {"columns": {name: {key: 0 for key in ("min_fraction", "min_count") if key in spec}}}
        yield anomaly("FEATURE_TYPE_NOT_PRESENT", "min_fraction", 0, least, "no row has a value", change, name, **place)
        return
    if share < least:
        text, change = f"{share:.4f} of the rows have a value, at least {least}", {"min_fraction": share}
        change = {"columns": {name: change}}
        yield anomaly(rule["code"], "min_fraction", share, least, text, change, name, **place)
    if held < fewest:
        text, change = f"{held} rows have a value, at least {fewest}", {"columns": {name: {"min_count": held}}}
        yield anomaly("FEATURE_TYPE_LOW_NUMBER_PRESENT", "min_count", held, fewest, text, change, name, **place)


def of_domain(rule: dict, spec: dict, place: dict) -> Iterator[dict]:
    """Yield the anomaly of values that are not in the domain, where more are not than allowed."""
    mass, least, strange = (rule["values"] - rule["count"]) / rule["values"], spec["min_domain_mass"], rule["strange"]
    if mass < least:
        change = {"min_domain_mass": mass}
        if rule["all_listed"]:
            change = {"domain": [*spec["domain"], *sorted(value for value, _ in strange)]}
        text = f"{mass:.4f} of the values are in the domain, at least {least}; not in it: {strange[0][0]!r}"
        change = {"columns": {rule["column"]: change}}
        yield anomaly(rule["code"], "domain", strange[:5], least, text, change, rule["column"], **place)


def widened(rule: dict, spec: dict) -> dict | str:
    """Return the change that lets the pattern of a column take just the strange values, too."""
    if rule["key"] == "kind":
        return "texts of another kind need another kind in the schema, or mended data"
    if not rule["all_listed"]:
        return "too many different values do not match: the pattern has to be written anew"
    texts = sorted(SPECIAL.sub(r"\\\1", value) for value, _ in rule["strange"])
    return {"columns": {rule["column"]: {"matches": "|".join([f"(?:{spec['matches']})", *texts])}}}


def of_columns(statistics: dict, checks: dict, schema: dict) -> Iterator[dict]:
    """Yield what is wrong with the columns of one table."""
    place = {"span": statistics["span"], "split": statistics["split"]}
    for name, spec in schema["columns"].items():
        if not is_checked(spec):
            continue
        figures = statistics["columns"].get(name)
        if figures is None:
            change = {"columns": {name: {"lifecycle": "deprecated"}}}
            text = "the column is missing"
            yield anomaly("SCHEMA_MISSING_COLUMN", "type", None, spec["type"], text, change, name, **place)
        elif figures["type"] != spec["type"]:
            yield of_type(name, figures["type"], spec, place)
        elif statistics["rows"]:
            yield from of_figures(name, figures, spec, place)
    for name in sorted(set(statistics["columns"]) - set(schema["columns"])):
        kind = statistics["columns"][name]["type"]
        text, change = "the schema does not know the column", {"columns": {name: {"type": kind}}}
        yield anomaly("SCHEMA_NEW_COLUMN", "columns", kind, None, text, change, name, **place)
    for rule in checks["rules"]:
        if rule["count"]:
            yield from of_rule(rule, schema, place)


def of_type(name: str, kind: str, spec: dict, place: dict) -> dict:
    """Return that a column has another type; the patch takes away what such a column cannot have."""
    unfit = [key for key, value in spec.items() if not fits(kind, key, value)]
    change = {"columns": {name: {"type": kind} | dict.fromkeys(unfit)}}
    text = f"is {kind}, must be {spec['type']}"
    return anomaly("UNEXPECTED_DATA_TYPE", "type", kind, spec["type"], text, change, name, **place)


def fits(kind: str, key: str, value: Any) -> bool:
    """Return whether a column of type *kind* may have *key* with *value* in the schema."""
    try:
        check_column({key: value} | {"type": kind})
    except (ValueError, TypeError):
        return False
    return True


def of_figures(name: str, figures: dict, spec: dict, place: dict) -> Iterator[dict]:
    """Yield what is wrong with the number of different values and with the distribution."""
    distinct = figures["distinct"]
    for key, code, wrong, words in (
        ("min_distinct", "FEATURE_TYPE_LOW_UNIQUE", distinct < spec.get("min_distinct", 0), "at least"),
        ("max_distinct", "FEATURE_TYPE_HIGH_UNIQUE", distinct > spec.get("max_distinct", distinct), "at most"),
    ):
        if wrong:
            text, change = f"{distinct} different values, {words} {spec[key]}", {"columns": {name: {key: distinct}}}
            yield anomaly(code, key, distinct, spec[key], text, change, name, **place)
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
                change = nested(["columns", name, "distribution", *path, end], value)
                yield anomaly("DISTRIBUTION_OUT_OF_RANGE", rule, value, limits[end], text, change, name, **place)


def nested(path: list[str], value: Any) -> dict:
    """Return *value* under the keys of *path*."""
    return {path[0]: nested(path[1:], value) if path[1:] else value}
