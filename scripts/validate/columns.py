"""What is wrong with one column of one table, from its statistics and from the rows that break its rules."""

from collections.abc import Iterator
from typing import Any

from scripts.schema.schema import check_column, is_checked
from scripts.validate.broken import of_rule
from scripts.validate.found import anomaly


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
