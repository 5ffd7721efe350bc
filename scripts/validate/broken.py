"""What the rows that break one rule of the schema amount to (checks.json): an anomaly, or less than the rule allows."""

import re
from collections.abc import Iterator

from scripts.validate.found import anomaly

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
